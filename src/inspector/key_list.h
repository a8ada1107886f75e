// SPDX-License-Identifier: BSD-3-Clause
//
// Keys of records in one parameter of an address: the steps of a walk, the examples of a search.
#ifndef EMBEDDINGSDB_INSPECTOR_KEY_LIST_H_
#define EMBEDDINGSDB_INSPECTOR_KEY_LIST_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// "PROVIDER/DEPICTION/MODEL PROVIDER/...", each part with its own escapes.
std::string KeysToText(std::span<const Key> keys);

/// The inverse. kInvalidArgument, naming `field`, for what is no such list and for more than
/// `limit` keys.
struct KeyListRules {
  std::string_view field;
  std::size_t limit;
};
Result<std::vector<Key>> KeysFromText(std::string_view text, const KeyListRules& rules);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_KEY_LIST_H_
