// SPDX-License-Identifier: BSD-3-Clause
//
// The LMDB store when the disk fails, and when it gives back other bytes than it was given.
//
// LMDB calls the system's functions by name, and finds those of this program before those of the C
// library.
#include <algorithm>
#include <cerrno>
#include <dlfcn.h>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "unit/lmdb_fixture.h"

namespace embeddingsdb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// The `countdown`th call from now on fails with `error`, once; 0: none does.
struct Plan {
  int countdown = 0;
  int error = EIO;
  bool syncs = true;
  bool writes = true;
  bool disk_is_full = false;  ///< a write that fails takes a part, and no space is left
};
Plan plan;

bool Fails(bool is_sync) {
  if (plan.countdown == 0 || !(is_sync ? plan.syncs : plan.writes) || --plan.countdown != 0) {
    return false;
  }
  errno = plan.error;
  return true;
}

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace embeddingsdb

// NOLINTBEGIN(readability-identifier-naming): the C library's names
extern "C" {
ssize_t pwrite(int file, const void* data, size_t size, off_t offset) {
  static auto* const next = embeddingsdb::Next<decltype(pwrite)>("pwrite");
  if (!embeddingsdb::Fails(false)) {
    return next(file, data, size, offset);
  }
  return embeddingsdb::plan.disk_is_full ? next(file, data, size / 2, offset) : -1;
}
int statvfs(const char* path, struct statvfs* info) noexcept {
  static auto* const next = embeddingsdb::Next<int(const char*, struct statvfs*)>("statvfs");
  const int result = next(path, info);
  if (embeddingsdb::plan.disk_is_full) {
    info->f_bavail = 0;
  }
  return result;
}
ssize_t writev(int file, const iovec* pieces, int count) {
  static auto* const next = embeddingsdb::Next<decltype(writev)>("writev");
  return embeddingsdb::Fails(false) ? -1 : next(file, pieces, count);
}
// Not for real: no test here cuts the power.
int fdatasync(int /*file*/) {
  return embeddingsdb::Fails(true) ? -1 : 0;
}
int fsync(int /*file*/) {
  return embeddingsdb::Fails(true) ? -1 : 0;
}
}
// NOLINTEND(readability-identifier-naming)

