// SPDX-License-Identifier: BSD-3-Clause
//
// What the conformance suite cannot know of an engine: its files when they are cut, damaged, or
// left by a process that was killed.
#include "example_engine/journal_store.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/wait.h>
#include <unistd.h>

#include "support/records.h"
#include "support/temp_dir.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JournalStoreTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<JournalStore>> Open(const EngineOptions& options = {}) {
    return JournalStore::Open(path_, options, {.env = env_.get(), .log = &log_});
  }
  static Status Put(JournalStore& store, const std::vector<Record>& records) {
    std::vector<const Record*> pointers;
    for (const Record& record : records) {
      pointers.push_back(&record);
    }
    return store.Put(pointers, 1).status();
  }
  static std::vector<Record> RecordsOf(JournalStore& store) {
    auto cursor = store.Scan({});
    EXPECT_OK(cursor);
    return Drain(**cursor).value();
  }
  std::string Content() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void SetContent(std::string_view content) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  }

  TempDir dir_;
  const std::string path_ = dir_.File("x.journal");
  std::unique_ptr<Env> env_ = NewPosixEnv();
  CapturingLogger log_;
};

/// A moment of a database: how long its file was, and what it held.
struct Moment {
  std::size_t size = 0;
  std::vector<Record> records;
};

TEST_F(JournalStoreTest, WhereverTheFileIsCutTheCommitsBeforeAreThere) {
  std::vector<Moment> moments;
  {
    const auto store = Open().value();
    const auto remember = [&] { moments.push_back({Content().size(), RecordsOf(*store)}); };
    remember();
    ASSERT_OK(Put(*store, {MakeRecord("p", "a", "m", {1, -0.0F})}));
    remember();
    ASSERT_OK(Put(*store, {MakeRecord("p", "b", "m", {2, 2}), MakeRecord("p", "a", "m", {3, 3})}));
    remember();
    ASSERT_OK(store->SetMark("index:x", 7));
    remember();
    ASSERT_OK(store->Remove({"p", "a", "m"}, 1));
    remember();
  }
  const std::string whole = Content();
  std::size_t last = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    SetContent(whole.substr(0, size));
    last += last + 1 < moments.size() && moments[last + 1].size == size ? 1U : 0U;
    {
      const auto store = Open();
      ASSERT_OK(store);
      ASSERT_EQ(RecordsOf(**store), moments[last].records) << size;
      ASSERT_EQ(*(*store)->GetMark("index:x"), last >= 3 ? 7U : 0U);
      ASSERT_OK(Put(**store, {MakeRecord("p", "new", "m", {4, 4})}));
    }
    ASSERT_EQ(RecordsOf(*Open().value()).size(), moments[last].records.size() + 1) << size;
  }
  EXPECT_EQ(last + 1, moments.size());
}

TEST_F(JournalStoreTest, WhatTheDiskHasNotFilledIsLeftOut) {
  ASSERT_OK(Put(*Open().value(), {MakeRecord("p", "a", "m", {1})}));
  SetContent(Content() + std::string(5'000, '\0'));
  EXPECT_EQ(RecordsOf(*Open().value()).size(), 1U);
  EXPECT_TRUE(log_.Contains("bytes=5000"));
}

TEST_F(JournalStoreTest, ADamagedEntryIsDataLossAndTheLastIsNamedInTheLog) {
  std::size_t second = 0;
  {
    const auto store = Open().value();
    ASSERT_OK(Put(*store, {MakeRecord("p", "a", "m", {1, 2})}));
    second = Content().size();
    ASSERT_OK(Put(*store, {MakeRecord("p", "b", "m", {1, 2})}));
  }
  const std::string whole = Content();
  for (std::size_t byte = 0; byte < second; ++byte) {
    std::string damaged = whole;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 4);
    SetContent(damaged);
    EXPECT_FAILS(Open(), kDataLoss, "byte 0");
  }
  std::string damaged = whole;
  damaged.back() = 'x';
  SetContent(damaged);
  EXPECT_EQ(RecordsOf(*Open().value()).size(), 1U);
  EXPECT_TRUE(log_.Contains("never completed"));
}

TEST_F(JournalStoreTest, ACheckFindsWhatWasDamagedMeanwhile) {
  const auto store = Open().value();
  ASSERT_OK(Put(*store, {MakeRecord("p", "a", "m", {1, 2})}));
  std::vector<std::string> problems;
  ASSERT_OK(store->CheckFiles(problems));
  EXPECT_THAT(problems, IsEmpty());
  std::string damaged = Content();
  damaged[40] = '?';
  SetContent(damaged);
  ASSERT_OK(store->CheckFiles(problems));
  EXPECT_THAT(problems, ElementsAre(HasSubstr("the entry at byte 0 is damaged")));
}

TEST_F(JournalStoreTest, WhatWasAcknowledgedIsThereAfterAKill) {
  std::mt19937_64 random(TestSeed());
  int stored = 0;
  for (int round = 0; round < 5; ++round) {
    int pipe[2] = {-1, -1};
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const auto store = Open();
      for (int next = stored; store.ok(); ++next) {
        if (Put(**store, {MakeRecord("p", std::to_string(next), "m", {1, 2})}).ok() &&
            ::write(pipe[1], "+", 1) != 1) {
          break;
        }
      }
      ::_exit(1);
    }
    (void)::close(pipe[1]);
    char byte = 0;
    int acknowledged = 0;
    const auto wanted = static_cast<int>(random() % 30);
    while (acknowledged <= wanted && ::read(pipe[0], &byte, 1) == 1) {
      ++acknowledged;
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(pipe[0], &byte, 1) == 1) {
      ++acknowledged;  // on their way when it was killed
    }
    (void)::close(pipe[0]);
    const auto store = Open();
    ASSERT_OK(store);
    const int found = static_cast<int>(RecordsOf(**store).size());
    EXPECT_GE(found, stored + acknowledged);
    EXPECT_LE(found, stored + acknowledged + 1);
    EXPECT_GT(acknowledged, wanted);
    stored = found;
  }
}

}  // namespace
}  // namespace embeddingsdb
