// SPDX-License-Identifier: BSD-3-Clause
//
// Engines that keep index files beside their records: answers are the same with them, without them,
// and with files that are damaged, of another database or of another moment.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <tuple>

#include "embeddingsdb/limits.h"

#include "conformance/engines_under_test.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;

std::vector<EngineUnderTest> EnginesWithIndexFiles() {
  std::vector<EngineUnderTest> engines = EnginesUnderTest();
  std::erase_if(engines, [](const EngineUnderTest& engine) { return !engine.keeps_index_files; });
  return engines;
}

class IndexFilesOfEngines : public EngineTest {
 protected:
  static constexpr int kDimension = 12;
  static constexpr const char* kModel = "a model / with a name: odd";

  void SetUp() override { Reopen(); }
  void Reopen(const std::string& options = {}) { OpenWith("&index=hnsw" + options); }

  void AddMany(int count) {
    std::vector<Record> batch;
    for (int i = 0; i < count; ++i) {
      const std::string id = std::to_string(next_++);
      batch.push_back(MakeRecord("p" + std::to_string(next_ % 4), id, kModel,
                                 RandomVector(random_, kDimension)));
      records_.push_back(batch.back());
    }
    ASSERT_OK(db_->AddBatch(batch));
  }
  void RemoveSome() {
    for (int i = 0; i < 20; ++i) {
      const std::size_t place = random_() % records_.size();
      ASSERT_OK(db_->Remove(records_[place].key));
      records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(place));
    }
  }
  void ReplaceSome() {
    for (int i = 0; i < 20; ++i) {
      Record& record = records_[random_() % records_.size()];
      record.embedding = RandomVector(random_, kDimension);
      ASSERT_OK(db_->Add(record));
    }
  }

  /// Every record finds itself, alone at distance 0; and exact answers are as many as there should
  /// be.
  void ExpectRight() {
    for (const Record& record : records_) {
      const auto nearest = db_->Similar({.model = kModel, .embedding = record.embedding, .k = 1});
      ASSERT_OK(nearest);
      ASSERT_EQ(nearest->size(), 1U);
      ASSERT_EQ((*nearest)[0].key, record.key);
      ASSERT_EQ((*nearest)[0].distance, 0);
      ASSERT_EQ((*nearest)[0].subject_id, record.subject_id);
      ASSERT_EQ((*nearest)[0].attributes, record.attributes);
    }
    const auto all = db_->Similar({.model = kModel,
                                   .embedding = records_[0].embedding,
                                   .k = kMaxResults,
                                   .max_distance = 0,
                                   .exact = true});
    ASSERT_OK(all);
    EXPECT_EQ(all->size(), records_.size());
    EXPECT_TRUE(db_->Verify()->problems.empty());
  }

  std::vector<fs::path> FilesEnding(const std::string& extension) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (entry.path().extension() == extension) {
        files.push_back(entry.path());
      }
    }
    return files;
  }
  /// Loads the index and waits for its file.
  void MakeIndexFile() {
    ASSERT_OK(db_->Similar({.model = kModel, .embedding = records_[0].embedding}));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (FilesEnding(".index").empty() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_EQ(FilesEnding(".index").size(), 1U);
    // The stamp in the database follows the file.
    ASSERT_OK(db_->Close());
    db_.reset();
  }
  bool WasUsed() const { return !test_.log.Contains("is not used"); }

  std::mt19937_64 random_{TestSeed()};
  int next_ = 0;
  std::vector<Record> records_;
};
INSTANTIATE_TEST_SUITE_P(Engines, IndexFilesOfEngines, testing::ValuesIn(EnginesWithIndexFiles()),
                         [](const auto& engine) { return engine.param.name; });

TEST_P(IndexFilesOfEngines, ChangesSinceTheFileAreSeen) {
  AddMany(400);
  MakeIndexFile();
  Reopen();
  ExpectRight();
  RemoveSome();
  ReplaceSome();
  AddMany(50);
  ExpectRight();
  Reopen();
  ExpectRight();
  RemoveSome();
  Reopen("&read-only=true");
  ExpectRight();
  EXPECT_TRUE(WasUsed());
}

