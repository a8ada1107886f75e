// SPDX-License-Identifier: BSD-3-Clause
//
// Looking after a database: what Stats tells is so, and Reindex and Compact leave every record and
// every answer as it was.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <random>
#include <thread>

#include "conformance/canary.h"
#include "conformance/engines_under_test.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CareOfStores : public EngineTest {
 protected:
  /// Records of a model, over four providers.
  void AddMany(const std::string& model, int dimension, int count) {
    std::vector<Record> batch;
    for (int i = 0; i < count; ++i) {
      const std::string id = std::to_string(next_++);
      batch.push_back(
          MakeRecord("p" + std::to_string(next_ % 4), id, model, RandomVector(random_, dimension)));
    }
    ASSERT_OK(db_->AddBatch(batch));
  }
  DatabaseStats StatsNow() {
    const Result<DatabaseStats> stats = db_->Stats();
    EXPECT_OK(stats);
    return stats.ok() ? *stats : DatabaseStats();
  }
  bool persistent() const { return db_->capabilities().persistent; }
  std::vector<fs::path> FilesEnding(const std::string& extension) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (entry.path().extension() == extension) {
        files.push_back(entry.path());
      }
    }
    return files;
  }
  /// Bytes of all files in the test's folder.
  /// Without those of index files, which come and go by themselves.
  std::int64_t BytesOnDisk() const {
    std::int64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      const bool counts = entry.is_regular_file() &&
                          !entry.path().parent_path().filename().string().ends_with("index");
      bytes += counts ? static_cast<std::int64_t>(entry.file_size()) : 0;
    }
    return bytes;
  }
  void RemoveHalf() {
    const auto all = ScanAll(*db_);
    ASSERT_OK(all);
    for (std::size_t i = 0; i < all->size(); i += 2) {
      ASSERT_OK(db_->Remove((*all)[i].key));
    }
  }

  std::mt19937_64 random_{TestSeed()};
  int next_ = 0;
};
EDB_FOR_ALL_STORES(CareOfStores);

TEST_P(CareOfStores, StatsAreWhatWasPutIn) {
  AddMany("b", 17, 12);
  AddMany("a", 3, 30);
  const DatabaseStats stats = StatsNow();
  EXPECT_EQ(stats.uri, db_->uri());
  EXPECT_EQ(stats.records, 42);
  EXPECT_EQ(stats.last_update, *db_->LastUpdate());
  ASSERT_EQ(stats.models.size(), 2U);
  EXPECT_EQ(stats.models[0].name, "a");
  EXPECT_EQ(stats.models[0].dimension, 3);
  EXPECT_EQ(stats.models[0].records, 30);
  EXPECT_EQ(stats.models[0].providers, 4);
  EXPECT_EQ(stats.models[1].name, "b");
  EXPECT_EQ(stats.models[1].dimension, 17);
  EXPECT_EQ(stats.models[1].records, 12);
  // The distances of vectors that SQLite shortens are of a kind of their own.
  const bool shortened =
      GetParam().name == "sqlite_quantize" || GetParam().name == "sqlite_matroyshka";
  for (const ModelStats& model : stats.models) {
    EXPECT_EQ(model.metric, shortened ? std::nullopt : std::optional(Metric::kL2));
    EXPECT_EQ(model.graph_rows, 0);
    EXPECT_EQ(model.file_rows, 0);
    EXPECT_EQ(model.file_bytes, 0);
    EXPECT_EQ(model.tail_rows, model.search == SearchKind::kStore ? 0 : model.records);
  }
  ASSERT_TRUE(*db_->Remove({"p1", "0", "b"}));
  EXPECT_EQ(StatsNow().records, 41);
  EXPECT_EQ(StatsNow().models[1].records, 11);
}

TEST_P(CareOfStores, StatsKnowTheBytesOnTheDisk) {
  AddMany("a", 3, 500);
  const FileSizes sizes = StatsNow().files;
  if (!GetParam().on_a_server) {
    EXPECT_EQ(sizes.total() - sizes.index, BytesOnDisk());
  }
  EXPECT_EQ(sizes.records + sizes.log > 500 * 12, persistent());
}

TEST_P(CareOfStores, StatsOfAnEmptyDatabase) {
  const DatabaseStats stats = StatsNow();
  EXPECT_EQ(stats.records, 0);
  EXPECT_EQ(stats.last_update, 0);
  EXPECT_THAT(stats.models, IsEmpty());
}

