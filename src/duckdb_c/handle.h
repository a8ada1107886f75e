// SPDX-License-Identifier: BSD-3-Clause
//
// DuckDB's C API as values that clean up after themselves: database, connection, prepared
// statement, result, chunk, appender. Errors come back as Status; statements are constant texts
// with bound parameters. Used by the DuckDB engine and the Parquet reader; nothing else sees
// DuckDB.
#ifndef EMBEDDINGSDB_DUCKDB_C_HANDLE_H_
#define EMBEDDINGSDB_DUCKDB_C_HANDLE_H_

#include <cstddef>
#include <cstdint>
#include <duckdb.h>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb::duckdb_c {

/// Owns a C handle of type T that is given back by `Destroy(&handle)`. Moves, never copies.
template <typename T, auto Destroy>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T raw) : raw_(raw) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      Reset();
      raw_ = std::exchange(other.raw_, nullptr);
    }
    return *this;
  }
  ~Handle() { Reset(); }

  T get() const { return raw_; }
  T* out() { return &raw_; }  ///< for C functions that fill it; must be empty
  T release() { return std::exchange(raw_, nullptr); }
  explicit operator bool() const { return raw_ != nullptr; }
  void Reset() {
    if (raw_ != nullptr) {
      Destroy(&raw_);
    }
    raw_ = nullptr;
  }

 private:
  T raw_ = nullptr;
};

/// DuckDB's error as ours: locks and foreign files are kFailedPrecondition, memory and disk
/// kResourceExhausted, bad values kInvalidArgument, damage kDataLoss, the rest kInternal.
Status ToStatus(duckdb_error_type type, std::string_view message);

/// A text as an SQL literal, for the few places (ATTACH, SET) where DuckDB binds no parameter.
std::string QuoteLiteral(std::string_view text);

/// How an instance of DuckDB is set up. The defaults are the safe ones: extensions are never
/// fetched or loaded, SQL reaches no files.
struct Config {
  bool external_access = false;  ///< may statements open files other than the database
  bool read_only = false;
  bool lock_configuration = true;  ///< else call Connection::LockConfiguration when set up
  int threads = 0;                 ///< 0: one a core
  std::int64_t memory_limit_bytes =
      0;                       ///< of DuckDB's buffers; 0: DuckDB's default, 80 % of memory
  std::string temp_directory;  ///< where it spills; empty: nowhere
};

class Connection;

/// An instance of DuckDB. Safe for concurrent use. Connections keep it alive.
class Database {
 public:
  /// Opens a database file, or an in-memory database when `path` is empty.
  static Result<Database> Open(const std::string& path, const Config& config);
  Result<Connection> Connect() const;

 private:
  Handle<duckdb_database, duckdb_close> database_;
};

/// A logical type, for chunks that we fill and to look into what a query returns.
class LogicalType {
 public:
  explicit LogicalType(duckdb_logical_type raw) : raw_(raw) {}
  static LogicalType Plain(duckdb_type type) {
    return LogicalType(duckdb_create_logical_type(type));
  }
  static LogicalType List(const LogicalType& child) {
    return LogicalType(duckdb_create_list_type(child.get()));
  }
  static LogicalType Map(const LogicalType& key, const LogicalType& value) {
    return LogicalType(duckdb_create_map_type(key.get(), value.get()));
  }

  duckdb_logical_type get() const { return raw_.get(); }
  duckdb_type id() const { return duckdb_get_type_id(raw_.get()); }
  LogicalType ListChild() const { return LogicalType(duckdb_list_type_child_type(raw_.get())); }
  LogicalType ArrayChild() const { return LogicalType(duckdb_array_type_child_type(raw_.get())); }
  std::size_t ArraySize() const { return duckdb_array_type_array_size(raw_.get()); }
  LogicalType MapKey() const { return LogicalType(duckdb_map_type_key_type(raw_.get())); }
  LogicalType MapValue() const { return LogicalType(duckdb_map_type_value_type(raw_.get())); }
  std::size_t StructSize() const { return duckdb_struct_type_child_count(raw_.get()); }
  LogicalType StructChild(std::size_t i) const {
    return LogicalType(duckdb_struct_type_child_type(raw_.get(), i));
  }
  std::string StructName(std::size_t i) const;

 private:
  Handle<duckdb_logical_type, duckdb_destroy_logical_type> raw_;
};

/// Reads one column of a chunk. Borrows the chunk. The caller knows the column's type.
class Column {
 public:
  explicit Column(duckdb_vector raw)
      : raw_(raw), data_(duckdb_vector_get_data(raw)), validity_(duckdb_vector_get_validity(raw)) {}

