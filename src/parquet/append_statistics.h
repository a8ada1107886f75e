// SPDX-License-Identifier: BSD-3-Clause
//
// Giving a Parquet file the statistics and the document that its rows call for, while all else in
// it stays byte for byte as it is.
#ifndef EMBEDDINGSDB_PARQUET_APPEND_STATISTICS_H_
#define EMBEDDINGSDB_PARQUET_APPEND_STATISTICS_H_

#include <cstdint>
#include <string>

#include "embeddingsdb/parquet.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

struct AppendReport {
  std::int64_t rows = 0;
  /// The file had a document that could not be read, so what it said is lost.
  bool document_replaced = false;
};

/// Writes `input` to `output` ("-" is standard output; both may be one file) with new metadata
/// under the keys `embeddingsdb:models`, `:providers`, `:model:...`, `:provider:...` and
/// `embeddings`. Pages, schema and all other metadata are copied as bytes, so columns that we know
/// nothing of stay too. What the file's document says of licence, digests and metrics stays, but
/// `facts` win. The output appears whole or not at all. Memory: the footer, the names of models and
/// providers. Errors: those of ParquetReader for a file or a row that is not valid;
/// kInvalidArgument for facts that are wrong; those of writing.
Result<AppendReport> AppendStatistics(const std::string& input, const std::string& output,
                                      const ParquetFacts& facts = {});

/// The statistics of the rows of one file, added to `statistics`. Errors as above.
Status GatherStatistics(const std::string& input, ParquetStatistics& statistics);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_APPEND_STATISTICS_H_
