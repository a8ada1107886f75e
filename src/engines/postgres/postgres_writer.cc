// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_writer.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "core/json.h"
#include "core/text.h"
#include "engines/add_plan.h"
#include "engines/database_base.h"
#include "engines/postgres/postgres_vector.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kColumns =
    "provider, depiction_id, subject_id, model, embedding, created, attributes, lastmodified";
constexpr int kColumnCount = 8;
// Rows of one INSERT: few sizes, so that each is prepared once a session.
constexpr auto kInsertRows = std::to_array<std::size_t>({64, 8, 1});
// Below, COPY and its table take longer than they save.
constexpr std::size_t kMinCopyRecords = 32;

/// Lengths of vectors by model.
using Lengths = std::map<std::string, int>;

int LengthOf(const Record& record) {
  return static_cast<int>(record.embedding.size());
}

/// Of a batch: the length of each model's first vector.
Lengths LengthsOf(std::span<const Record* const> records) {
  Lengths lengths;
  for (const Record* record : records) {
    lengths.emplace(record->key.model, LengthOf(*record));
  }
  return lengths;
}

/// Names the first record whose length is not its model's.
Status CheckLengths(std::span<const Record* const> records, const Lengths& lengths) {
  for (const Record* record : records) {
    const int expected = lengths.at(record->key.model);
    if (LengthOf(*record) != expected) {
      return WrongDimension(DisplayKey(record->key), record->key.model, record->embedding.size(),
                            static_cast<std::size_t>(expected));
    }
  }
  return {};
}

PostgresParams ModelParams(const Lengths& lengths) {
  std::vector<std::string> models;
  std::vector<std::int64_t> dimensions;
  for (const auto& [model, dimension] : lengths) {
    models.push_back(model);
    dimensions.push_back(dimension);
  }
  PostgresParams params;
  params.Texts(models);
  params.Integers(dimensions);
  return params;
}

/// The models that have records, of those in `lengths`.
Result<Lengths> StoredLengths(PostgresConnection& connection, const Lengths& lengths) {
  EDB_ASSIGN(const PostgresResult found,
             connection.Query("SELECT model, dimension FROM models m WHERE model = ANY($1)"
                              " AND cardinality($2) > 0"
                              " AND EXISTS (SELECT 1 FROM records r WHERE r.model = m.model)",
                              ModelParams(lengths)));
  Lengths stored;
  for (int row = 0; row < found.rows(); ++row) {
    EDB_ASSIGN(const std::int64_t dimension, found.Integer(row, 1));
    stored.emplace(found.Text(row, 0), static_cast<int>(dimension));
  }
  return stored;
}

/// Holds the models' rows whose length is the wanted one, so that nobody changes it before this
/// transaction is over; the others, which are not there or have another length.
Result<Lengths> HoldModels(PostgresConnection& connection, const Lengths& lengths) {
  EDB_ASSIGN(const PostgresResult held,
             connection.Prepared("SELECT m.model FROM models m JOIN unnest($1, $2)"
                                 " AS wanted(model, dimension) ON m.model = wanted.model"
                                 " AND m.dimension = wanted.dimension"
                                 " ORDER BY m.model FOR KEY SHARE OF m",
                                 ModelParams(lengths)));
  Lengths others = lengths;
  for (int row = 0; row < held.rows(); ++row) {
    others.erase(std::string(held.Text(row, 0)));
  }
  return others;
}

Status LostToAnother(const std::string& model) {
  return {StatusCode::kAborted,
          Concat("others change the length of model ", Quote(model), " at the same time")};
}

/// Gives a model without records its length.
Status FixLength(PostgresConnection& connection, const std::string& model, int dimension) {
  PostgresParams params;
  params.Text(model);
  params.Integer(dimension);
  EDB_ASSIGN(const PostgresResult inserted,
             connection.Query("INSERT INTO models VALUES ($1, $2) ON CONFLICT DO NOTHING", params));
  if (inserted.affected() == 1) {
    return {};
  }
  // Whoever adds records holds the row, so from here on none come.
  PostgresParams name;
  name.Text(model);
  EDB_TRY(connection.Query("SELECT 1 FROM models WHERE model = $1 FOR UPDATE", name).status());
  EDB_ASSIGN(const PostgresResult used,
             connection.Query("SELECT EXISTS (SELECT 1 FROM records WHERE model = $1)", name));
  if (used.Bool(0, 0)) {
    return LostToAnother(model);
  }
  EDB_TRY(DropPostgresIndexes(connection, model));
  return connection.Query("UPDATE models SET dimension = $2 WHERE model = $1", params).status();
}

