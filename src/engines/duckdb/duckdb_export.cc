// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_export.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <set>
#include <string_view>

#include "core/json.h"
#include "core/text.h"
#include "engines/duckdb/duckdb_location.h"
#include "engines/duckdb/duckdb_reader.h"
#include "engines/duckdb/duckdb_rows.h"
#include "engines/duckdb/duckdb_scan.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;

constexpr int kSeedDimensions = 512;  // go-embeddingsdb's default
constexpr std::size_t kCsvBuffer = 1024 * 1024;
constexpr std::array<std::string_view, 3> kFiles = {kExportCsv, kExportSchema, kExportLoad};

std::string SchemaSql(int dimensions) {
  return Concat(
      "CREATE TABLE embeddings(provider VARCHAR NOT NULL, depiction_id VARCHAR NOT NULL, "
      "subject_id VARCHAR NOT NULL, model VARCHAR NOT NULL, attributes VARCHAR NOT NULL, vec "
      "FLOAT[",
      dimensions,
      "], created BIGINT NOT NULL, lastmodified BIGINT NOT NULL);\n"
      "CREATE INDEX by_lastmod ON embeddings(lastmodified);\n"
      "CREATE INDEX by_model ON embeddings(model, provider, created);\n"
      "CREATE INDEX by_provider ON embeddings(provider, model, created);\n"
      "CREATE UNIQUE INDEX id_model ON embeddings(provider, depiction_id, model);\n"
      "CREATE INDEX idx ON embeddings USING HNSW (vec);\n");
}

std::string LoadSql(const std::string& path) {
  return Concat(
      "COPY embeddings FROM ", duckdb_c::QuoteLiteral((fs::path(path) / kExportCsv).string()),
      " (FORMAT 'csv', force_not_null ('provider', 'depiction_id', 'subject_id', 'model', "
      "'attributes', 'created', 'lastmodified'), quote '\"', delimiter ',', header 1);\n");
}

// Always quoted: then no text can be taken for NULL, a number or a line's end.
void AppendField(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"') {
      out += '"';
    }
    out += c;
  }
  out += '"';
}

void AppendRow(std::string& out, const Record& record, std::int64_t modified) {
  AppendField(out, record.key.provider);
  out += ',';
  AppendField(out, record.key.depiction_id);
  out += ',';
  AppendField(out, record.subject_id);
  out += ',';
  AppendField(out, record.key.model);
  out += ',';
  AppendField(out, AttributesToJson(record.attributes));
  out += ",\"";
  out += FloatsToJson(record.embedding);
  out += Concat("\",", record.created, ",", modified, "\n");
}

// The one length of all vectors.
Result<int> OneDimension(const std::set<int>& found, std::optional<int> fallback) {
  if (found.empty()) {
    return fallback.value_or(kSeedDimensions);
  }
  if (found.size() == 1) {
    return *found.begin();
  }
  std::string list;
  for (const int dimension : found) {
    list += Concat(list.empty() ? "" : ", ", dimension);
  }
  return FailedPreconditionError(
      Concat("vectors have several dimensions (", list,
             "), and an export directory holds one; use parquet-export instead"));
}

Result<std::set<int>> Dimensions(DuckdbFile& file) {
  EDB_ASSIGN(const Catalog catalog, DuckdbCatalog(file, kDuckdbCountedCatalog));
  std::set<int> found;
  for (const auto& [name, model] : catalog.models) {
    found.insert(model.dimension);
  }
  return found;
}

// Returns the lengths of the vectors written.
Result<std::set<int>> WriteCsv(DuckdbFile& database, Env& env, const fs::path& path) {
  EDB_ASSIGN(const std::unique_ptr<AtomicFile> file, env.CreateAtomic(path.string()));
  EDB_ASSIGN(const std::unique_ptr<DuckdbScan> scan,
             DuckdbScan::Begin(database, EDB_DUCKDB_RECORD_COLUMNS ", lastmodified", {}));
  std::string out = "provider,depiction_id,subject_id,model,attributes,vec,created,lastmodified\n";
  std::set<int> dimensions;
  Record record;
  for (;;) {
    EDB_ASSIGN(const bool more, scan->Next());
    if (!more) {
      break;
    }
    ReadDuckdbRecord(scan->chunk(), scan->row(), record);
    dimensions.insert(static_cast<int>(record.embedding.size()));
    AppendRow(out, record, scan->chunk().column(8).Values<std::int64_t>()[scan->row()]);
    if (out.size() >= kCsvBuffer) {
      EDB_TRY(file->Append(out));
      out.clear();
    }
  }
  EDB_TRY(file->Append(out));
  EDB_TRY(file->Commit());
  return dimensions;
}

