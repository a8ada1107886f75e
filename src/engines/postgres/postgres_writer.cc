// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/json.h"
#include "core/text.h"
#include "engines/add_plan.h"
#include "engines/database_base.h"
#include "engines/postgres/postgres_schema.h"
#include "engines/postgres/postgres_vector.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kColumns =
    "provider, depiction_id, subject_id, model, embedding, created, attributes, lastmodified";
constexpr int kColumnCount = 8;
constexpr std::string_view kKeyColumns = "provider, depiction_id, model";
// Rows of one INSERT: few sizes, so that each is prepared once a session.
constexpr auto kInsertRows = std::to_array<std::size_t>({64, 8, 1});
// Records that are stored by one statement. As rows of it are a power of two, few are prepared.
constexpr std::size_t kFewRecords = 64;
// Below, COPY and its table take longer than they save, and one statement takes them all.
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

/// "($3, ..., $9, $2), ($10, ...": rows of the columns of records, the last of them the time, which
/// is parameter `now` for all and has the others behind it.
std::string ValuesSql(std::size_t rows, int now) {
  std::string sql;
  int parameter = now;
  for (std::size_t row = 0; row < rows; ++row) {
    sql += row == 0 ? "(" : ", (";
    for (int column = 1; column < kColumnCount; ++column) {
      sql += Concat("$", ++parameter, ", ");
    }
    sql += Concat("$", now, ")");
  }
  return sql;
}

std::string InsertSql(std::size_t rows, OnDuplicate on_duplicate) {
  return Counted(Concat("INSERT INTO records (", kColumns, ") VALUES ", ValuesSql(rows, 1),
                        ConflictClause(on_duplicate)));
}

/// The columns of a record but the last, to parameters or to a row of COPY.
template <typename Columns>
void AppendOwnColumns(Columns& columns, const Record& record) {
  columns.Text(record.key.provider);
  columns.Text(record.key.depiction_id);
  columns.Text(record.subject_id);
  columns.Text(record.key.model);
  columns.Floats(record.embedding);
  columns.Integer(record.created);
  columns.Json(AttributesToJson(record.attributes));
}

Status Insert(PostgresConnection& connection, const PostgresAdd& add, AddReport& report) {
  std::span<const Record* const> rest = add.records;
  for (const std::size_t rows : kInsertRows) {
    const std::string sql = rest.size() < rows ? "" : InsertSql(rows, add.on_duplicate);
    for (; rest.size() >= rows; rest = rest.subspan(rows)) {
      PostgresParams params;
      params.Integer(add.now);
      for (const Record* record : rest.first(rows)) {
        AppendOwnColumns(params, *record);
      }
      EDB_TRY(AddCounts(connection.Prepared(sql, params), report));
    }
  }
  return {};
}

std::string CopySql(std::string_view table) {
  return Concat("COPY ", table, " (", kColumns, ") FROM STDIN (FORMAT binary)");
}

/// Straight into the records. False when a key is taken, and nothing is stored then.
Result<bool> CopyNew(PostgresConnection& connection, std::string_view rows) {
  connection.Ahead("SAVEPOINT embeddingsdb_copy");
  const Status copied = connection.CopyIn(CopySql("records"), rows);
  if (copied.ok()) {
    return true;
  }
  if (connection.lost() || copied.code() != StatusCode::kAborted) {
    return copied;
  }
  EDB_TRY(connection.Execute("ROLLBACK TO SAVEPOINT embeddingsdb_copy").status());
  return false;
}

/// Into a table of the session, as COPY knows nothing of rows that are there, and from it.
Status CopyAny(PostgresConnection& connection, const PostgresAdd& add, std::string_view rows,
               AddReport& report) {
  EDB_TRY(connection
              .Execute(Concat("CREATE TEMP TABLE IF NOT EXISTS embeddingsdb_staging"
                              " (LIKE records INCLUDING DEFAULTS INCLUDING STORAGE) WITH (",
                              kPostgresRowStorage, ") ON COMMIT DELETE ROWS"))
              .status());
  EDB_TRY(connection.CopyIn(CopySql("pg_temp.embeddingsdb_staging"), rows));
  return AddCounts(connection.Query(Counted(Concat("INSERT INTO records (", kColumns, ") SELECT ",
                                                   kColumns, " FROM pg_temp.embeddingsdb_staging",
                                                   " ORDER BY model, provider, depiction_id",
                                                   ConflictClause(add.on_duplicate)))),
                   report);
}