TEST_P(CareOfStores, StatsLoadNothing) {
  AddMany("a", 3, 30);
  if (!persistent()) {
    GTEST_SKIP() << "memory:// has nothing to load";
  }
  EXPECT_FALSE(StatsNow().models[0].loaded);
  EXPECT_FALSE(StatsNow().models[0].loaded);
  EXPECT_EQ(StatsNow().index_memory_bytes, 0);
}

TEST_P(CareOfStores, AReaderSeesTheSameStats) {
  AddMany("a", 3, 30);
  if (!persistent()) {
    GTEST_SKIP() << "not persistent";
  }
  OpenWith("&read-only=true");
  const DatabaseStats stats = StatsNow();
  EXPECT_EQ(stats.records, 30);
  EXPECT_EQ(stats.models.at(0).providers, 4);
  EXPECT_FAILS(db_->Compact(), kFailedPrecondition, "read-only");
  EXPECT_FAILS(db_->Reindex("", {}), kFailedPrecondition, "read-only");
}

TEST_P(CareOfStores, AfterCompactingEveryRecordIsThereAndTheFilesAreSmaller) {
  AddMany("a", 3, 20);
  AddMany("b", 17, 20);
  AddMany("c", 4'096, 400);  // DuckDB's files grow by blocks of 256 KiB a column
  RemoveHalf();
  const auto before = ScanAll(*db_);
  ASSERT_OK(before);
  const std::vector<float> query = {0.1F, 0.2F, 0.3F};
  const auto found = db_->Similar({.model = "a", .embedding = query, .max_distance = 0});
  ASSERT_OK(found);
  const Result<CompactReport> report = db_->Compact();
  ASSERT_OK(report);
  EXPECT_EQ(report->uri, db_->uri());
  EXPECT_EQ(*ScanAll(*db_), *before);
  EXPECT_EQ(*db_->Similar({.model = "a", .embedding = query, .max_distance = 0}), *found);
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
  if (!persistent()) {
    EXPECT_EQ(report->after.total(), 0);
    return;
  }
  if (!GetParam().on_a_server) {
    EXPECT_EQ(report->after.total() - report->after.index, BytesOnDisk());
  }
  // Half of 400 vectors of 16 KiB have gone; DuckDB and LMDB keep some room all the same.
  EXPECT_LT(report->after.records + report->after.log,
            report->before.records + report->before.log - 200 * 8'000);
  OpenWith("");
  EXPECT_EQ(*ScanAll(*db_), *before);
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
}

TEST_P(CareOfStores, WritesGoOnAfterCompacting) {
  AddMany("a", 3, 50);
  RemoveHalf();
  ASSERT_OK(db_->Compact());
  const Record replaced = MakeRecord("p1", "0", "a", {9, 9, 9});
  Add(replaced);
  AddMany("a", 3, 20);
  const auto nearest = db_->Similar({.model = "a", .embedding = {9, 9, 9}, .k = 1});
  ASSERT_OK(nearest);
  ASSERT_EQ(nearest->size(), 1U);
  if (db_->capabilities().exact) {  // elsewhere others are as near
    EXPECT_EQ((*nearest)[0].key, replaced.key);
  }
  ASSERT_OK(db_->Compact());
  EXPECT_EQ(*db_->Get(replaced.key), replaced);
  EXPECT_EQ(StatsNow().records, *db_->Count({}));
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
}

TEST_P(CareOfStores, AnEmptyDatabaseIsCompacted) {
  ASSERT_OK(db_->Compact());
  AddMany("a", 3, 5);
  EXPECT_EQ(StatsNow().records, 5);
}

TEST_P(CareOfStores, WhoReadsKeepsItsSnapshotAndIsNamedAsTheObstacle) {
  if (!persistent()) {
    GTEST_SKIP() << "there is nothing to compact";
  }
  AddMany("a", 3, 3'000);
  const auto all = ScanAll(*db_);
  auto cursor = db_->Scan({});
  ASSERT_OK(cursor);
  Record first;
  ASSERT_TRUE(*(*cursor)->Next(first));
  RemoveHalf();
  EXPECT_FAILS(db_->Compact(), kFailedPrecondition, "being read");
  const auto rest = Drain(**cursor);
  ASSERT_OK(rest);
  EXPECT_EQ(rest->size() + 1, all->size());
  cursor->reset();
  ASSERT_OK(db_->Compact());
  EXPECT_EQ(*db_->Count({}), 1'500);
}

TEST_P(CareOfStores, OtherCallsWaitWhileItCompacts) {
  AddMany("a", 3, 500);
  RemoveHalf();
  std::atomic<int> answered = 0;
  std::vector<std::jthread> askers;
  for (int i = 0; i < 3; ++i) {
    askers.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        EXPECT_EQ(*db_->Count({}), 250);
        ++answered;
      }
    });
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_OK(db_->Compact());
  }
  const int before = answered;
  while (answered == before) {
    std::this_thread::yield();  // they go on
  }
}

TEST_P(CareOfStores, FewRecordsNeedNoIndex) {
  if (GetParam().name == "sqlite_hnsw") {
    GTEST_SKIP() << "with index=hnsw every record is worth one";
  }
  AddMany("a", 3, 30);
  AddMany("b", 17, 3);
  int told = 0;
  const auto done = db_->Reindex("", [&](const ReindexedModel&) { ++told; });
  ASSERT_OK(done);
  EXPECT_EQ(told, 2);
  ASSERT_EQ(done->size(), 2U);
  EXPECT_EQ((*done)[0].model, "a");
  EXPECT_EQ((*done)[0].rows, 30);
  EXPECT_FALSE((*done)[0].indexed);
  EXPECT_EQ((*done)[1].rows, 3);
  EXPECT_EQ(db_->Reindex("b", {})->size(), 1U);
  EXPECT_FAILS(db_->Reindex("nobody's", {}), kNotFound, "nobody's");
  EXPECT_THAT(FilesEnding(".index"), IsEmpty());
}

TEST_P(CareOfStores, NothingIsDoneAfterClose) {
  ASSERT_OK(db_->Close());
  EXPECT_FAILS(db_->Stats(), kFailedPrecondition, "closed");
  EXPECT_FAILS(db_->Reindex("", {}), kFailedPrecondition, "closed");
  EXPECT_FAILS(db_->Compact(), kFailedPrecondition, "closed");
  db_.reset();
}

std::vector<EngineUnderTest> EnginesWithIndexFiles() {
  std::vector<EngineUnderTest> engines = EnginesUnderTest();
  std::erase_if(engines, [](const EngineUnderTest& engine) { return !engine.keeps_index_files; });
  return engines;
}

class CareOfIndexes : public CareOfStores {
 protected:
  static constexpr int kDimension = 12;

  void SetUp() override {
    Reopen();
    AddMany("a", kDimension, 300);
  }
  void Reopen() { OpenWith("&index=hnsw"); }
  ModelStats ModelNow() { return StatsNow().models.at(0); }
  /// The exact answers to some queries.
  std::vector<std::vector<SimilarRecord>> Answers() {
    std::mt19937_64 random(7);
    std::vector<std::vector<SimilarRecord>> answers;
    for (int i = 0; i < 20; ++i) {
      const auto found = db_->Similar({.model = "a",
                                       .embedding = RandomVector(random, kDimension),
                                       .k = 5,
                                       .max_distance = 0,
                                       .exact = true});
      EXPECT_OK(found);
      answers.push_back(found.ok() ? *found : std::vector<SimilarRecord>());
    }
    return answers;
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, CareOfIndexes, testing::ValuesIn(EnginesWithIndexFiles()),
                         [](const auto& engine) { return engine.param.name; });

TEST_P(CareOfIndexes, ReindexWritesAFileThatIsUsedAndAnswersStayTheSame) {
  const auto before = Answers();
  const auto done = db_->Reindex("a", {});
  ASSERT_OK(done);
  ASSERT_EQ(done->size(), 1U);
  EXPECT_EQ((*done)[0].model, "a");
  EXPECT_EQ((*done)[0].rows, 300);
  EXPECT_TRUE((*done)[0].indexed);
  EXPECT_GT((*done)[0].seconds, 0);
  ASSERT_EQ(FilesEnding(".index").size(), 1U);
  EXPECT_EQ(Answers(), before);
  Reopen();
  EXPECT_EQ(Answers(), before);
  EXPECT_EQ(ModelNow().file_rows, 300);
  EXPECT_EQ(ModelNow().graph_rows, 300);
  EXPECT_FALSE(test_.log.Contains("is not used"));
  const auto all = ScanAll(*db_);
  ASSERT_OK(all);
  for (const Record& record : *all) {  // by the graph
    const auto nearest = db_->Similar({.model = "a", .embedding = record.embedding, .k = 1});
    ASSERT_OK(nearest);
    EXPECT_EQ(nearest->at(0).key, record.key);
  }
}

TEST_P(CareOfIndexes, StatsTellOfGraphFileAndTail) {
  ASSERT_OK(db_->Reindex("", {}));
  ModelStats model = ModelNow();
  EXPECT_EQ(model.search, SearchKind::kHnsw);
  EXPECT_TRUE(model.loaded);
  EXPECT_EQ(model.graph_rows, 300);
  EXPECT_EQ(model.file_rows, 300);
  EXPECT_EQ(model.tail_rows, 0);
  EXPECT_GT(model.memory_bytes, 0);
  EXPECT_EQ(model.file_bytes, static_cast<std::int64_t>(fs::file_size(FilesEnding(".index")[0])));
  EXPECT_EQ(StatsNow().files.index, model.file_bytes);
  Reopen();
  AddMany("a", kDimension, 10);
  model = ModelNow();
  EXPECT_FALSE(model.loaded);
  EXPECT_EQ(model.graph_rows, 300);
  EXPECT_EQ(model.file_rows, 300);
  EXPECT_EQ(model.tail_rows, 10);
  EXPECT_EQ(model.memory_bytes, 0);
  Answers();
  model = ModelNow();
  EXPECT_TRUE(model.loaded);
  EXPECT_EQ(model.records, 310);
  EXPECT_EQ(model.graph_rows, 300);
  EXPECT_EQ(model.tail_rows, 10);
}

TEST_P(CareOfIndexes, AnIndexOfAnotherMomentOrPrecisionDoesNotCount) {
  ASSERT_OK(db_->Reindex("", {}));
  OpenWith("&index=hnsw&precision=i8");
  EXPECT_EQ(ModelNow().file_rows, 0);
  EXPECT_EQ(ModelNow().tail_rows, 300);
  EXPECT_GT(ModelNow().file_bytes, 0);
  Reopen();
  const fs::path index = FilesEnding(".index")[0];
  fs::copy_file(index, folder_.File("old"));
  ASSERT_OK(db_->Reindex("", {}));
  fs::rename(folder_.File("old"), index);
  Reopen();
  EXPECT_EQ(ModelNow().file_rows, 0);
}

TEST_P(CareOfIndexes, ReindexMendsADamagedFile) {
  ASSERT_OK(db_->Reindex("", {}));
  const auto before = Answers();
  ASSERT_OK(db_->Close());
  db_.reset();
  const fs::path index = FilesEnding(".index")[0];
  fs::resize_file(index, fs::file_size(index) / 2);
  std::ofstream(index.parent_path() / "0000000000000000.index") << "of a model that is no more";
  std::ofstream(index.parent_path() / "0000000000000001.index.unusable") << "set aside";
  Reopen();
  ASSERT_OK(db_->Reindex("", {}));
  Reopen();
  EXPECT_EQ(Answers(), before);
  EXPECT_EQ(ModelNow().file_rows, 300);
  EXPECT_EQ(FilesEnding(".index"), std::vector<fs::path>{index});
  EXPECT_THAT(FilesEnding(".unusable"), IsEmpty());
  EXPECT_FALSE(test_.log.Contains("is not used"));
}

TEST_P(CareOfIndexes, SearchesAndWritesGoOnWhileItReindexes) {
  const Record one = MakeRecord("one", "one", "a", std::vector<float>(kDimension, 5.0F));
  Add(one);
  std::atomic<int> rounds = 0;
  std::jthread searcher([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto nearest = db_->Similar({.model = "a", .embedding = one.embedding, .k = 1});
      EXPECT_OK(nearest);
      EXPECT_EQ(nearest->at(0).key, one.key);
      ++rounds;
    }
  });
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      EXPECT_OK(db_->Add(MakeRecord("w", std::to_string(i % 50), "a",
                                    std::vector<float>(kDimension, static_cast<float>(-i)))));
    }
  });
  for (int i = 0; i < 5 || rounds < 5; ++i) {
    EXPECT_OK(db_->Reindex("a", {}));
  }
  searcher.request_stop();
  writer.request_stop();
  searcher.join();
  writer.join();
  Reopen();
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
  EXPECT_EQ(db_->Similar({.model = "a", .embedding = one.embedding, .k = 1})->at(0).key, one.key);
}

