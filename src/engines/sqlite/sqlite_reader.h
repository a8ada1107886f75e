// SPDX-License-Identifier: BSD-3-Clause
//
// Reading the SQLite file: one connection with its statements, and a pool of them, so that every
// reading thread has its own and none waits for the writer.
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_READER_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_READER_H_

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"

#include "core/words.h"
#include "engines/database_base.h"
#include "engines/record_store.h"
#include "engines/sqlite/sqlite_compression.h"
#include "engines/sqlite/sqlite_handle.h"

namespace embeddingsdb {

/// The questions of RecordStore over one connection. One thread at a time.
class SqliteReader {
 public:
  static Result<std::unique_ptr<SqliteReader>> Create(SqliteConnection connection);

  Result<std::optional<Record>> Get(const Key& key);
  Result<std::vector<std::optional<Record>>> GetRows(std::span<const RowRef> rows, RowParts parts);
  /// The answer of a compressed database, whose compression is given.
  Result<std::vector<SimilarRecord>> Similar(SqliteCompression compression,
                                             const ResolvedSimilarQuery& resolved);
  Status List(const ListQuery& query, RecordPage& page);
  Result<std::int64_t> Count(const std::vector<Filter>& filters);
  /// As RecordStore's. `words` becomes kDataLoss when the word index is damaged; it is not used
  /// then.
  Status VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit, Status& words);
  /// As sqlite_words.h's function.
  Result<bool> NeedsWordsUpdate();
  Status VisitVectors(const std::string& model, RowId after, const VectorVisitor& visit);
  Result<std::vector<RowId>> ListRows(const std::string& model, RowId last);
  Result<Catalog> LoadCatalog();
  Result<std::int64_t> LastUpdate();
  Result<std::uint64_t> GetMark(const std::string& name);
  Status CheckFiles(SqliteCompression compression, std::vector<std::string>& problems);

  /// A statement over all matching records in row order, to be read by ReadScanned. Borrows the
  /// filters.
  Result<SqliteStatement> PrepareScan(const std::vector<Filter>& filters);
  /// The row `scan` stands on. kDataLoss naming the row when it is damaged.
  static Status ReadScanned(SqliteStatement& scan, Record& record);

  const SqliteConnection& connection() const { return connection_; }

 private:
  explicit SqliteReader(SqliteConnection connection) : connection_(std::move(connection)) {}

  /// GetRows within the caller's transaction.
  Result<std::vector<std::optional<Record>>> ReadRows(std::span<const RowRef> rows, RowParts parts);
  /// Visits the rows that the word index names; the last row that it knows of.
  Result<RowId> VisitIndexed(std::span<const WordsQuery> words, const FieldsVisitor& visit,
                             Status& damage);
  /// All rows that match, in row order.
  Result<SqliteStatement> SelectRows(std::string_view columns,
                                     const std::vector<Filter>& filters) const;
  /// The fields of those of them with ids larger than `after`.
  Result<SqliteStatement> SelectRowsAfter(RowId after, const std::vector<Filter>& filters) const;
  Status CheckCodes(SqliteCompression compression, std::vector<std::string>& problems);

  SqliteConnection connection_;
  SqliteStatement get_;
  SqliteStatement get_row_;
  SqliteStatement get_whole_row_;
};

/// Hands out readers. For a file as many as are asked for, of which `keep` stay open when they
/// come back; a pool around one reader (a database in memory) makes callers wait for it instead.
class SqliteReaderPool : public std::enable_shared_from_this<SqliteReaderPool> {
 public:
  /// A reader on loan; keeps the pool alive and goes back to it when destroyed.
  class Lease {
   public:
    Lease(std::shared_ptr<SqliteReaderPool> pool, std::unique_ptr<SqliteReader> reader)
        : pool_(std::move(pool)), reader_(std::move(reader)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (reader_ != nullptr) {
        pool_->Return(std::move(reader_));
      }
    }

    SqliteReader* operator->() const { return reader_.get(); }
    SqliteReader& operator*() const { return *reader_; }

   private:
    std::shared_ptr<SqliteReaderPool> pool_;
    std::unique_ptr<SqliteReader> reader_;
  };

  SqliteReaderPool(std::string path, std::size_t keep) : path_(std::move(path)), keep_(keep) {}
  explicit SqliteReaderPool(std::unique_ptr<SqliteReader> only) : keep_(1) {
    idle_.push_back(std::move(only));
  }

  Result<Lease> Acquire();
  /// Closes the idle readers; those on loan close when they come back.
  void Close();

 private:
  void Return(std::unique_ptr<SqliteReader> reader);

  const std::string path_;  // empty: there is one reader and there will be no other
  const std::size_t keep_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<SqliteReader>> idle_;  // guarded by mutex_
  bool closed_ = false;                              // guarded by mutex_
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_READER_H_