/// Fixes the lengths of the batch's models; those that had no records.
Result<std::vector<std::string>> FixLengths(PostgresConnection& connection,
                                            std::span<const Record* const> records) {
  Lengths lengths = LengthsOf(records);
  const bool agree = CheckLengths(records, lengths).ok();
  Lengths others = lengths;
  if (agree) {
    EDB_ASSIGN(others, HoldModels(connection, lengths));
    if (others.empty()) {
      return std::vector<std::string>();
    }
  }
  EDB_ASSIGN(const Lengths stored, StoredLengths(connection, others));
  for (const auto& [model, dimension] : stored) {
    lengths[model] = dimension;
  }
  EDB_TRY(CheckLengths(records, lengths));
  std::vector<std::string> new_models;
  for (const auto& [model, dimension] : others) {
    // Of a model that got its length since it was asked for, the next attempt takes hold.
    EDB_TRY(stored.contains(model) ? LostToAnother(model)
                                   : FixLength(connection, model, dimension));
    new_models.push_back(model);
  }
  EDB_ASSIGN(const Lengths changed, HoldModels(connection, lengths));
  EDB_TRY(changed.empty() ? Status() : LostToAnother(changed.begin()->first));
  return new_models;
}

/// " ON CONFLICT ... RETURNING revision": what becomes of a row whose key is taken. The row that
/// another transaction has not committed yet is waited for.
std::string ConflictClause(OnDuplicate on_duplicate) {
  std::string sql = " ON CONFLICT (model, provider, depiction_id) DO ";
  if (on_duplicate == OnDuplicate::kSkip || on_duplicate == OnDuplicate::kFail) {
    sql += "NOTHING";
  } else {
    sql +=
        "UPDATE SET subject_id = EXCLUDED.subject_id, embedding = EXCLUDED.embedding,"
        " created = EXCLUDED.created, attributes = EXCLUDED.attributes,"
        " lastmodified = EXCLUDED.lastmodified, revision = records.revision + 1";
  }
  if (on_duplicate == OnDuplicate::kNewest) {
    sql += " WHERE EXCLUDED.created >= records.created";
  }
  return sql + " RETURNING revision";
}

/// The insertion as a statement that counts: new rows, and stored ones in all.
std::string Counted(const std::string& insertion) {
  return Concat("WITH stored AS (", insertion,
                ") SELECT count(*) FILTER (WHERE revision = 1), count(*) FROM stored");
}

Status AddCounts(const Result<PostgresResult>& counts, AddReport& report) {
  EDB_TRY(counts.status());
  EDB_ASSIGN(const std::int64_t added, counts->Integer(0, 0));
  EDB_ASSIGN(const std::int64_t stored, counts->Integer(0, 1));
  report.added += added;
  report.replaced += stored - added;
  return {};
}

std::string InsertSql(std::size_t rows, OnDuplicate on_duplicate) {
  std::string sql = Concat("INSERT INTO records (", kColumns, ") VALUES ");
  int parameter = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    sql += row == 0 ? "(" : ", (";
    for (int column = 0; column < kColumnCount; ++column) {
      sql += Concat(column == 0 ? "$" : ", $", ++parameter);
    }
    sql += ")";
  }
  return Counted(sql + ConflictClause(on_duplicate));
}

/// The columns of a record, to parameters or to a row of COPY.
template <typename Columns>
void AppendRecord(Columns& columns, const Record& record, std::int64_t now) {
  columns.Text(record.key.provider);
  columns.Text(record.key.depiction_id);
  columns.Text(record.subject_id);
  columns.Text(record.key.model);
  columns.Floats(record.embedding);
  columns.Integer(record.created);
  columns.Json(AttributesToJson(record.attributes));
  columns.Integer(now);
}

Status Insert(PostgresConnection& connection, const PostgresAdd& add, AddReport& report) {
  std::span<const Record* const> rest = add.records;
  for (const std::size_t rows : kInsertRows) {
    const std::string sql = rest.size() < rows ? "" : InsertSql(rows, add.on_duplicate);
    for (; rest.size() >= rows; rest = rest.subspan(rows)) {
      PostgresParams params;
      for (const Record* record : rest.first(rows)) {
        AppendRecord(params, *record, add.now);
      }
      EDB_TRY(AddCounts(connection.Prepared(sql, params), report));
    }
  }
  return {};
}

