// SPDX-License-Identifier: BSD-3-Clause
//
// The SQLite store when the disk fails: a VFS that breaks a chosen call.
#include <atomic>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <sqlite3.h>
#include <thread>
#include <utility>

#include "core/log.h"
#include "engines/embedded_database.h"
#include "engines/sqlite/sqlite_store.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::IsEmpty;

enum class DiskCall : std::uint8_t { kNone, kSync, kChange };

/// Takes the place of SQLite's default VFS while it lives. Files work as ever, but the chosen call
/// fails: writes with "disk full", the rest with an I/O error.
class FaultyDisk {
 public:
  FaultyDisk() : base_(sqlite3_vfs_find(nullptr)), vfs_(*base_) {
    current_ = this;
    vfs_.zName = "faulty";
    vfs_.xOpen = Open;
    sqlite3_vfs_register(&vfs_, 1);
  }
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;
  ~FaultyDisk() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(base_, 1);
    current_ = nullptr;
  }

  /// The `nth` such call from now on fails, once; 1 is the next.
  void Fail(DiskCall call, int nth) {
    call_ = call;
    countdown_ = nth;
  }
  /// True when the planned failure has not happened yet; forgets it.
  bool Spare() { return std::exchange(call_, DiskCall::kNone) != DiskCall::kNone; }

 private:
  struct Methods {
    const sqlite3_io_methods* original;
    sqlite3_io_methods changed;
  };

  // SQLite calls back without our pointer.
  static inline FaultyDisk* current_ = nullptr;

  static const sqlite3_io_methods& Original(sqlite3_file* file) {
    // `changed` is what the file points to.
    for (const auto& [original, methods] : current_->methods_) {
      if (&methods->changed == file->pMethods) {
        return *original;
      }
    }
    std::abort();
  }
  static bool Fails(bool is_sync) {
    const bool counts =
        is_sync ? current_->call_ != DiskCall::kNone : current_->call_ == DiskCall::kChange;
    if (!counts || --current_->countdown_ != 0) {
      return false;
    }
    current_->call_ = DiskCall::kNone;
    return true;
  }
  // NOLINTNEXTLINE(readability-function-size): SQLite's signature
  static int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    const int result = current_->base_->xOpen(current_->base_, name, file, flags, out);
    if (result != SQLITE_OK || file->pMethods == nullptr) {
      return result;
    }
    auto& methods = current_->methods_[file->pMethods];
    if (methods == nullptr) {
      methods = std::make_unique<Methods>(Methods{file->pMethods, *file->pMethods});
      methods->changed.xSync = Sync;
      methods->changed.xWrite = Write;
      methods->changed.xTruncate = Truncate;
    }
    file->pMethods = &methods->changed;
    return result;
  }
  // Not for real: no test here cuts the power, and hundreds of them take seconds.
  static int Sync(sqlite3_file*, int) { return Fails(true) ? SQLITE_IOERR_FSYNC : SQLITE_OK; }
  static int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    return Fails(false) ? SQLITE_FULL : Original(file).xWrite(file, data, size, offset);
  }
  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    return Fails(false) ? SQLITE_IOERR_TRUNCATE : Original(file).xTruncate(file, size);
  }

  sqlite3_vfs* base_;
  sqlite3_vfs vfs_;
  std::map<const sqlite3_io_methods*, std::unique_ptr<Methods>> methods_;
  DiskCall call_ = DiskCall::kNone;
  int countdown_ = 0;
};

Status PutVector(SqliteStore& store, const std::string& id, float value) {
  const Record record = MakeRecord("p", id, "m", {value});
  const Record* pointer = &record;
  return store.Put({&pointer, 1}, 1).status();
}

/// The vector's element, or 0 when there is no such record.
float ValueOf(SqliteStore& store, const std::string& id) {
  const auto record = store.Get({"p", id, "m"});
  EXPECT_OK(record);
  const Record found = record.ok() ? record->value_or(Record()) : Record();
  return found.embedding.empty() ? 0 : found.embedding[0];
}

class SqliteFaultTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<SqliteStore>> Open() {
    return SqliteStore::Open({.path = dir_.File("x.db")}, *env_);
  }
  void RemoveFiles() {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(dir_.File("x.db") + suffix);
    }
  }

  TempDir dir_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
  FaultyDisk disk_;
};

TEST_F(SqliteFaultTest, WritesNoMoreAfterAFailedSync) {
  auto store = Open().value();
  ASSERT_OK(PutVector(*store, "a", 1));
  disk_.Fail(DiskCall::kSync, 1);
  EXPECT_FAILS(PutVector(*store, "a", 2), kInternal, "x.db");
  EXPECT_FAILS(PutVector(*store, "b", 1), kFailedPrecondition, "open the database again");
  EXPECT_FAILS(store->Remove({"p", "a", "m"}, 1), kFailedPrecondition, "open the database again");
  EXPECT_EQ(ValueOf(*store, "a"), 1);
  EXPECT_FAILS(store->Close(), kFailedPrecondition, "could not be synced");
  store = Open().value();
  EXPECT_OK(PutVector(*store, "b", 1));
}

TEST_F(SqliteFaultTest, GoesOnAfterTheDiskWasFull) {
  const auto store = Open().value();
  ASSERT_OK(PutVector(*store, "a", 1));
  disk_.Fail(DiskCall::kChange, 1);
  EXPECT_FAILS(PutVector(*store, "a", 2), kResourceExhausted, "full");
  EXPECT_EQ(ValueOf(*store, "a"), 1);
  EXPECT_OK(PutVector(*store, "a", 3));
  EXPECT_EQ(ValueOf(*store, "a"), 3);
}

/// What a run of the scenario was told: the newest acknowledged value of the record, and the one
/// that was tried after it.
struct Told {
  float acknowledged = 0;
  float tried = 0;
};

Told RunScenario(const Result<std::unique_ptr<SqliteStore>>& store) {
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

TEST_F(SqliteFaultTest, KeepsWhatItAcknowledgedWhicheverCallFails) {
  for (int nth = 1;; ++nth) {
    ASSERT_LT(nth, 500);
    disk_.Fail(DiskCall::kChange, nth);
    const Told told = RunScenario(Open());
    const bool spared = disk_.Spare();
    {
      const auto store = Open();
      ASSERT_OK(store);
      const float value = ValueOf(**store, "a");
      EXPECT_TRUE(value == told.acknowledged || value == told.tried)
          << "call " << nth << ": " << value << " after " << told.acknowledged;
      std::vector<std::string> problems;
      EXPECT_OK((*store)->CheckFiles(problems));
      EXPECT_THAT(problems, IsEmpty()) << "call " << nth;
    }
    RemoveFiles();
    if (spared) {
      break;
    }
  }
}

// When the commit that several callers share fails, each is tried alone; so a failure that happens
// once is the fault of one caller at most, and of nobody's if there were several.
TEST_F(SqliteFaultTest, AFailedCommonCommitIsNobodysFault) {
  constexpr int kCallers = 8;
  constexpr int kAdds = 4;
  Logger log;
  for (int nth = 1; nth < 60; nth += 3) {
    std::atomic<int> stored = 0;
    {
      auto database = OpenEmbeddedDatabase(Open().value(), {}, {.env = env_.get(), .log = &log});
      ASSERT_OK(database);
      disk_.Fail(DiskCall::kChange, nth);
      std::vector<std::jthread> callers;
      for (int caller = 0; caller < kCallers; ++caller) {
        callers.emplace_back([&, caller] {
          for (int i = 0; i < kAdds; ++i) {
            const std::string id = std::to_string(caller * kAdds + i);
            const Status status = (*database)->Add(MakeRecord("p", id, "m", {1})).status();
            stored += status.ok() ? 1 : 0;
            EXPECT_TRUE(status.ok() || status.code() == StatusCode::kResourceExhausted) << status;
          }
        });
      }
      callers.clear();
      EXPECT_GE(stored, kCallers * kAdds - 1) << "write " << nth;
      disk_.Spare();
    }
    EXPECT_EQ(Open().value()->Count({}).value(), stored) << "write " << nth;
    RemoveFiles();
  }
}

}  // namespace
}  // namespace embeddingsdb
