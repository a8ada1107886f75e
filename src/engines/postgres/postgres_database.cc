// SPDX-License-Identifier: BSD-3-Clause
//
// postgres://: records in a PostgreSQL database that others may share, searched by pgvector where
// the server has it.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "engines/database_base.h"
#include "engines/postgres/postgres_care.h"
#include "engines/postgres/postgres_cursor.h"
#include "engines/postgres/postgres_location.h"
#include "engines/postgres/postgres_pool.h"
#include "engines/postgres/postgres_reader.h"
#include "engines/postgres/postgres_rows.h"
#include "engines/postgres/postgres_schema.h"
#include "engines/postgres/postgres_search.h"
#include "engines/postgres/postgres_transaction.h"
#include "engines/postgres/postgres_vector.h"
#include "engines/postgres/postgres_writer.h"
#include "engines/write_queue.h"

namespace embeddingsdb {
namespace {

// With index=auto smaller models are compared as a whole, as on the other engines.
constexpr std::int64_t kIndexedRecords = 20'000;

// The server writes the commits of several sessions to disk together. One session stays for
// readers.
constexpr int kAddingSessions = kMaxPostgresConnections - 1;

class PostgresDatabase final : public DatabaseBase {
 public:
  PostgresDatabase(PostgresLocation location, const Context& context)
      : DatabaseBase(location.options, context),
        pool_(std::move(location)),
        single_adds_({.check = [](auto) { return Status(); },
                      .commit = [this](auto records) { return CommitTogether(records); },
                      .turns = kAddingSessions}) {}

  Status Open() {
    EDB_ASSIGN(const PostgresPool::Lease lease, pool_.Acquire());
    return OpenPostgresSchema(*lease, pool_.location());
  }

  Capabilities capabilities() const override {
    return {.persistent = true, .exact = true, .snapshot_scan = true, .shared_read = true};
  }

 protected:
  Result<AddReport> DoAddBatch(std::span<const Record* const> records,
                               const AddOptions& add) override;
  Result<Record> DoGet(const Key& key) override {
    return Read<Record>([&](auto& connection) { return PostgresGet(connection, key); });
  }
  Result<bool> DoRemove(const Key& key) override {
    EDB_ASSIGN(const std::int64_t removed, DoRemoveBatch({&key, 1}));
    return removed > 0;
  }
  Result<std::int64_t> DoRemoveBatch(std::span<const Key> keys) override;
  Status DoList(const ListQuery& query, RecordPage& page) override {
    return Snapshot<bool>([&](auto& connection) -> Result<bool> {
             EDB_TRY(PostgresList(connection, query, page));
             return true;
           })
        .status();
  }
  Result<std::unique_ptr<RecordCursor>> DoScan(const std::vector<Filter>& filters) override {
    return PostgresScan(pool_, filters);
  }
  Result<std::vector<SimilarRecord>> DoSimilar(const ResolvedSimilarQuery& query) override {
    return Read<std::vector<SimilarRecord>>(
        [&](auto& connection) { return SearchPostgres(connection, options(), query, indexed_); });
  }
  Result<std::int64_t> DoCount(const std::vector<Filter>& filters) override {
    const auto count = [&](PostgresConnection& connection) {
      return PostgresCount(connection, filters);
    };
    // One statement sees one moment by itself.
    return AnyPostgresWords(filters) ? Snapshot<std::int64_t>(count) : Read<std::int64_t>(count);
  }
  Result<FacetCounts> DoFacets(const FacetQuery& query) override {
    if (AnyPostgresWords(query.filters)) {
      return DatabaseBase::DoFacets(query);
    }
    return Snapshot<FacetCounts>(
        [&](auto& connection) { return PostgresFacets(connection, query); });
  }
  Result<std::vector<std::string>> DoModels(std::span<const std::string> providers) override {
    return Read<std::vector<std::string>>(
        [&](auto& connection) { return PostgresModels(connection, providers); });
  }
  Result<std::vector<std::string>> DoProviders(std::span<const std::string> models) override {
    return Read<std::vector<std::string>>(
        [&](auto& connection) { return PostgresProviders(connection, models); });
  }
  Result<std::vector<int>> DoDimensions() override {
    return Read<std::vector<int>>([](auto& connection) { return PostgresDimensions(connection); });
  }
  Result<std::int64_t> DoLastUpdate() override {
    return Read<std::int64_t>([](auto& connection) { return PostgresLastUpdate(connection); });
  }
  Result<VerifyReport> DoVerify() override {
    return Snapshot<VerifyReport>([](auto& connection) { return VerifyPostgres(connection); });
  }
  Result<DatabaseStats> DoStats() override {
    return Snapshot<DatabaseStats>(
        [&](auto& connection) { return PostgresStats(connection, options().metric); });
  }
  Status DoReindex(const std::vector<std::string>& models, bool all,
                   const ReindexProgress& progress) override;
  Status DoCompact(CompactReport& report) override;
  Status DoClose() override {
    pool_.DropIdle();
    return {};
  }

