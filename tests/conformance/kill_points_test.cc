// SPDX-License-Identifier: BSD-3-Clause
//
// A process that dies at a chosen call to the disk: before it, in its middle, after it. Whatever
// was acknowledged must be there when the files are opened again, of what was under way all or
// nothing.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest-spi.h>
#include <map>
#include <random>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "conformance/engines_under_test.h"
#include "support/dying_process.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;
using Contents = std::map<Key, Record>;

/// One acknowledged step of a scenario.
struct Step {
  std::vector<Record> add;
  std::vector<Key> remove;       ///< in one commit
  bool waits_for_index = false;  ///< until there is an index file
};

class KillPoints : public EngineTest {
 protected:
  static constexpr const char* kModel = "m";

  void SetUp() override {
    EngineTest::SetUp();
    if (!db_->capabilities().persistent) {
      GTEST_SKIP() << "docs/engines.md: not persistent";
    }
    if (GetParam().on_a_server) {
      GTEST_SKIP() << "the files are the server's business; postgres_fault_test kills that";
    }
    ASSERT_OK(db_->Close());
    db_.reset();
  }

  static Record RecordOf(int number, float value) {
    return MakeRecord("p" + std::to_string(number % 3), std::to_string(number), kModel,
                      {value, static_cast<float>(number), 1, 2});
  }
  static std::vector<Record> Many(int first, int count) {
    std::vector<Record> records;
    for (int i = first; i < first + count; ++i) {
      records.push_back(RecordOf(i, 0.5F));
    }
    return records;
  }
  static std::vector<Key> KeysOf(const std::vector<Record>& records) {
    std::vector<Key> keys;
    for (const Record& record : records) {
      keys.push_back(record.key);
    }
    return keys;
  }
  std::vector<Step> Steps() const {
    std::vector<Step> steps = {{.add = Many(0, 1)},
                               {.add = Many(0, 40)},
                               {.add = {RecordOf(3, 7), RecordOf(4, 8), RecordOf(100, 9)}},
                               {.remove = {RecordOf(5, 0).key}},
                               {.remove = KeysOf(Many(10, 20))}};
    if (GetParam().keeps_index_files) {
      steps.push_back({.waits_for_index = true});
    }
    steps.push_back({.add = {RecordOf(6, 7), RecordOf(101, 1)}});
    return steps;
  }
  static Contents After(const std::vector<Step>& steps, std::size_t count) {
    Contents contents;
    for (const Step& step : std::span(steps).first(count)) {
      for (const Record& record : step.add) {
        contents[record.key] = record;
      }
      for (const Key& key : step.remove) {
        contents.erase(key);
      }
    }
    return contents;
  }

