// SPDX-License-Identifier: BSD-3-Clause
//
// duckdb://PATH: the factory.
#include <memory>
#include <string>
#include <utility>

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "engines/database_base.h"
#include "engines/duckdb/duckdb_import.h"
#include "engines/duckdb/duckdb_location.h"
#include "engines/duckdb/duckdb_store.h"
#include "engines/embedded_database.h"

namespace embeddingsdb {
namespace {

Result<std::unique_ptr<FileLock>> LockDatabase(const DuckdbLocation& location, bool read_only,
                                               Env& env) {
  if (location.file.empty()) {
    return std::unique_ptr<FileLock>();
  }
  Result<std::unique_ptr<FileLock>> lock = env.Lock(location.file + "-lock");
  if (lock.ok() || lock.status().code() == StatusCode::kFailedPrecondition) {
    return lock;
  }
  // A medium that cannot be written needs no lock for reading.
  if (read_only) {
    return std::unique_ptr<FileLock>();
  }
  return lock;
}

Status CheckPath(const DuckdbLocation& location, const EngineOptions& options) {
  if (!options.read_only || location.exists) {
    return {};
  }
  if (location.file.empty()) {
    return InvalidArgumentError("read-only=true needs a path: a database in memory is empty");
  }
  if (!location.export_directory.empty()) {
    return FailedPreconditionError(
        Concat("the export in ", Quote(location.export_directory),
               " is not imported yet: open it once without read-only=true"));
  }
  return NotFoundError(Concat("database file ", Quote(location.file), " does not exist"));
}

// A go-embeddingsdb export is imported once; from then on the file is the truth.
Status Import(const DuckdbLocation& location, const Context& context) {
  EDB_ASSIGN(const std::int64_t records,
             ImportDuckdbExport(location.export_directory, location.file, *context.env));
  context.log->Info(
      "Imported export",
      {{"directory", location.export_directory}, {"file", location.file}, {"records", records}});
  return {};
}

Status WarnOfNewerExport(const DuckdbLocation& location, DuckdbStore& store,
                         const Context& context) {
  if (!location.exists || location.export_directory.empty()) {
    return {};
  }
  EDB_ASSIGN(const std::string note, store.ImportNote());
  if (note == DuckdbExportNote(location.export_directory)) {
    return {};
  }
  context.log->Warn("Export is not read: the database beside it is not made from it",
                    {{"directory", location.export_directory}, {"file", location.file}});
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> OpenDuckdbDatabase(const Uri& uri, const Context& context) {
  EDB_ASSIGN(EngineOptions options, EngineOptions::FromUri(uri));
  if (!uri.Option("precision")) {
    // Looking up a row takes DuckDB a millisecond or two, so searches had better not need to.
    options.precision = Precision::kF32;
  }
  EDB_ASSIGN(const DuckdbLocation location, ResolveDuckdbLocation(uri.FilePath(), *context.env));
  EDB_TRY(CheckPath(location, options));
  EDB_ASSIGN(std::unique_ptr<FileLock> lock,
             LockDatabase(location, options.read_only, *context.env));
  if (!options.read_only && !location.file.empty()) {
    EDB_TRY(RemoveFreshDuckdbFile(location.file, *context.env));  // of a process that was killed
    // Looked at again under the lock: another process may have made it meanwhile.
    if (!context.env->Exists(location.file)) {
      EDB_TRY(location.export_directory.empty() ? MakeDuckdbFile(location.file, *context.env)
                                                : Import(location, context));
    }
  }
  EDB_ASSIGN(
      std::unique_ptr<DuckdbStore> store,
      DuckdbStore::Open(
          {.file = {.path = location.file, .read_only = options.read_only, .lock = std::move(lock)},
           .env = context.env,
           .dimensions = options.dimensions}));
  EDB_TRY(WarnOfNewerExport(location, *store, context));
  return OpenEmbeddedDatabase(std::move(store), std::move(options), context);
}

}  // namespace embeddingsdb