// Wherever an answer comes from: codes that are the vectors make it the index's.
TEST_P(IndexFilesOfEngines, AnswersSayWhatRecordsSay) {
  for (const char* precision : {"&precision=f32", "&precision=i8"}) {
    SCOPED_TRACE(precision);
    Reopen(precision);
    AddMany(60);
    Attributes many;
    for (std::size_t i = 0; i < kMaxAttributes; ++i) {
      many.emplace("name " + std::to_string(i), "v" + std::to_string(i));
    }
    Attributes longest = {{"preview", std::string(kMaxAttributeValueBytes, 'x')}};
    const std::vector<std::pair<std::string, Attributes>> odd = {
        {"", {}},
        {"", {{"empty", ""}}},
        {"\u65e5\u672c \U0001F3A8",
         {{"line\u00a0key", "one\ntwo\r\n\t\"four\", 'five'"}, {"\\", "{}"}}},
        {"many", many},
        {"long", longest},
        {std::string(kMaxSubjectIdBytes, 's'), {{"half", std::string(600, 'y')}}},
    };
    for (std::size_t i = 0; i < odd.size(); ++i) {
      std::tie(records_[i].subject_id, records_[i].attributes) = odd[i];
      ASSERT_OK(db_->Add(records_[i]));
    }
    ExpectRight();
    MakeIndexFile();
    Reopen(precision);
    ExpectRight();
    for (std::size_t i = 0; i < odd.size(); ++i) {
      std::tie(records_[i + 3].subject_id, records_[i + 3].attributes) = odd[i];
      ASSERT_OK(db_->Add(records_[i + 3]));
    }
    ASSERT_OK(db_->Remove(records_.back().key));
    records_.pop_back();
    ExpectRight();
    Reopen(precision);
    ExpectRight();
    Reopen(std::string(precision) + "&read-only=true");
    ExpectRight();
  }
}

TEST_P(IndexFilesOfEngines, ChangesBeforeTheFirstSearchAreSeen) {
  AddMany(300);
  MakeIndexFile();
  for (int round = 0; round < 3; ++round) {
    Reopen();
    RemoveSome();
    ReplaceSome();
    AddMany(10);
  }
  ExpectRight();
  EXPECT_TRUE(WasUsed());
}

TEST_P(IndexFilesOfEngines, ADamagedFileIsSetAsideAndBuiltAgain) {
  AddMany(200);
  MakeIndexFile();
  const fs::path file = FilesEnding(".index")[0];
  {
    std::fstream damage(file, std::ios::binary | std::ios::in | std::ios::out);
    damage.seekp(5'000).put('\x5a').put('\x5a');
  }
  Reopen();
  ExpectRight();
  EXPECT_TRUE(test_.log.Contains("is not used"));
  EXPECT_EQ(FilesEnding(".unusable").size(), 1U);
  MakeIndexFile();
  Reopen();
  ExpectRight();
}

TEST_P(IndexFilesOfEngines, AFileThatIsNoneIsSetAside) {
  AddMany(100);
  MakeIndexFile();
  const fs::path file = FilesEnding(".index")[0];
  for (const std::string& content : {std::string(), std::string(100, 'x'), std::string(9'000, 0)}) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
    Reopen("&read-only=true");
    ExpectRight();
    EXPECT_TRUE(fs::exists(file)) << "who only reads changes nothing";
  }
  Reopen();
  ExpectRight();
  EXPECT_EQ(FilesEnding(".unusable").size(), 1U);
}

TEST_P(IndexFilesOfEngines, TheFileOfAnotherMomentIsNotUsed) {
  AddMany(200);
  MakeIndexFile();
  // A copy of the whole, without its index.
  const fs::path index = FilesEnding(".index")[0];
  const TempDir copy;
  fs::copy(folder_.path(), copy.path(),
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  const std::vector<Record> then = records_;
  // Life goes on: the same row ids are given to other records than after the copy is restored.
  Reopen();
  AddMany(300);
  fs::remove(index);
  Reopen();
  MakeIndexFile();
  fs::copy(index, copy.path() + "/newer");
  fs::remove_all(folder_.path());
  fs::copy(copy.path(), folder_.path(), fs::copy_options::recursive);
  fs::rename(folder_.path() + "/newer", index);
  records_ = then;
  Reopen();
  AddMany(300);
  ExpectRight();
  EXPECT_FALSE(WasUsed());
}

TEST_P(IndexFilesOfEngines, WithoutItsFolderTheIndexIsBuiltAgain) {
  AddMany(100);
  MakeIndexFile();
  fs::remove_all(FilesEnding(".index")[0].parent_path());
  Reopen();
  ExpectRight();
  EXPECT_TRUE(WasUsed());
}

TEST_P(IndexFilesOfEngines, WhatAKilledProcessLeftIsRemoved) {
  AddMany(10);
  MakeIndexFile();
  const fs::path folder = FilesEnding(".index")[0].parent_path();
  const fs::path left = folder / ".0123456789abcdef.index.tmp-1-0";
  std::ofstream(left) << "half an index";
  Reopen();
  EXPECT_FALSE(fs::exists(left));
  ExpectRight();
}

TEST_P(IndexFilesOfEngines, AnotherPrecisionOrMetricGetsAnotherFile) {
  AddMany(100);
  MakeIndexFile();
  Reopen("&precision=i8");
  ExpectRight();
  EXPECT_FALSE(WasUsed());
}

}  // namespace
}  // namespace embeddingsdb