  bool HasIndexFile(const std::string& folder) const {
    return std::any_of(fs::recursive_directory_iterator(folder), fs::recursive_directory_iterator(),
                       [](const auto& entry) { return entry.path().extension() == ".index"; });
  }
  Result<std::unique_ptr<Database>> OpenIn(const std::string& folder) {
    return test_.Open(GetParam().uri(folder) + (GetParam().keeps_index_files ? "&index=hnsw" : ""));
  }
  Status Take(const Step& step, Database& database, const std::string& folder) {
    if (!step.add.empty()) {
      EDB_TRY(database.AddBatch(step.add).status());
    }
    if (!step.remove.empty()) {
      EDB_TRY(database.RemoveBatch(step.remove).status());
    }
    if (step.waits_for_index) {
      EDB_TRY(database.Similar({.model = kModel, .embedding = {1, 2, 3, 4}}).status());
      while (!HasIndexFile(folder)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    return {};
  }
  /// What the child does: every step, and a byte for each that was acknowledged.
  void RunSteps(const std::string& folder, int out) {
    auto database = OpenIn(folder);
    bool going = database.ok();
    for (const Step& step : Steps()) {
      going = going && Take(step, **database, folder).ok();
      if (going) {
        (void)::syscall(SYS_write, out, "+", 1);
      }
    }
    if (going) {
      (*database)->Close().IgnoreError("it is looked at next");
    }
  }
  /// To the disk, when nobody dies.
  int CountCalls() {
    const TempDir folder;
    plan.calls = 0;
    RunSteps(folder.path(), -1);
    return plan.calls;
  }
  Death RunChild(const std::string& folder, int nth, Moment moment) {
    return RunDyingProcess(nth, moment, [&](int out) { RunSteps(folder, out); });
  }
  void ExpectContents(Database& database, const Contents& contents) {
    const auto records = ScanAll(database);
    ASSERT_OK(records);
    ASSERT_EQ(records->size(), contents.size());
    for (const Record& record : *records) {
      ASSERT_EQ(record, contents.at(record.key));
      const auto nearest = database.Similar({.model = kModel, .embedding = record.embedding});
      ASSERT_OK(nearest);
      ASSERT_FALSE(nearest->empty());
      ASSERT_EQ(nearest->front().distance, 0);
    }
    const auto report = database.Verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->problems.empty()) << report->problems[0];
  }
  /// After a kill: all that was acknowledged, and the step under way wholly or not at all; and life
  /// goes on, index included.
  void Check(const std::string& folder, std::size_t acknowledged) {
    const std::vector<Step> steps = Steps();
    auto database = OpenIn(folder);
    ASSERT_OK(database);
    const auto found = (*database)->Count({});
    ASSERT_OK(found);
    Contents contents = After(steps, acknowledged);
    const Contents next = After(steps, std::min(acknowledged + 1, steps.size()));
    const auto records = ScanAll(**database);
    ASSERT_OK(records);
    const bool went_on = !records->empty() &&
                         std::any_of(records->begin(), records->end(), [&](const Record& record) {
                           const auto before = contents.find(record.key);
                           return before == contents.end() || before->second != record;
                         });
    if (went_on || records->size() != contents.size()) {
      contents = next;
    }
    ExpectContents(**database, contents);
    for (const Record& record : Many(200, 5)) {
      ASSERT_OK((*database)->Add(record));
      contents[record.key] = record;
    }
    ExpectContents(**database, contents);
    if (GetParam().keeps_index_files) {
      ASSERT_OK(Take({.waits_for_index = true}, **database, folder));
    }
    ASSERT_OK((*database)->Close());
    database = OpenIn(folder);
    ASSERT_OK(database);
    ExpectContents(**database, contents);
    ASSERT_OK((*database)->Close());
  }
};
EDB_FOR_ALL_STORES(KillPoints);

TEST_P(KillPoints, WhereverAProcessDiesNothingAcknowledgedIsLost) {
  const char* const kills = std::getenv("EDB_KILLS");
  const int most =
      kills == nullptr ? 12 : std::max(1, static_cast<int>(std::strtol(kills, nullptr, 10)));
  const int calls = CountCalls();
  ASSERT_GT(calls, 10);
  const std::size_t steps = Steps().size();
  std::mt19937_64 random(TestSeed());
  const int stride = std::max(1, calls * 3 / most);
  int died = 0;
  for (int point = static_cast<int>(random() % static_cast<std::uint64_t>(stride));
       point < calls * 3; point += stride) {
    const int nth = 1 + point / 3;
    const Moment moment = kMoments[static_cast<std::size_t>(point % 3)];
    SCOPED_TRACE(testing::Message()
                 << "call " << nth << " of " << calls << ", moment " << static_cast<int>(moment));
    const TempDir folder;
    const auto [acknowledged, killed] = RunChild(folder.path(), nth, moment);
    died += killed ? 1 : 0;
    EXPECT_TRUE(killed || acknowledged == steps);
    ASSERT_NO_FATAL_FAILURE(Check(folder.path(), acknowledged));
  }
  EXPECT_GT(died, std::min(most, calls * 3) / 2);
}

// A checker that finds nothing proves nothing.
TEST_P(KillPoints, ALostRecordWouldBeNoticed) {
  const TempDir folder;
  const auto [acknowledged, killed] =
      RunChild(folder.path(), CountCalls() * 9 / 10, Moment::kBefore);
  ASSERT_TRUE(killed);
  ASSERT_GT(acknowledged, 0U);
  const Contents contents = After(Steps(), acknowledged);
  auto database = OpenIn(folder.path());
  ASSERT_OK(database);
  ASSERT_OK((*database)->Remove(contents.rbegin()->first));
  ASSERT_OK((*database)->Close());
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    Check(folder.path(), acknowledged);
  }
  EXPECT_GT(results.size(), 0);
}

}  // namespace
}  // namespace embeddingsdb