 private:
  template <typename T>
  Result<T> Read(const std::function<Result<T>(PostgresConnection&)>& read) {
    return PostgresRead<T>(pool_, read);
  }
  template <typename T>
  Result<T> Snapshot(const std::function<Result<T>(PostgresConnection&)>& read) {
    return PostgresSnapshot<T>(pool_, read);
  }
  Result<PostgresAdded> Store(PostgresAdd add);
  /// What has become of each of the records that callers add at the same time, one each.
  Result<std::vector<PutResult>> CommitTogether(std::span<const Record* const> records);
  /// Makes the model's index when it is to have one; true when it has.
  Result<bool> Index(PostgresConnection& connection, const std::string& model, std::int64_t rows);
  /// The records are stored: what goes wrong here costs speed only, and is logged.
  void IndexNewModels(const std::vector<std::string>& models);
  /// A session for what takes its time.
  Result<std::unique_ptr<PostgresConnection>> OpenUnhurried() {
    EDB_ASSIGN(std::unique_ptr<PostgresConnection> connection, pool_.OpenOwn());
    EDB_TRY(connection->Execute("SET statement_timeout = 0").status());
    return connection;
  }

  PostgresPool pool_;
  PostgresIndexedModels indexed_;
  WriteQueue single_adds_;
  std::atomic<bool> expect_new_ = true;  // of a batch: no key of the one before was taken
};

Result<AddReport> PostgresDatabase::DoAddBatch(std::span<const Record* const> records,
                                               const AddOptions& add) {
  if (add.dry_run) {
    return Snapshot<AddReport>(
        [&](auto& connection) { return PlanPostgresAdd(connection, records, add.on_duplicate); });
  }
  if (records.size() == 1 && add == AddOptions()) {
    return single_adds_.Add(records);
  }
  EDB_ASSIGN(const PostgresAdded added,
             Store({.records = records, .on_duplicate = add.on_duplicate}));
  expect_new_ = added.report.added == static_cast<std::int64_t>(records.size());
  return added.report;
}

Result<PostgresAdded> PostgresDatabase::Store(PostgresAdd add) {
  add.bulk = pool_.location().bulk;
  add.expect_new = expect_new_;
  PostgresAdded added;
  EDB_TRY(PostgresWrite(pool_, [&](PostgresTransaction& transaction) -> Status {
    add.now = context().env->NowUnixSeconds();
    EDB_ASSIGN(added, AddToPostgres(transaction, add));
    return {};
  }));
  if (options().index == IndexMode::kHnsw) {
    IndexNewModels(added.new_models);
  }
  return added;
}

Result<std::vector<PutResult>> PostgresDatabase::CommitTogether(
    std::span<const Record* const> records) {
  EDB_ASSIGN(const PostgresAdded added, Store({.records = records, .tell_replaced = true}));
  std::vector<PutResult> results;
  for (const Record* record : records) {
    PutResult& result = results.emplace_back();
    if (added.replaced.contains(record->key)) {
      result.replaced = 0;  // rows have no numbers here
    }
  }
  return results;
}

Result<std::int64_t> PostgresDatabase::DoRemoveBatch(std::span<const Key> keys) {
  std::int64_t removed = 0;
  EDB_TRY(PostgresWrite(pool_, [&](PostgresTransaction& transaction) -> Status {
    EDB_ASSIGN(removed, RemoveFromPostgres(transaction, keys, context().env->NowUnixSeconds()));
    return {};
  }));
  return removed;
}

Result<bool> PostgresDatabase::Index(PostgresConnection& connection, const std::string& model,
                                     std::int64_t rows) {
  const IndexMode mode = options().index;
  if (connection.vector_version() == 0 || mode == IndexMode::kExact ||
      (mode == IndexMode::kAuto && rows <= kIndexedRecords)) {
    return false;
  }
  EDB_ASSIGN(const std::optional<int> dimension, PostgresDimension(connection, model));
  const PostgresIndexKind kind = {.metric = options().metric, .dimension = dimension.value_or(0)};
  if (!dimension || !kind.possible()) {
    return false;
  }
  EDB_TRY(MakePostgresIndex(connection, model, kind));
  return true;
}

void PostgresDatabase::IndexNewModels(const std::vector<std::string>& models) {
  if (models.empty()) {
    return;
  }
  const Result<std::unique_ptr<PostgresConnection>> connection = OpenUnhurried();
  Status status = connection.status();
  for (const std::string& model : models) {
    if (status.ok()) {
      status = Index(**connection, model, 0).status();
    }
  }
  if (!status.ok()) {
    context().log->Warn("a model has no index, reindex makes it", {{"error", status.message()}});
  }
}

Status PostgresDatabase::DoReindex(const std::vector<std::string>& models, bool /*all*/,
                                   const ReindexProgress& progress) {
  EDB_ASSIGN(const std::unique_ptr<PostgresConnection> connection, OpenUnhurried());
  for (const std::string& model : models) {
    const auto begin = std::chrono::steady_clock::now();
    EDB_ASSIGN(const std::int64_t rows, PostgresCount(*connection, {{Column::kModel, model}}));
    EDB_ASSIGN(const bool indexed, Index(*connection, model, rows));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    progress({.model = model, .rows = rows, .indexed = indexed, .seconds = seconds.count()});
  }
  return {};
}

Status PostgresDatabase::DoCompact(CompactReport& report) {
  pool_.Settle();  // what ends just now does not count as being used
  EDB_ASSIGN(const std::unique_ptr<PostgresConnection> connection, OpenUnhurried());
  EDB_ASSIGN(report.before, PostgresSizes(*connection));
  EDB_TRY(CompactPostgres(*connection));
  EDB_ASSIGN(report.after, PostgresSizes(*connection));
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> OpenPostgresDatabase(const Uri& uri, const Context& context) {
  EDB_ASSIGN(PostgresLocation location, PostgresLocation::FromUri(uri, *context.env));
  auto database = std::make_unique<PostgresDatabase>(std::move(location), context);
  EDB_TRY(database->Open());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace embeddingsdb
