// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/care.h"

namespace embeddingsdb {

std::string_view SearchKindName(SearchKind kind) {
  switch (kind) {
    case SearchKind::kHnsw:
      return "hnsw";
    case SearchKind::kStore:
      return "store";
    case SearchKind::kExact:
      break;
  }
  return "exact";
}

}  // namespace embeddingsdb
