// SPDX-License-Identifier: BSD-3-Clause
//
// Merging Parquet exchange files into one.
#ifndef EMBEDDINGSDB_PARQUET_MERGE_H_
#define EMBEDDINGSDB_PARQUET_MERGE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "embeddingsdb/adding.h"
#include "embeddingsdb/parquet.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

struct MergeOptions {
  /// What happens when two rows, of two files or of one, have the same key. Under kFail nothing is
  /// written, and the error names both rows.
  OnDuplicate on_duplicate = OnDuplicate::kFail;
  ParquetWriteOptions write;  ///< its metadata wins over what the inputs agree on
};

struct MergeReport {
  std::int64_t read = 0;
  std::int64_t written = 0;
  std::int64_t duplicates = 0;  ///< rows left out

  bool operator==(const MergeReport&) const = default;
};

/// Writes the rows of all inputs, in the order of the arguments and of their rows, to `output`
/// ("-" is standard output). The inputs are read twice: first everything is checked, then it is
/// written, so an error leaves the output as it was. An output that is also an input is fine.
///
/// Memory: the keys of all rows during the check (about 100 bytes each), no vectors.
/// Metadata: statistics and the document `embeddings` are made anew; the licence, digests and
/// metrics that the inputs' documents agree on stay, those in `write.facts` win. Other keys are
/// kept when every input has them with the same value, but for those that describe the columns of
/// the input (ARROW:schema, pandas). Errors: kInvalidArgument for fewer than two inputs, an input
/// that cannot be read, a row that is not valid, a model with vectors of different lengths or with
/// two digests, a duplicate under kFail.
Result<MergeReport> MergeParquet(std::span<const std::string> inputs, const std::string& output,
                                 MergeOptions options = {});

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_MERGE_H_
