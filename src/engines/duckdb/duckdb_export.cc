// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_export.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/text.h"
#include "engines/duckdb/duckdb_location.h"
#include "engines/duckdb/duckdb_rows.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;
using duckdb_c::Chunk;
using duckdb_c::ResultSet;

constexpr int kSeedDimensions = 512;  // go-embeddingsdb's default
constexpr std::size_t kCsvBuffer = 1024 * 1024;
constexpr std::array<std::string_view, 3> kFiles = {kExportCsv, kExportSchema, kExportLoad};

std::string SchemaSql(int dimensions) {
  return Concat(
      "CREATE TABLE embeddings(provider VARCHAR NOT NULL, depiction_id VARCHAR NOT NULL, "
      "subject_id VARCHAR NOT NULL, model VARCHAR NOT NULL, attributes VARCHAR NOT NULL, vec FLOAT[",
      dimensions,
      "], created BIGINT NOT NULL, lastmodified BIGINT NOT NULL);\n"
      "CREATE INDEX by_lastmod ON embeddings(lastmodified);\n"
      "CREATE INDEX by_model ON embeddings(model, provider, created);\n"
      "CREATE INDEX by_provider ON embeddings(provider, model, created);\n"
      "CREATE UNIQUE INDEX id_model ON embeddings(provider, depiction_id, model);\n"
      "CREATE INDEX idx ON embeddings USING HNSW (vec);\n");
}

std::string LoadSql(const std::string& path) {
  return Concat("COPY embeddings FROM ",
                duckdb_c::QuoteLiteral((fs::path(path) / kExportCsv).string()),
                " (FORMAT 'csv', force_not_null ('provider', 'depiction_id', 'subject_id', 'model', "
                "'attributes', 'created', 'lastmodified'), quote '\"', delimiter ',', header 1);\n");
}

// Always quoted: then no text can be taken for NULL, a number or a line's end.
void AppendField(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
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

// The one length of all vectors of the session's snapshot.
Result<int> OneDimension(DuckdbSession& session, std::optional<int> fallback) {
  EDB_ASSIGN(ResultSet result, session.Run("SELECT DISTINCT dimensions FROM db.embeddings "
                                           "ORDER BY dimensions",
                                           {}));
  std::vector<std::int32_t> found;
  for (;;) {
    EDB_ASSIGN(const bool more, result.Next());
    if (!more) break;
    const auto* values = result.chunk().column(0).Values<std::int32_t>();
    found.insert(found.end(), values, values + result.chunk().rows());
  }
  if (found.empty()) return fallback.value_or(kSeedDimensions);
  if (found.size() == 1) return found.front();
  std::string list;
  for (const int dimension : found) list += Concat(list.empty() ? "" : ", ", dimension);
  return FailedPreconditionError(
      Concat("vectors have several dimensions (", list,
             "), and an export directory holds one; use parquet-export instead"));
}

Status WriteWhole(Env& env, const fs::path& path, std::string_view content) {
  EDB_ASSIGN(const std::unique_ptr<AtomicFile> file, env.CreateAtomic(path.string()));
  EDB_TRY(file->Append(content));
  return file->Commit();
}

Status WriteCsv(DuckdbSession& session, Env& env, const fs::path& path) {
  EDB_ASSIGN(const std::unique_ptr<AtomicFile> file, env.CreateAtomic(path.string()));
  EDB_ASSIGN(ResultSet result,
             session.connection().Run(
                 "SELECT " EDB_DUCKDB_RECORD_COLUMNS ", lastmodified FROM db.embeddings", {},
                 duckdb_c::Fetch::kStreaming));
  std::string out =
      "provider,depiction_id,subject_id,model,attributes,vec,created,lastmodified\n";
  Record record;
  for (;;) {
    EDB_ASSIGN(const bool more, result.Next());
    if (!more) break;
    const auto* modified = result.chunk().column(8).Values<std::int64_t>();
    for (std::size_t row = 0; row < result.chunk().rows(); ++row) {
      ReadDuckdbRecord(result.chunk(), row, record);
      AppendRow(out, record, modified[row]);
      if (out.size() < kCsvBuffer) continue;
      EDB_TRY(file->Append(out));
      out.clear();
    }
  }
  EDB_TRY(file->Append(out));
  return file->Commit();
}

// Everything in `path` must be an export's: what is replaced is deleted.
Status CheckReplaceable(const fs::path& path, Env& env) {
  if (!env.Exists(path.string())) return {};
  if (!env.IsDirectory(path.string())) {
    return FailedPreconditionError(Concat("export path ", Quote(path.string()),
                                          " is a file; name a directory"));
  }
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end()) continue;
    return FailedPreconditionError(Concat("export directory ", Quote(path.string()),
                                          " also holds ", Quote(name),
                                          "; name a directory of its own"));
  }
  if (!error) return {};
  return InternalError(Concat("read directory ", Quote(path.string()), ": ", error.message()));
}

// Removes an export directory, complete or not, and nothing else.
Status RemoveExport(const fs::path& path, Env& env) {
  EDB_TRY(CheckReplaceable(path, env));
  for (const std::string_view name : kFiles) EDB_TRY(env.Remove((path / name).string()));
  return env.Remove(path.string());
}

// Puts `fresh` in the place of `path`. Between the two renames a crash leaves the old export under
// the name `old`, complete.
Status Swap(const fs::path& fresh, const fs::path& path, const fs::path& old, Env& env) {
  if (!env.Exists(path.string())) return env.Rename(fresh.string(), path.string());
  EDB_TRY(RemoveExport(old, env));
  EDB_TRY(env.Rename(path.string(), old.string()));
  if (Status status = env.Rename(fresh.string(), path.string()); !status.ok()) {
    env.Rename(old.string(), path.string()).IgnoreError("the first error says more");
    return status;
  }
  return RemoveExport(old, env);
}

Status WriteExport(DuckdbFile& file, const fs::path& fresh, const fs::path& path,
                   std::optional<int> dimensions, Env& env) {
  EDB_ASSIGN(const std::unique_ptr<DuckdbSession> session, file.NewSession());
  EDB_ASSIGN(duckdb_c::Transaction snapshot,
             duckdb_c::Transaction::Begin(session->connection()));
  EDB_ASSIGN(const int dimension, OneDimension(*session, dimensions));
  EDB_TRY(env.MakeDirectories(fresh.string()));
  EDB_TRY(WriteCsv(*session, env, fresh / kExportCsv));
  EDB_TRY(WriteWhole(env, fresh / kExportLoad, LoadSql(path.string())));
  return WriteWhole(env, fresh / kExportSchema, SchemaSql(dimension));
}

}  // namespace

Status ExportDuckdb(const std::shared_ptr<DuckdbFile>& file, const std::string& target,
                    std::optional<int> dimensions, Env& env) {
  if (target.empty()) return InvalidArgumentError("export path is empty");
  fs::path path = fs::path(target).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // a trailing slash
  EDB_TRY(CheckReplaceable(path, env));
  const fs::path fresh = path.string() + ".exporting";
  EDB_TRY(RemoveExport(fresh, env));  // of an export that was killed
  Status status = WriteExport(*file, fresh, path, dimensions, env);
  if (status.ok()) status = Swap(fresh, path, path.string() + ".replaced", env);
  if (!status.ok()) {
    RemoveExport(fresh, env).IgnoreError("the first error says more");
    return status.WithContext(Concat("export to ", Quote(path.string())));
  }
  return {};
}

}  // namespace embeddingsdb
