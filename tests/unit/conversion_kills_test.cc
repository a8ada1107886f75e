// SPDX-License-Identifier: BSD-3-Clause
//
// A process that dies while it converts what go-embeddingsdb wrote: at a call to the disk, before
// it, in its middle, after it. The original is as it was, and the next one that opens it finds all
// records or converts them again.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "engines/sqlite/sqlite_go_file.h"
#include "support/dying_process.h"
#include "support/temp_dir.h"
#include "support/test_context.h"
#include "unit/sqlite_go_fixture.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;

/// Records in the order of a scan.
std::vector<Record> Records(int count) {
  std::vector<Record> records;
  for (int i = 0; i < count; ++i) {
    const std::string id = std::to_string(10'000 + i);
    records.push_back(MakeRecord("p", id, "m", {0.5F, static_cast<float>(i), 1, 2}));
  }
  return records;
}

void WriteSqliteFile(const std::string& folder, const std::vector<Record>& records) {
  GoFile file(folder + "/go.db", "none", 4);
  for (const Record& record : records) {
    file.Add(record, 1'750'000'000);
  }
}

void WriteDuckdbExport(const std::string& folder, const std::vector<Record>& records) {
  std::ofstream(folder + "/schema.sql") << "-- not read\n";
  std::ofstream(folder + "/load.sql") << "-- not read\n";
  std::ofstream csv(folder + "/embeddings.csv");
  csv << "provider,depiction_id,subject_id,model,attributes,vec,created,lastmodified\n";
  for (const Record& record : records) {
    csv << record.key.provider << ',' << record.key.depiction_id << ',' << record.subject_id << ','
        << record.key.model << R"(,"{""subject_title"":"")" << record.key.depiction_id
        << R"(""}","[0.5, )" << record.embedding[1] << R"(, 1.0, 2.0]",)" << record.created
        << ",1750000000\n";
  }
}

struct Conversion {
  std::string name;
  std::function<void(const std::string& folder, const std::vector<Record>&)> write;
  std::string uri;  ///< the folder belongs between it and `rest`
  std::string rest;
  std::string said;                  ///< in the log, by who converts
  std::vector<std::string> sources;  ///< what go-embeddingsdb wrote
  std::string kept;                  ///< appended to a source's name once it is converted
};

std::ostream& operator<<(std::ostream& os, const Conversion& conversion) {
  return os << conversion.name;
}

std::string ReadWhole(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

class ConversionKills : public ::testing::TestWithParam<Conversion> {
 protected:
  // SQLite takes more than one batch for them.
  const std::vector<Record> records_ = Records(1'100);
  std::vector<std::string> originals_;  // what is in the sources

  void SetUp() override {
    const TempDir folder;
    GetParam().write(folder.path(), records_);
    for (const std::string& source : GetParam().sources) {
      originals_.push_back(ReadWhole(folder.File(source)));
      ASSERT_FALSE(originals_.back().empty());
    }
  }

  /// The sources byte for byte as go-embeddingsdb left them.
  void Prepare(const TempDir& folder) const {
    for (std::size_t i = 0; i < originals_.size(); ++i) {
      std::ofstream(folder.File(GetParam().sources[i]), std::ios::binary) << originals_[i];
    }
  }
  static Result<std::unique_ptr<Database>> Open(const TempDir& folder, TestContext& test) {
    return test.Open(GetParam().uri + folder.path() + GetParam().rest);
  }
  static Status OpenAndClose(const TempDir& folder) {
    TestContext test;
    EDB_ASSIGN(const std::unique_ptr<Database> database, Open(folder, test));
    return database->Close();
  }
  /// The names of the calls to the disk of a conversion that nobody disturbs.
  std::vector<std::string_view> Calls() {
    const TempDir folder;
    Prepare(folder);
    plan.calls = 0;
    EXPECT_OK(OpenAndClose(folder));
    const auto count = static_cast<std::size_t>(plan.calls);
    EXPECT_LE(count, plan.names.size());
    return {plan.names.begin(), plan.names.begin() + std::min(count, plan.names.size())};
  }
  Death Kill(const TempDir& folder, int nth, Moment moment) {
    Prepare(folder);
    return RunDyingProcess(nth, moment,
                           [&](int) { OpenAndClose(folder).IgnoreError("it is looked at next"); });
  }
  /// Under its name, or under the one that is kept.
  void ExpectOriginals(const TempDir& folder, bool converted) {
    for (std::size_t i = 0; i < originals_.size(); ++i) {
      const std::string path = folder.File(GetParam().sources[i]);
      const std::string kept = path + GetParam().kept;
      const bool same = ReadWhole(path) == originals_[i] || ReadWhole(kept) == originals_[i];
      EXPECT_TRUE(same) << path;
      EXPECT_TRUE(!converted || ReadWhole(kept) == originals_[i]) << kept;
    }
  }
  void ExpectAllRecords(Database& database) {
    const auto found = ScanAll(database);
    ASSERT_OK(found);
    ASSERT_EQ(found->size(), records_.size());
    EXPECT_TRUE(*found == records_);
    const auto report = database.Verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->problems.empty()) << report->problems[0];
  }
  /// After a kill; whether the file had to be converted again.
  bool Check(const TempDir& folder) {
    ExpectOriginals(folder, false);
    TestContext test;
    auto database = Open(folder, test);
    EXPECT_OK(database);
    if (!database.ok()) {
      return false;
    }
    const bool again = test.log.Contains(GetParam().said);
    ExpectAllRecords(**database);
    EXPECT_OK((*database)->Close());
    ExpectOriginals(folder, true);
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      const std::string name = entry.path().filename().string();
      // An empty file of AtomicFile may stay, which has a name of its own for a moment.
      const bool harmless = name.find(".tmp-") != std::string::npos && fs::is_empty(entry);
      EXPECT_TRUE(harmless || (!name.ends_with(".new") && name.find(".converting") == name.npos))
          << name;
    }
    TestContext later;
    database = Open(folder, later);
    EXPECT_OK(database);
    if (database.ok()) {
      EXPECT_FALSE(later.log.Contains(GetParam().said));
      ExpectAllRecords(**database);
    }
    return again;
  }
  /// Whether Check would turn a test red.
  bool CheckComplains(const TempDir& folder) {
    testing::TestPartResultArray results;
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    Check(folder);
    return results.size() > 0;
  }
};
INSTANTIATE_TEST_SUITE_P(Formats, ConversionKills,
                         testing::Values(Conversion{.name = "sqlite",
                                                    .write = WriteSqliteFile,
                                                    .uri = "sqlite://?dsn=",
                                                    .rest = "/go.db",
                                                    .said = "Converted a go-embeddingsdb database",
                                                    .sources = {"go.db"},
                                                    .kept = std::string(kGoFileKeptAs)},
                                         Conversion{.name = "duckdb",
                                                    .write = WriteDuckdbExport,
                                                    .uri = "duckdb://",
                                                    .rest = "",
                                                    .said = "Imported export",
                                                    .sources = {"embeddings.csv", "schema.sql",
                                                                "load.sql"},
                                                    .kept = ""}),
                         [](const auto& conversion) { return conversion.param.name; });

TEST_P(ConversionKills, WhereverAProcessDiesAllRecordsAreThereAndTheOriginalToo) {
  const char* const kills = std::getenv("EDB_KILLS");
  const int most =
      kills == nullptr ? 6 : std::max(1, static_cast<int>(std::strtol(kills, nullptr, 10)));
  const std::vector<std::string_view> calls = Calls();
  const int points = static_cast<int>(calls.size()) * 3;
  ASSERT_GT(points, 30);
  std::set<int> chosen;
  const int stride = std::max(1, points / most);
  std::mt19937_64 random(TestSeed());
  for (int point = static_cast<int>(random() % static_cast<std::uint64_t>(stride)); point < points;
       point += stride) {
    chosen.insert(point);
  }
  for (int i = 0; i < static_cast<int>(calls.size()); ++i) {
    const std::string_view name = calls[static_cast<std::size_t>(i)];
    if (name == "link" || name == "rename") {  // what makes the new file the database
      chosen.insert({3 * i, 3 * i + 2});
    }
  }
  int died = 0;
  int again = 0;
  for (const int point : chosen) {
    const auto nth = static_cast<std::size_t>(point / 3);
    const Moment moment = kMoments[static_cast<std::size_t>(point % 3)];
    SCOPED_TRACE(testing::Message() << "call " << nth << " of " << calls.size() << ", "
                                    << calls[nth] << ", moment " << static_cast<int>(moment));
    const TempDir folder;
    died += Kill(folder, point / 3 + 1, moment).killed ? 1 : 0;
    again += Check(folder) ? 1 : 0;
    ASSERT_FALSE(HasFailure());
  }
  const int count = static_cast<int>(chosen.size());
  EXPECT_GT(died, count / 2);
  EXPECT_GT(again, 0) << "nobody died before the conversion was complete";
  EXPECT_LT(again, count) << "nobody died after the conversion was complete";
}

// A checker that finds nothing proves nothing.
TEST_P(ConversionKills, ALostRecordOrAChangedOriginalWouldBeNoticed) {
  const int middle = static_cast<int>(Calls().size()) / 2;
  const TempDir lost;
  ASSERT_TRUE(Kill(lost, middle, Moment::kAfter).killed);
  TestContext test;
  {
    const auto database = Open(lost, test);
    ASSERT_OK(database);
    ASSERT_OK((*database)->Remove(records_[7].key));
    ASSERT_OK((*database)->Close());
  }
  EXPECT_TRUE(CheckComplains(lost));
  const TempDir changed;
  Kill(changed, middle, Moment::kAfter);
  ASSERT_OK(OpenAndClose(changed));
  const std::string source = changed.File(GetParam().sources[0]) + GetParam().kept;
  std::ofstream(source, std::ios::app) << "more";
  EXPECT_TRUE(CheckComplains(changed));
}

}  // namespace
}  // namespace embeddingsdb
