// SPDX-License-Identifier: BSD-3-Clause
//
// RecordStore: the small engine-specific part of an embedded engine. EmbeddedDatabase composes a
// store with the index set, which is the same for all; a store knows nothing of similarity.
#ifndef EMBEDDINGSDB_ENGINES_RECORD_STORE_H_
#define EMBEDDINGSDB_ENGINES_RECORD_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/care.h"
#include "embeddingsdb/index.h"
#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"

#include "index/row_details.h"

namespace embeddingsdb {

struct ResolvedSimilarQuery;  // database_base.h

/// What a database holds, in numbers: enough to answer models, providers, dimensions and the count
/// of everything without a query. Derived; loaded at open and kept current by EmbeddedDatabase.
struct Catalog {
  struct Model {
    int dimension = 0;                              ///< of all its vectors
    std::map<std::string, std::int64_t> providers;  ///< records by provider; no zeros
  };
  std::map<std::string, Model> models;  ///< only models that have records
};

/// A row as a search finds it.
struct RowRef {
  RowId row = 0;
  Key key;
};

/// How much of a row is read.
enum class RowParts : std::uint8_t {
  kFields,  ///< subject_id and attributes; the embedding may stay empty
  kAll,     ///< the embedding too
};

/// What became of one record of Put, or of Remove.
struct PutResult {
  RowId row = 0;                  ///< new: larger than every id given before, also by replacing
  std::optional<RowId> replaced;  ///< the row that had the key until now
};

/// Receives the rows of one model, which are borrowed for the call. An error stops the walk.
using VectorVisitor = std::function<Status(const StoredRow& row)>;

/// Receives rows without their vectors; the record is valid until it returns. An error stops the
/// walk.
using FieldsVisitor = std::function<Status(RowId row, const Record& record)>;

/// What a store tells of its own files for Database::Stats.
struct StoreFacts {
  FileSizes files;  ///< without those of indexes
  std::vector<EngineFact> facts;
};

/// Filters of List, Scan and Count name columns only; those about attributes are for VisitFields.
///
/// Threads: EmbeddedDatabase calls Put and Remove one at a time; everything else may be called by
/// any thread at any time, also beside Put. Reads see whole commits only.
class RecordStore {
 public:
  virtual ~RecordStore() = default;

  /// Stores the records (distinct keys) in one durable commit made at `now`: all or none.
  virtual Result<std::vector<PutResult>> Put(std::span<const Record* const> records,
                                             std::int64_t now) = 0;
  /// Removes a record durably; the row it had, or nothing when there was none.
  virtual Result<std::optional<RowId>> Remove(const Key& key, std::int64_t now) = 0;
  /// The same for several (distinct keys) in one durable commit: all or none. A store that has no
  /// such commits removes one by one, and says so in docs/engines.md.
  virtual Result<std::vector<std::optional<RowId>>> RemoveAll(std::span<const Key> keys,
                                                              std::int64_t now) {
    std::vector<std::optional<RowId>> rows;
    rows.reserve(keys.size());
    for (const Key& key : keys) {
      EDB_ASSIGN(const std::optional<RowId> row, Remove(key, now));
      rows.push_back(row);
    }
    return rows;
  }

  virtual Result<std::optional<Record>> Get(const Key& key) = 0;
  /// When the records with the keys of these (distinct ones) were created; nothing where there is
  /// none. Called like Put.
  virtual Result<std::vector<std::optional<std::int64_t>>> CreatedTimes(
      std::span<const Record* const> records);
  /// Each row, or nothing when it is gone. Same order as `rows`.
  virtual Result<std::vector<std::optional<Record>>> GetRows(std::span<const RowRef> rows,
                                                             RowParts parts) = 0;

  /// One page in list order, and how many records match in all, from one snapshot.
  virtual Status List(const ListQuery& query, RecordPage& page) = 0;
  /// All matching records from one snapshot, in row order. After an error the next call goes on
  /// after the row that could not be read, or is at the end.
  virtual Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) = 0;
  virtual Result<std::int64_t> Count(const std::vector<Filter>& filters) = 0;
  /// All rows that match and any others that match the filters by column, from one snapshot, in row
  /// order: a store that finds what is about attributes by an index reads less, another one may
  /// leave those filters out (ColumnFilters) for the caller asks each record itself.
  virtual Status VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit) = 0;
  /// The rows of a model with ids larger than `after`, which ascend. A row whose vector can be read
  /// but not its details comes without details: the search that finds it tells.
  virtual Status VisitVectors(const std::string& model, RowId after,
                              const VectorVisitor& visit) = 0;
  /// The ids of a model's rows up to `last`, ascending.
  virtual Result<std::vector<RowId>> ListRows(const std::string& model, RowId last) = 0;
  virtual Result<Catalog> LoadCatalog() = 0;
  /// Time of the newest Put or Remove; 0 when there was none.
  virtual Result<std::int64_t> LastUpdate() = 0;

  /// True for a store that finds similar records itself, so that no index is loaded for it.
  virtual bool searches() const { return false; }
  /// Only when searches(): the answer, from one snapshot. The query has the length of the model's
  /// vectors.
  virtual Result<std::vector<SimilarRecord>> Similar(const ResolvedSimilarQuery& /*resolved*/) {
    return UnimplementedError("this store does not search");
  }

  /// A number that changes when another process has committed; constant where none can.
  virtual Result<std::int64_t> ExternalChanges() { return std::int64_t{0}; }
  /// Where index files are kept; empty: nowhere. The folder need not be there.
  virtual std::string IndexFolder() const = 0;
  /// A number kept with the records, as durable as they are; 0 until it is set.
  virtual Result<std::uint64_t> GetMark(const std::string& name) = 0;
  /// Called like Put.
  virtual Status SetMark(const std::string& name, std::uint64_t value) = 0;
  virtual Status Flush() { return {}; }
  virtual Status Export(const std::string& path) = 0;
  /// Appends what is wrong with the files themselves to `problems`, some hundred things at most.
  /// What a scan tells is left to the caller.
  virtual Status CheckFiles(std::vector<std::string>& problems) = 0;
  /// Sizes of files and what only this engine knows, without reading much.
  virtual Result<StoreFacts> Facts() { return StoreFacts{}; }
  /// Gives free room back to the disk; as Database::Compact. Called while nothing else is, but
  /// cursors may be open. Row ids stay. After kAborted the store is closed, after another error
  /// as it was.
  virtual Status Compact() { return {}; }
  virtual Status Close() = 0;
  virtual Capabilities capabilities() const = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_RECORD_STORE_H_
