// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/json.h"
#include "core/record_matcher.h"
#include "core/text.h"
#include "engines/row_checksum.h"
#include "engines/sqlite/sqlite_compressed_reader.h"
#include "engines/sqlite/sqlite_format.h"
#include "engines/sqlite/sqlite_words.h"

namespace embeddingsdb {
namespace {

#define EDB_SQLITE_FIELD_COLUMNS \
  "id, provider, depiction_id, model, subject_id, created, lastmodified, attributes, checksum"

constexpr std::string_view kFieldColumns = EDB_SQLITE_FIELD_COLUMNS;
constexpr std::string_view kRecordColumns = EDB_SQLITE_FIELD_COLUMNS ", embedding";

/// " WHERE a = ? AND b = ?" for BindFilters. `plus` columns carry a unary plus, which keeps them
/// out of the choice of an index.
std::string WhereClause(const std::vector<Filter>& filters, bool plus = false) {
  std::string sql;
  for (const Filter& filter : filters) {
    sql += sql.empty() ? " WHERE " : " AND ";
    if (plus && filter.column != Column::kSubjectId) {
      sql += '+';
    }
    sql += ColumnName(filter.column);
    sql += " = ?";
  }
  return sql;
}

/// Binds the values from a parameter on; the number of the next parameter.
int BindFilters(SqliteStatement& statement, const std::vector<Filter>& filters, int parameter = 1) {
  for (const Filter& filter : filters) {
    statement.Bind(parameter++, filter.value);
  }
  return parameter;
}

/// Copies, because SQLite promises no alignment.
Status ReadEmbedding(SqliteStatement& row, int column, std::uint32_t checksum,
                     std::vector<float>& embedding) {
  const std::span<const std::byte> blob = row.Blob(column);
  EDB_TRY(row.Check());
  if (RowChecksum::OfVector(blob) != checksum) {
    return DataLossError("embedding differs from its checksum");
  }
  if (blob.empty() || blob.size() % sizeof(float) != 0) {
    return DataLossError(
        Concat("embedding has ", blob.size(), " bytes, which is no whole number ", "of float32"));
  }
  embedding.resize(blob.size() / sizeof(float));
  std::memcpy(embedding.data(), blob.data(), blob.size());
  return {};
}

Status ReadFields(const RowFields& fields, std::uint32_t checksum, Record& record) {
  if (RowChecksum::OfFields(fields) != checksum) {
    return DataLossError("it differs from its checksum");
  }
  Result<Attributes> attributes = AttributesFromJson(fields.attributes);
  if (!attributes.ok()) {
    return DataLossError(Concat("attributes: ", attributes.status().message()));
  }
  record.attributes = *std::move(attributes);
  record.key.provider = fields.provider;
  record.key.depiction_id = fields.depiction_id;
  record.key.model = fields.model;
  record.subject_id = fields.subject_id;
  record.created = fields.created;
  return {};
}

RowFields FieldsOf(SqliteStatement& row) {
  return {.provider = row.Text(1),
          .depiction_id = row.Text(2),
          .model = row.Text(3),
          .subject_id = row.Text(4),
          .created = row.Integer(5),
          .lastmodified = row.Integer(6),
          .attributes = row.Text(7)};
}

/// Reads kFieldColumns; the checksum of the vector.
Result<std::uint32_t> ReadFieldsOf(SqliteStatement& row, Record& record) {
  const RowFields fields = FieldsOf(row);
  const RowChecksum checksum = RowChecksum::Unpack(row.Integer(8));
  EDB_TRY(row.Check());
  EDB_TRY(ReadFields(fields, checksum.fields, record));
  return checksum.vector;
}

Status ReadRecord(SqliteStatement& row, Record& record) {
  EDB_ASSIGN(const std::uint32_t checksum, ReadFieldsOf(row, record));
  return ReadEmbedding(row, 9, checksum, record.embedding);
}

Status InRow(const Status& status, RowId row) {
  return status.ok() ? status : status.WithContext(Concat("row ", row, " of table records"));
}

/// Visits the rows of a statement for kFieldColumns.
Status VisitAll(SqliteStatement& statement, const FieldsVisitor& visit) {
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, statement.Step());
    if (!more) {
      return {};
    }
    const RowId row = statement.Integer(0);
    EDB_TRY(InRow(ReadFieldsOf(statement, record).status(), row));
    EDB_TRY(visit(row, record));
  }
}

