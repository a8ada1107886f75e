// SPDX-License-Identifier: BSD-3-Clause
//
// LMDB's C handles with owners, and its error codes as Status. Nothing outside src/engines/lmdb
// sees LMDB.
//
// Keys and values are bytes, as string_view. What is read points into the memory map and is valid
// until the transaction ends or, in a write transaction, until the next change.
#ifndef EMBEDDINGSDB_ENGINES_LMDB_LMDB_HANDLE_H_
#define EMBEDDINGSDB_ENGINES_LMDB_LMDB_HANDLE_H_

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "embeddingsdb/status.h"

struct MDB_cursor;
struct MDB_txn;

namespace embeddingsdb {

/// One of the named tables of a file; its number while the file is open.
using LmdbTable = unsigned int;

/// How a table orders its keys.
enum class LmdbKind : std::uint8_t {
  kText,     ///< bytewise
  kNumber,   ///< keys are LmdbNumber
  kPairSet,  ///< bytewise; a key has many values of one length, in bytewise order
};

/// Where and whether a value is stored.
enum class LmdbPut : std::uint8_t {
  kReplace,  ///< new or in the place of the old one
  kNew,      ///< kDataLoss when the key is there already
  kNewPair,  ///< the same of key and value, in a pair set
  kAppend,   ///< as kNew, and the key is above all others: pages are filled to the brim
};

/// A number as a key: native bytes, which LMDB compares as a number.
class LmdbNumber {
 public:
  template <std::integral Int>
  explicit LmdbNumber(Int number) {
    const auto value = static_cast<std::uint64_t>(number);
    std::memcpy(bytes_.data(), &value, sizeof(value));
  }
  std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }

  /// kDataLoss when the bytes are no number.
  static Result<std::uint64_t> Parse(std::string_view bytes);

 private:
  std::array<char, sizeof(std::uint64_t)> bytes_{};
};

/// An LMDB or system error code as a Status: `what`, then LMDB's own words.
Status LmdbError(int code, std::string_view what);

/// A transaction, ended by its destructor: aborted unless it was committed. One thread at a time;
/// one that writes stays with the thread that began it.
class LmdbTransaction {
 public:
  explicit LmdbTransaction(MDB_txn* txn) : txn_(txn) {}

  Result<LmdbTable> OpenTable(const char* name, LmdbKind kind, bool create);
  /// True when the file has no table at all.
  Result<bool> IsEmpty();

  Result<std::optional<std::string_view>> Get(LmdbTable table, std::string_view key) const;
  Status Put(LmdbTable table, std::string_view key, std::string_view value,
             LmdbPut how = LmdbPut::kReplace);
  /// Stores a value of `size` bytes that the caller fills in before the next change.
  Result<char*> Reserve(LmdbTable table, std::string_view key, std::size_t size, LmdbPut how);
  /// kDataLoss when there is no such key (with `value`: no such pair).
  Status Delete(LmdbTable table, std::string_view key,
                std::optional<std::string_view> value = std::nullopt);
  /// Entries of the table, pairs counted each.
  Result<std::uint64_t> Size(LmdbTable table) const;

  /// Nothing but last_error may be called afterwards.
  Status Commit();
  /// LMDB's code of the newest change or commit that failed; 0 when none did.
  int last_error() const { return last_error_; }
  /// For one that reads: lets go of the snapshot, and takes the newest; the handle is kept.
  void Reset();
  /// LMDB's code: 0, or for example MDB_MAP_RESIZED.
  int Renew();
  /// The number of the commit that is seen.
  std::uint64_t id() const;

  MDB_txn* get() const { return txn_.get(); }

 private:
  struct Aborter {
    void operator()(MDB_txn* txn) const;
  };

  Status Changed(int code);

  std::unique_ptr<MDB_txn, Aborter> txn_;
  int last_error_ = 0;
};

/// A position in a table. Must be destroyed before its transaction ends.
class LmdbCursor {
 public:
  static Result<LmdbCursor> Open(const LmdbTransaction& txn, LmdbTable table);

  /// Each moves and tells whether there is an entry; key() and value() are its.
  Result<bool> First();
  Result<bool> Last();
  Result<bool> Next();
  /// The first key that is not below `key`.
  Result<bool> Seek(std::string_view key);
  /// In a pair set: the first value of `key` that is not below `value`.
  Result<bool> SeekPair(std::string_view key, std::string_view value);

  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  struct Closer {
    void operator()(MDB_cursor* cursor) const;
  };
  Result<bool> Move(int operation, std::string_view key = {}, std::string_view value = {});

  std::unique_ptr<MDB_cursor, Closer> cursor_;
  std::string_view key_;
  std::string_view value_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_LMDB_LMDB_HANDLE_H_
