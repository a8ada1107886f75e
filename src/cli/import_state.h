// SPDX-License-Identifier: BSD-3-Clause
//
// ImportState: how far an import has come, in a small file, so that it can go on after it was
// interrupted.
#ifndef EMBEDDINGSDB_CLI_IMPORT_STATE_H_
#define EMBEDDINGSDB_CLI_IMPORT_STATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "embeddingsdb/status.h"

#include "cli/parquet_input.h"
#include "cli/state_file.h"
#include "core/env.h"

namespace embeddingsdb {

/// The file holds names of inputs and numbers. Used by one thread.
class ImportState {
 public:
  /// Reads the file when it is there. kFailedPrecondition, saying which, when it is not of an
  /// import or of one into another database; `target` is any text that names the database.
  static Result<ImportState> Open(std::string path, std::string_view target, Env& env);

  /// Turns to a file: how many rows from its start are stored. kFailedPrecondition when the file
  /// has changed since that was noted.
  Result<std::int64_t> Begin(const ParquetInput& input);

  /// Notes how many rows of that file are; writes at most once a second, and always when `last`.
  Status Note(std::int64_t rows, bool last);

  /// The import is complete.
  Status Remove() { return file_.Remove(); }

 private:
  explicit ImportState(StateFile file) : file_(std::move(file)) {}

  StateFile file_;
  std::string name_;      ///< of the entry of the file that is being imported
  std::string identity_;  ///< of that file
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_IMPORT_STATE_H_