Status CheckStructure(const SqliteConnection& connection, std::vector<std::string>& problems) {
  // Left to itself it stops at the hundredth finding.
  EDB_ASSIGN(SqliteStatement check, connection.Prepare("PRAGMA integrity_check"));
  while (true) {
    EDB_ASSIGN(const bool more, check.Step());
    if (!more) {
      return {};
    }
    if (check.Text(0) != "ok") {
      problems.push_back(Concat("SQLite: ", check.Text(0)));
    }
  }
}

}  // namespace

Result<std::unique_ptr<SqliteReader>> SqliteReader::Create(SqliteConnection connection) {
  std::unique_ptr<SqliteReader> reader(new SqliteReader(std::move(connection)));
  EDB_ASSIGN(reader->get_,
             reader->connection_.Prepare(Concat("SELECT ", kRecordColumns,
                                                " FROM records WHERE model = ? AND provider = ?"
                                                " AND depiction_id = ?")));
  EDB_ASSIGN(reader->get_row_,
             reader->connection_.Prepare("SELECT subject_id, created, lastmodified, attributes,"
                                         " checksum FROM records WHERE id = ?"));
  EDB_ASSIGN(reader->get_whole_row_,
             reader->connection_.Prepare("SELECT subject_id, created, lastmodified, attributes,"
                                         " checksum, embedding FROM records WHERE id = ?"));
  return reader;
}

Result<std::optional<Record>> SqliteReader::Get(const Key& key) {
  const SqliteResetter resetter(get_);
  get_.Bind(1, key.model);
  get_.Bind(2, key.provider);
  get_.Bind(3, key.depiction_id);
  EDB_ASSIGN(const bool found, get_.Step());
  if (!found) {
    return std::optional<Record>();
  }
  Record record;
  EDB_TRY(ReadScanned(get_, record));
  return std::optional<Record>(std::move(record));
}

Result<std::vector<std::optional<Record>>> SqliteReader::GetRows(std::span<const RowRef> rows,
                                                                 RowParts parts) {
  SqliteTransaction snapshot(connection_);
  EDB_TRY(snapshot.BeginRead());
  return ReadRows(rows, parts);
}

Result<std::vector<std::optional<Record>>> SqliteReader::ReadRows(std::span<const RowRef> rows,
                                                                  RowParts parts) {
  SqliteStatement& get = parts == RowParts::kAll ? get_whole_row_ : get_row_;
  std::vector<std::optional<Record>> records(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const SqliteResetter resetter(get);
    get.Bind(1, rows[i].row);
    EDB_ASSIGN(const bool found, get.Step());
    if (!found) {
      continue;
    }
    // With the key of the index: were that another row's, the checksum would not fit.
    const Key& key = rows[i].key;
    const RowFields fields = {.provider = key.provider,
                              .depiction_id = key.depiction_id,
                              .model = key.model,
                              .subject_id = get.Text(0),
                              .created = get.Integer(1),
                              .lastmodified = get.Integer(2),
                              .attributes = get.Text(3)};
    const RowChecksum checksum = RowChecksum::Unpack(get.Integer(4));
    EDB_TRY(get.Check());
    Record& record = records[i].emplace();
    EDB_TRY(InRow(ReadFields(fields, checksum.fields, record), rows[i].row));
    if (parts == RowParts::kAll) {
      EDB_TRY(InRow(ReadEmbedding(get, 5, checksum.vector, record.embedding), rows[i].row));
    }
  }
  return records;
}

