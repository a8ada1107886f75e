// SPDX-License-Identifier: BSD-3-Clause
//
// s3vectors://: records in an index of Amazon S3 Vectors, or of a server that speaks its protocol.
//
// With `with-dynamodb` there is a side table, which has an item a record. The index is the truth.
// No transaction spans the two, so a write is noted in the table, and then goes item first, vector
// last; a removal vector first, item last. Whatever breaks off in between leaves the note, and at
// worst items without a vector: lists, which fetch their vectors, pass over them, and counts look
// each up as long as there is a note. `reindex` makes the table anew and takes the notes away.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_DATABASE_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_DATABASE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/record_matcher.h"
#include "engines/add_plan.h"
#include "engines/database_base.h"
#include "engines/s3vectors/s3_index.h"
#include "engines/s3vectors/s3_names.h"
#include "engines/s3vectors/s3_options.h"
#include "engines/s3vectors/s3_own_keys.h"
#include "engines/s3vectors/s3_table.h"

namespace embeddingsdb::s3vectors {

class S3TableComparison;

class S3VectorsDatabase final : public DatabaseBase {
 public:
  static Result<std::unique_ptr<Database>> Open(S3Options options, const Context& context,
                                                const AwsSurroundings& surroundings);

  PaginationType pagination_type() const override { return PaginationType::kCursor; }
  Capabilities capabilities() const override {
    return {.persistent = true, .exact = false, .shared_read = true};
  }

 protected:
  // s3_writing.cc
  Result<AddReport> DoAddBatch(std::span<const Record* const> records,
                               const AddOptions& options) override;
  Result<bool> DoRemove(const Key& key) override {
    EDB_ASSIGN(const std::int64_t removed, DoRemoveBatch({&key, 1}));
    return removed > 0;
  }
  Result<std::int64_t> DoRemoveBatch(std::span<const Key> keys) override;
  // s3_database.cc
  Result<Record> DoGet(const Key& key) override;
  Status DoList(const ListQuery& query, RecordPage& page) override;
  Result<std::unique_ptr<RecordCursor>> DoScan(const std::vector<Filter>& filters) override;
  Result<std::int64_t> DoCount(const std::vector<Filter>& filters) override;
  Result<FacetCounts> DoFacets(const FacetQuery& query) override;
  Result<std::vector<std::string>> DoModels(std::span<const std::string> providers) override;
  Result<std::vector<std::string>> DoProviders(std::span<const std::string> models) override;
  Result<std::vector<int>> DoDimensions() override;
  Result<std::int64_t> DoLastUpdate() override { return last_update_.load(); }
  Result<VerifyReport> DoVerify() override;
  Status DoReindex(const std::vector<std::string>& models, bool all,
                   const ReindexProgress& progress) override;
  Result<DatabaseStats> DoStats() override;
  // s3_search.cc
  Result<std::vector<SimilarRecord>> DoSimilar(const ResolvedSimilarQuery& query) override;

 private:
  /// A record on its way into the index.
  struct Prepared {
    const Record* record = nullptr;
    std::string key;
    S3Metadata metadata;
  };
  /// Where a list is, in the index and in the table.
  struct Place;
  struct TablePlace;
  /// How the table answers a question.
  struct TablePlan {
    S3TableQuery query;
    bool sure = false;  ///< no write is under way or broke off: each item has its vector
  };
  using ItemVisitor = std::function<bool(const Record&)>;  ///< false: enough

  S3VectorsDatabase(S3Options options, std::shared_ptr<S3Index> index,
                    std::unique_ptr<S3Table> table, const Context& context);

  /// The index's facts; nothing while there is no index.
  Result<std::optional<S3IndexFacts>> Facts();
  Status Adopt(S3IndexFacts facts);
  /// Makes the bucket and the index where they are not there.
  Result<S3IndexFacts> Create(int dimension);
  Status CheckExisting();

  Result<std::vector<Prepared>> Prepare(std::span<const Record* const> records,
                                        const S3IndexFacts& facts) const;
  /// When each was created that is there, as far as the answer or its check depends on it.
  Result<std::vector<std::optional<std::int64_t>>> FindOut(const std::vector<Prepared>& prepared,
                                                           const AddOptions& options);
  Result<std::vector<std::optional<std::int64_t>>> Lookup(const std::vector<Prepared>& prepared,
                                                          const std::vector<std::size_t>& asked);
  Status Put(const std::vector<const Prepared*>& records);
  Status Store(const std::vector<const Prepared*>& records, const S3NameLists& names,
               const S3IndexFacts& facts);
  Result<std::vector<std::string>> Present(std::span<const Key> keys);
  Status Erase(std::span<const std::string> names);
  void EndWrite(const std::string& write);
  void Touch();

  Status Visit(const std::vector<Filter>& filters, const std::function<void(Record&)>& visit);
  Result<S3NameLists> Names();
  Status FillPage(const ListQuery& query, Place& place, std::vector<Record>* records);
  Status SkipRecords(std::int64_t count, Place& place);
  Status ListByIndex(const ListQuery& query, RecordPage& page);

  // s3_table_reads.cc
  Status OpenTable();
  /// Nothing when there is no table, or none that knows all records.
  Result<std::optional<S3TableState>> CompleteTable();
  /// Nothing when the index has to be read: that, or the table does not decide or is not faster.
  Result<std::optional<TablePlan>> PlanByTable(const std::vector<Filter>& filters);
  Result<std::vector<Record>> RecordsOf(std::span<const S3TableItem> items, bool data);
  /// The keys of records, and when the plan is not sure all but their vectors.
  Status VisitByTable(const TablePlan& plan, const ItemVisitor& visit);
  Result<std::int64_t> CountByTable(const TablePlan& plan);
  Result<bool> AnyByTable(const TablePlan& plan);
  /// Those of `names` that have a record, with any of `others` when there are any.
  Result<std::vector<std::string>> NamesByTable(Column column, const S3TableState& state,
                                                std::span<const std::string> others);
  Status FillByTable(const S3TableQuery& query, TablePlace& place, std::int64_t left,
                     std::vector<Record>* records);
  Status ListByTable(const ListQuery& query, const S3TableQuery& table_query, RecordPage& page);

  // s3_table_care.cc
  Status FillTable(const std::function<bool(const Key&)>& wanted, S3TableComparison& comparison,
                   std::map<std::string, std::int64_t>& rows, S3TableNames& names);
  Status DropItems(const std::vector<std::string>& keys);

  Result<std::vector<SimilarRecord>> CompareAll(const ResolvedSimilarQuery& query);

  const S3Options s3_;
  const std::shared_ptr<S3Index> index_;
  const std::unique_ptr<S3Table> table_;  // null: none
  // Held alone by what takes items out of the table: an add puts its item, then its vector.
  std::shared_mutex table_writes_;
  S3Names names_;
  S3OwnKeys own_keys_;
  std::mutex mutex_;
  std::optional<S3IndexFacts> facts_;  // once known they stay
  std::atomic<bool> names_are_fresh_;  // `refresh-tags` has been seen to
  std::atomic<std::int64_t> last_update_ = 0;
};

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_DATABASE_H_