Status Copy(PostgresConnection& connection, const PostgresAdd& add, AddReport& report) {
  PostgresCopy copy;
  for (const Record* record : add.records) {
    copy.Row(kColumnCount);
    AppendOwnColumns(copy, *record);
    copy.Integer(add.now);
  }
  const std::string rows = copy.Finish();
  bool copied = false;
  if (add.expect_new) {
    EDB_ASSIGN(copied, CopyNew(connection, rows));
  }
  if (copied) {
    report.added += static_cast<std::int64_t>(add.records.size());
    return {};
  }
  return CopyAny(connection, add, rows, report);
}

Status RaiseLastUpdate(PostgresConnection& connection, std::int64_t now) {
  PostgresParams params;
  params.Integer(now);
  // The row is changed once a second at most, or all writers would wait for each other here.
  return connection
      .Prepared("UPDATE meta SET value = $1 WHERE name = 'last_update' AND value < $1", params)
      .status();
}

/// The columns of the answer to OneSql and FewSql.
struct FewColumn {
  enum : std::uint8_t { kId, kHeld, kAdded, kStored, kLate, kProvider, kDepictionId, kModel };
};

/// FewSql of one record, of which parsing and planning each time anew costs less.
std::string OneSql(OnDuplicate on_duplicate) {
  return Concat(
      "WITH held AS (SELECT model FROM models WHERE model = $6 AND dimension = cardinality($7)"
      " FOR KEY SHARE), stored AS (INSERT INTO records (",
      kColumns, ") SELECT $3, $4, $5, $6, $7, $8, $9, $2 FROM held", ConflictClause(on_duplicate),
      ") SELECT pg_current_xact_id()::text, (SELECT count(*) FROM held) = $1,"
      " (SELECT count(*) FILTER (WHERE revision = 1) FROM stored),"
      " (SELECT count(*) FROM stored),"
      " (SELECT value < $2 FROM meta WHERE name = 'last_update'), $3, $4, $6");
}

/// Everything that a batch does one by one, in one statement: holds the models' rows, stores, and
/// tells what came of it, the transaction's id first; one row for each record that was replaced,
/// one at least. $1 says how many records there are, $2 what time it is. When a record's model has
/// no row of that length nothing is stored.
std::string FewSql(std::size_t rows, OnDuplicate on_duplicate) {
  return Concat(
      "WITH input(", kColumns, ") AS (VALUES ", ValuesSql(rows, 2),
      "), held AS (SELECT model, dimension FROM models m WHERE EXISTS (SELECT 1 FROM input i"
      " WHERE i.model = m.model AND cardinality(i.embedding) = m.dimension)"
      " ORDER BY model FOR KEY SHARE), fit AS (SELECT count(*) AS records FROM input i"
      " JOIN held h ON i.model = h.model AND cardinality(i.embedding) = h.dimension),"
      " stored AS (INSERT INTO records (",
      kColumns, ") SELECT ", kColumns,
      " FROM input WHERE model <> '' AND (SELECT records FROM fit) = $1",
      ConflictClause(on_duplicate), ", ", kKeyColumns,
      "), counts AS (SELECT count(*) FILTER (WHERE revision = 1), count(*) FROM stored)"
      " SELECT pg_current_xact_id()::text, (SELECT records FROM fit) = $1, counts.*,"
      " (SELECT value < $2 FROM meta WHERE name = 'last_update'), ",
      kKeyColumns, " FROM counts LEFT JOIN stored ON revision <> 1");
}

