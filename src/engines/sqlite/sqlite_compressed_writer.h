// SPDX-License-Identifier: BSD-3-Clause
//
// Keeping the codes of a compressed database beside its records (sqlite_compression.h).
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_COMPRESSED_WRITER_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_COMPRESSED_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "embeddingsdb/record.h"

#include "engines/record_store.h"
#include "engines/sqlite/sqlite_compression.h"
#include "engines/sqlite/sqlite_handle.h"

namespace embeddingsdb {

/// Every call is part of the caller's transaction. One thread at a time.
class SqliteCompressedWriter {
 public:
  /// `connection` is borrowed and must outlive the writer.
  static Result<std::unique_ptr<SqliteCompressedWriter>> Create(const SqliteConnection& connection,
                                                                SqliteCompression compression);

  /// The first record of a model makes its table. A model that was emptied may come back with
  /// another length of vector, and gets a new one.
  Status Insert(RowId row, const Record& record);
  Status Remove(const std::string& model, RowId row);
  /// To be called when the transaction was rolled back: tables may be gone with it.
  void Forget();

 private:
  /// The table of a model, with its statements.
  struct Table {
    std::int64_t id = 0;
    std::size_t elements = 0;
    SqliteStatement insert;
    SqliteStatement remove;
  };

  SqliteCompressedWriter(const SqliteConnection& connection, SqliteCompression compression)
      : connection_(connection), compression_(compression) {}

  /// The model's table as the file has it; nothing when it has none.
  Result<Table*> Find(const std::string& model);
  Result<Table*> FindOrMake(const std::string& model, std::size_t elements);
  Status Make(std::int64_t id, std::size_t elements) const;
  Status PrepareTable(Table& table) const;
  /// sqlite-vec reports every failed write as an error of its own; this finds out whether it was
  /// for want of room. The transaction is to be rolled back.
  Status Explain(const Status& status) const;

  const SqliteConnection& connection_;
  const SqliteCompression compression_;
  SqliteStatement find_model_;
  SqliteStatement add_model_;
  SqliteStatement change_model_;
  std::map<std::string, Table, std::less<>> tables_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_COMPRESSED_WRITER_H_
