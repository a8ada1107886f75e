// SPDX-License-Identifier: BSD-3-Clause
#include "index/row_details.h"

#include <cstddef>

#include "embeddingsdb/limits.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kOneByte = 0x80;  // lengths from here on take two
static_assert(kMaxIndexedDetailsBytes < kOneByte * kOneByte);

/// Takes a length and that many bytes off the front; nothing when they are not all there.
std::optional<std::string_view> Take(std::string_view& rest) {
  if (rest.empty()) {
    return std::nullopt;
  }
  std::size_t length = static_cast<unsigned char>(rest[0]);
  std::size_t begin = 1;
  if (length >= kOneByte) {
    if (rest.size() < 2) {
      return std::nullopt;
    }
    length = length - kOneByte + kOneByte * static_cast<unsigned char>(rest[1]);
    begin = 2;
  }
  if (length > rest.size() - begin) {
    return std::nullopt;
  }
  const std::string_view text = rest.substr(begin, length);
  rest.remove_prefix(begin + length);
  return text;
}

}  // namespace

bool RowDetails::IsWhole() const {
  std::string_view rest = text_;
  std::size_t texts = 0;
  while (!rest.empty()) {
    if (!Take(rest)) {
      return false;
    }
    ++texts;
  }
  // The subject, and two for each attribute.
  return texts % 2 == 1 || texts == 0;
}

std::string_view RowDetails::subject_id() const {
  std::string_view rest = text_;
  return Take(rest).value_or("");
}

std::optional<std::string_view> RowDetails::Find(std::string_view name) const {
  std::string_view rest = text_;
  Take(rest);
  while (const auto found = Take(rest)) {
    const auto value = Take(rest);
    if (*found == name) {
      return value;
    }
  }
  return std::nullopt;
}

Attributes RowDetails::attributes() const {
  Attributes attributes;
  std::string_view rest = text_;
  Take(rest);
  while (const auto name = Take(rest)) {
    attributes.emplace_hint(attributes.end(), *name, Take(rest).value_or(""));
  }
  return attributes;
}

void RowDetailsWriter::Begin(std::string_view subject_id) {
  text_.clear();
  last_name_.clear();
  fits_ = true;
  Append(subject_id);
}

void RowDetailsWriter::Add(std::string_view name, std::string_view value) {
  if (!fits_ || name <= last_name_) {
    // Another hand than ours has written the row: what it says is left to the store.
    fits_ = false;
    return;
  }
  last_name_ = name;
  Append(name);
  Append(value);
}

void RowDetailsWriter::Append(std::string_view text) {
  if (!fits_ || text_.size() + 2 + text.size() > kMaxIndexedDetailsBytes) {
    fits_ = false;
    return;
  }
  if (text.size() < kOneByte) {
    text_ += static_cast<char>(static_cast<unsigned char>(text.size()));
  } else {
    text_ += static_cast<char>(static_cast<unsigned char>(text.size() % kOneByte + kOneByte));
    text_ += static_cast<char>(static_cast<unsigned char>(text.size() / kOneByte));
  }
  text_ += text;
}

std::string_view RowDetailsWriter::Finish() {
  return fits_ ? std::string_view(text_) : std::string_view();
}

std::string_view RowDetailsWriter::Write(std::string_view subject_id,
                                         const Attributes& attributes) {
  Begin(subject_id);
  for (const auto& [name, value] : attributes) {
    Add(name, value);
  }
  return Finish();
}

}  // namespace embeddingsdb