namespace embeddingsdb {
namespace {

Status PutVector(LmdbStore& store, const std::string& id, float value) {
  return PutOne(store, MakeRecord("p", id, "m", {value})).status();
}

/// The vector's element, or 0 when there is no such record.
float ValueOf(LmdbStore& store, const std::string& id) {
  const auto record = store.Get({"p", id, "m"});
  EXPECT_OK(record);
  const Record found = record.ok() ? record->value_or(Record()) : Record();
  return found.embedding.empty() ? 0 : found.embedding[0];
}

class LmdbFaultTest : public LmdbStoreTest {
 protected:
  void TearDown() override { plan = {}; }
};

TEST_F(LmdbFaultTest, WritesNoMoreAfterAFailedSync) {
  auto store = Store();
  ASSERT_OK(PutVector(*store, "a", 1));
  plan = {.countdown = 1, .writes = false};
  EXPECT_FAILS(PutVector(*store, "a", 2), kInternal, "cannot write");
  EXPECT_FAILS(PutVector(*store, "b", 1), kFailedPrecondition, "open the database again");
  EXPECT_FAILS(store->Remove({"p", "a", "m"}, 1), kFailedPrecondition, "open the database again");
  EXPECT_EQ(ValueOf(*store, "a"), 1);
  EXPECT_FAILS(store->Close(), kFailedPrecondition, "could not be synced");
  store.reset();
  store = Store();
  EXPECT_EQ(ValueOf(*store, "a"), 1);
  EXPECT_OK(PutVector(*store, "b", 1));
}

TEST_F(LmdbFaultTest, GoesOnAfterTheDiskWasFull) {
  const auto store = Store();
  ASSERT_OK(PutVector(*store, "a", 1));
  plan = {.countdown = 1, .error = ENOSPC, .syncs = false};
  EXPECT_FAILS(PutVector(*store, "a", 2), kResourceExhausted, "No space left");
  EXPECT_EQ(ValueOf(*store, "a"), 1);
  EXPECT_OK(PutVector(*store, "a", 3));
  EXPECT_EQ(ValueOf(*store, "a"), 3);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  plan = {.countdown = 1, .syncs = false, .disk_is_full = true};
  EXPECT_FAILS(PutVector(*store, "a", 4), kResourceExhausted, "the disk is full");
  EXPECT_EQ(ValueOf(*store, "a"), 3);
  plan = {};
  EXPECT_OK(PutVector(*store, "a", 5));
}

/// What a run of the scenario was told: the newest acknowledged value of the record, and the one
/// that was tried after it.
struct Told {
  float acknowledged = 0;
  float tried = 0;
};

Told RunScenario(const Result<std::unique_ptr<LmdbStore>>& store) {
  Told told;
  if (!store.ok()) {
    return told;
  }
  for (const float value : {1.0F, 2.0F, 3.0F}) {
    told.tried = value;
    if (!PutVector(**store, "a", value).ok()) {
      return told;
    }
    told.acknowledged = value;
  }
  (*store)->Close().IgnoreError("the file is looked at next");
  return told;
}

TEST_F(LmdbFaultTest, KeepsWhatItAcknowledgedWhicheverCallFails) {
  for (const int error : {EIO, ENOSPC}) {
    for (int nth = 1;; ++nth) {
      ASSERT_LT(nth, 200);
      plan = {.countdown = nth, .error = error};
      const Told told = RunScenario(Open());
      const bool spared = std::exchange(plan, Plan()).countdown != 0;
      {
        const auto store = Open();
        ASSERT_OK(store);
        const float value = ValueOf(**store, "a");
        EXPECT_TRUE(value == told.acknowledged || value == told.tried)
            << "call " << nth << ": " << value << " after " << told.acknowledged;
        EXPECT_THAT(ProblemsOf(**store), IsEmpty()) << "call " << nth;
      }
      std::filesystem::remove_all(folder_);
      if (spared) {
        break;
      }
    }
  }
}

class LmdbDamageTest : public LmdbStoreTest {
 protected:
  void SetUp() override {
    const auto store = Store();
    ASSERT_OK(PutAll(*store, MakeRecords(0, 100, 200)));
    EXPECT_THAT(ProblemsOf(*store), IsEmpty());
    ASSERT_OK(store->Close());
    whole_ = ReadWhole(data_file_);
  }
  /// Where the bytes are in the file; they are there once.
  std::size_t Find(std::string_view bytes) const {
    const std::size_t found = whole_.find(bytes);
    EXPECT_NE(found, std::string::npos);
    EXPECT_EQ(whole_.find(bytes, found + 1), std::string::npos);
    return found;
  }
  void Flip(std::size_t at, int bit) const {
    std::string damaged = whole_;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
    WriteWhole(data_file_, damaged);
  }