Result<std::vector<SimilarRecord>> SqliteReader::Similar(SqliteCompression compression,
                                                         const ResolvedSimilarQuery& resolved) {
  SqliteTransaction snapshot(connection_);
  EDB_TRY(snapshot.BeginRead());
  EDB_ASSIGN(std::vector<CompressedHit> hits, SearchCompressed(connection_, compression, resolved));
  std::vector<RowRef> rows;
  rows.reserve(hits.size());
  for (const CompressedHit& hit : hits) {
    rows.push_back(hit.row);
  }
  EDB_ASSIGN(std::vector<std::optional<Record>> records, ReadRows(rows, RowParts::kFields));
  std::vector<SimilarRecord> answer;
  answer.reserve(hits.size());
  for (std::size_t i = 0; i < hits.size(); ++i) {
    std::optional<Record>& record = records[i];
    if (!record) {  // though the search has read its key from the same snapshot
      return InternalError(Concat("row ", hits[i].row.row, " is gone from its snapshot"));
    }
    answer.push_back({std::move(hits[i].row.key), std::move(record->subject_id), hits[i].distance,
                      std::move(record->attributes)});
  }
  return answer;
}

Status SqliteReader::List(const ListQuery& query, RecordPage& page) {
  SqliteTransaction snapshot(connection_);
  EDB_TRY(snapshot.BeginRead());
  EDB_ASSIGN(page.total, Count(query.filters));
  page.records.clear();
  const std::int64_t offset = (query.page - 1) * query.per_page;
  if (offset >= page.total) {
    return {};
  }
  // Walks the index of the list order, which holds every filtered column: rows before the page are
  // stepped over without being read. Left to itself SQLite would sort whole records.
  const std::string sql = Concat("SELECT ", kRecordColumns, " FROM records INDEXED BY records_list",
                                 WhereClause(query.filters, true),
                                 " ORDER BY subject_id, depiction_id, model, provider"
                                 " LIMIT ? OFFSET ?");
  EDB_ASSIGN(SqliteStatement statement, connection_.Prepare(sql));
  const int next = BindFilters(statement, query.filters);
  statement.Bind(next, query.per_page);
  statement.Bind(next + 1, offset);
  while (true) {
    EDB_ASSIGN(const bool more, statement.Step());
    if (!more) {
      return {};
    }
    EDB_TRY(ReadScanned(statement, page.records.emplace_back()));
  }
}

Result<std::int64_t> SqliteReader::Count(const std::vector<Filter>& filters) {
  EDB_ASSIGN(SqliteStatement statement,
             connection_.Prepare("SELECT count(*) FROM records" + WhereClause(filters)));
  BindFilters(statement, filters);
  EDB_TRY(statement.Step().status());
  return statement.Integer(0);
}

Status SqliteReader::VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit,
                                 Status& words) {
  std::vector<WordsQuery> queries;
  for (const Filter& filter : filters) {
    if (filter.column == Column::kWords) {
      EDB_ASSIGN(WordsQuery query, WordsQuery::Parse(filter.value));
      queries.push_back(std::move(query));
    }
  }
  SqliteTransaction snapshot(connection_);
  EDB_TRY(snapshot.BeginRead());
  RowId after = 0;
  if (!queries.empty()) {
    EDB_ASSIGN(after, VisitIndexed(queries, visit, words));
  }
  const std::vector<Filter> columns = ColumnFilters(filters);  // the statement borrows them
  EDB_ASSIGN(SqliteStatement statement,
             after == 0 ? SelectRows(kFieldColumns, columns) : SelectRowsAfter(after, columns));
  return VisitAll(statement, visit);
}

Result<RowId> SqliteReader::VisitIndexed(std::span<const WordsQuery> words,
                                         const FieldsVisitor& visit, Status& damage) {
  const Result<SqliteWordsFound> found = FindWords(connection_, words);
  if (found.status().code() == StatusCode::kDataLoss) {
    damage = found.status();
    return RowId{0};
  }
  EDB_TRY(found.status());
  EDB_ASSIGN(SqliteStatement statement,
             connection_.Prepare(Concat("SELECT ", kFieldColumns, " FROM records WHERE id = ?")));
  for (const RowId row : found->rows) {
    const SqliteResetter resetter(statement);
    statement.Bind(1, row);
    EDB_TRY(VisitAll(statement, visit));
  }
  return found->last;
}

