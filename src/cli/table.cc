// SPDX-License-Identifier: BSD-3-Clause
#include "cli/table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace embeddingsdb {
namespace {

constexpr std::size_t kMaxCellWidth = 48;
constexpr std::size_t kColumnGap = 2;

bool StartsCharacter(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// In code points: near enough to columns for what stands in catalogues.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, StartsCharacter));
}

// True for C0, DEL, and C1 (U+0080 to U+009F, in UTF-8 C2 80 to C2 9F), which terminals obey.
bool IsControlAt(std::string_view text, std::size_t i) {
  const auto c = static_cast<unsigned char>(text[i]);
  if (c < 0x20 || c == 0x7F) {
    return true;
  }
  return c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
}

std::string Printable(std::string_view text) {
  std::string out;
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (StartsCharacter(text[i]) && ++width > kMaxCellWidth) {
      return out += "...";
    }
    if (!IsControlAt(text, i)) {
      out += text[i];
      continue;
    }
    out += '?';
    if (static_cast<unsigned char>(text[i]) == 0xC2) {
      ++i;
    }
  }
  return out;
}

}  // namespace

Table::Table(std::vector<std::string> header) {
  AddRow(std::move(header));
}

void Table::AddRow(std::vector<std::string> cells) {
  std::ranges::transform(cells, cells.begin(), Printable);
  rows_.push_back(std::move(cells));
}

void Table::Print(std::ostream& out) const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) {
        line.append(widths[i] - Width(row[i]) + kColumnGap, ' ');
      }
    }
    out << line << "\n";
  }
}

std::string FormatFixed(float value) {
  std::array<char, 64> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                          std::chars_format::fixed, 4);
  return error == std::errc() ? std::string(digits.data(), end) : "?";
}

}  // namespace embeddingsdb