/// COPY knows nothing of rows that are there, so it fills a table of the session.
Status Copy(PostgresConnection& connection, const PostgresAdd& add, AddReport& report) {
  PostgresCopy rows;
  for (const Record* record : add.records) {
    rows.Row(kColumnCount);
    AppendRecord(rows, *record, add.now);
  }
  EDB_TRY(connection
              .Execute("CREATE TEMP TABLE IF NOT EXISTS embeddingsdb_staging"
                       " (LIKE records INCLUDING DEFAULTS INCLUDING STORAGE) ON COMMIT DELETE ROWS")
              .status());
  EDB_TRY(connection.CopyIn(
      Concat("COPY pg_temp.embeddingsdb_staging (", kColumns, ") FROM STDIN (FORMAT binary)"),
      rows.Finish()));
  return AddCounts(connection.Query(Counted(Concat("INSERT INTO records (", kColumns, ") SELECT ",
                                                   kColumns, " FROM pg_temp.embeddingsdb_staging",
                                                   " ORDER BY model, provider, depiction_id",
                                                   ConflictClause(add.on_duplicate)))),
                   report);
}

Status RaiseLastUpdate(PostgresConnection& connection, std::int64_t now) {
  PostgresParams params;
  params.Integer(now);
  // The row is changed once a second at most, or all writers would wait for each other here.
  return connection
      .Prepared("UPDATE meta SET value = $1 WHERE name = 'last_update' AND value < $1", params)
      .status();
}

/// Of one record everything that a batch does one by one: holds the model's row, stores, and tells
/// what came of it, the transaction's id first. No row of a model of that length: nothing is
/// stored.
std::string OneSql(OnDuplicate on_duplicate) {
  return Concat(
      "WITH held AS (SELECT model FROM models WHERE model = $4 AND dimension = cardinality($5)"
      " FOR KEY SHARE), stored AS (INSERT INTO records (",
      kColumns, ") SELECT $1, $2, $3, $4, $5, $6, $7, $8 FROM held", ConflictClause(on_duplicate),
      ") SELECT pg_current_xact_id()::text, (SELECT count(*) FROM held),"
      " (SELECT count(*) FILTER (WHERE revision = 1) FROM stored),"
      " (SELECT count(*) FROM stored),"
      " (SELECT value < $8 FROM meta WHERE name = 'last_update')");
}

/// False when the batch's way has to be gone, in the transaction that has begun: the model has no
/// length yet or another one, or a key is taken that must not be.
Result<bool> AddOne(PostgresTransaction& transaction, const PostgresAdd& add, AddReport& report) {
  PostgresParams params;
  AppendRecord(params, *add.records.front(), add.now);
  EDB_ASSIGN(const PostgresResult done,
             transaction.BeginWriteWith(OneSql(add.on_duplicate), params));
  EDB_ASSIGN(const std::int64_t held, done.Integer(0, 1));
  EDB_ASSIGN(const std::int64_t added, done.Integer(0, 2));
  EDB_ASSIGN(const std::int64_t stored, done.Integer(0, 3));
  if (held == 0 || (stored == 0 && add.on_duplicate == OnDuplicate::kFail)) {
    return false;
  }
  report.added = added;
  report.replaced = stored - added;
  report.skipped = 1 - stored;
  if (stored != 0 && done.Bool(0, 4)) {  // once a second at most
    EDB_TRY(RaiseLastUpdate(transaction.connection(), add.now));
  }
  return true;
}

bool ByKey(const Record* a, const Record* b) {
  return std::tie(a->key.model, a->key.provider, a->key.depiction_id) <
         std::tie(b->key.model, b->key.provider, b->key.depiction_id);
}

