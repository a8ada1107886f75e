// SPDX-License-Identifier: BSD-3-Clause
#include "cli/parquet_input.h"

#include <utility>

namespace embeddingsdb {

Result<ParquetInput> ParquetInput::Fetch(const std::string& input) {
  std::string name = DisplayInput(input);
  if (!IsUrl(input)) {
    return ParquetInput(std::move(name), input, std::nullopt);
  }
  EDB_ASSIGN(TemporaryFile file, Download(input));
  std::string path = file.path();
  return ParquetInput(std::move(name), std::move(path), std::move(file));
}

Result<ParquetInputs> ParquetInputs::Fetch(std::span<const std::string> inputs) {
  ParquetInputs fetched;
  for (const std::string& input : inputs) {
    EDB_ASSIGN(ParquetInput file, ParquetInput::Fetch(input));
    fetched.paths.push_back(file.path());
    fetched.files.push_back(std::move(file));
  }
  return fetched;
}

}  // namespace embeddingsdb
