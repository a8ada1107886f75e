// SPDX-License-Identifier: BSD-3-Clause
//
// sqlite://: from URI to database.
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "engines/builtin_engines.h"
#include "engines/database_base.h"
#include "engines/embedded_database.h"
#include "engines/sqlite/sqlite_store.h"

namespace embeddingsdb {
namespace {

constexpr auto kOwnOptions = std::to_array<std::string_view>({"dsn", "compression", "max-conns"});
constexpr std::string_view kMemoryDsn = ":memory:";

/// The path of a dsn: a plain path, or file:PATH as SQLite and Go's drivers write it. What they
/// allow to follow a '?' changes how the file is opened, so it is refused rather than dropped.
Result<std::string> PathOfDsn(std::string_view dsn) {
  if (const std::size_t query = dsn.find('?'); query != std::string_view::npos) {
    const std::string_view parameters = dsn.substr(query + 1);
    return InvalidArgumentError(
        Concat("dsn ", Quote(dsn), " has the parameter ",
               Quote(parameters.substr(0, parameters.find_first_of("=&"))),
               "; parameters of a dsn are not supported, use options of the URI"));
  }
  constexpr std::string_view kFile = "file:";
  if (!dsn.starts_with(kFile)) {
    return std::string(dsn);
  }
  if (dsn.find('%') != std::string_view::npos) {
    return InvalidArgumentError(
        Concat("dsn ", Quote(dsn), " has a percent escape; give the path without file:"));
  }
  std::string_view path = dsn.substr(kFile.size());
  if (path.starts_with("//")) {
    const std::string_view authority = path.substr(2, path.find('/', 2) - 2);
    if (!authority.empty() && authority != "localhost") {
      return InvalidArgumentError(
          Concat("dsn ", Quote(dsn), " names the host ", Quote(authority), "; it must be local"));
    }
    path.remove_prefix(2 + authority.size());
  }
  return std::string(path);
}

/// The path as it names the file in every working directory and through every symbolic link, so
/// that one file has one lock. Empty for a database in memory.
Result<std::string> DatabasePath(const Uri& uri) {
  std::string path = uri.FilePath();
  if (const auto dsn = uri.Option("dsn"); dsn && !dsn->empty()) {
    if (!path.empty()) {
      return InvalidArgumentError(
          Concat("the URI names two files: ", Quote(path), " and dsn ", Quote(*dsn)));
    }
    if (*dsn == kMemoryDsn) {
      return std::string();
    }
    EDB_ASSIGN(path, PathOfDsn(*dsn));
  }
  if (path.empty()) {
    return InvalidArgumentError("dsn is empty; name a file, as in sqlite:///path/collection.db");
  }
  std::error_code error;
  const std::filesystem::path canonical =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
  if (error) {
    return NotFoundError(Concat("cannot find ", Quote(path), ": ", error.message()));
  }
  return canonical.string();
}

Result<std::optional<SqliteCompression>> CompressionOf(const Uri& uri) {
  const std::optional<std::string> name = uri.Option("compression");
  if (!name) {
    return std::optional<SqliteCompression>();
  }
  EDB_ASSIGN(const SqliteCompression compression, ParseCompression(*name));
  return std::optional(compression);
}

/// Refuses options that mean nothing with a compression, which has its own distance and search.
Status CheckOptions(SqliteCompression compression, const EngineOptions& options) {
  if (compression == SqliteCompression::kNone) {
    return {};
  }
  const std::string_view name = CompressionName(compression);
  if (options.index == IndexMode::kHnsw) {
    return InvalidArgumentError(Concat("index=hnsw cannot be combined with compression=", name,
                                       ", which compares every code; leave out one of the two"));
  }
  if (options.metric != Metric::kL2) {
    return InvalidArgumentError(Concat("metric ", Quote(*options.uri.Option("metric")),
                                       " cannot be combined with compression=", name,
                                       ", which has its own distance; leave out one of the two"));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> OpenSqliteDatabase(const Uri& uri, const Context& context) {
  EDB_ASSIGN(EngineOptions options, EngineOptions::FromUri(uri, kOwnOptions));
  SqliteStoreOptions store_options;
  EDB_ASSIGN(store_options.compression, CompressionOf(uri));
  EDB_TRY(CheckOptions(store_options.compression.value_or(SqliteCompression::kNone), options));
  EDB_ASSIGN(const std::int64_t connections,
             uri.IntOption("max-conns", static_cast<std::int64_t>(store_options.keep_readers), 1,
                           kMaxSqliteConnections));
  store_options.keep_readers = static_cast<std::size_t>(connections);
  EDB_ASSIGN(store_options.path, DatabasePath(uri));
  store_options.durability = options.durability;
  store_options.read_only = options.read_only;
  store_options.log = context.log;
  if (options.read_only && store_options.path.empty()) {
    return InvalidArgumentError("read-only=true needs a file, dsn is \":memory:\"");
  }
  EDB_ASSIGN(std::unique_ptr<SqliteStore> store, SqliteStore::Open(store_options, *context.env));
  EDB_TRY(CheckOptions(store->compression(), options));
  if (store->compression() == SqliteCompression::kQuantize && !uri.Option("max-distance")) {
    options.max_distance = 0;  // the common default is a distance of vectors: one bit would be out
  }
  return OpenEmbeddedDatabase(std::move(store), std::move(options), context);
}

}  // namespace embeddingsdb