/// When the records of the batch that are stored were created; nothing for those that are not.
Result<std::vector<std::optional<std::int64_t>>> FindCreated(
    PostgresConnection& connection, std::span<const Record* const> records) {
  std::vector<std::string> models;
  std::vector<std::string> providers;
  std::vector<std::string> depictions;
  for (const Record* record : records) {
    models.push_back(record->key.model);
    providers.push_back(record->key.provider);
    depictions.push_back(record->key.depiction_id);
  }
  PostgresParams params;
  params.Texts(models);
  params.Texts(providers);
  params.Texts(depictions);
  EDB_ASSIGN(const PostgresResult found,
             connection.Query("SELECT provider, depiction_id, model, created FROM records"
                              " WHERE (model, provider, depiction_id) IN"
                              " (SELECT * FROM unnest($1, $2, $3))",
                              params));
  std::map<Key, std::int64_t> by_key;
  for (int row = 0; row < found.rows(); ++row) {
    EDB_ASSIGN(const std::int64_t one, found.Integer(row, 3));
    by_key.emplace(Key{std::string(found.Text(row, 0)), std::string(found.Text(row, 1)),
                       std::string(found.Text(row, 2))},
                   one);
  }
  std::vector<std::optional<std::int64_t>> created;
  for (const Record* record : records) {
    const auto one = by_key.find(record->key);
    created.push_back(one == by_key.end() ? std::nullopt : std::optional(one->second));
  }
  return created;
}

}  // namespace

Result<AddReport> PlanPostgresAdd(PostgresConnection& connection,
                                  std::span<const Record* const> records,
                                  OnDuplicate on_duplicate) {
  Lengths lengths = LengthsOf(records);
  EDB_ASSIGN(const Lengths stored, StoredLengths(connection, lengths));
  for (const auto& [model, dimension] : stored) {
    lengths[model] = dimension;
  }
  EDB_TRY(CheckLengths(records, lengths));
  EDB_ASSIGN(const auto created, FindCreated(connection, records));
  EDB_ASSIGN(const AddPlan plan, PlanAdd(records, created, on_duplicate));
  return plan.report;
}

Result<PostgresAdded> AddToPostgres(PostgresTransaction& transaction, const PostgresAdd& add) {
  PostgresConnection& connection = transaction.connection();
  PostgresAdded added;
  if (add.records.size() == 1) {
    EDB_ASSIGN(const bool done, AddOne(transaction, add, added.report));
    if (done) {
      return added;
    }
  } else {
    EDB_TRY(transaction.BeginWrite());
  }
  EDB_ASSIGN(added.new_models, FixLengths(connection, add.records));
  if (add.on_duplicate == OnDuplicate::kFail) {  // which names a key that is taken
    EDB_ASSIGN(const auto created, FindCreated(connection, add.records));
    EDB_TRY(PlanAdd(add.records, created, OnDuplicate::kFail).status());
  }
  // In the order of the index: two batches that have keys in common then wait for each other once,
  // instead of each for the other.
  std::vector<const Record*> sorted(add.records.begin(), add.records.end());
  std::ranges::sort(sorted, ByKey);
  PostgresAdd ordered = add;
  ordered.records = sorted;
  AddReport& report = added.report;
  EDB_TRY(add.bulk == PostgresBulk::kCopy && sorted.size() >= kMinCopyRecords
              ? Copy(connection, ordered, report)
              : Insert(connection, ordered, report));
  const auto stored = static_cast<std::size_t>(report.added + report.replaced);
  report.skipped = static_cast<std::int64_t>(sorted.size() - stored);
  if (add.on_duplicate == OnDuplicate::kFail && report.skipped != 0) {
    return Status(StatusCode::kAborted, "another writer took a key at the same time");
  }
  EDB_TRY(stored == 0 ? Status() : RaiseLastUpdate(connection, add.now));
  return added;
}

Result<std::int64_t> RemoveFromPostgres(PostgresTransaction& transaction, std::span<const Key> keys,
                                        std::int64_t now) {
  std::vector<std::string> models;
  std::vector<std::string> providers;
  std::vector<std::string> depictions;
  for (const Key& key : keys) {
    models.push_back(key.model);
    providers.push_back(key.provider);
    depictions.push_back(key.depiction_id);
  }
  PostgresParams params;
  params.Texts(models);
  params.Texts(providers);
  params.Texts(depictions);
  EDB_ASSIGN(const PostgresResult removed,
             transaction.BeginWriteWith(
                 "WITH removed AS (DELETE FROM records r"
                 " USING unnest($1, $2, $3) AS k(model, provider, depiction_id)"
                 " WHERE r.model = k.model AND r.provider = k.provider"
                 " AND r.depiction_id = k.depiction_id RETURNING 1)"
                 " SELECT pg_current_xact_id()::text, (SELECT count(*) FROM removed)",
                 params));
  EDB_ASSIGN(const std::int64_t count, removed.Integer(0, 1));
  if (count > 0) {
    EDB_TRY(RaiseLastUpdate(transaction.connection(), now));
  }
  return count;
}

}  // namespace embeddingsdb