Result<bool> SqliteReader::NeedsWordsUpdate() {
  SqliteTransaction snapshot(connection_);
  EDB_TRY(snapshot.BeginRead());
  return embeddingsdb::NeedsWordsUpdate(connection_);
}

Status SqliteReader::VisitVectors(const std::string& model, RowId after,
                                  const VectorVisitor& visit) {
  // All rows of a model are found by the index, the newest among all rows by their ids.
  const char* const rows = after == 0 ? " WHERE id IN (SELECT id FROM records WHERE model = ?)"
                                      : " WHERE +model = ? AND id > ?";
  EDB_ASSIGN(SqliteStatement statement,
             connection_.Prepare(
                 Concat("SELECT ", kRecordColumns, " FROM records", rows, " ORDER BY id")));
  statement.Bind(1, model);
  if (after != 0) {
    statement.Bind(2, after);
  }
  Record record;
  RowDetailsWriter details;
  while (true) {
    EDB_ASSIGN(const bool more, statement.Step());
    if (!more) {
      return {};
    }
    const RowId row = statement.Integer(0);
    const RowFields fields = FieldsOf(statement);
    const RowChecksum checksum = RowChecksum::Unpack(statement.Integer(8));
    EDB_TRY(InRow(ReadEmbedding(statement, 9, checksum.vector, record.embedding), row));
    const bool whole = ReadFields(fields, checksum.fields, record).ok();
    EDB_TRY(visit({.row = row,
                   .provider = fields.provider,
                   .depiction_id = fields.depiction_id,
                   .vector = record.embedding,
                   .details = whole ? details.Write(record.subject_id, record.attributes) : ""}));
  }
}

