// SPDX-License-Identifier: BSD-3-Clause
//
// Parquet exchange files: the format institutions hand each other embeddings in. Reads what
// go-embeddingsdb, DuckDB and pandas write; writes go-embeddingsdb's exact schema
// (docs/formats.md).
#ifndef EMBEDDINGSDB_PARQUET_H_
#define EMBEDDINGSDB_PARQUET_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// The statistics go-embeddingsdb keeps in a file's key/value metadata. Lists are in the order of
/// first appearance.
struct ParquetStatistics {
  std::vector<std::string> models;
  std::vector<std::string> providers;
  std::map<std::string, std::vector<std::string>> model_providers;
  std::map<std::string, std::vector<std::string>> provider_models;
  std::map<std::string, int> model_dimensions;  ///< of the first vector seen

  /// Takes one more record into account.
  void Add(const Record& record);
  /// As metadata keys `embeddingsdb:models`, `embeddingsdb:model:{model}:dimensions`, ...
  std::map<std::string, std::string> ToMetadata() const;
  /// As go-embeddingsdb's parquet-gather-stats prints them: {"models":[...],"providers":[...],
  /// "model_providers":{...},"model_dimensions":{...},"provider_models":{...}}.
  std::string ToJson() const;

  bool operator==(const ParquetStatistics&) const = default;
};

/// Which rows of a file are read; rows count from 0. What is wrong with the others does not matter,
/// as long as they can be read over.
struct ParquetRows {
  std::int64_t first = 0;
  std::int64_t last = std::numeric_limits<std::int64_t>::max();  ///< read too
};

/// Streams the records of a file in file order with bounded memory. One thread at a time.
class ParquetReader : public RecordCursor {
 public:
  /// Opens a local file. kNotFound, kPermissionDenied; kInvalidArgument with a sentence when the
  /// file is not Parquet or lacks a required column (provider, depiction_id, model, embeddings). A
  /// missing subject_id, created or attributes reads as empty, extra columns are ignored.
  static Result<std::unique_ptr<ParquetReader>> Open(const std::string& path,
                                                     const ParquetRows& rows = {});

  /// Every record is validated; an error names the row.
  Result<bool> Next(Record& record) override = 0;
  /// Rows in the file, whichever are read.
  virtual std::int64_t rows() const = 0;
  /// The file's key/value metadata.
  virtual const std::map<std::string, std::string>& metadata() const = 0;
};

/// What the vectors of a model do not tell. Empty: not known.
struct ParquetModelFacts {
  std::string digest;  ///< of the model's files, "sha256:9f86d0...": which model a name stands for
  std::string metric;  ///< it was made for: "l2", "cosine" or "ip"

  bool operator==(const ParquetModelFacts&) const = default;
};

/// What a writer has to be told, for the document under the key `embeddings` (docs/parquet.md).
struct ParquetFacts {
  std::string licence;                              ///< an SPDX name or a URL; empty: not known
  std::map<std::string, ParquetModelFacts> models;  ///< by name

  bool operator==(const ParquetFacts&) const = default;
};

struct ParquetWriteOptions {
  std::int64_t row_group_bytes = kRowGroupBytes;  ///< written when this much is buffered
  std::map<std::string, std::string> metadata;    ///< added to the statistics and the document
  ParquetFacts facts;
};

/// Writes one file: into a temporary file beside the target, renamed onto it by Finish. Destroying
/// the writer without Finish removes the temporary file and leaves the target as it was.
/// The path "-" writes to standard output. One thread at a time.
class ParquetWriter {
 public:
  static Result<std::unique_ptr<ParquetWriter>> Create(const std::string& path,
                                                       ParquetWriteOptions options = {});
  virtual ~ParquetWriter() = default;

  /// kInvalidArgument for an invalid record; kResourceExhausted when the disk is full.
  virtual Status Write(const Record& record) = 0;
  /// Writes the footer with statistics and document, syncs and renames. Nothing may be written
  /// afterwards. kInvalidArgument for facts about a model that no record has.
  virtual Status Finish() = 0;
  virtual std::int64_t rows() const = 0;
  virtual const ParquetStatistics& statistics() const = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_H_
