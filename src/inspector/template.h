// SPDX-License-Identifier: BSD-3-Clause
//
// Pages are made by filling templates (web/inspector/*.html), which escape whatever they are given:
// the only way from a record to markup.
#ifndef EMBEDDINGSDB_INSPECTOR_TEMPLATE_H_
#define EMBEDDINGSDB_INSPECTOR_TEMPLATE_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace embeddingsdb {

/// What a template is filled with: {{name}} is a text, {{#name}}...{{/name}} is there once for each
/// element of a list, in which the texts around it can be seen too. No name is that of a partial.
struct View {
  std::map<std::string, std::string, std::less<>> texts;
  std::map<std::string, std::vector<View>, std::less<>> lists;

  /// Shows the section of this name once.
  void Show(const std::string& name) { lists[name].emplace_back(); }
};

/// The template of this name, which is one of the assets, filled. Its partials are assets too.
std::string Render(std::string_view name, const View& view);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_TEMPLATE_H_
