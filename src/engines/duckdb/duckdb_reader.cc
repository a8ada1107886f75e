// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "core/record_matcher.h"
#include "core/text.h"
#include "engines/duckdb/duckdb_rows.h"
#include "engines/duckdb/duckdb_scan.h"

namespace embeddingsdb {
namespace {

using duckdb_c::Chunk;
using duckdb_c::Parameter;
using duckdb_c::ResultSet;
using duckdb_c::Transaction;

// A session of the pool inside a read transaction. One snapshot for all its statements; and a
// statement is planned within it too, for DuckDB trusts the statistics of planning while it runs,
// so a commit must not come between.
class Snapshot {
 public:
  static Result<Snapshot> Of(DuckdbFile& file) {
    EDB_ASSIGN(DuckdbFile::Lease session, file.Borrow());
    EDB_ASSIGN(Transaction transaction, Transaction::Begin(session->connection()));
    return Snapshot(std::move(session), std::move(transaction));
  }
  const DuckdbSession* operator->() const { return &*session_; }
  const DuckdbSession& operator*() const { return *session_; }

 private:
  Snapshot(DuckdbFile::Lease session, Transaction transaction)
      : session_(std::move(session)), transaction_(std::move(transaction)) {}

  DuckdbFile::Lease session_;  // destroyed after the transaction
  Transaction transaction_;
};

// Ids asked for by one statement.
constexpr std::size_t kMaxList = 1000;

// Runs `select` for the rows with these ids, however many there are.
template <typename Use>
Status ForEachId(const DuckdbSession& session, std::string_view select, std::span<const RowId> ids,
                 Use use) {
  while (!ids.empty()) {
    const std::size_t taken = std::min(ids.size(), kMaxList);
    std::string sql = Concat(select, " WHERE id IN (");
    std::vector<Parameter> parameters;
    parameters.reserve(taken);
    for (const RowId id : ids.first(taken)) {
      sql += parameters.empty() ? "?" : ", ?";
      parameters.emplace_back(id);
    }
    sql += ")";
    EDB_ASSIGN(ResultSet result, session.Run(sql, parameters));
    EDB_TRY(ForEachRow(result, use));
    ids = ids.subspan(taken);
  }
  return {};
}

constexpr std::string_view kSelectRecords =
    "SELECT " EDB_DUCKDB_RECORD_COLUMNS " FROM db.embeddings";

class DuckdbCursor final : public RecordCursor {
 public:
  DuckdbCursor(std::shared_ptr<DuckdbFile> file, std::unique_ptr<DuckdbScan> scan)
      : file_(std::move(file)), scan_(std::move(scan)) {}

  Result<bool> Next(Record& record) override {
    EDB_ASSIGN(const bool more, scan_->Next());
    if (more) {
      ReadDuckdbRecord(scan_->chunk(), scan_->row(), record);
    }
    return more;
  }

