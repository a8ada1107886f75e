// SPDX-License-Identifier: BSD-3-Clause
//
// Database: the one interface to whatever keeps the records. docs/semantics.md says in one place
// what each verb promises; the conformance suite holds every engine to it.
#ifndef EMBEDDINGSDB_DATABASE_H_
#define EMBEDDINGSDB_DATABASE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/adding.h"
#include "embeddingsdb/care.h"
#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// A store of embedding records that can be listed and searched by similarity.
///
/// Threads: safe for concurrent use by any number of threads without further locking.
/// Ownership: results are values; a cursor from Scan keeps alive what it needs, but must be
/// destroyed before Close() to let the engine release its files.
/// Durability: when Add, AddBatch or Remove return OK the change survives kill -9, and power loss
/// unless the URI says `durability=process` or `durability=buffered`.
/// Errors: kInvalidArgument for bad input (named field, value, limit; nothing is stored),
/// kNotFound, kUnimplemented for what the engine cannot do, kFailedPrecondition after Close or on a
/// read-only database, kResourceExhausted, kDataLoss, kInternal.
class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  virtual ~Database() = default;

  /// Stores a record, replacing the one with the same key.
  virtual Result<AddReport> Add(const Record& record) = 0;

  /// Stores up to kMaxBatchRecords records in one durable commit: all of them, or none. What
  /// becomes of a record whose key is taken, by the database or within the batch, is up to the
  /// options; no other writer comes between finding out and storing. An error names the index of
  /// the first bad record. With multi:// it is one commit in each of its databases: when one of
  /// them fails, others may have stored their part, and the error says so. What is refused as
  /// kInvalidArgument is stored nowhere. The first record of a model fixes the length of the
  /// model's vectors for as long as the model has records.
  virtual Result<AddReport> AddBatch(std::span<const Record> records,
                                     const AddOptions& options) = 0;
  /// The same, replacing records that have the same key; of several with one key the last wins.
  Result<AddReport> AddBatch(std::span<const Record> records) { return AddBatch(records, {}); }

  /// Records accepted but not yet durable (only with `durability=buffered`), and making them so.
  /// They play the part of go-embeddingsdb's BatchedRecordsCount and AddBatchedRecords.
  virtual std::int64_t Pending() const = 0;
  virtual Status Flush() = 0;

  /// The record with this key, or kNotFound.
  virtual Result<Record> Get(const Key& key) = 0;

  /// Removes a record. True when there was one; removing an absent one is no error.
  virtual Result<bool> Remove(const Key& key) = 0;

  /// Removes up to kMaxBatchRecords records and says how many there were; a key that is given twice
  /// counts once. Embedded engines and postgres:// do it in one durable commit: all of them, or
  /// none. multi:// makes one in each of its databases, s3vectors:// one for 500; when one of them
  /// fails, others may be done. Removing the same keys again does no harm. An error names the index
  /// of the first bad key. This default removes one by one.
  virtual Result<std::int64_t> RemoveBatch(std::span<const Key> keys) {
    std::int64_t removed = 0;
    for (const Key& key : keys) {
      EDB_ASSIGN(const bool one, Remove(key));
      removed += one ? 1 : 0;
    }
    return removed;
  }

  /// One page in list order (see ListQuery).
  virtual Result<RecordPage> List(const ListQuery& query) = 0;

  /// All records that match, each once, in an order of the engine's choosing.
  virtual Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) = 0;

  /// The nearest records; see SimilarQuery. A model without records gives an empty answer; a query
  /// of another length than the model's vectors is kInvalidArgument.
  virtual Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) = 0;

  /// Get, then Similar without the record itself. kNotFound when the record is absent.
  virtual Result<std::vector<SimilarRecord>> SimilarById(const SimilarByIdQuery& query) = 0;

  /// How many records match.
  virtual Result<std::int64_t> Count(const std::vector<Filter>& filters) = 0;

  /// How often each value of a column or an attribute occurs among the records that match.
  virtual Result<FacetCounts> Facets(const FacetQuery& query) = 0;

  /// Distinct models (of the given providers, when there are any), and distinct providers (of the
  /// given models), in ascending bytewise order.
  virtual Result<std::vector<std::string>> Models(std::span<const std::string> providers) = 0;
  virtual Result<std::vector<std::string>> Providers(std::span<const std::string> models) = 0;

  /// Distinct lengths of the stored vectors, ascending; the URI's `dimensions` when it has one.
  virtual Result<std::vector<int>> Dimensions() = 0;

  /// Time of the newest write or removal in seconds since 1970; 0 when there never was one.
  virtual Result<std::int64_t> LastUpdate() = 0;

  virtual PaginationType pagination_type() const = 0;

  /// Writes go-embeddingsdb's export directory (schema.sql, load.sql, embeddings.csv) at `path`,
  /// whole or not at all; multi:// writes one a database, in `path`/1, `path`/2 and so on.
  /// kUnimplemented where capabilities().exports is false.
  virtual Status Export(const std::string& path) = 0;

  /// Reads everything and checks it. The report lists what is wrong; an error means that the check
  /// itself could not be made.
  virtual Result<VerifyReport> Verify() = 0;

  /// What is in the database and what it takes. Looks at files and counts, and neither loads nor
  /// builds an index.
  virtual Result<DatabaseStats> Stats() = 0;

  /// Builds the indexes of a model, or of all models when `model` is empty, anew from the records
  /// and returns when they are written; what there was is thrown away. Searches go on by the old
  /// index or exactly, writes wait only while a model's vectors are read. Close waits for it. A
  /// process that dies meanwhile leaves the old file or the new one of each model.
  /// kNotFound when there is no such model; kCancelled when the model was emptied meanwhile.
  virtual Result<std::vector<ReindexedModel>> Reindex(const std::string& model,
                                                      const ReindexProgress& progress) = 0;

  /// Gives the room of what was removed or replaced back to the disk. All other calls wait. A
  /// process that dies meanwhile leaves the files as they were or as they are to be. Needs free
  /// room on the disk of up to twice the size of the records. kFailedPrecondition naming the
  /// process when another has the files open, or when a cursor of this one is open where that is in
  /// the way.
  virtual Result<CompactReport> Compact() = 0;

  virtual Capabilities capabilities() const = 0;

  /// The URI this database was opened with, without secrets.
  virtual std::string uri() const = 0;

  /// Makes everything durable and lets go of the files. Later calls fail with kFailedPrecondition.
  /// The destructor closes too, but cannot report an error.
  virtual Status Close() = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_DATABASE_H_
