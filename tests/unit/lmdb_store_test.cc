// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <tuple>
#include <unistd.h>

#include "unit/lmdb_fixture.h"

namespace embeddingsdb {
namespace {

using ::testing::IsEmpty;

/// A process that answers numbers by numbers. To be made before this one opens the same folder:
/// LMDB's handles must not be inherited.
class Process {
 public:
  explicit Process(const std::function<int(int)>& answer) {
    std::array<int, 2> question{};
    std::array<int, 2> reply{};
    EXPECT_EQ(pipe(question.data()), 0);
    EXPECT_EQ(pipe(reply.data()), 0);
    pid_ = fork();
    if (pid_ == 0) {
      int number = 0;
      while (read(question[0], &number, sizeof(number)) == sizeof(number)) {
        number = answer(number);
        if (write(reply[1], &number, sizeof(number)) != sizeof(number)) {
          break;
        }
      }
      _exit(1);
    }
    close(question[0]);
    close(reply[1]);
    ask_ = question[1];
    reply_ = reply[0];
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { Kill(); }

  pid_t pid() const { return pid_; }
  int Ask(int number) {
    EXPECT_EQ(write(ask_, &number, sizeof(number)), ssize_t{sizeof(number)});
    number = -1;
    EXPECT_EQ(read(reply_, &number, sizeof(number)), ssize_t{sizeof(number)});
    return number;
  }
  void Kill() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      close(ask_);
      close(reply_);
      pid_ = 0;
    }
  }