TEST_P(CareOfIndexes, CompactingLeavesIndexFilesWithoutGoneRows) {
  ASSERT_OK(db_->Reindex("", {}));
  RemoveHalf();
  const auto before = Answers();
  const auto report = db_->Compact();
  ASSERT_OK(report);
  EXPECT_LT(report->after.index, report->before.index);
  Reopen();
  EXPECT_EQ(ModelNow().file_rows, 150);
  EXPECT_EQ(Answers(), before);
  EXPECT_FALSE(test_.log.Contains("is not used"));
}

TEST_P(CareOfIndexes, AnIndexWithoutGoneRowsStaysInUseWhenItIsCompacted) {
  ASSERT_OK(db_->Reindex("", {}));
  const auto before = Answers();
  const auto written = fs::last_write_time(FilesEnding(".index")[0]);
  ASSERT_OK(db_->Compact());
  Reopen();
  EXPECT_EQ(Answers(), before);
  EXPECT_EQ(ModelNow().file_rows, 300);
  EXPECT_EQ(fs::last_write_time(FilesEnding(".index")[0]), written);
  EXPECT_FALSE(test_.log.Contains("is not used"));
}

TEST(CareOfMulti, EachMemberIsToldApart) {
  const TempDir folder;
  TestContext test;
  const std::string one = "sqlite://?dsn=" + folder.File("one.db") + "&dimensions=3";
  const std::string two = "lmdb://" + folder.File("two");
  const auto db =
      test.Open("multi://?database=" + PercentEncode(one) + "&database=" + PercentEncode(two));
  ASSERT_OK(db);
  ASSERT_OK((*db)->Add(MakeRecord("p", "1", "three", {1, 2, 3})));
  ASSERT_OK((*db)->Add(MakeRecord("p", "1", "two", {1, 2})));
  ASSERT_OK((*db)->Add(MakeRecord("p", "2", "two", {1, 2})));
  const auto stats = (*db)->Stats();
  ASSERT_OK(stats);
  EXPECT_EQ(stats->records, 3);
  ASSERT_EQ(stats->members.size(), 2U);
  EXPECT_EQ(stats->members[0].records, 1);
  EXPECT_EQ(stats->members[0].uri, one);
  EXPECT_EQ(stats->members[1].records, 2);
  EXPECT_EQ(stats->members[1].models.at(0).name, "two");
  EXPECT_EQ(stats->members[0].files.total() + stats->members[1].files.total(),
            stats->files.total());
  const auto compacted = (*db)->Compact();
  ASSERT_OK(compacted);
  ASSERT_EQ(compacted->members.size(), 2U);
  EXPECT_EQ(compacted->members[1].uri, two);
}

