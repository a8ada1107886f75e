// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/fields.h"

#include <algorithm>
#include <cmath>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kFailed = " failed to satisfy constraint: ";

std::string Between(const Range& range) {
  return Concat("between ", range.min, " and ", range.max, ", inclusive");
}

}  // namespace

std::int64_t CharactersOf(std::string_view text) {
  return std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

Status CheckTag(std::string_view key, std::string_view value) {
  const std::int64_t key_size = CharactersOf(key);
  if (key_size < 1 || key_size > static_cast<std::int64_t>(kMaxS3TagKeyCharacters)) {
    return InvalidArgumentError(Concat("tag key ", Quote(key), " has ", key_size,
                                       " characters, not 1 to ", kMaxS3TagKeyCharacters));
  }
  const std::int64_t value_size = CharactersOf(value);
  if (value_size > static_cast<std::int64_t>(kMaxS3TagValueCharacters)) {
    return InvalidArgumentError(Concat("the value of tag ", Quote(key), " has ", value_size,
                                       " characters, the limit is ", kMaxS3TagValueCharacters));
  }
  // Of the characters beyond ASCII the service takes letters, numbers and spaces; all are taken
  // here, but for those in no text.
  const auto bad = [](std::string_view text) {
    constexpr std::string_view kSigns = " _.:/=+-@";
    return std::ranges::any_of(text, [&](char c) {
      const auto byte = static_cast<unsigned char>(c);
      const bool letter =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      return byte < 0x80U && !letter && kSigns.find(c) == std::string_view::npos;
    });
  };
  if (bad(key) || bad(value)) {
    return InvalidArgumentError(Concat("tag ", Quote(key),
                                       " has a character other than letters, numbers, spaces and ",
                                       "_.:/=+-@"));
  }
  return {};
}

const Document* Fields::Member(std::string_view name) const {
  const Document* const member = body_.Find(name);
  return member == nullptr || member->kind == Document::Kind::kNull ? nullptr : member;
}

const Document* Fields::MemberOf(std::string_view name, Document::Kind kind, bool required) {
  const Document* const member = Member(name);
  if (member == nullptr) {
    if (required) {
      Fail(name, "Member must not be null");
    }
    return nullptr;
  }
  if (member->kind != kind) {
    Fail(name,
         kind == Document::Kind::kArray ? "Member must be an array" : "Member must be an object");
    return nullptr;
  }
  return member;
}

void Fields::Fail(std::string_view name, std::string_view constraint) {
  problems_.push_back({.path = Concat("/", name),
                       .message = Concat("Value at '/", name, "'", kFailed, constraint)});
}

void Fields::FailLength(std::string_view name, std::int64_t length, const Range& range) {
  problems_.push_back({.path = Concat("/", name),
                       .message = Concat("Value with length ", length, " at '/", name, "'", kFailed,
                                         "Member must have length ", Between(range))});
}

std::optional<std::string> Fields::String(std::string_view name, Range characters) {
  const Document* const member = Member(name);
  if (member == nullptr) {
    if (characters.required) {
      Fail(name, "Member must not be null");
    }
    return std::nullopt;
  }
  if (!member->IsString()) {
    Fail(name, "Member must be a string");
    return std::nullopt;
  }
  const std::int64_t length = CharactersOf(member->text);
  if (length < characters.min || length > characters.max) {
    FailLength(name, length, characters);
    return std::nullopt;
  }
  return member->text;
}

std::optional<std::int64_t> Fields::Integer(std::string_view name, Range range) {
  const Document* const member = Member(name);
  if (member == nullptr) {
    if (range.required) {
      Fail(name, "Member must not be null");
    }
    return std::nullopt;
  }
  if (!member->IsNumber() || member->number != std::floor(member->number)) {
    Fail(name, "Member must be an integer");
    return std::nullopt;
  }
  if (member->number < static_cast<double>(range.min) ||
      member->number > static_cast<double>(range.max)) {
    Fail(name, Concat("Member must be ", Between(range)));
    return std::nullopt;
  }
  return static_cast<std::int64_t>(member->number);
}

bool Fields::Flag(std::string_view name) {
  const Document* const member = Member(name);
  if (member != nullptr && !member->IsBoolean()) {
    Fail(name, "Member must be a boolean");
  }
  return member != nullptr && member->boolean;
}

std::optional<std::string> Fields::Enum(std::string_view name,
                                        const std::vector<std::string>& values, bool required) {
  const Document* const member = Member(name);
  if (member == nullptr) {
    if (required) {
      Fail(name, "Member must not be null");
    }
    return std::nullopt;
  }
  if (member->IsString() && std::ranges::find(values, member->text) != values.end()) {
    return member->text;
  }
  std::string known;
  for (const std::string& value : values) {
    known += Concat(known.empty() ? "" : ", ", value);
  }
  Fail(name, Concat("Member must satisfy enum value set: [", known, "]"));
  return std::nullopt;
}

std::optional<std::vector<std::string>> Fields::Strings(std::string_view name, Range count,
                                                        std::int64_t characters) {
  const Document* const member = MemberOf(name, Document::Kind::kArray, count.required);
  if (member == nullptr) {
    return std::nullopt;
  }
  const auto size = static_cast<std::int64_t>(member->items.size());
  if (size < count.min || size > count.max) {
    FailLength(name, size, count);
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (const Document& item : member->items) {
    const std::int64_t length = CharactersOf(item.text);
    if (!item.IsString() || length < 1 || length > characters) {
      Fail(Concat(name, "/", out.size()),
           Concat("Member must be a string with length between 1 and ", characters, ", inclusive"));
      return std::nullopt;
    }
    out.push_back(item.text);
  }
  return out;
}

std::optional<Tags> Fields::TagMap(std::string_view name, bool required) {
  const Document* const member = MemberOf(name, Document::Kind::kObject, required);
  if (member == nullptr) {
    return std::nullopt;
  }
  Tags tags;
  for (const auto& [key, value] : member->members) {
    const Status good = value.IsString() ? CheckTag(key, value.text)
                                         : InvalidArgumentError("a tag's value must be a string");
    if (!good.ok()) {
      Fail(name, good.message());
      return std::nullopt;
    }
    tags.emplace(key, value.text);
  }
  if (tags.size() > kMaxS3Tags) {
    Fail(name, Concat("Member must have at most ", kMaxS3Tags, " tags"));
    return std::nullopt;
  }
  return tags;
}

Status Fields::status() const {
  if (problems_.empty()) {
    return {};
  }
  std::string text =
      Concat(problems_.size(), " validation error", problems_.size() == 1 ? "" : "s", " detected.");
  for (const FieldProblem& problem : problems_) {
    text += Concat(&problem == problems_.data() ? " " : "; ", problem.message);
  }
  return InvalidArgumentError(std::move(text));
}

}  // namespace embeddingsdb