 private:
  pid_t pid_ = 0;
  int ask_ = -1;
  int reply_ = -1;
};

TEST_F(LmdbStoreTest, KeepsRecordsAcrossReopening) {
  const Record record = MakeRecord("p", "d", "m", {1.5F, -0.0F, 1e-40F});
  {
    const auto store = Store();
    ASSERT_OK(PutAll(*store, {record}));
    ASSERT_OK(store->Close());
  }
  const auto store = Store();
  EXPECT_EQ(store->Get(record.key).value(), record);
  EXPECT_EQ(store->LastUpdate().value(), kLmdbNow);
}

TEST_F(LmdbStoreTest, KeepsAcknowledgedRecordsWhenTheProcessIsKilled) {
  for (const Durability durability :
       {Durability::kPower, Durability::kProcess, Durability::kBuffered}) {
    const std::string folder = dir_.File("killed" + std::to_string(static_cast<int>(durability)));
    std::unique_ptr<LmdbStore> in_child;
    Process process([&](int) {
      in_child = Open({.folder = folder, .durability = durability}).value();
      const bool stored = PutAll(*in_child, MakeRecords(0, 300, 100)).ok() &&
                          PutAll(*in_child, MakeRecords(300, 1, 100)).ok();
      return stored ? 1 : 0;
    });
    EXPECT_EQ(process.Ask(0), 1);
    EXPECT_FAILS(Open({.folder = folder}), kFailedPrecondition, std::to_string(process.pid()));
    process.Kill();
    const auto store = Store({.folder = folder});
    EXPECT_EQ(ScanOf(*store), MakeRecords(0, 301, 100));
    EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  }
}

TEST_F(LmdbStoreTest, NeverGivesARowIdTwice) {
  RowId last = 0;
  for (int i = 0; i < 3; ++i) {
    const auto store = Store();
    const RowId row = PutOne(*store, MakeRecord("p", "newest", "m", {1})).value();
    EXPECT_GT(row, last);
    EXPECT_EQ(store->Remove({"p", "newest", "m"}, kLmdbNow).value(), row);
    last = row;
    ASSERT_OK(store->Close());
  }
}

TEST_F(LmdbStoreTest, ReplacingGivesANewRowAndNamesTheOldOne) {
  const auto store = Store();
  const RowId first = PutOne(*store, MakeRecord("p", "d", "m", {1})).value();
  const auto results =
      PutAll(*store, {MakeRecord("p", "d", "m", {2}), MakeRecord("p", "e", "m", {3})}).value();
  EXPECT_GT(results.at(0).row, first);
  EXPECT_EQ(results.at(0).replaced, first);
  EXPECT_EQ(results.at(1).replaced, std::nullopt);
  EXPECT_EQ(store->Get({"p", "d", "m"}).value().value().embedding, std::vector<float>{2});
  const std::vector<RowRef> rows = {{results.at(0).row, {"p", "d", "m"}}, {first, {}}};
  const auto records = store->GetRows(rows, RowParts::kAll).value();
  EXPECT_EQ(records.at(0).value_or(Record()).subject_id, "subject-of-d");
  EXPECT_EQ(records.at(0).value_or(Record()).key, (Key{"p", "d", "m"}));
  EXPECT_EQ(records.at(1), std::nullopt);
}

TEST_F(LmdbStoreTest, RemovingAnAbsentRecordChangesNothing) {
  const auto store = Store();
  EXPECT_EQ(store->Remove({"p", "d", "m"}, kLmdbNow).value(), std::nullopt);
  EXPECT_EQ(store->LastUpdate().value(), 0);
}

TEST_F(LmdbStoreTest, VectorsOfAllLengthsAndBatchSizesComeBack) {
  const auto store = Store();
  std::vector<Record> all;
  const auto add = [&](const std::vector<Record>& records) {
    ASSERT_OK(PutAll(*store, records));
    all.insert(all.end(), records.begin(), records.end());
  };
  int first = 0;
  for (const std::size_t dimension : {1U, 3U, 4U, 500U, 512U, 1'024U, 8'192U}) {
    for (const int batch : {1, 1, 5, 40, 300}) {
      std::vector<Record> records = MakeRecords(first, batch, dimension);
      for (Record& record : records) {
        record.key.model += std::to_string(dimension);
      }
      add(records);
      first += batch;
    }
  }
  EXPECT_EQ(ScanOf(*store), all);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

TEST_F(LmdbStoreTest, SpaceOfRemovedVectorsIsUsedAgain) {
  const auto store = Store();
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 4; ++i) {
      ASSERT_OK(PutAll(*store, MakeRecords(i * 250, 250, 512)));
    }
  }
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  // Six times the vectors: what two commits freed cannot be used yet, and chunks are half empty
  // before they are shortened.
  EXPECT_LT(std::filesystem::file_size(data_file_), 12'000'000U);
  for (int i = 0; i < 1'000; i += 3) {
    ASSERT_OK(store->Remove({"p", "d" + std::to_string(i), "m"}, kLmdbNow));
  }
  EXPECT_EQ(ScanOf(*store).size(), 666U);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

TEST_F(LmdbStoreTest, ScanSeesOneMomentInRowOrder) {
  const auto store = Store();
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "z", "m", {1}), MakeRecord("q", "y", "m", {2}),
                            MakeRecord("p", "x", "n", {3})}));
  const std::unique_ptr<RecordCursor> cursor = store->Scan({{Column::kProvider, "p"}}).value();
  Record record;
  ASSERT_TRUE(cursor->Next(record).value());
  EXPECT_EQ(record.key.depiction_id, "z");
  ASSERT_OK(store->Remove({"p", "x", "n"}, kLmdbNow));
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "new", "m", {4})}));
  ASSERT_TRUE(cursor->Next(record).value());
  EXPECT_EQ(record.key.depiction_id, "x");
  EXPECT_FALSE(cursor->Next(record).value());
  EXPECT_FALSE(cursor->Next(record).value());
  EXPECT_EQ(ScanOf(*store).size(), 3U);
}

