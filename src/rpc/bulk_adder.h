// SPDX-License-Identifier: BSD-3-Clause
//
// BulkAdder: stores a stream of records in durable batches and keeps account of them.
#ifndef EMBEDDINGSDB_RPC_BULK_ADDER_H_
#define EMBEDDINGSDB_RPC_BULK_ADDER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "embeddingsdb/client.h"
#include "embeddingsdb/database.h"
#include "embeddingsdb/limits.h"

namespace embeddingsdb {

/// When what has gathered is handed to Add: enough records to make the price of a commit small, few
/// enough that acknowledgements come often and memory stays bounded.
inline constexpr std::size_t kCommitRecords = 8'192;
inline constexpr std::size_t kCommitBytes = kMaxBatchBytes / 4;
static_assert(kCommitRecords < kMaxBatchRecords);  // the last message may carry it over

/// Not safe for concurrent use. Borrows the database.
class BulkAdder {
 public:
  explicit BulkAdder(Database& database, const AddOptions& options = {})
      : database_(database), options_(options) {}

  /// Stores the records that follow those of the calls before, in one commit unless they exceed the
  /// limits of a batch. At a bad record all records before it are stored and none after; the error
  /// names its place in the stream and its key.
  Status Add(std::span<const Record> records);

  /// For the records to come.
  void set_options(const AddOptions& options) { options_ = options; }

  /// What is durable so far; `status` is that of the last Add.
  const ImportReport& report() const { return report_; }

 private:
  Status AddBatch(std::span<const Record> records);

  Database& database_;
  AddOptions options_;
  ImportReport report_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_BULK_ADDER_H_
