// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_handle.h"

#include <cerrno>
#include <lmdb.h>

#include "core/text.h"

namespace embeddingsdb {
namespace {

static_assert(MDB_VERSION_MAJOR == 0 && MDB_VERSION_MINOR == 9, "written for LMDB 0.9");

MDB_val ToVal(std::string_view bytes) {
  // LMDB does not write through the pointer of an input.
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view ToView(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

StatusCode CodeFor(int code) {
  switch (code) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_KEYEXIST:  // what we add is new, or the tables disagree
    case MDB_NOTFOUND:  // and what we delete is there
    case MDB_INCOMPATIBLE:
      return StatusCode::kDataLoss;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_PANIC:
    case EROFS:
      return StatusCode::kFailedPrecondition;
    case MDB_MAP_FULL:
    case MDB_READERS_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
      return StatusCode::kPermissionDenied;
    case ENOENT:
      return StatusCode::kNotFound;
    case MDB_MAP_RESIZED:
      return StatusCode::kUnavailable;
    default:
      return StatusCode::kInternal;
  }
}

unsigned int FlagsOf(LmdbKind kind) {
  switch (kind) {
    case LmdbKind::kText:
      return 0;
    case LmdbKind::kNumber:
      return MDB_INTEGERKEY;
    case LmdbKind::kPairSet:
      return MDB_DUPSORT | MDB_DUPFIXED;
  }
  return 0;
}

unsigned int FlagsOf(LmdbPut how) {
  switch (how) {
    case LmdbPut::kReplace:
      return 0;
    case LmdbPut::kNew:
      return MDB_NOOVERWRITE;
    case LmdbPut::kNewPair:
      return MDB_NODUPDATA;
    case LmdbPut::kAppend:
      return MDB_APPEND;
  }
  return 0;
}

constexpr std::string_view kCannotRead = "cannot read the LMDB database";
constexpr std::string_view kCannotWrite = "cannot write the LMDB database";

}  // namespace

Result<std::uint64_t> LmdbNumber::Parse(std::string_view bytes) {
  std::uint64_t value = 0;
  if (bytes.size() != sizeof(value)) {
    return DataLossError(Concat("a number of the LMDB database has ", bytes.size(), " bytes"));
  }
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

Status LmdbError(int code, std::string_view what) {
  return {CodeFor(code), Concat(what, ": ", mdb_strerror(code), " (LMDB ", code, ")")};
}

void LmdbTransaction::Aborter::operator()(MDB_txn* txn) const {
  mdb_txn_abort(txn);
}

Result<LmdbTable> LmdbTransaction::OpenTable(const char* name, LmdbKind kind, bool create) {
  MDB_dbi table = 0;
  const unsigned int flags = FlagsOf(kind) | (create ? MDB_CREATE : 0U);
  if (const int code = mdb_dbi_open(txn_.get(), name, flags, &table); code != MDB_SUCCESS) {
    return LmdbError(code, Concat("cannot open table ", name));
  }
  return table;
}

Result<bool> LmdbTransaction::IsEmpty() {
  // The unnamed table holds the names of the others.
  MDB_dbi names = 0;
  if (const int code = mdb_dbi_open(txn_.get(), nullptr, 0, &names); code != MDB_SUCCESS) {
    return LmdbError(code, kCannotRead);
  }
  EDB_ASSIGN(const std::uint64_t size, Size(names));
  return size == 0;
}

Result<std::optional<std::string_view>> LmdbTransaction::Get(LmdbTable table,
                                                             std::string_view key) const {
  MDB_val key_val = ToVal(key);
  MDB_val value{};
  const int code = mdb_get(txn_.get(), table, &key_val, &value);
  if (code == MDB_NOTFOUND) {
    return std::optional<std::string_view>();
  }
  if (code != MDB_SUCCESS) {
    return LmdbError(code, kCannotRead);
  }
  return std::optional<std::string_view>(ToView(value));
}

Status LmdbTransaction::Put(LmdbTable table, std::string_view key, std::string_view value,
                            LmdbPut how) {
  MDB_val key_val = ToVal(key);
  MDB_val value_val = ToVal(value);
  return Changed(mdb_put(txn_.get(), table, &key_val, &value_val, FlagsOf(how)));
}

Result<char*> LmdbTransaction::Reserve(LmdbTable table, std::string_view key, std::size_t size,
                                       LmdbPut how) {
  MDB_val key_val = ToVal(key);
  MDB_val value_val = {size, nullptr};
  EDB_TRY(Changed(mdb_put(txn_.get(), table, &key_val, &value_val, FlagsOf(how) | MDB_RESERVE)));
  return static_cast<char*>(value_val.mv_data);
}

Status LmdbTransaction::Delete(LmdbTable table, std::string_view key,
                               std::optional<std::string_view> value) {
  MDB_val key_val = ToVal(key);
  MDB_val value_val = ToVal(value.value_or(std::string_view()));
  return Changed(mdb_del(txn_.get(), table, &key_val, value ? &value_val : nullptr));
}

Result<std::uint64_t> LmdbTransaction::Size(LmdbTable table) const {
  MDB_stat stat{};
  if (const int code = mdb_stat(txn_.get(), table, &stat); code != MDB_SUCCESS) {
    return LmdbError(code, kCannotRead);
  }
  return std::uint64_t{stat.ms_entries};
}

Status LmdbTransaction::Commit() {
  // Whether or not it succeeds, LMDB has freed the handle afterwards.
  return Changed(mdb_txn_commit(txn_.release()));
}

Status LmdbTransaction::Changed(int code) {
  if (code == MDB_SUCCESS) {
    return {};
  }
  last_error_ = code;
  return LmdbError(code, kCannotWrite);
}

void LmdbTransaction::Reset() {
  mdb_txn_reset(txn_.get());
}

int LmdbTransaction::Renew() {
  return mdb_txn_renew(txn_.get());
}

std::uint64_t LmdbTransaction::id() const {
  return mdb_txn_id(txn_.get());
}

void LmdbCursor::Closer::operator()(MDB_cursor* cursor) const {
  mdb_cursor_close(cursor);
}

Result<LmdbCursor> LmdbCursor::Open(const LmdbTransaction& txn, LmdbTable table) {
  MDB_cursor* raw = nullptr;
  if (const int code = mdb_cursor_open(txn.get(), table, &raw); code != MDB_SUCCESS) {
    return LmdbError(code, kCannotRead);
  }
  LmdbCursor cursor;
  cursor.cursor_.reset(raw);
  return cursor;
}

Result<bool> LmdbCursor::First() {
  return Move(MDB_FIRST);
}

Result<bool> LmdbCursor::Last() {
  return Move(MDB_LAST);
}

Result<bool> LmdbCursor::Next() {
  return Move(MDB_NEXT);
}

Result<bool> LmdbCursor::Seek(std::string_view key) {
  return Move(MDB_SET_RANGE, key);
}

Result<bool> LmdbCursor::SeekPair(std::string_view key, std::string_view value) {
  return Move(MDB_GET_BOTH_RANGE, key, value);
}

Result<bool> LmdbCursor::Move(int operation, std::string_view key, std::string_view value) {
  MDB_val key_val = ToVal(key);
  MDB_val value_val = ToVal(value);
  const int code =
      mdb_cursor_get(cursor_.get(), &key_val, &value_val, static_cast<MDB_cursor_op>(operation));
  if (code == MDB_NOTFOUND) {
    return false;
  }
  if (code != MDB_SUCCESS) {
    return LmdbError(code, kCannotRead);
  }
  key_ = ToView(key_val);
  value_ = ToView(value_val);
  return true;
}

}  // namespace embeddingsdb