TEST(CareOfNull, ThereIsNothing) {
  TestContext test;
  const auto db = test.Open("null://");
  ASSERT_OK(db);
  ASSERT_OK((*db)->Add(MakeRecord("p", "1", "m", {1})));
  EXPECT_EQ((*db)->Stats()->records, 0);
  EXPECT_EQ((*db)->Compact()->before.total(), 0);
  EXPECT_TRUE((*db)->Reindex("", {})->empty());
}

// A suite that finds nothing proves nothing.
using CareCanary = Canary;
EDB_FOR_ONE_ENGINE(CareCanary);

using StatsTest = CareOfStores_StatsAreWhatWasPutIn_Test;
using CompactTest = CareOfStores_AfterCompactingEveryRecordIsThereAndTheFilesAreSmaller_Test;
using ReindexTest = CareOfIndexes_ReindexWritesAFileThatIsUsedAndAnswersStayTheSame_Test;

TEST_P(CareCanary, WrongStatsAreNoticed) {
  EXPECT_TRUE(Notices<StatsTest>(Fault::kStatsCountGone));
  EXPECT_TRUE(Notices<StatsTest>(Fault::kStatsForgetModel));
  EXPECT_FALSE(Notices<StatsTest>(Fault::kSkipReplaces));
}

TEST_P(CareCanary, AReindexThatDoesNothingOrLosesRecordsIsNoticed) {
  EXPECT_TRUE(Notices<ReindexTest>(Fault::kReindexDoesNothing));
  EXPECT_TRUE(Notices<ReindexTest>(Fault::kReindexDropsRecords));
  EXPECT_FALSE(Notices<ReindexTest>(Fault::kSkipReplaces));
}

TEST_P(CareCanary, ACompactThatDoesNothingOrLosesRecordsIsNoticed) {
  EXPECT_TRUE(Notices<CompactTest>(Fault::kCompactDoesNothing));
  EXPECT_TRUE(Notices<CompactTest>(Fault::kCompactDropsLast));
  EXPECT_FALSE(Notices<CompactTest>(Fault::kSkipReplaces));
}

}  // namespace
}  // namespace embeddingsdb
