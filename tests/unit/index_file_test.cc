// SPDX-License-Identifier: BSD-3-Clause
//
// Indexes that are kept in files: what is found after loading one, what a file lacks, and files
// that must not be used.
#include "index/index_file.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

// The library's functions would have to be linked.
#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the library asks for it
#include <xxhash.h>

#include "core/text.h"
#include "index/coded_rows.h"
#include "index/index_set.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using Vector = std::vector<float>;
constexpr int kDimension = 8;

/// One file, and the stamp that a database would keep.
class OneFile final : public IndexFiles {
 public:
  explicit OneFile(std::string path) : path_(std::move(path)) {}

  bool writable() const override { return writable_; }
  Result<std::shared_ptr<const IndexFile>> Open(std::string_view /*model*/,
                                                const VectorCodec& codec) override {
    Result<std::shared_ptr<const IndexFile>> file = IndexFile::Open(*env_, path_, codec, stamp_);
    last_ = file.status();
    return file;
  }
  Result<std::shared_ptr<const IndexFile>> Write(std::string_view /*model*/,
                                                 const VectorCodec& codec,
                                                 const IndexFileContents& contents,
                                                 CodeView codes) override {
    ++writes_;
    if (full_) {
      return ResourceExhaustedError("the disk is full");
    }
    IndexFileContents stamped = contents;
    stamped.stamp = ++stamp_;
    EDB_TRY(IndexFile::Write(*env_, path_, stamped, {codec, codes}));
    return IndexFile::Open(*env_, path_, codec, stamp_);
  }

  const std::string& path() const { return path_; }
  const Status& last() const { return last_; }
  int writes() const { return writes_; }
  void set_writable(bool writable) { writable_ = writable; }
  void set_full(bool full) { full_ = full; }
  void Restamp() { ++stamp_; }

 private:
  std::string path_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
  std::uint64_t stamp_ = 7;
  Status last_;
  std::atomic<int> writes_ = 0;
  bool writable_ = true;
  bool full_ = false;
};

/// A record store of one model, "m", and index sets over it.
class IndexFileTest : public testing::Test {
 protected:
  void Add(std::size_t count) {
    std::normal_distribution<float> gauss;
    for (std::size_t i = 0; i < count; ++i) {
      Vector vector(kDimension);
      std::generate(vector.begin(), vector.end(), [&] { return gauss(random_); });
      store_[++last_id_] = vector;
    }
  }
  static Key KeyOf(RowId row) { return {Concat("p", row % 3), Concat("d", row), "m"}; }
  /// Some rows have none.
  static std::string DetailsOf(RowId row) {
    RowDetailsWriter writer;
    return std::string(row % 7 == 0 ? "" : writer.Write(Concat("s", row), {{"n", Concat(row)}}));
  }

  IndexSetOptions Options() {
    return {.mode = IndexMode::kHnsw, .precision = precision_, .files = &files_, .least_growth = 1};
  }
  Status Load(IndexSet& set) {
    visited_ = 0;
    return set.Load("m", {.dimension = kDimension,
                          .rows = store_.size(),
                          .visit = [&](RowId after, const IndexSet::RowSink& sink) -> Status {
                            for (auto row = store_.upper_bound(after); row != store_.end(); ++row) {
                              const Key key = KeyOf(row->first);
                              ++visited_;
                              EDB_TRY(sink({row->first, key.provider, key.depiction_id, row->second,
                                            DetailsOf(row->first)}));
                            }
                            return {};
                          },
                          .list = [&](RowId last) -> Result<std::vector<RowId>> {
                            std::vector<RowId> rows;
                            for (const auto& [row, vector] : store_) {
                              if (row <= last) {
                                rows.push_back(row);
                              }
                            }
                            return rows;
                          }});
  }
  static void Await(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_TRUE(condition());
  }
  /// Makes a file of what is in the store.
  void MakeFile() {
    IndexSet set(Options());
    const int before = files_.writes();
    ASSERT_OK(Load(set));
    Await([&] { return files_.writes() > before && set.file_size("m") >= store_.size(); });
  }

  /// Every row finds itself, and is found with its key and, where nothing is read, its details;
  /// rows that are gone are not found.
  void ExpectEveryRowFound(const IndexSet& set) {
    EXPECT_EQ(set.size("m"), store_.size());
    const auto read = [&](std::span<const IndexHit> hits) {
      std::vector<std::span<const float>> vectors;
      for (const IndexHit& hit : hits) {
        const auto row = store_.find(hit.row);
        vectors.push_back(row == store_.end() ? std::span<const float>() : row->second);
      }
      return Result<std::vector<std::span<const float>>>(std::move(vectors));
    };
    for (const auto& [row, vector] : store_) {
      const auto hits = set.Search("m", {.embedding = vector, .k = 3, .max_distance = 1e9F}, read);
      ASSERT_OK(hits);
      ASSERT_TRUE(hits->has_value()) << "near row " << row << " is one that is gone";
      ASSERT_FALSE((*hits)->empty());
      ASSERT_EQ((**hits)[0].row, row);
      ASSERT_EQ((**hits)[0].key, KeyOf(row));
      ASSERT_EQ((**hits)[0].details, precision_ == Precision::kF32 ? DetailsOf(row) : "");
    }
  }

