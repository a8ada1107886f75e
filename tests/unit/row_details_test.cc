// SPDX-License-Identifier: BSD-3-Clause
#include "index/row_details.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

std::string Written(std::string_view subject_id, const Attributes& attributes) {
  RowDetailsWriter writer;
  return std::string(writer.Write(subject_id, attributes));
}

void ExpectComesBack(const std::string& subject_id, const Attributes& attributes) {
  const std::string text = Written(subject_id, attributes);
  const RowDetails details(text);
  ASSERT_TRUE(details.kept());
  EXPECT_TRUE(details.IsWhole());
  EXPECT_EQ(details.subject_id(), subject_id);
  EXPECT_EQ(details.attributes(), attributes);
  for (const auto& [name, value] : attributes) {
    EXPECT_EQ(details.Find(name), value);
    EXPECT_EQ(details.Find(name + "x"), std::nullopt);
  }
}

TEST(RowDetails, ComeBackByteForByte) {
  ExpectComesBack("", {});
  ExpectComesBack("subject", {});
  ExpectComesBack("", {{"name", ""}});
  ExpectComesBack("caf\u00e9 \u65e5\u672c \U0001F600",
                  {{"\u00e9", "\U0010FFFF\uFFFD"}, {"z", "a"}});
  std::string all;
  for (char byte = 1; byte > 0; ++byte) {
    all += byte;
  }
  ExpectComesBack("x", {{"controls", all}});
  Attributes many;
  for (std::size_t i = 0; i < kMaxAttributes; ++i) {
    many.emplace(Concat("name ", i), Concat("value ", i * i));
  }
  ExpectComesBack("many", many);
}

TEST(RowDetails, ComeBackInEveryLengthUpToTheLimit) {
  // A byte for the subject's length, three for those of the attribute, one for its name.
  constexpr std::size_t kLongest = kMaxIndexedDetailsBytes - 5;
  for (const std::size_t length : {0UL, 1UL, 127UL, 128UL, 129UL, 255UL, 256UL, 511UL, kLongest}) {
    ExpectComesBack("", {{"n", std::string(length, 'v')}});
  }
  EXPECT_FALSE(RowDetails(Written("", {{"n", std::string(kLongest + 1, 'v')}})).kept());
  EXPECT_FALSE(RowDetails(Written("", {{"n", std::string(kMaxAttributeValueBytes, 'v')}})).kept());
  EXPECT_FALSE(RowDetails(Written(std::string(kMaxSubjectIdBytes, 's'), {{"n", "v"}})).kept());
}

TEST(RowDetails, OneWriterForManyRows) {
  RowDetailsWriter writer;
  EXPECT_TRUE(writer.Write("a", {{"n", std::string(2'000, 'v')}}).empty());
  EXPECT_EQ(RowDetails(writer.Write("b", {{"n", "v"}})).Find("n"), "v");
  EXPECT_EQ(RowDetails(writer.Write("c", {})).Find("n"), std::nullopt);
}

TEST(RowDetails, NamesThatDoNotAscendAreLeftToTheStore) {
  RowDetailsWriter writer;
  for (const std::string second : {"a", "b", ""}) {
    writer.Begin("s");
    writer.Add("b", "1");
    writer.Add(second, "2");
    EXPECT_TRUE(writer.Finish().empty()) << second;
  }
}

TEST(RowDetails, WhatIsCutOffOrTooLongIsNotWhole) {
  const std::string text = Written("subject", {{"name", std::string(200, 'v')}, {"other", ""}});
  // Whole are: nothing, the subject, and as much with one attribute.
  const std::size_t subject = 1 + 7;
  const std::size_t first = subject + 1 + 4 + 2 + 200;
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const bool whole = length == 0 || length == subject || length == first || length == text.size();
    EXPECT_EQ(RowDetails(text.substr(0, length)).IsWhole(), whole) << length;
    // A length of more than there is, half a length, and one attribute's name only.
    for (const std::string more : {"\x7f", "\xff", "\xff\xff", "\x01n"}) {
      EXPECT_FALSE(whole && length > 0 && RowDetails(text.substr(0, length) + more).IsWhole())
          << length;
    }
  }
}

// Whoever wrote it: reading stays within the text, which the sanitizer watches.
TEST(RowDetails, ReadsNothingButTheText) {
  const std::string text = Written("subject", {{"name", "value"}, {"other", "more"}});
  for (std::size_t place = 0; place < text.size(); ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[place] = static_cast<char>(byte);
      const std::unique_ptr<char[]> exact(new char[changed.size()]);
      changed.copy(exact.get(), changed.size());
      const RowDetails details({exact.get(), changed.size()});
      details.Find("other");
      EXPECT_LE(details.subject_id().size() + details.attributes().size(), text.size());
    }
  }
}

}  // namespace
}  // namespace embeddingsdb
