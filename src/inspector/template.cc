// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/template.h"

#include <array>
#include <kainjow/mustache.hpp>

#include "inspector/assets.h"

namespace embeddingsdb {
namespace {

using kainjow::mustache::data;
using kainjow::mustache::mustache;
using kainjow::mustache::partial;

constexpr std::array<std::string_view, 6> kPartials = {"head",    "foot",  "card",
                                                       "choices", "scale", "search_fields"};

data DataOf(const View& view) {
  data object{data::type::object};
  for (const auto& [name, text] : view.texts) {
    object.set(name, text);
  }
  for (const auto& [name, views] : view.lists) {
    data list{data::type::list};
    for (const View& element : views) {
      list << DataOf(element);
    }
    object.set(name, list);
  }
  return object;
}

}  // namespace

std::string Render(std::string_view name, const View& view) {
  data filled = DataOf(view);
  for (const std::string_view part : kPartials) {
    const std::string file = std::string(part) + ".html";
    filled.set(std::string(part),
               partial([file] { return std::string(FindAsset(file)->content); }));
  }
  return mustache(std::string(FindAsset(name)->content)).render(filled);
}

}  // namespace embeddingsdb
