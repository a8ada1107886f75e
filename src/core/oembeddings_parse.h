// SPDX-License-Identifier: BSD-3-Clause
//
// What a JSON text says of the fields of OEmbeddings, before anybody asks whether that is right.
#ifndef EMBEDDINGSDB_CORE_OEMBEDDINGS_PARSE_H_
#define EMBEDDINGSDB_CORE_OEMBEDDINGS_PARSE_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/oembeddings.h"

namespace embeddingsdb {

/// The fields of a JSON object.
struct OEmbeddingsJson {
  struct Value {
    std::string text;        ///< of a string
    std::string_view other;  ///< "a number" and so on, of what is no string
    bool given = false;
    bool repeated = false;  ///< then it is the last one
  };

  std::array<Value, kOEmbeddingsFields.size()> values;
  /// Names of fields that are none of ours; only the first few of a sensible length.
  std::vector<std::string> other_names;
  bool mended = false;  ///< something that is no Unicode was replaced by U+FFFD
};

/// Reads a whole text. Takes what Go's encoding/json takes, up to kMaxJsonBytes and kMaxJsonDepth.
/// The problem when it cannot be read (kJson) or is no object (kObject).
std::optional<OEmbeddingsProblem> ReadOEmbeddings(std::string_view json, OEmbeddingsJson& out);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_OEMBEDDINGS_PARSE_H_
