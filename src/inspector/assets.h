// SPDX-License-Identifier: BSD-3-Clause
//
// The files of web/inspector, which are a part of the executable.
#ifndef EMBEDDINGSDB_INSPECTOR_ASSETS_H_
#define EMBEDDINGSDB_INSPECTOR_ASSETS_H_

#include <string_view>

namespace embeddingsdb {

struct Asset {
  std::string_view path;  ///< below web/inspector: "css/inspector.css"
  std::string_view content;
};

/// Null when there is none of this path.
const Asset* FindAsset(std::string_view path);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_ASSETS_H_
