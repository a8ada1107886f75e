// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_JOURNAL_ENTRY_H_
#define EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_JOURNAL_ENTRY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// What one commit wrote: when, and lines that say what. A line is a letter and its content:
///   + a record as JSON, which is stored
///   - a record as JSON of which only the key counts, which is removed
///   @ the row id that the next record gets, where it does not follow the one before
///   = a mark: its name, a blank and its value
struct JournalEntry {
  std::int64_t time = 0;
  std::string_view lines;
};

/// The entry as it stands in the file: a header with lengths and checksums, then the lines.
std::string EncodeEntry(const JournalEntry& entry);

/// Takes the first entry off `rest`. Nothing, and `rest` as it was, when that is not whole and
/// nothing is behind it: it was never acknowledged, as the process or the machine died before. (Its
/// last entry may also have been damaged later, which nobody can tell from that.) kDataLoss when
/// an entry that has others behind it is damaged.
Result<std::optional<JournalEntry>> TakeEntry(std::string_view& rest);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_JOURNAL_ENTRY_H_
