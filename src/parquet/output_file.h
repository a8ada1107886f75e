// SPDX-License-Identifier: BSD-3-Clause
//
// Where a Parquet file goes: a file that appears whole or not at all, or a stream.
#ifndef EMBEDDINGSDB_PARQUET_OUTPUT_FILE_H_
#define EMBEDDINGSDB_PARQUET_OUTPUT_FILE_H_

#include <memory>
#include <string>

#include "embeddingsdb/parquet.h"
#include "embeddingsdb/status.h"

#include "core/env.h"

namespace embeddingsdb {

/// Standard output for "-", the thing itself for a device or named pipe (there is nothing to
/// rename onto), else a temporary file beside `path`. A directory is kInvalidArgument.
/// `env` must outlive the file.
Result<std::unique_ptr<AtomicFile>> CreateOutputFile(const std::string& path, Env& env);

/// A writer into `file`, which Finish commits: ParquetWriter::Create without the choice of file,
/// for tests that plant faults. kInvalidArgument for options out of range.
Result<std::unique_ptr<ParquetWriter>> NewParquetWriter(std::unique_ptr<AtomicFile> file,
                                                        ParquetWriteOptions options);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_OUTPUT_FILE_H_