/// Parameters of FewSql. Rows beyond those of the records are of no model, so they are not stored.
PostgresParams FewParams(std::span<const Record* const> records, std::size_t rows,
                         std::int64_t now) {
  static const Record none;
  PostgresParams params;
  params.Integer(static_cast<std::int64_t>(records.size()));
  params.Integer(now);
  for (std::size_t row = 0; row < rows; ++row) {
    AppendOwnColumns(params, row < records.size() ? *records[row] : none);
  }
  return params;
}

/// Begins the transaction, unless that is done. False when nothing is stored and the batch's way
/// has to be gone: a model has no length yet or another one, or a key is taken that must not be.
Result<bool> AddFew(PostgresTransaction& transaction, const PostgresAdd& add,
                    PostgresAdded& result) {
  const std::size_t rows = std::bit_ceil(add.records.size());
  const std::string sql = rows == 1 ? OneSql(add.on_duplicate) : FewSql(rows, add.on_duplicate);
  const PostgresParams params = FewParams(add.records, rows, add.now);
  PostgresConnection& connection = transaction.connection();
  EDB_ASSIGN(const PostgresResult done, transaction.id().empty()
                                            ? transaction.BeginWriteWith(sql, params)
                                            : connection.Prepared(sql, params));
  EDB_ASSIGN(const std::int64_t added, done.Integer(0, FewColumn::kAdded));
  EDB_ASSIGN(const std::int64_t stored, done.Integer(0, FewColumn::kStored));
  if (!done.Bool(0, FewColumn::kHeld) || (stored == 0 && add.on_duplicate == OnDuplicate::kFail)) {
    return false;
  }
  result.report += {.added = added,
                    .replaced = stored - added,
                    .skipped = static_cast<std::int64_t>(add.records.size()) - stored};
  for (int row = 0; stored != added && row < done.rows(); ++row) {
    result.replaced.insert({std::string(done.Text(row, FewColumn::kProvider)),
                            std::string(done.Text(row, FewColumn::kDepictionId)),
                            std::string(done.Text(row, FewColumn::kModel))});
  }
  if (stored != 0 && done.Bool(0, FewColumn::kLate)) {  // once a second at most
    EDB_TRY(RaiseLastUpdate(connection, add.now));
  }
  return true;
}

/// Whether AddFew is tried. Of several records of which none may be stored when one cannot be, it
/// would have stored some.
bool IsFew(const PostgresAdd& add) {
  return add.records.size() == 1 ||
         (add.records.size() < kMinCopyRecords && add.on_duplicate != OnDuplicate::kFail);
}

/// The records of several callers, each of whom is to hear of its own.
Status AddGroup(PostgresTransaction& transaction, PostgresAdd add, PostgresAdded& result) {
  for (std::span<const Record* const> rest = add.records; !rest.empty();) {
    add.records = rest.first(std::min(rest.size(), kFewRecords));
    EDB_ASSIGN(bool done, AddFew(transaction, add, result));
    if (!done) {
      EDB_ASSIGN(const auto new_models, FixLengths(transaction.connection(), rest));
      result.new_models.insert(result.new_models.end(), new_models.begin(), new_models.end());
      EDB_ASSIGN(done, AddFew(transaction, add, result));
    }
    if (!done) {
      return LostToAnother(add.records.front()->key.model);
    }
    rest = rest.subspan(add.records.size());
  }
  return {};
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
  // In the order of the index: two batches that have keys in common then wait for each other once,
  // instead of each for the other.
  std::vector<const Record*> sorted(add.records.begin(), add.records.end());
  std::ranges::sort(sorted, ByKey);
  PostgresAdd ordered = add;
  ordered.records = sorted;
  if (add.tell_replaced) {
    EDB_TRY(AddGroup(transaction, ordered, added));
    return added;
  }
  if (IsFew(add)) {
    EDB_ASSIGN(const bool done, AddFew(transaction, ordered, added));
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
  AddReport& report = added.report;
  const bool copy = add.bulk == PostgresBulk::kCopy && sorted.size() >= kMinCopyRecords;
  EDB_TRY(copy ? Copy(connection, ordered, report) : Insert(connection, ordered, report));
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