// Everything in `path` must be an export's: what is replaced is deleted.
Status CheckReplaceable(const fs::path& path, Env& env) {
  if (!env.Exists(path.string())) {
    return {};
  }
  if (!env.IsDirectory(path.string())) {
    return FailedPreconditionError(
        Concat("export path ", Quote(path.string()), " is a file; name a directory"));
  }
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end()) {
      continue;
    }
    return FailedPreconditionError(Concat("export directory ", Quote(path.string()), " also holds ",
                                          Quote(name), "; name a directory of its own"));
  }
  if (!error) {
    return {};
  }
  return InternalError(Concat("read directory ", Quote(path.string()), ": ", error.message()));
}

// Removes an export directory, complete or not, and nothing else.
Status RemoveExport(const fs::path& path, Env& env) {
  EDB_TRY(CheckReplaceable(path, env));
  for (const std::string_view name : kFiles) {
    EDB_TRY(env.Remove((path / name).string()));
  }
  return env.Remove(path.string());
}

// Puts `fresh` in the place of `path`. Between the two renames a crash leaves the old export under
// the name `old`, complete.
Status Swap(const fs::path& fresh, const fs::path& path, const fs::path& old, Env& env) {
  if (!env.Exists(path.string())) {
    return env.Rename(fresh.string(), path.string());
  }
  EDB_TRY(RemoveExport(old, env));
  EDB_TRY(env.Rename(path.string(), old.string()));
  if (Status status = env.Rename(fresh.string(), path.string()); !status.ok()) {
    env.Rename(old.string(), path.string()).IgnoreError("the first error says more");
    return status;
  }
  return RemoveExport(old, env);
}

// The name under which an export of `path` is written.
fs::path FreshName(const fs::path& path) {
  return path.string() + ".exporting";
}

Status WriteExport(DuckdbFile& file, const fs::path& path, std::optional<int> dimensions,
                   Env& env) {
  const fs::path fresh = FreshName(path);
  EDB_ASSIGN(const std::set<int> before, Dimensions(file));
  EDB_TRY(OneDimension(before, dimensions).status());  // before anything is written
  EDB_TRY(env.MakeDirectories(fresh.string()));
  EDB_ASSIGN(const std::set<int> written, WriteCsv(file, env, fresh / kExportCsv));
  EDB_ASSIGN(const int dimension, OneDimension(written, dimensions));
  EDB_TRY(env.WriteFile((fresh / kExportLoad).string(), LoadSql(path.string())));
  return env.WriteFile((fresh / kExportSchema).string(), SchemaSql(dimension));
}

}  // namespace

Status ExportDuckdb(DuckdbFile& file, const std::string& target, std::optional<int> dimensions,
                    Env& env) {
  if (target.empty()) {
    return InvalidArgumentError("export path is empty");
  }
  fs::path path = fs::path(target).lexically_normal();
  if (!path.has_filename()) {
    path = path.parent_path();  // a trailing slash
  }
  EDB_TRY(CheckReplaceable(path, env));
  const fs::path fresh = FreshName(path);
  EDB_TRY(RemoveExport(fresh, env));  // of an export that was killed
  Status status = WriteExport(file, path, dimensions, env);
  if (status.ok()) {
    status = Swap(fresh, path, path.string() + ".replaced", env);
  }
  if (!status.ok()) {
    RemoveExport(fresh, env).IgnoreError("the first error says more");
    return status.WithContext(Concat("export to ", Quote(path.string())));
  }
  return {};
}

}  // namespace embeddingsdb
