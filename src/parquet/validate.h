// SPDX-License-Identifier: BSD-3-Clause
//
// What is wrong with a Parquet exchange file, in sentences: for the people who made it, and for
// those who get it and want to know before they import it.
#ifndef EMBEDDINGSDB_PARQUET_VALIDATE_H_
#define EMBEDDINGSDB_PARQUET_VALIDATE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// docs/parquet.md says what each of them means.
enum class FileProblemKind : std::uint8_t {
  kFile,           ///< "file": it is not Parquet, or ends in the middle, or pages are damaged
  kLayout,         ///< "layout": the footer contradicts itself
  kMissingColumn,  ///< "missing-column"
  kColumnType,     ///< "column-type"
  kExtraColumn,    ///< "extra-column"
  kEmptyKey,       ///< "empty-key": provider, depiction_id or model is empty
  kKey,            ///< "key": one of them is too long, or no text
  kNonFinite,      ///< "non-finite": NaN or infinity in a vector
  kVector,         ///< "vector": too short or too long
  kDimensions,     ///< "dimensions": vectors of one model have several lengths
  kDuplicateKey,   ///< "duplicate-key"
  kValue,          ///< "value": NULL, a bad attribute, a bad subject id
  kMetadata,       ///< "metadata": a key is there twice, or there is no metadata
  kStatistics,     ///< "statistics": they disagree with the rows
  kDocument,       ///< "document": it cannot be read, or disagrees with the rows
};
std::string_view FileProblemKindName(FileProblemKind kind);

struct FileProblem {
  FileProblemKind kind = FileProblemKind::kFile;
  std::string sentence;  ///< rows are counted from 0
};

struct FileReport {
  std::int64_t rows = 0;              ///< that were read
  std::vector<FileProblem> problems;  ///< at most kMaxFileProblems of a kind
  std::vector<FileProblem> notes;     ///< what is unusual, but no reason to refuse the file
  std::map<FileProblemKind, std::int64_t> not_shown;  ///< problems beyond that

  bool valid() const { return problems.empty(); }
};

/// Reads all of a file once and says what is wrong with it. A file without problems is imported
/// without an error. Memory: about 100 bytes a row for the keys, and the footer; no vectors.
/// Errors are for files that cannot be judged: kNotFound, kPermissionDenied, kResourceExhausted.
Result<FileReport> ValidateParquet(const std::string& path);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_VALIDATE_H_