  bool IsNull(std::size_t row) const {
    return validity_ != nullptr && ((validity_[row / 64] >> (row % 64)) & 1U) == 0;
  }
  /// The values, row by row, of a numeric column: std::int64_t for BIGINT, float for FLOAT...
  /// Also of a list's or array's child.
  template <typename T>
  const T* Values() const {
    return static_cast<const T*>(data_);
  }
  /// A VARCHAR or BLOB cell; valid as long as the chunk.
  std::string_view Text(std::size_t row) const {
    auto* cell = static_cast<duckdb_string_t*>(data_) + row;
    return {duckdb_string_t_data(cell), duckdb_string_t_length(*cell)};
  }
  /// Where a LIST's or MAP's elements lie in Child(): first and count.
  std::pair<std::size_t, std::size_t> List(std::size_t row) const {
    const duckdb_list_entry& entry = Values<duckdb_list_entry>()[row];
    return {entry.offset, entry.length};
  }
  Column Child() const { return Column(duckdb_list_vector_get_child(raw_)); }
  std::size_t ChildSize() const { return duckdb_list_vector_get_size(raw_); }
  /// An ARRAY's elements: row r has [r * ArraySize, (r + 1) * ArraySize).
  Column ArrayChild() const { return Column(duckdb_array_vector_get_child(raw_)); }
  /// A field of a STRUCT; of a MAP's Child() 0 is the key and 1 the value.
  Column Field(std::size_t i) const { return Column(duckdb_struct_vector_get_child(raw_, i)); }
  duckdb_vector get() const { return raw_; }

 private:
  duckdb_vector raw_;
  void* data_;
  std::uint64_t* validity_;
};

/// Up to duckdb_vector_size() (2,048) rows, of a result or made by us for an Appender.
class Chunk {
 public:
  Chunk() = default;
  explicit Chunk(duckdb_data_chunk raw) : raw_(raw) {}
  /// An empty chunk of these columns.
  static Chunk Create(std::span<const LogicalType> types);

  std::size_t rows() const { return raw_ ? duckdb_data_chunk_get_size(raw_.get()) : 0; }
  std::size_t columns() const { return duckdb_data_chunk_get_column_count(raw_.get()); }
  Column column(std::size_t i) const { return Column(duckdb_data_chunk_get_vector(raw_.get(), i)); }
  duckdb_data_chunk get() const { return raw_.get(); }

  // Filling. Element pointers go stale when a list is reserved and when the chunk is reset.
  duckdb_vector vector(std::size_t i) const { return duckdb_data_chunk_get_vector(raw_.get(), i); }
  void set_rows(std::size_t n) { duckdb_data_chunk_set_size(raw_.get(), n); }
  void Reset() { duckdb_data_chunk_reset(raw_.get()); }

 private:
  Handle<duckdb_data_chunk, duckdb_destroy_data_chunk> raw_;
};

/// Writing into a chunk's vectors.
inline void SetText(duckdb_vector vector, std::size_t row, std::string_view text) {
  duckdb_vector_assign_string_element_len(vector, row, text.data(), text.size());
}
template <typename T>
T* Values(duckdb_vector vector) {
  return static_cast<T*>(duckdb_vector_get_data(vector));
}
/// Makes room for `n` elements in all in a list's child and makes that its size.
Status ResizeList(duckdb_vector list, std::size_t n);

/// What a statement returned: chunk after chunk. A streaming result holds a bounded part of the
/// rows; its connection can run nothing else until it is destroyed or at its end.
class ResultSet {
 public:
  ResultSet() = default;
  ResultSet(const ResultSet&) = delete;
  ResultSet& operator=(const ResultSet&) = delete;
  ResultSet(ResultSet&& other) noexcept;
  ResultSet& operator=(ResultSet&& other) noexcept;
  ~ResultSet();

  std::size_t columns() { return duckdb_column_count(&raw_); }
  std::string column_name(std::size_t i);
  LogicalType column_type(std::size_t i) {
    return LogicalType(duckdb_column_logical_type(&raw_, i));
  }
  /// Moves to the next chunk that has rows; false at the end. The one before becomes invalid.
  Result<bool> Next();
  const Chunk& chunk() const { return chunk_; }
  /// The chunk for keeps: it outlives the result.
  Chunk TakeChunk() { return std::exchange(chunk_, Chunk()); }
  /// Rows an INSERT, UPDATE or DELETE changed.
  std::int64_t rows_changed() { return static_cast<std::int64_t>(duckdb_rows_changed(&raw_)); }

