// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/signatures.h"

#include "core/json.h"
#include "core/sha256.h"

namespace embeddingsdb {

std::string SignedPayload(const Record& record) {
  return RecordToJson(record, EmptyAs::kEmpty);
}

std::string RecordHash(const Record& record) {
  return ToHex(Sha256().Of(SignedPayload(record)));
}

}  // namespace embeddingsdb