 private:
  std::shared_ptr<DuckdbFile> file_;  // outlives the scan
  std::unique_ptr<DuckdbScan> scan_;
};

Result<std::int64_t> CountWhere(const DuckdbSession& session, const DuckdbWhere& where) {
  EDB_ASSIGN(ResultSet result, session.Run(Concat("SELECT count(*) FROM db.embeddings", where.sql),
                                           where.parameters));
  EDB_ASSIGN(const bool found, result.Next());
  if (!found) {
    return InternalError("DuckDB: count without a row");
  }
  return result.chunk().column(0).Values<std::int64_t>()[0];
}

// The ids of a page; sorting moves only the four texts, never vectors.
Result<std::vector<RowId>> PageIds(const DuckdbSession& session, const ListQuery& query,
                                   DuckdbWhere where) {
  const std::string sql =
      Concat("SELECT id FROM db.embeddings", where.sql,
             " ORDER BY subject_id, depiction_id, model, provider LIMIT ? OFFSET ?");
  where.parameters.emplace_back(query.per_page);
  where.parameters.emplace_back((query.page - 1) * query.per_page);
  EDB_ASSIGN(ResultSet result, session.Run(sql, where.parameters));
  std::vector<RowId> ids;
  EDB_TRY(ForEachRow(result, [&](const Chunk& chunk, std::size_t row) -> Status {
    ids.push_back(chunk.column(0).Values<std::int64_t>()[row]);
    return {};
  }));
  return ids;
}

std::string_view WriteDetails(std::string_view subject_id, const duckdb_c::Column& attributes,
                              std::size_t row, RowDetailsWriter& details) {
  details.Begin(subject_id);
  const auto [first, count] = attributes.List(row);
  const duckdb_c::Column entries = attributes.Child();
  const duckdb_c::Column names = entries.Field(0);
  const duckdb_c::Column values = entries.Field(1);
  for (std::size_t i = first; i < first + count; ++i) {
    details.Add(names.Text(i), values.Text(i));
  }
  return details.Finish();
}

}  // namespace

Result<std::optional<Record>> DuckdbGet(DuckdbFile& file, const Key& key) {
  EDB_ASSIGN(const Snapshot session, Snapshot::Of(file));
  EDB_ASSIGN(const RowId id,
             session->Number("SELECT id FROM db.keys WHERE key = ?", {EncodeDuckdbKey(key)}, 0));
  if (id == 0) {
    return std::optional<Record>();  // no such key, or removed
  }
  EDB_ASSIGN(ResultSet result, session->Run(Concat(kSelectRecords, " WHERE id = ?"), {id}));
  EDB_ASSIGN(const bool found, result.Next());
  if (!found) {
    return DataLossError(Concat("record ", DisplayKey(key), " has a key but no row; run verify"));
  }
  std::optional<Record> record(std::in_place);
  ReadDuckdbRecord(result.chunk(), 0, *record);
  return record;
}

Result<std::vector<std::optional<Record>>> DuckdbGetRows(DuckdbFile& file,
                                                         std::span<const RowRef> rows,
                                                         RowParts parts) {
  std::unordered_map<RowId, std::size_t> places;
  std::vector<RowId> ids;
  ids.reserve(rows.size());
  for (const RowRef& row : rows) {
    places.emplace(row.row, ids.size());
    ids.push_back(row.row);
  }
  std::vector<std::optional<Record>> records(rows.size());
  EDB_ASSIGN(const Snapshot session, Snapshot::Of(file));
  const auto take = [&](const Chunk& chunk, std::size_t row) -> Status {
    const auto place = places.find(chunk.column(0).Values<std::int64_t>()[row]);
    if (place == places.end()) {
      return InternalError("DuckDB: a row that was not asked for");
    }
    Record& record = records[place->second].emplace();
    record.key = rows[place->second].key;
    record.subject_id = chunk.column(1).Text(row);
    ReadDuckdbAttributes(chunk.column(2), row, record.attributes);
    if (parts == RowParts::kAll) {
      const duckdb_c::Column vectors = chunk.column(3);
      const auto [first, count] = vectors.List(row);
      const auto* const floats = vectors.Child().Values<float>() + first;
      record.embedding.assign(floats, floats + count);
    }
    return {};
  };
  EDB_TRY(ForEachId(*session,
                    parts == RowParts::kAll
                        ? "SELECT id, subject_id, attributes, vec FROM db.embeddings"
                        : "SELECT id, subject_id, attributes FROM db.embeddings",
                    ids, take));
  return records;
}

Status DuckdbList(DuckdbFile& file, const ListQuery& query, RecordPage& page) {
  const DuckdbWhere where(query.filters);
  EDB_ASSIGN(const Snapshot session, Snapshot::Of(file));
  EDB_ASSIGN(page.total, CountWhere(*session, where));
  page.records.clear();
  if ((query.page - 1) * query.per_page >= page.total) {
    return {};
  }
  EDB_ASSIGN(const std::vector<RowId> ids, PageIds(*session, query, where));
  std::unordered_map<RowId, std::size_t> places;
  for (const RowId id : ids) {
    places.emplace(id, places.size());
  }
  page.records.resize(ids.size());
  return ForEachId(*session, kSelectRecords, ids, [&](const Chunk& chunk, std::size_t row) {
    const RowId id = chunk.column(0).Values<std::int64_t>()[row];
    ReadDuckdbRecord(chunk, row, page.records[places.at(id)]);
    return Status();
  });
}

Result<std::unique_ptr<RecordCursor>> DuckdbScanRecords(std::shared_ptr<DuckdbFile> file,
                                                        const std::vector<Filter>& filters) {
  EDB_ASSIGN(std::unique_ptr<DuckdbScan> scan,
             DuckdbScan::Begin(*file, EDB_DUCKDB_RECORD_COLUMNS, filters));
  return std::unique_ptr<RecordCursor>(
      std::make_unique<DuckdbCursor>(std::move(file), std::move(scan)));
}

Result<std::int64_t> DuckdbCount(DuckdbFile& file, const std::vector<Filter>& filters) {
  EDB_ASSIGN(const Snapshot session, Snapshot::Of(file));
  return CountWhere(*session, DuckdbWhere(filters));
}

Result<std::vector<RowId>> DuckdbListRows(DuckdbFile& file, const std::string& model, RowId last) {
  EDB_ASSIGN(const Snapshot session, Snapshot::Of(file));
  EDB_ASSIGN(ResultSet result,
             session->Run("SELECT id FROM db.embeddings WHERE model = ? AND id <= ? ORDER BY id",
                          {model, last}));
  std::vector<RowId> rows;
  EDB_TRY(ForEachRow(result, [&](const Chunk& chunk, std::size_t row) -> Status {
    rows.push_back(chunk.column(0).Values<std::int64_t>()[row]);
    return {};
  }));
  return rows;
}

Status DuckdbVisitFields(DuckdbFile& file, const std::vector<Filter>& filters,
                         const FieldsVisitor& visit) {
  EDB_ASSIGN(const std::unique_ptr<DuckdbScan> scan,
             DuckdbScan::Begin(file, EDB_DUCKDB_FIELD_COLUMNS, ColumnFilters(filters)));
  Record record;
  for (;;) {
    EDB_ASSIGN(const bool more, scan->Next());
    if (!more) {
      return {};
    }
    const RowId id = ReadDuckdbFields(scan->chunk(), scan->row(), record);
    EDB_TRY(visit(id, record));
  }
}

Status DuckdbVisitVectors(DuckdbFile& file, const std::string& model, RowId after,
                          const VectorVisitor& visit) {
  EDB_ASSIGN(const std::unique_ptr<DuckdbScan> scan,
             DuckdbScan::Begin(file, "id, provider, depiction_id, vec, subject_id, attributes",
                               {{Column::kModel, model}}, after));
  RowDetailsWriter details;
  for (;;) {
    EDB_ASSIGN(const bool more, scan->Next());
    if (!more) {
      return {};
    }
    const Chunk& chunk = scan->chunk();
    const std::size_t row = scan->row();
    const duckdb_c::Column vectors = chunk.column(3);
    const auto [first, count] = vectors.List(row);
    EDB_TRY(
        visit({.row = chunk.column(0).Values<RowId>()[row],
               .provider = chunk.column(1).Text(row),
               .depiction_id = chunk.column(2).Text(row),
               .vector = {vectors.Child().Values<float>() + first, count},
               .details = WriteDetails(chunk.column(4).Text(row), chunk.column(5), row, details)}));
  }
}

Result<Catalog> DuckdbCatalog(DuckdbFile& file, const char* sql) {
  EDB_ASSIGN(const Snapshot session, Snapshot::Of(file));
  EDB_ASSIGN(ResultSet result, session->Run(sql, {}));
  Catalog catalog;
  EDB_TRY(ForEachRow(result, [&](const Chunk& chunk, std::size_t row) -> Status {
    Catalog::Model& model = catalog.models[std::string(chunk.column(0).Text(row))];
    model.dimension = std::max(model.dimension, chunk.column(3).Values<std::int32_t>()[row]);
    model.providers.emplace(chunk.column(1).Text(row), chunk.column(2).Values<std::int64_t>()[row]);
    return {};
  }));
  return catalog;
}

Status DuckdbCheck(DuckdbFile& file, std::vector<std::string>& problems) {
  constexpr std::array<std::pair<const char*, const char*>, 4> kChecks = {{
      {"rows of embeddings without their key in keys",
       "SELECT count(*) FROM db.embeddings e ANTI JOIN db.keys k ON k.id = e.id AND k.key = "
       "e.provider || chr(31) || e.depiction_id || chr(31) || e.model"},
      {"keys without a row in embeddings",
       "SELECT count(*) FROM db.keys k ANTI JOIN db.embeddings e ON k.id = e.id "
       "WHERE k.id <> 0"},
      {"ids used more than once",
       "SELECT count(*) FROM (SELECT id FROM db.embeddings GROUP BY id HAVING count(*) > 1)"},
      {"vectors of another length than their row says",
       "SELECT count(*) FROM db.embeddings WHERE len(vec) <> dimensions"},
  }};
  EDB_ASSIGN(const Snapshot session, Snapshot::Of(file));
  for (const auto& [what, sql] : kChecks) {
    EDB_ASSIGN(const std::int64_t count, session->Number(sql, {}, 0));
    if (count != 0) {
      problems.push_back(Concat(count, " ", what));
    }
  }
  return {};
}

}  // namespace embeddingsdb