  std::string whole_;
};

TEST_F(LmdbDamageTest, NeverServesAnEmbeddingThatDiffersFromItsChecksum) {
  const std::vector<float> vector(200, 41);
  const std::size_t at =
      Find({reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)});
  for (const std::size_t byte : {std::size_t{0}, std::size_t{401}, std::size_t{799}}) {
    Flip(at + byte, 3);
    const auto store = Store();
    EXPECT_FAILS(store->Get({"p", "d41", "m"}), kDataLoss, "row 42");
    EXPECT_OK(store->Get({"p", "d42", "m"}));
    const auto ignore = [](auto&&...) { return Status(); };
    EXPECT_FAILS(store->VisitVectors("m", 0, ignore), kDataLoss, "row 42");
    EXPECT_THAT(ProblemsOf(*store),
                ::testing::ElementsAre(AllOf(HasSubstr("row 42"), HasSubstr("checksum"))));
  }
}

TEST_F(LmdbDamageTest, NeverServesAFieldThatDiffersFromItsChecksum) {
  // The row: checksums, times, space, depiction_id, subject_id, shape, attributes.
  const std::string row = std::string("\x03") + "d41" + "\x0e" + "subject-of-d41";
  const std::size_t depiction = Find(row);
  const std::vector<RowRef> rows = {{42, {"p", "d41", "m"}}};
  for (int byte = -18; byte < 24; ++byte) {
    SCOPED_TRACE(byte);
    Flip(depiction + static_cast<std::size_t>(byte), 2);
    const auto store = Store();
    EXPECT_THAT(ProblemsOf(*store), Not(IsEmpty()));
    const auto got = store->Get({"p", "d41", "m"});
    EXPECT_TRUE(got.ok() ? !*got : got.status().code() == StatusCode::kDataLoss) << got.status();
    RecordPage page;
    EXPECT_FAILS(store->List({.page = 1, .per_page = 100}, page), kDataLoss, "row 42");
    // The lower half of the checksum is the vector's, which is not read here, and the depiction id
    // is the caller's.
    const bool is_read = (byte < -18 || byte > -15) && (byte < 0 || byte > 3) && byte != -1;
    if (is_read && byte > -15) {
      EXPECT_FAILS(store->GetRows(rows, RowParts::kAll), kDataLoss, "row 42");
    }
    // An index is loaded all the same, as far as vectors can be read.
    std::size_t visited = 0;
    const Status status = store->VisitVectors("m", 0, [&](const StoredRow& stored) {
      EXPECT_EQ(stored.details.empty(), stored.row == 42);
      ++visited;
      return Status();
    });
    EXPECT_GE(visited, 41U);
    EXPECT_TRUE(status.ok() || status.code() == StatusCode::kDataLoss) << status;
  }
}

// Flips bits anywhere in the file, LMDB's own pages included, and does all that a reader and a
// writer do in a process of its own. A wrong answer is never given. LMDB trusts its pages, so it
// may end the process; the sum says how often.
TEST_F(LmdbDamageTest, NoFlippedBitGivesAWrongAnswer) {
  constexpr int kFlips = 150;
  constexpr int kWrong = 3;
  const std::vector<Record> expected = MakeRecords(0, 100, 200);
  std::mt19937_64 random(TestSeed());
  int crashes = 0;
  for (int i = 0; i < kFlips; ++i) {
    const std::size_t at = random() % whole_.size();
    const int bit = static_cast<int>(random() % 8);
    Flip(at, bit);
    const pid_t child = fork();
    if (child == 0) {
      const auto store = Open();
      if (!store.ok()) {
        _exit(0);
      }
      bool right = true;
      for (const Record& record : expected) {
        const auto got = (*store)->Get(record.key);
        right = right && (!got.ok() || !*got || **got == record);
      }
      RecordPage page;
      if ((*store)->List({.page = 1, .per_page = 200}, page).ok()) {
        for (const Record& record : page.records) {
          right = right && std::find(expected.begin(), expected.end(), record) != expected.end();
        }
      }
      std::vector<std::string> problems;
      right = right && (*store)->CheckFiles(problems).ok();
      PutAll(**store, MakeRecords(50, 100, 200)).status().IgnoreError("any answer will do");
      (*store)->Remove({"p", "d3", "m"}, 1).status().IgnoreError("any answer will do");
      _exit(right ? 0 : kWrong);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    const bool ended = WIFEXITED(status);
    EXPECT_FALSE(ended && WEXITSTATUS(status) == kWrong) << "bit " << bit << " of byte " << at;
    crashes += ended && WEXITSTATUS(status) == 0 ? 0 : 1;
    std::filesystem::remove(folder_ + "/lock.mdb");
  }
  RecordProperty("crashes", crashes);
  EXPECT_LE(crashes, kFlips / 50);
}

}  // namespace
}  // namespace embeddingsdb
