// SPDX-License-Identifier: BSD-3-Clause
#include "cli/state_file.h"

#include <array>
#include <charconv>

// The library's functions would not be inlined.
#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the library asks for it
#include <xxhash.h>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kFormatName = "format";
constexpr std::string_view kTargetName = "target";
constexpr auto kWriteInterval = std::chrono::seconds(1);

}  // namespace

std::string ShortHash(std::string_view text) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 XXH3_64bits(text.data(), text.size()), 16);
  return {digits.data(), end.ptr};
}

Result<StateFile> StateFile::Open(std::string path, const JobKind& kind, std::string_view target,
                                  Env& env) {
  StateFile state(std::move(path), env);
  const std::string hash = ShortHash(target);
  if (!env.Exists(state.path_)) {
    state.Set(kFormatName, std::string(kind.format));
    state.Set(kTargetName, hash);
    return state;
  }
  EDB_ASSIGN(const std::string text, env.ReadFile(state.path_, kMaxJsonBytes));
  Result<Attributes> entries = AttributesFromJson(text);
  if (entries.ok()) {
    state.entries_ = *std::move(entries);
  }
  if (state.Get(kFormatName) != kind.format) {
    return FailedPreconditionError(
        Concat(QuoteWhole(state.path_), " does not hold the state of ", kind.name));
  }
  if (state.Get(kTargetName) != hash) {
    return FailedPreconditionError(Concat(QuoteWhole(state.path_), " is of ", kind.another));
  }
  return state;
}

std::optional<std::string_view> StateFile::Get(std::string_view name) const {
  const auto it = entries_.find(name);
  return it == entries_.end() ? std::nullopt : std::optional<std::string_view>(it->second);
}

void StateFile::Set(std::string_view name, std::string value) {
  entries_.insert_or_assign(std::string(name), std::move(value));
}

bool StateFile::due() const {
  return std::chrono::steady_clock::now() - written_ >= kWriteInterval;
}

Status StateFile::Write() {
  EDB_TRY(env_->WriteFile(path_, Concat(AttributesToJson(entries_), "\n")));
  written_ = std::chrono::steady_clock::now();
  return {};
}

}  // namespace embeddingsdb
