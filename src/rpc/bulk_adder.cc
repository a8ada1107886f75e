// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/bulk_adder.h"

#include "embeddingsdb/limits.h"

#include "core/record_bytes.h"
#include "core/text.h"

namespace embeddingsdb {

Status BulkAdder::Add(std::span<const Record> records) {
  while (!records.empty() && report_.status.ok()) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < records.size() && count < kMaxBatchRecords && bytes < kMaxBatchBytes) {
      bytes += RecordBytes(records[count++]);
    }
    report_.status = AddBatch(records.first(count));
    records = records.subspan(count);
  }
  return report_.status;
}

Status BulkAdder::AddBatch(std::span<const Record> records) {
  const Result<AddReport> added = database_.AddBatch(records, options_);
  if (added.ok()) {
    report_.acknowledged += static_cast<std::int64_t>(records.size());
    report_.records += *added;
    return {};
  }
  if (added.status().code() != StatusCode::kInvalidArgument &&
      added.status().code() != StatusCode::kAlreadyExists) {
    return added.status();
  }
  if (records.size() == 1) {
    return added.status().WithContext(
        Concat("record ", report_.acknowledged, " (", Quote(DisplayKey(records[0].key)), ")"));
  }
  // A batch is stored whole or not at all: halving finds the bad record and stores those before it.
  const std::size_t half = records.size() / 2;
  EDB_TRY(AddBatch(records.first(half)));
  return AddBatch(records.subspan(half));
}

}  // namespace embeddingsdb