  duckdb_result* raw() { return &raw_; }

 private:
  void Reset();

  duckdb_result raw_{};
  Chunk chunk_;
};

/// Calls `use(chunk, row)` for every row that is left. An error of either ends the walk.
template <typename Use>
Status ForEachRow(ResultSet& result, Use use) {
  for (;;) {
    EDB_ASSIGN(const bool more, result.Next());
    if (!more) {
      return {};
    }
    for (std::size_t row = 0; row < result.chunk().rows(); ++row) {
      EDB_TRY(use(result.chunk(), row));
    }
  }
}

/// A parameter, numbered from 1 in the order of `?` or by `$n`.
class Parameter {
 public:
  Parameter(std::string_view text)
      : kind_(Kind::kText), text_(text) {}  // NOLINT(google-explicit-constructor)
  Parameter(const std::string& text)
      : Parameter(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  Parameter(const char* text)
      : Parameter(std::string_view(text)) {}           // NOLINT(google-explicit-constructor)
  Parameter(std::int64_t number) : number_(number) {}  // NOLINT(google-explicit-constructor)
  Parameter(bool) = delete;

 private:
  friend class Prepared;
  enum class Kind : std::uint8_t { kInteger, kText };
  Kind kind_ = Kind::kInteger;
  std::int64_t number_ = 0;
  std::string_view text_;
};

enum class Fetch : std::uint8_t { kMaterialised, kStreaming };

/// A prepared statement. One thread at a time; needs its connection. DuckDB plans it with the
/// statistics of the moment and never again: run after the data has changed it may give wrong
/// answers (seen: filters and join ranges left out), so prepare anew rather than keep one.
class Prepared {
 public:
  Prepared() = default;
  Status Bind(std::span<const Parameter> parameters);
  Status BindValue(std::size_t index, duckdb_value value);
  Result<ResultSet> Execute(Fetch fetch = Fetch::kMaterialised);
  /// Binds and executes.
  Result<ResultSet> Run(std::span<const Parameter> parameters, Fetch fetch = Fetch::kMaterialised);
  Result<ResultSet> Run(std::initializer_list<Parameter> parameters,
                        Fetch fetch = Fetch::kMaterialised) {
    return Run(std::span(parameters.begin(), parameters.size()), fetch);
  }
  explicit operator bool() const { return static_cast<bool>(raw_); }

 private:
  friend class Connection;
  Handle<duckdb_prepared_statement, duckdb_destroy_prepare> raw_;
};

/// A connection: one thread at a time, one transaction at a time.
class Connection {
 public:
  Connection() = default;
  /// One statement; `sql` is ours, never made from a caller's text.
  Result<Prepared> Prepare(const std::string& sql) const;
  /// Runs one or more statements without parameters.
  Result<ResultSet> Query(const std::string& sql) const;
  /// The same where only success matters.
  Status Execute(const std::string& sql) const;
  /// Prepares, binds and runs once.
  Result<ResultSet> Run(const std::string& sql, std::span<const Parameter> parameters,
                        Fetch fetch = Fetch::kMaterialised) const;
  Result<ResultSet> Run(const std::string& sql, std::initializer_list<Parameter> parameters,
                        Fetch fetch = Fetch::kMaterialised) const {
    return Run(sql, std::span(parameters.begin(), parameters.size()), fetch);
  }
  /// From now on no statement can change the settings of the instance.
  Status LockConfiguration() const { return Execute("SET lock_configuration = true"); }
  duckdb_connection get() const { return raw_.get(); }
  explicit operator bool() const { return static_cast<bool>(raw_); }

 private:
  friend class Database;
  Handle<duckdb_connection, duckdb_disconnect> raw_;
};

/// A transaction that is rolled back unless committed. Borrows the connection.
class Transaction {
 public:
  static Result<Transaction> Begin(const Connection& connection);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction(Transaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Status Commit();

 private:
  explicit Transaction(const Connection* connection) : connection_(connection) {}
  const Connection* connection_;
};

/// Appends chunks to a table, within the connection's transaction if there is one.
class Appender {
 public:
  static Result<Appender> Create(const Connection& connection, const char* catalog,
                                 const char* table);
  Status Append(const Chunk& chunk);
  /// Hands over everything. Without it the rows may be lost.
  Status Close();

 private:
  Status Error() const;

  Handle<duckdb_appender, duckdb_appender_destroy> raw_;
};

}  // namespace embeddingsdb::duckdb_c

#endif  // EMBEDDINGSDB_DUCKDB_C_HANDLE_H_
