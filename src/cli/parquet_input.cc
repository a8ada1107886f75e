// SPDX-License-Identifier: BSD-3-Clause
#include "cli/parquet_input.h"

#include <utility>

namespace embeddingsdb {

Result<ParquetInput> ParquetInput::Fetch(const std::string& input, Session& session) {
  std::string name = DisplayInput(input);
  if (!IsUrl(input)) {
    session.log().Debug("Import data", {{"path", name}});
    return ParquetInput(std::move(name), input, std::nullopt);
  }
  session.log().Debug("Import remote data", {{"url", name}});
  EDB_ASSIGN(TemporaryFile file, Download(input));
  std::string path = file.path();
  return ParquetInput(std::move(name), std::move(path), std::move(file));
}

}  // namespace embeddingsdb
