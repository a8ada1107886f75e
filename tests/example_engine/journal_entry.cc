// SPDX-License-Identifier: BSD-3-Clause
#include "example_engine/journal_entry.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "core/text.h"
#include "engines/row_checksum.h"

namespace embeddingsdb {
namespace {

/// As it is in the file, on machines that are little-endian.
struct Header {
  std::uint64_t bytes = 0;  // of the lines
  std::int64_t time = 0;
  std::uint32_t lines_checksum = 0;
  std::uint32_t header_checksum = 0;  // of all before it
};

std::uint32_t Checksum(std::string_view bytes) {
  return RowChecksum::OfVector(std::as_bytes(std::span(bytes)));
}

std::uint32_t ChecksumOf(const Header& header) {
  return Checksum({reinterpret_cast<const char*>(&header), offsetof(Header, header_checksum)});
}

bool IsBlank(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

}  // namespace

std::string EncodeEntry(const JournalEntry& entry) {
  Header header{
      .bytes = entry.lines.size(), .time = entry.time, .lines_checksum = Checksum(entry.lines)};
  header.header_checksum = ChecksumOf(header);
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += entry.lines;
  return bytes;
}

Result<std::optional<JournalEntry>> TakeEntry(std::string_view& rest) {
  Header header;
  if (rest.size() < sizeof header) {
    return std::optional<JournalEntry>();
  }
  std::memcpy(&header, rest.data(), sizeof header);
  if (header.header_checksum != ChecksumOf(header)) {
    // A file may have grown on the disk before what was written to it got there.
    return IsBlank(rest) ? Result<std::optional<JournalEntry>>(std::nullopt)
                         : DataLossError("the header of an entry is damaged");
  }
  const std::string_view lines = rest.substr(sizeof header);
  if (lines.size() < header.bytes) {
    return std::optional<JournalEntry>();
  }
  const JournalEntry entry{.time = header.time, .lines = lines.substr(0, header.bytes)};
  if (Checksum(entry.lines) != header.lines_checksum) {
    return lines.size() == header.bytes ? Result<std::optional<JournalEntry>>(std::nullopt)
                                        : DataLossError("an entry is damaged");
  }
  rest = lines.substr(header.bytes);
  return std::optional(entry);
}

}  // namespace embeddingsdb
