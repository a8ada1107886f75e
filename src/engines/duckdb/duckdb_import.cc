// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_import.h"

#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/record.h"

#include "core/json.h"
#include "core/text.h"
#include "duckdb_c/handle.h"
#include "engines/database_base.h"
#include "engines/duckdb/duckdb_location.h"
#include "engines/duckdb/duckdb_store.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;
using duckdb_c::Chunk;
using duckdb_c::Column;
using duckdb_c::ResultSet;

constexpr std::size_t kBatchRecords = 8192;
constexpr std::size_t kBatchFloats = kMaxBatchBytes / 2 / sizeof(float);

// Every column as text: we parse and check the values ourselves, as at every other door.
constexpr const char* kReadCsv =
    "SELECT provider, depiction_id, subject_id, model, attributes, vec, created, lastmodified "
    "FROM read_csv(?, header = true, delim = ',', quote = '\"', escape = '\"', "
    "all_varchar = true, auto_detect = false, nullstr = '', max_line_size = 8388608, "
    "columns = {provider: 'VARCHAR', depiction_id: 'VARCHAR', subject_id: 'VARCHAR', "
    "model: 'VARCHAR', attributes: 'VARCHAR', vec: 'VARCHAR', created: 'VARCHAR', "
    "lastmodified: 'VARCHAR'})";

struct Batch {
  std::vector<Record> records;
  std::vector<std::int64_t> modified;
  std::set<Key> keys;
  std::size_t floats = 0;

  void Clear() {
    records.clear();
    modified.clear();
    keys.clear();
    floats = 0;
  }
};

// An empty field is NULL to the CSV reader.
std::string_view TextAt(const Chunk& chunk, std::size_t column, std::size_t row) {
  const Column values = chunk.column(column);
  return values.IsNull(row) ? std::string_view() : values.Text(row);
}

Result<std::int64_t> IntegerAt(const Chunk& chunk, std::size_t column, std::size_t row,
                               std::string_view name) {
  const std::string_view text = TextAt(chunk, column, row);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) {
    return value;
  }
  return InvalidArgumentError(Concat(name, " ", Quote(text), " is no integer"));
}

// "[0.1, 1e-07]", as DuckDB prints a vector; six times as fast as a JSON parser, which matters for
// a hundred million numbers.
Result<std::vector<float>> ParseVector(std::string_view text) {
  const auto bad = [&] {
    return InvalidArgumentError(Concat("vec ", Quote(text), " is no vector"));
  };
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') {
    return bad();
  }
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  std::vector<float> values;
  while (at != end) {
    while (at != end && *at == ' ') {
      ++at;
    }
    float value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc()) {
      return bad();
    }
    values.push_back(value);
    at = next;
    if (at == end) {
      return values;
    }
    const bool comma = *at == ',';
    ++at;
    if (!comma || at == end) {
      return bad();
    }
  }
  return values;
}

// Reads one row into the batch.
Status TakeRow(const Chunk& chunk, std::size_t row, Batch& batch) {
  Record record;
  record.key.provider = TextAt(chunk, 0, row);
  record.key.depiction_id = TextAt(chunk, 1, row);
  record.subject_id = TextAt(chunk, 2, row);
  record.key.model = TextAt(chunk, 3, row);
  EDB_ASSIGN(record.attributes, AttributesFromJson(TextAt(chunk, 4, row)));
  EDB_ASSIGN(record.embedding, ParseVector(TextAt(chunk, 5, row)));
  EDB_ASSIGN(record.created, IntegerAt(chunk, 6, row, "created"));
  EDB_ASSIGN(const std::int64_t modified, IntegerAt(chunk, 7, row, "lastmodified"));
  EDB_TRY(Validate(record));
  if (!batch.keys.insert(record.key).second) {
    return InvalidArgumentError(Concat("record ", DisplayKey(record.key), " comes twice"));
  }
  batch.floats += record.embedding.size();
  batch.records.push_back(std::move(record));
  batch.modified.push_back(modified);
  return {};
}

Status PutBatch(DuckdbStore& store, Batch& batch) {
  std::vector<const Record*> records;
  records.reserve(batch.records.size());
  for (const Record& record : batch.records) {
    records.push_back(&record);
  }
  EDB_ASSIGN(const std::vector<PutResult> results, store.PutAt(records, batch.modified));
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].replaced) {
      continue;
    }
    return InvalidArgumentError(Concat("record ", DisplayKey(records[i]->key), " comes twice"));
  }
  batch.Clear();
  return {};
}

Result<std::int64_t> CopyRows(const std::string& csv, DuckdbStore& store) {
  // A DuckDB of its own: only this one may read files, and it holds nothing.
  EDB_ASSIGN(const duckdb_c::Database database,
             duckdb_c::Database::Open("", {.external_access = true}));
  EDB_ASSIGN(const duckdb_c::Connection connection, database.Connect());
  EDB_ASSIGN(ResultSet result, connection.Run(kReadCsv, {csv}, duckdb_c::Fetch::kStreaming));
  std::int64_t rows = 0;
  std::map<std::string, std::size_t, std::less<>> dimensions;
  Batch batch;
  for (;;) {
    EDB_ASSIGN(const bool more, result.Next());
    if (!more) {
      break;
    }
    for (std::size_t row = 0; row < result.chunk().rows(); ++row) {
      const std::string where = Concat("record ", ++rows);
      if (const Status status = TakeRow(result.chunk(), row, batch); !status.ok()) {
        return status.WithContext(where);
      }
      const Record& record = batch.records.back();
      const std::size_t expected =
          dimensions.emplace(record.key.model, record.embedding.size()).first->second;
      if (record.embedding.size() != expected) {
        return WrongDimension(where, record.key.model, record.embedding.size(), expected);
      }
      if (batch.records.size() == kBatchRecords || batch.floats >= kBatchFloats) {
        EDB_TRY(PutBatch(store, batch));
      }
    }
  }
  EDB_TRY(PutBatch(store, batch));
  return rows;
}

Result<std::int64_t> FillFile(const std::string& directory, const std::string& file, Env& env) {
  EDB_ASSIGN(const std::unique_ptr<DuckdbStore> store,
             DuckdbStore::Open({.file = {.path = file}, .env = &env}));
  EDB_ASSIGN(const std::int64_t rows,
             CopyRows((fs::path(directory) / kExportCsv).string(), *store));
  EDB_TRY(store->SetImportNote(DuckdbExportNote(directory)));
  // Checkpoints, so that no log is left that would not follow the renaming.
  EDB_TRY(store->Close());
  return rows;
}

}  // namespace

Result<std::int64_t> ImportDuckdbExport(const std::string& directory, const std::string& file,
                                        Env& env) {
  Result<std::int64_t> rows = FillFile(directory, FreshDuckdbFile(file), env);
  if (rows.ok()) {
    const Status put = PutFreshDuckdbFile(file, env);
    if (put.ok()) {
      return rows;
    }
    rows = put;
  }
  RemoveFreshDuckdbFile(file, env).IgnoreError("the first error says more");
  return rows.status().WithContext(
      Concat("import ", Quote((fs::path(directory) / kExportCsv).string())));
}

std::string DuckdbExportNote(const std::string& directory) {
  const fs::path csv = fs::path(directory) / kExportCsv;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(csv, error);
  if (error) {
    return {};
  }
  const auto time = fs::last_write_time(csv, error);
  if (error) {
    return {};
  }
  return Concat(size, " bytes, written ", time.time_since_epoch().count());
}

}  // namespace embeddingsdb