  std::string ReadFile() const {
    std::ifstream in(files_.path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void WriteFile(const std::string& bytes) const {
    std::ofstream(files_.path(), std::ios::binary) << bytes;
  }

  TempDir dir_;
  OneFile files_{dir_.path() + "/m.index"};
  Precision precision_ = Precision::kBf16;
  std::mt19937 random_{11};
  RowId last_id_ = 0;
  std::map<RowId, Vector> store_;
  std::size_t visited_ = 0;
};

TEST_F(IndexFileTest, WhatWasWrittenIsFoundAgainInEveryPrecision) {
  Add(500);
  for (const Precision precision :
       {Precision::kBf16, Precision::kF32, Precision::kF16, Precision::kI8}) {
    precision_ = precision;
    MakeFile();
    IndexSet set(Options());
    ASSERT_OK(Load(set));
    EXPECT_EQ(visited_, 0U) << "nothing is read from the store";
    EXPECT_EQ(set.file_size("m"), 500U);
    EXPECT_EQ(set.graph_size("m"), 500U);
    ExpectEveryRowFound(set);
  }
}

TEST_F(IndexFileTest, RowsThatCameLaterAreReadFromTheStore) {
  Add(5'000);  // more than a chunk, and not whole chunks
  MakeFile();
  Add(300);
  files_.set_writable(false);
  IndexSet set(Options());
  ASSERT_OK(Load(set));
  EXPECT_EQ(visited_, 300U);
  ExpectEveryRowFound(set);
}

TEST_F(IndexFileTest, RowsThatWentLaterAreNotFound) {
  precision_ = Precision::kF32;
  Add(400);
  MakeFile();
  for (RowId row = 5; row < 400; row += 6) {
    store_.erase(row);
  }
  store_.erase(400);
  store_.erase(399);
  Add(30);
  store_.erase(last_id_ - 2);
  IndexSet set(Options());
  ASSERT_OK(Load(set));
  EXPECT_EQ(visited_, 29U);
  ExpectEveryRowFound(set);
}

TEST_F(IndexFileTest, AFileThatLacksRowsIsNotUsed) {
  Add(100);
  const Vector taken = store_[50];
  store_.erase(50);
  MakeFile();
  store_[50] = taken;
  IndexSet set(Options());
  ASSERT_OK(Load(set));
  EXPECT_EQ(visited_, 100U);
  ExpectEveryRowFound(set);
}

TEST_F(IndexFileTest, AGraphGoesOnGrowingFromAFile) {
  precision_ = Precision::kF32;
  Add(1'000);
  MakeFile();
  Add(1'000);
  IndexSet set(Options());
  ASSERT_OK(Load(set));
  EXPECT_EQ(visited_, 1'000U);
  Await([&] { return set.file_size("m") == 2'000; });
  EXPECT_EQ(set.graph_size("m"), 2'000U);
  ExpectEveryRowFound(set);
  IndexSet again(Options());
  ASSERT_OK(Load(again));
  EXPECT_EQ(visited_, 0U);
  ExpectEveryRowFound(again);
}

TEST_F(IndexFileTest, AFileIsWrittenAnewWhenTooManyRowsAreGone) {
  precision_ = Precision::kF32;
  Add(1'000);
  MakeFile();
  IndexSet set(Options());
  ASSERT_OK(Load(set));
  const int before = files_.writes();
  for (RowId row = 1; row <= 600; ++row) {
    set.Remove("m", row);
    store_.erase(row);
  }
  ASSERT_OK(set.AddBatch({}));
  Await([&] { return files_.writes() > before && set.file_size("m") == 400; });
  ExpectEveryRowFound(set);
}

TEST_F(IndexFileTest, WhatCannotBeWrittenIsKeptInMemoryAndTriedOnce) {
  precision_ = Precision::kF32;
  Add(400);
  files_.set_full(true);
  IndexSet set(Options());
  ASSERT_OK(Load(set));
  Await([&] { return set.graph_size("m") == 400 && files_.writes() == 1; });
  Add(400);
  std::vector<IndexRow> rows;
  std::vector<Key> keys;
  std::vector<std::string> details;
  keys.reserve(400);
  details.reserve(400);
  for (auto row = store_.upper_bound(400); row != store_.end(); ++row) {
    keys.push_back(KeyOf(row->first));
    details.push_back(DetailsOf(row->first));
    rows.push_back({.key = &keys.back(),
                    .row = row->first,
                    .replaced = {},
                    .vector = row->second,
                    .details = details.back()});
  }
  ASSERT_OK(set.AddBatch(rows));
  Await([&] { return set.graph_size("m") == 800; });
  ExpectEveryRowFound(set);
  EXPECT_EQ(set.file_size("m"), 0U);
  EXPECT_EQ(files_.writes(), 1);
}

TEST_F(IndexFileTest, NothingIsKeptInMemoryThatIsInTheFile) {
  Add(9'000);
  MakeFile();
  IndexSet set(Options());
  ASSERT_OK(Load(set));
  const std::size_t codes = 9'000U * kDimension * 2;
  EXPECT_LT(set.memory_bytes(), codes / 10);
}

TEST_F(IndexFileTest, RefusesFilesOfOtherVectorsOrAnotherState) {
  Add(20);
  MakeFile();
  const auto env = NewPosixEnv();
  const auto open = [&](Metric metric, Precision precision, int dimension, std::uint64_t stamp) {
    const VectorCodec codec(metric, precision, dimension);
    return IndexFile::Open(*env, files_.path(), codec, stamp).status();
  };
  EXPECT_OK(open(Metric::kL2, Precision::kBf16, kDimension, 8));
  EXPECT_FAILS(open(Metric::kL2, Precision::kBf16, kDimension, 9), kFailedPrecondition, "state");
  EXPECT_FAILS(open(Metric::kCosine, Precision::kBf16, kDimension, 8), kFailedPrecondition,
               "metric");
  EXPECT_FAILS(open(Metric::kL2, Precision::kF16, kDimension, 8), kFailedPrecondition, "precision");
  EXPECT_FAILS(open(Metric::kL2, Precision::kBf16, kDimension - 1, 8), kFailedPrecondition,
               "dimension");
  files_.Restamp();
  IndexSet set(Options());
  ASSERT_OK(Load(set));
  EXPECT_EQ(visited_, 20U);
  ExpectEveryRowFound(set);
}

TEST_F(IndexFileTest, AFileOfAnotherFormatVersionIsRefusedByIt) {
  Add(20);
  MakeFile();
  std::string file = ReadFile();
  char* const trailer = file.data() + file.size() - 4'096;
  trailer[8] = 1;
  const std::uint64_t sum = XXH3_64bits(trailer, 4'088);
  std::memcpy(trailer + 4'088, &sum, sizeof(sum));
  WriteFile(file);
  IndexSet set(Options());
  ASSERT_OK(Load(set));
  EXPECT_FAILS(files_.last(), kFailedPrecondition, "format version 1");
  EXPECT_EQ(visited_, 20U);
  ExpectEveryRowFound(set);
}

TEST_F(IndexFileTest, EveryFlippedBitIsNoticed) {
  Add(20);
  MakeFile();
  const std::string good = ReadFile();
  const VectorCodec codec(Metric::kL2, Precision::kBf16, kDimension);
  std::fstream file(files_.path(), std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t place, int byte) {
    file.seekp(static_cast<std::streamoff>(place)).put(static_cast<char>(byte)).flush();
  };
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    put(bit / 8, good[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_FALSE(files_.Open("m", codec).ok()) << "bit " << bit;
    put(bit / 8, good[bit / 8]);
  }
  EXPECT_OK(files_.Open("m", codec));
}

TEST_F(IndexFileTest, EveryOtherLengthIsNoticed) {
  Add(20);
  MakeFile();
  const std::string good = ReadFile();
  const VectorCodec codec(Metric::kL2, Precision::kBf16, kDimension);
  for (std::size_t length = 0; length < good.size(); length += 1 + length / 100) {
    WriteFile(good.substr(0, length));
    ASSERT_FALSE(files_.Open("m", codec).ok()) << "length " << length;
    WriteFile(good.substr(length));
    ASSERT_EQ(files_.Open("m", codec).ok(), length == 0) << "without the first " << length;
  }
  WriteFile(good + std::string(64, '\0'));
  EXPECT_FALSE(files_.Open("m", codec).ok());
  WriteFile(good + good);
  EXPECT_FALSE(files_.Open("m", codec).ok());
}

// Checksums do not help against who can compute them: the numbers themselves have to fit.
TEST_F(IndexFileTest, PartsThatDoNotFitAreRefusedHoweverWellTheyAreSummed) {
  constexpr int kSketched = 128;
  const auto codec = std::make_shared<const VectorCodec>(Metric::kL2, Precision::kBf16, kSketched);
  CodedRows rows(codec);
  for (RowId row = 1; row <= 3; ++row) {
    ASSERT_OK(
        rows.Append({row, row == 2 ? "b" : "a", "depiction", "\1s\1n\1v"}, Vector(kSketched, 1)));
  }
  struct Parts {
    std::vector<Slot> base = std::vector<Slot>(3 * HnswGraph::kBaseLinks, HnswGraph::kNone);
    std::vector<Slot> down = {2};
    std::vector<Slot> links = std::vector<Slot>(HnswGraph::kUpperLinks, HnswGraph::kNone);
    std::vector<HiddenRow> hidden = {{.slot = 1, .anchor = 2}};
    std::vector<float> centre = std::vector<float>(kSketched);
    std::vector<std::byte> sketches = std::vector<std::byte>(3 * (kSketched / 8 + 16));
    std::vector<RowId> ids = {1, 2, 3};
    std::vector<std::uint32_t> providers_of = {0, 1, 0};
    std::vector<Slot> starts = {0, 2, 3};
    std::vector<Slot> provider_rows = {0, 2, 1};
    std::vector<std::uint64_t> ends = {9, 18, 27};
    std::vector<std::uint64_t> detail_ends = {6, 12, 18};
    std::string details = "\1s\1n\1v\1s\1n\1v\1s\1n\1v";
    std::vector<std::uint64_t> gone = {0};
    Slot entry = 0;
  };
  const auto env = NewPosixEnv();
  const auto written = [&](const std::function<void(Parts&)>& change) {
    Parts parts;
    change(parts);
    IndexFileContents contents = rows.Describe(3);
    contents.stamp = 7;
    contents.ids = parts.ids;
    contents.providers_of = parts.providers_of;
    contents.provider_starts = parts.starts;
    contents.provider_rows = parts.provider_rows;
    contents.depiction_ends = parts.ends;
    contents.detail_ends = parts.detail_ends;
    contents.details = parts.details;
    contents.gone = parts.gone;
    contents.hidden = parts.hidden;
    contents.centre = parts.centre;
    contents.sketches = parts.sketches;
    contents.graph = {
        .base = parts.base, .levels = {{parts.down, parts.links}}, .entry = parts.entry};
    EXPECT_OK(IndexFile::Write(*env, files_.path(), contents, {*codec, rows.codes()}));
    return IndexFile::Open(*env, files_.path(), *codec, 7).status();
  };
  ASSERT_OK(written([](Parts&) {}));
  ASSERT_OK(written([](Parts& parts) {
    parts.detail_ends = {6, 6, 12};  // those of the second row are not kept
    parts.details.resize(12);
  }));
  const std::vector<std::function<void(Parts&)>> changes = {
      [](Parts& parts) { parts.base[40] = 3; },
      [](Parts& parts) { parts.base.resize(64); },
      [](Parts& parts) { parts.down[0] = 3; },
      [](Parts& parts) { parts.down.clear(); },
      [](Parts& parts) { parts.links[0] = 1; },
      [](Parts& parts) { parts.links.pop_back(); },
      [](Parts& parts) { parts.entry = 1; },
      [](Parts& parts) { parts.hidden[0].slot = 3; },
      [](Parts& parts) { parts.hidden[0].anchor = 3; },
      [](Parts& parts) { parts.hidden.push_back({.slot = 0, .anchor = 1}); },
      [](Parts& parts) { parts.centre.pop_back(); },
      [](Parts& parts) { parts.centre.clear(); },
      [](Parts& parts) { parts.sketches.pop_back(); },
      [](Parts& parts) { parts.sketches.clear(); },
      [](Parts& parts) { parts.ids[1] = 3; },
      [](Parts& parts) { parts.ids = {3, 2, 1}; },
      [](Parts& parts) { parts.providers_of[1] = 2; },
      [](Parts& parts) { parts.providers_of.pop_back(); },
      [](Parts& parts) { parts.starts[1] = 4; },
      [](Parts& parts) { parts.starts = {0, 3}; },
      [](Parts& parts) { parts.starts[0] = 1; },
      [](Parts& parts) { parts.provider_rows[1] = 3; },
      [](Parts& parts) { parts.ends[1] = 28; },
      [](Parts& parts) { parts.ends[2] = 26; },
      [](Parts& parts) { parts.detail_ends[1] = 13; },
      [](Parts& parts) { parts.detail_ends[1] = 19; },
      [](Parts& parts) { parts.detail_ends = {6, 5, 18}; },
      [](Parts& parts) { parts.detail_ends[2] = 17; },
      [](Parts& parts) { parts.detail_ends.pop_back(); },
      [](Parts& parts) { parts.details[4] = 2; },
      [](Parts& parts) { parts.details[12] = 127; },
      [](Parts& parts) { parts.details[16] = static_cast<char>(0xff); },
      [](Parts& parts) { parts.gone[0] = 8; },
      [](Parts& parts) { parts.gone.clear(); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "change " << i);
    EXPECT_FAILS(written(changes[i]), kDataLoss, "do not fit");
  }
}

}  // namespace
}  // namespace embeddingsdb
