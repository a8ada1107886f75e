// SPDX-License-Identifier: BSD-3-Clause
#include "cli/import_state.h"

#include <array>
#include <charconv>
#include <cstddef>

// The library's functions would not be inlined.
#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the library asks for it
#include <xxhash.h>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "parquet/parquet_file.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kFormatName = "format";
constexpr std::string_view kFormat = "embeddingsdb import 1";
constexpr std::string_view kTargetName = "target";
constexpr std::string_view kFilePrefix = "file ";
constexpr auto kWriteInterval = std::chrono::seconds(1);

std::string Hash(std::string_view text) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 XXH3_64bits(text.data(), text.size()), 16);
  return {digits.data(), end.ptr};
}

// Tells a file from one that has been written anew: the footer has the places and statistics of all
// pages.
Result<std::string> Identity(const ParquetInput& input) {
  EDB_ASSIGN(const ParquetFile file, ParquetFile::Open(input.path()));
  EDB_ASSIGN(const std::string footer, file.ReadFooter());
  return Concat(file.footer_offset(), "-", Hash(footer));
}

}  // namespace

Result<ImportState> ImportState::Open(std::string path, std::string_view target, Env& env) {
  ImportState state(std::move(path), env);
  const std::string hash = Hash(target);
  if (!env.Exists(state.path_)) {
    state.entries_.emplace(kFormatName, kFormat);
    state.entries_.emplace(kTargetName, hash);
    return state;
  }
  EDB_ASSIGN(const std::string text, env.ReadFile(state.path_, kMaxJsonBytes));
  Result<Attributes> entries = AttributesFromJson(text);
  const auto says = [&](std::string_view name, std::string_view value) {
    const auto it = entries->find(name);
    return it != entries->end() && it->second == value;
  };
  if (!entries.ok() || !says(kFormatName, kFormat)) {
    return FailedPreconditionError(
        Concat(QuoteWhole(state.path_), " does not hold the state of an import"));
  }
  if (!says(kTargetName, hash)) {
    return FailedPreconditionError(
        Concat(QuoteWhole(state.path_), " is of an import into another database"));
  }
  state.entries_ = *std::move(entries);
  return state;
}

Result<std::int64_t> ImportState::Begin(const ParquetInput& input) {
  name_ = Concat(kFilePrefix, input.name());
  EDB_ASSIGN(identity_, Identity(input));
  const auto it = entries_.find(name_);
  if (it == entries_.end()) {
    return std::int64_t{0};
  }
  const std::string_view entry = it->second;
  const std::size_t space = entry.find(' ');
  std::int64_t rows = -1;
  if (space != std::string_view::npos) {
    std::from_chars(entry.data() + space + 1, entry.data() + entry.size(), rows);
  }
  if (entry.substr(0, space) != identity_ || rows < 0) {
    return FailedPreconditionError(Concat(QuoteWhole(input.name()), " has changed since ",
                                          QuoteWhole(path_),
                                          " was written; remove that file to import all of it"));
  }
  return rows;
}

Status ImportState::Note(std::int64_t rows, bool last) {
  const auto now = std::chrono::steady_clock::now();
  if (!last && now - written_ < kWriteInterval) {
    return {};
  }
  entries_.insert_or_assign(name_, Concat(identity_, " ", rows));
  EDB_TRY(env_->WriteFile(path_, Concat(AttributesToJson(entries_), "\n")));
  written_ = now;
  return {};
}

}  // namespace embeddingsdb