Result<std::vector<RowId>> SqliteReader::ListRows(const std::string& model, RowId last) {
  EDB_ASSIGN(SqliteStatement statement,
             connection_.Prepare("SELECT id FROM records WHERE model = ? AND id <= ?"));
  statement.Bind(1, model);
  statement.Bind(2, last);
  std::vector<RowId> rows;
  while (true) {
    EDB_ASSIGN(const bool more, statement.Step());
    if (!more) {
      break;
    }
    rows.push_back(statement.Integer(0));
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

Result<Catalog> SqliteReader::LoadCatalog() {
  SqliteTransaction snapshot(connection_);
  EDB_TRY(snapshot.BeginRead());
  EDB_ASSIGN(SqliteStatement groups,
             connection_.Prepare("SELECT model, provider, count(*) FROM records"
                                 " GROUP BY model, provider"));
  Catalog catalog;
  while (true) {
    EDB_ASSIGN(const bool more, groups.Step());
    if (!more) {
      break;
    }
    Catalog::Model& model = catalog.models[std::string(groups.Text(0))];
    model.providers.emplace(groups.Text(1), groups.Integer(2));
    EDB_TRY(groups.Check());
  }
  EDB_ASSIGN(SqliteStatement length,
             connection_.Prepare("SELECT length(embedding) FROM records WHERE model = ? LIMIT 1"));
  for (auto& [name, model] : catalog.models) {
    const SqliteResetter resetter(length);
    length.Bind(1, name);
    EDB_TRY(length.Step().status());
    model.dimension = static_cast<int>(length.Integer(0) / std::int64_t{sizeof(float)});
  }
  return catalog;
}

Result<std::int64_t> SqliteReader::LastUpdate() {
  return connection_.QueryInteger("SELECT value FROM meta WHERE name = 'last_update'");
}

Result<std::uint64_t> SqliteReader::GetMark(const std::string& name) {
  EDB_ASSIGN(SqliteStatement statement,
             connection_.Prepare("SELECT value FROM meta WHERE name = ?"));
  statement.Bind(1, name);
  EDB_ASSIGN(const bool found, statement.Step());
  return found ? static_cast<std::uint64_t>(statement.Integer(0)) : std::uint64_t{0};
}

Status SqliteReader::CheckCodes(SqliteCompression compression, std::vector<std::string>& problems) {
  if (compression == SqliteCompression::kNone) {
    return {};
  }
  SqliteTransaction snapshot(connection_);
  EDB_TRY(snapshot.BeginRead());
  return CheckCompressed(connection_, compression, problems);
}

Status SqliteReader::CheckFiles(SqliteCompression compression, std::vector<std::string>& problems) {
  Status status = CheckStructure(connection_, problems);
  if (status.ok()) {
    status = CheckCodes(compression, problems);
  }
  if (status.ok()) {
    SqliteTransaction snapshot(connection_);
    EDB_TRY(snapshot.BeginRead());
    status = CheckWords(connection_, problems);
  }
  // A file too damaged to be walked is a finding, not a check that could not be made.
  if (status.code() != StatusCode::kDataLoss) {
    return status;
  }
  problems.push_back(status.message());
  return {};
}

Result<SqliteStatement> SqliteReader::PrepareScan(const std::vector<Filter>& filters) {
  return SelectRows(kRecordColumns, filters);
}

Result<SqliteStatement> SqliteReader::SelectRows(std::string_view columns,
                                                 const std::vector<Filter>& filters) const {
  // The ids come from an index that holds all filtered columns, so only matching records are read.
  std::string sql = Concat("SELECT ", columns, " FROM records");
  if (!filters.empty()) {
    sql += Concat(" WHERE id IN (SELECT id FROM records", WhereClause(filters), ")");
  }
  sql += " ORDER BY id";
  EDB_ASSIGN(SqliteStatement statement, connection_.Prepare(sql));
  BindFilters(statement, filters);
  return statement;
}

Result<SqliteStatement> SqliteReader::SelectRowsAfter(RowId after,
                                                      const std::vector<Filter>& filters) const {
  // By their ids: the rows after the word index are few, those that match may be many.
  std::string sql = Concat("SELECT ", kFieldColumns, " FROM records WHERE id > ?");
  for (const Filter& filter : filters) {
    sql += Concat(" AND +", ColumnName(filter.column), " = ?");
  }
  sql += " ORDER BY id";
  EDB_ASSIGN(SqliteStatement statement, connection_.Prepare(sql));
  statement.Bind(1, after);
  BindFilters(statement, filters, 2);
  return statement;
}

Status SqliteReader::ReadScanned(SqliteStatement& scan, Record& record) {
  return InRow(ReadRecord(scan, record), scan.Integer(0));
}

Result<SqliteReaderPool::Lease> SqliteReaderPool::Acquire() {
  {
    std::unique_lock lock(mutex_);
    if (path_.empty()) {
      returned_.wait(lock, [this] { return closed_ || !idle_.empty(); });
    }
    if (closed_) {
      return FailedPreconditionError("the SQLite store is closed");
    }
    if (!idle_.empty()) {
      Lease lease(shared_from_this(), std::move(idle_.back()));
      idle_.pop_back();
      return lease;
    }
  }
  EDB_ASSIGN(SqliteConnection connection, OpenSqliteReader(path_));
  EDB_ASSIGN(std::unique_ptr<SqliteReader> reader, SqliteReader::Create(std::move(connection)));
  return Lease(shared_from_this(), std::move(reader));
}

void SqliteReaderPool::Return(std::unique_ptr<SqliteReader> reader) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || idle_.size() >= keep_) {
      return;
    }
    idle_.push_back(std::move(reader));
  }
  returned_.notify_one();
}

void SqliteReaderPool::Close() {
  std::vector<std::unique_ptr<SqliteReader>> idle;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    idle.swap(idle_);
  }
  returned_.notify_all();
}

}  // namespace embeddingsdb
