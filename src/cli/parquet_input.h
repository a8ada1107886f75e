// SPDX-License-Identifier: BSD-3-Clause
//
// A Parquet file named on the command line: a path, or an http(s) URL that is downloaded first.
#ifndef EMBEDDINGSDB_CLI_PARQUET_INPUT_H_
#define EMBEDDINGSDB_CLI_PARQUET_INPUT_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/parquet.h"

#include "cli/download.h"

namespace embeddingsdb {

/// Something a reader can open; removes the download when destroyed.
class ParquetInput {
 public:
  static Result<ParquetInput> Fetch(const std::string& input);

  /// The name as given, without secrets.
  const std::string& name() const { return name_; }
  /// The local file.
  const std::string& path() const { return path_; }

 private:
  ParquetInput(std::string name, std::string path, std::optional<TemporaryFile> download)
      : name_(std::move(name)), path_(std::move(path)), download_(std::move(download)) {}

  std::string name_;
  std::string path_;
  std::optional<TemporaryFile> download_;
};

/// Several of them, in order.
struct ParquetInputs {
  static Result<ParquetInputs> Fetch(std::span<const std::string> inputs);

  std::vector<ParquetInput> files;
  std::vector<std::string> paths;  ///< the local file of each
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_PARQUET_INPUT_H_
