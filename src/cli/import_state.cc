// SPDX-License-Identifier: BSD-3-Clause
#include "cli/import_state.h"

#include <charconv>
#include <cstddef>
#include <optional>

#include "core/text.h"
#include "parquet/parquet_file.h"

namespace embeddingsdb {
namespace {

constexpr JobKind kImport = {.format = "embeddingsdb import 1",
                             .name = "an import",
                             .another = "an import into another database"};
constexpr std::string_view kFilePrefix = "file ";

// Tells a file from one that has been written anew: the footer has the places and statistics of all
// pages.
Result<std::string> Identity(const ParquetInput& input) {
  EDB_ASSIGN(const ParquetFile file, ParquetFile::Open(input.path()));
  EDB_ASSIGN(const std::string footer, file.ReadFooter());
  return Concat(file.footer_offset(), "-", ShortHash(footer));
}

}  // namespace

Result<ImportState> ImportState::Open(std::string path, std::string_view target, Env& env) {
  EDB_ASSIGN(StateFile file, StateFile::Open(std::move(path), kImport, target, env));
  return ImportState(std::move(file));
}

Result<std::int64_t> ImportState::Begin(const ParquetInput& input) {
  name_ = Concat(kFilePrefix, input.name());
  EDB_ASSIGN(identity_, Identity(input));
  const std::optional<std::string_view> entry = file_.Get(name_);
  if (!entry) {
    return std::int64_t{0};
  }
  const std::size_t space = entry->find(' ');
  std::int64_t rows = -1;
  if (space != std::string_view::npos) {
    std::from_chars(entry->data() + space + 1, entry->data() + entry->size(), rows);
  }
  if (entry->substr(0, space) != identity_ || rows < 0) {
    return FailedPreconditionError(Concat(QuoteWhole(input.name()), " has changed since ",
                                          QuoteWhole(file_.path()),
                                          " was written; remove that file to import all of it"));
  }
  return rows;
}

Status ImportState::Note(std::int64_t rows, bool last) {
  if (!last && !file_.due()) {
    return {};
  }
  file_.Set(name_, Concat(identity_, " ", rows));
  return file_.Write();
}

}  // namespace embeddingsdb
