// SPDX-License-Identifier: BSD-3-Clause
//
// How much a record weighs when batches, commits and messages are cut.
#ifndef EMBEDDINGSDB_CORE_RECORD_BYTES_H_
#define EMBEDDINGSDB_CORE_RECORD_BYTES_H_

#include <cstddef>

#include "embeddingsdb/record.h"

namespace embeddingsdb {

/// About how many bytes the record takes in a message or in memory; never less than in a message.
inline std::size_t RecordBytes(const Record& record) {
  constexpr std::size_t kFieldBytes = 8;  // tag and length, generously
  std::size_t bytes = 8 * kFieldBytes + record.key.provider.size() +
                      record.key.depiction_id.size() + record.key.model.size() +
                      record.subject_id.size() + record.embedding.size() * sizeof(float);
  for (const auto& [key, value] : record.attributes) {
    bytes += 3 * kFieldBytes + key.size() + value.size();
  }
  return bytes;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_RECORD_BYTES_H_