TEST_F(LmdbStoreTest, ScansWithinEveryFilter) {
  const auto store = Store();
  std::vector<Record> records;
  for (const char* provider : {"p", "q"}) {
    for (const char* model : {"m", "n"}) {
      for (const char* depiction : {"a", "b", "c"}) {
        records.push_back(MakeRecord(provider, depiction, model, {1}));
        records.back().subject_id = depiction[0] == 'c' ? "" : "s";
      }
    }
  }
  ASSERT_OK(PutAll(*store, records));
  const std::vector<std::vector<Filter>> filters = {
      {},
      {{Column::kProvider, "q"}},
      {{Column::kModel, "n"}},
      {{Column::kModel, "n"}, {Column::kProvider, "p"}},
      {{Column::kSubjectId, ""}},
      {{Column::kSubjectId, "s"}, {Column::kModel, "m"}},
      {{Column::kDepictionId, "b"}},
      {{Column::kDepictionId, "b"}, {Column::kSubjectId, "s"}},
      {{Column::kDepictionId, "b"}, {Column::kSubjectId, ""}},
      {{Column::kDepictionId, "none"}},
      {{Column::kProvider, "p"}, {Column::kProvider, "q"}},
      {{Column::kProvider, "p"}, {Column::kProvider, "p"}},
  };
  for (const std::vector<Filter>& filter : filters) {
    std::vector<Record> expected;
    std::copy_if(records.begin(), records.end(), std::back_inserter(expected),
                 [&](const Record& record) { return Matches(record, filter); });
    EXPECT_EQ(ScanOf(*store, filter), expected);
    EXPECT_EQ(store->Count(filter).value(), static_cast<std::int64_t>(expected.size()));
    RecordPage page;
    EXPECT_OK(store->List({.page = 1, .per_page = 100, .filters = filter}, page));
    EXPECT_EQ(page.total, static_cast<std::int64_t>(expected.size()));
    EXPECT_EQ(page.records.size(), expected.size());
  }
}

