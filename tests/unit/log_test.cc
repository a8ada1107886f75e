// SPDX-License-Identifier: BSD-3-Clause
#include "core/log.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using namespace std::string_literals;
using ::testing::MatchesRegex;

constexpr char kTime[] = "[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} ";

class RecordingLogger final : public Logger {
 public:
  RecordingLogger() : Logger(nullptr) {}
  const std::vector<std::string>& lines() const { return lines_; }
  /// The last line without its time.
  std::string last() const { return lines_.empty() ? "" : lines_.back().substr(20); }

 private:
  void Write(std::string_view line) override { lines_.emplace_back(line); }

  std::vector<std::string> lines_;
};

TEST(Logger, WritesTheLineOfGosDefaultHandler) {
  RecordingLogger log;
  log.Info("Server listening", {{"address", "localhost:8081"}, {"pid", 42}});
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_THAT(log.lines()[0],
              MatchesRegex(kTime + "INFO Server listening address=localhost:8081 pid=42"s));
}

TEST(Logger, NamesTheLevels) {
  RecordingLogger log;
  log.set_level(LogLevel::kDebug);
  log.Debug("m");
  EXPECT_EQ(log.last(), "DEBUG m");
  log.Info("m");
  EXPECT_EQ(log.last(), "INFO m");
  log.Warn("m");
  EXPECT_EQ(log.last(), "WARN m");
  log.Error("m");
  EXPECT_EQ(log.last(), "ERROR m");
}

TEST(Logger, HidesWhatIsBelowItsLevel) {
  RecordingLogger log;
  EXPECT_FALSE(log.enabled(LogLevel::kDebug));
  log.Debug("hidden");
  EXPECT_TRUE(log.lines().empty());
  log.set_level(LogLevel::kError);
  log.Warn("hidden");
  EXPECT_TRUE(log.lines().empty());
  log.Error("shown");
  EXPECT_EQ(log.lines().size(), 1U);
}

TEST(Logger, QuotesKeysAndValuesThatNeedIt) {
  RecordingLogger log;
  log.Info("m", {{"key with space", "value"},
                 {"space", "a b"},
                 {"quote", "a\"b"},
                 {"equals", "a=b"},
                 {"empty", ""},
                 {"line", "a\nb"},
                 {"bad", "\xff"},
                 {"bidi", "\xe2\x80\xae"},
                 {"plain", "back\\slash,caf\xc3\xa9:/?"}});
  EXPECT_EQ(log.last(),
            "INFO m \"key with space\"=value space=\"a b\" quote=\"a\\\"b\" equals=\"a=b\" "
            "empty=\"\" line=\"a\\nb\" bad=\"\\xff\" bidi=\"\\u202e\" plain=back\\slash,caf\xc3\xa9"
            ":/?");
}

TEST(Logger, DoesNotCutLongValues) {
  RecordingLogger log;
  log.Info("m", {{"k", std::string(300, 'x') + " "}});
  EXPECT_EQ(log.last(), "INFO m k=\"" + std::string(300, 'x') + " \"");
}

TEST(Logger, KeepsAMessageOnOneLine) {
  RecordingLogger log;
  log.Info("two\nlines");
  EXPECT_EQ(log.last(), R"(INFO "two\nlines")");
}

void LogMany(Logger& log) {
  for (int i = 0; i < 25; ++i) {
    log.Info("a message of some length", {{"i", i}});
  }
}

TEST(Logger, WritesWholeLinesToItsFileFromManyThreads) {
  const TempDir dir;
  std::FILE* const file = std::fopen(dir.File("log").c_str(), "w");
  ASSERT_NE(file, nullptr);
  {
    Logger log(file);
    const std::array<std::jthread, 4> threads = {
        std::jthread(LogMany, std::ref(log)), std::jthread(LogMany, std::ref(log)),
        std::jthread(LogMany, std::ref(log)), std::jthread(LogMany, std::ref(log))};
  }
  ASSERT_EQ(std::fclose(file), 0);
  std::ifstream in(dir.File("log"));
  int lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    EXPECT_THAT(line, MatchesRegex(kTime + "INFO a message of some length i=[0-9]+"s));
  }
  EXPECT_EQ(lines, 100);
}

}  // namespace
}  // namespace embeddingsdb