TEST_F(LmdbStoreTest, ListsKeysLongerThanLmdbsInOrder) {
  const auto store = Store();
  std::vector<Record> records;
  // Around the length where keys are cut, and far above it, with all of the difference behind.
  for (const std::size_t length :
       {400U, 485U, 486U, 487U, 488U, 489U, 490U, 494U, 495U, 496U, 1'023U}) {
    for (const char* end : {"", "b", "a"}) {
      records.push_back(MakeRecord("p", "d" + std::to_string(records.size()), "m", {1}));
      records.back().subject_id = std::string(length - 1, 's') + end;
    }
  }
  for (int i = 0; i < 20; ++i) {
    Record record = MakeRecord(std::string(255, 'p') + static_cast<char>('t' - i % 5),
                               std::string(1'023, 'd') + static_cast<char>('a' + i % 3),
                               std::string(254, 'm') + std::to_string(10 + i), {1, 2});
    record.subject_id = std::string(1'024, 's');
    records.push_back(std::move(record));
  }
  std::reverse(records.begin(), records.end());
  ASSERT_OK(PutAll(*store, records));
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) {
    return std::tie(a.subject_id, a.key.depiction_id, a.key.model, a.key.provider) <
           std::tie(b.subject_id, b.key.depiction_id, b.key.model, b.key.provider);
  });
  std::vector<Record> listed;
  for (std::int64_t number = 1; number <= 20; ++number) {
    RecordPage page;
    ASSERT_OK(store->List({.page = number, .per_page = 3}, page));
    EXPECT_EQ(page.total, static_cast<std::int64_t>(records.size()));
    listed.insert(listed.end(), page.records.begin(), page.records.end());
  }
  EXPECT_EQ(listed, records);
  const std::vector<Filter> subject = {{Column::kSubjectId, std::string(1'024, 's')}};
  EXPECT_EQ(store->Count(subject).value(), 20);
  for (const Record& record : records) {
    EXPECT_EQ(store->Get(record.key).value(), record);
  }
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  for (const Record& record : records) {
    ASSERT_TRUE(store->Remove(record.key, kLmdbNow).value().has_value());
  }
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  EXPECT_EQ(store->Count({}).value(), 0);
}

TEST_F(LmdbStoreTest, TellsKeysOfOneHashApart) {
  const LmdbStoreOptions options = {.folder = folder_,
                                    .key_hash = [](const Key&) -> std::uint64_t { return 7; }};
  auto store = Store(options);
  std::vector<Record> records = MakeRecords(0, 50, 3);
  records.push_back(MakeRecord("p2", "d1", "m", {1, 2, 3}));
  records.push_back(MakeRecord("p", "d1", "m2", {4, 5, 6}));
  ASSERT_OK(PutAll(*store, records));
  for (const Record& record : records) {
    EXPECT_EQ(store->Get(record.key).value(), record);
  }
  EXPECT_EQ(store->Get({"p", "d50", "m"}).value(), std::nullopt);
  records[3].embedding = {9, 9, 9};
  const auto put = PutAll(*store, {records[3], MakeRecord("p", "new", "m", {7, 7, 7})}).value();
  EXPECT_EQ(put.at(0).replaced, 4);
  EXPECT_EQ(put.at(1).replaced, std::nullopt);
  EXPECT_EQ(store->Get(records[3].key).value(), records[3]);
  ASSERT_TRUE(store->Remove(records[10].key, kLmdbNow).value().has_value());
  EXPECT_EQ(store->Get(records[10].key).value(), std::nullopt);
  EXPECT_EQ(store->Get(records[11].key).value(), records[11]);
  EXPECT_EQ(store->Count({{Column::kDepictionId, "d1"}}).value(), 3);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

TEST_F(LmdbStoreTest, AttributesOfManySetsOfNamesComeBack) {
  auto store = Store();
  std::vector<Record> records = MakeRecords(0, static_cast<int>(kMaxShapes) + 100, 1);
  for (Record& record : records) {
    record.attributes = {{"name of " + record.key.depiction_id, "x"}, {"also", ""}};
  }
  records.push_back(MakeRecord("p", "without", "m", {1}));
  records.back().attributes.clear();
  records.push_back(MakeRecord("p", "large", "m", {1}));
  records.back().attributes = {{"preview", std::string(24 * 1'024, '"')}};
  ASSERT_OK(PutAll(*store, records));
  ASSERT_OK(store->Close());
  store = Store();
  EXPECT_EQ(ScanOf(*store), records);
  ASSERT_OK(PutAll(*store, {records[0], records[4'150]}));
  EXPECT_EQ(store->Get(records[4'150].key).value(), records[4'150]);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

TEST_F(LmdbStoreTest, TheMapGrowsWhileReadersRead) {
  const LmdbStoreOptions options = {.folder = folder_, .map_size = 1U << 20U};
  const auto store = Store(options);
  ASSERT_OK(PutAll(*store, MakeRecords(0, 100, 100)));
  // Reads on with its old moment over several maps, in the writing thread.
  const std::unique_ptr<RecordCursor> cursor = store->Scan({}).value();
  Record record;
  ASSERT_TRUE(cursor->Next(record).value());
  std::atomic<bool> done = false;
  std::atomic<int> broken = 0;
  std::atomic<int> reads = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      while (!done) {
        const int number = (reads + i) % 100;
        const Record expected = MakeRecords(number, 1, 100)[0];
        const auto found = store->Get(expected.key);
        RecordPage page;
        const bool listed = store->List({.page = 2, .per_page = 20}, page).ok();
        broken += found.ok() && *found == expected && listed && page.records.size() == 20 ? 0 : 1;
        ++reads;
      }
    });
  }
  for (int batch = 1; batch < 20; ++batch) {
    EXPECT_OK(PutAll(*store, MakeRecords(batch * 1'000, 1'000, 512)));
    const int before = reads;
    while (reads < before + 2) {
      std::this_thread::yield();
    }
  }
  done = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(broken, 0);
  EXPECT_EQ(Drain(*cursor).value().size(), 99U);
  EXPECT_EQ(store->Count({}).value(), 19'100);
  EXPECT_GT(std::filesystem::file_size(data_file_), 32U << 20U);
}

TEST_F(LmdbStoreTest, AFullDatabaseRefusesTheWholeBatchAndServesOn) {
  auto store = Store({.folder = folder_, .map_size = 1U << 20U, .max_map_size = 2U << 20U});
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "old", "m", {1})}));
  std::vector<Record> batch = MakeRecords(0, 1'000, 1'000);
  batch.push_back(MakeRecord("p", "old", "m", {2}));
  EXPECT_FAILS(PutAll(*store, batch), kResourceExhausted, "full");
  EXPECT_EQ(store->Count({}).value(), 1);
  EXPECT_EQ(store->Get({"p", "old", "m"}).value().value().embedding, std::vector<float>{1});
  EXPECT_OK(PutAll(*store, {MakeRecord("p", "small", "m", {3})}));
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  ASSERT_OK(store->Close());
  store.reset();
  store = Store();
  EXPECT_OK(PutAll(*store, batch));
}

TEST_F(LmdbStoreTest, OnlyOneHandleWrites) {
  const auto store = Store();
  EXPECT_FAILS(Open(), kFailedPrecondition, std::to_string(getpid()));
  ASSERT_OK(store->Close());
  EXPECT_OK(Open());
}

TEST_F(LmdbStoreTest, ReadersFollowTheWriterOfThisProcess) {
  EXPECT_FAILS(Open({.folder = folder_, .read_only = true}), kNotFound, folder_);
  const auto writer = Store();
  auto reader = Open({.folder = folder_, .read_only = true}).value();
  const std::int64_t before = reader->ExternalChanges().value();
  EXPECT_EQ(reader->ExternalChanges().value(), before);
  ASSERT_OK(PutAll(*writer, {MakeRecord("p", "d", "m", {1})}));
  EXPECT_NE(reader->ExternalChanges().value(), before);
  EXPECT_EQ(writer->ExternalChanges().value(), 0);
  EXPECT_EQ(ScanOf(*reader).size(), 1U);
  EXPECT_FAILS(PutAll(*reader, {MakeRecord("p", "e", "m", {1})}), kFailedPrecondition, "read-only");
  EXPECT_FAILS(reader->Remove({"p", "d", "m"}, kLmdbNow), kFailedPrecondition, "read-only");
  // Closing one of two handles must leave the other its locks and its place among the readers.
  const std::unique_ptr<RecordCursor> cursor = writer->Scan({}).value();
  ASSERT_OK(reader->Close());
  reader.reset();
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(PutAll(*writer, {MakeRecord("p", "d", "m", {2})}));
  }
  EXPECT_EQ(Drain(*cursor).value().at(0).embedding, std::vector<float>{1});
}

TEST_F(LmdbStoreTest, AWriterAfterAReaderOfThisProcessIsRefusedByName) {
  ASSERT_OK(Store()->Close());
  const auto reader = Open({.folder = folder_, .read_only = true}).value();
  EXPECT_FAILS(Open(), kFailedPrecondition, "in this process");
  ASSERT_OK(reader->Close());
  EXPECT_OK(Open());
}

TEST_F(LmdbStoreTest, AReaderOfAnotherProcessFollowsAWriterThatGrows) {
  std::unique_ptr<LmdbStore> in_child;
  Process reader([&](int) {
    if (in_child == nullptr) {
      in_child = Open({.folder = folder_, .read_only = true, .map_size = 1U << 20U}).value();
    }
    return static_cast<int>(ScanOf(*in_child).size());
  });
  const auto writer = Store({.folder = folder_, .map_size = 1U << 20U});
  ASSERT_OK(PutAll(*writer, MakeRecords(0, 10, 512)));
  EXPECT_EQ(reader.Ask(0), 10);
  ASSERT_OK(PutAll(*writer, MakeRecords(10, 3'000, 512)));
  EXPECT_EQ(reader.Ask(0), 3'010);
  ASSERT_OK(writer->Remove({"p", "d3", "m"}, kLmdbNow));
  EXPECT_EQ(reader.Ask(0), 3'009);
}

TEST_F(LmdbStoreTest, AWriterOfAnotherProcessIsFollowedAndKeepsOthersOut) {
  std::unique_ptr<LmdbStore> in_child;
  Process writer([&](int count) {
    if (in_child == nullptr) {
      in_child = Open().value();
    }
    return PutAll(*in_child, MakeRecords(count, 1, 512)).ok() ? 1 : 0;
  });
  ASSERT_EQ(writer.Ask(0), 1);
  const auto reader = Open({.folder = folder_, .read_only = true}).value();
  for (int count = 1; count < 5; ++count) {
    const std::int64_t before = reader->ExternalChanges().value();
    ASSERT_EQ(writer.Ask(count), 1);
    EXPECT_NE(reader->ExternalChanges().value(), before);
    EXPECT_EQ(ScanOf(*reader), MakeRecords(0, count + 1, 512));
  }
  EXPECT_FAILS(Open(), kFailedPrecondition, std::to_string(writer.pid()));
}

TEST_F(LmdbStoreTest, ThePlaceOfAReaderThatWasKilledIsFreed) {
  ASSERT_OK(PutAll(*Store(), MakeRecords(0, 10, 512)));
  std::unique_ptr<LmdbStore> in_child;
  std::unique_ptr<RecordCursor> cursor;
  Process reader([&](int) {
    in_child = Open({.folder = folder_, .read_only = true}).value();
    cursor = in_child->Scan({}).value();
    Record record;
    return cursor->Next(record).value() ? 1 : 0;
  });
  const auto store = Store();
  EXPECT_EQ(reader.Ask(0), 1);
  const auto environment = LmdbEnvironment::Open({.folder = folder_}).value();
  EXPECT_EQ(environment->ClearStaleReaders(true), 0);
  reader.Kill();
  EXPECT_EQ(environment->ClearStaleReaders(false), 0);  // not again so soon
  EXPECT_EQ(environment->ClearStaleReaders(true), 1);
}

TEST_F(LmdbStoreTest, BatchesAppearWhole) {
  constexpr std::int64_t kBatch = 50;
  const auto store = Store();
  std::atomic<bool> done = false;
  std::atomic<std::int64_t> broken = 0;
  std::vector<std::thread> readers;
  readers.reserve(4);
  const auto read = [&] {
    while (!done) {
      RecordPage page;
      const bool listed = store->List({.page = 1, .per_page = 1'000}, page).ok();
      const auto size = static_cast<std::int64_t>(page.records.size());
      broken += listed && page.total == size && size % kBatch == 0 ? 0 : 1;
    }
  };
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back(read);
  }
  for (int batch = 0; batch < 10; ++batch) {
    EXPECT_OK(PutAll(*store, MakeRecords(batch * 1'000, kBatch, 3)));
  }
  done = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(broken, 0);
  EXPECT_EQ(store->Count({}).value(), 10 * kBatch);
}

TEST_F(LmdbStoreTest, RefusesCallsAfterCloseAndACursorMayOutliveIt) {
  auto store = Store();
  ASSERT_OK(PutAll(*store, MakeRecords(0, 2, 3)));
  const std::unique_ptr<RecordCursor> cursor = store->Scan({}).value();
  ASSERT_OK(store->Close());
  EXPECT_FAILS(store->Get({"p", "d", "m"}), kFailedPrecondition, "closed");
  EXPECT_FAILS(store->Count({}), kFailedPrecondition, "closed");
  EXPECT_FAILS(PutAll(*store, {MakeRecord("p", "d", "m", {1})}), kFailedPrecondition, "closed");
  store.reset();
  store = Store();
  ASSERT_OK(PutAll(*store, MakeRecords(5, 2, 3)));
  EXPECT_EQ(Drain(*cursor).value().size(), 2U);
}

}  // namespace
}  // namespace embeddingsdb
