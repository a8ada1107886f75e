// SPDX-License-Identifier: BSD-3-Clause
//
// lmdb:// and its alias bleve://: from URI to database.
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "core/text.h"
#include "engines/builtin_engines.h"
#include "engines/database_base.h"
#include "engines/embedded_database.h"
#include "engines/lmdb/lmdb_store.h"

namespace embeddingsdb {
namespace {

/// The path as it names the folder in every working directory and through every symbolic link.
Result<std::string> FolderOf(const Uri& uri) {
  const std::string path = uri.FilePath();
  if (path.empty()) {
    return InvalidArgumentError(Concat(uri.scheme(),
                                       ":// keeps records in a folder: name it, as in ",
                                       uri.scheme(), ":///path/collection; memory:// needs none"));
  }
  std::error_code error;
  const std::filesystem::path canonical =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
  if (error) {
    return NotFoundError(Concat("cannot find ", Quote(path), ": ", error.message()));
  }
  // "/a/b/" names what "/a/b" does.
  return canonical.has_filename() ? canonical.string() : canonical.parent_path().string();
}

}  // namespace

Result<std::unique_ptr<Database>> OpenLmdbDatabase(const Uri& uri, const Context& context) {
  EDB_ASSIGN(EngineOptions options, EngineOptions::FromUri(uri));
  LmdbStoreOptions store_options;
  EDB_ASSIGN(store_options.folder, FolderOf(uri));
  store_options.durability = options.durability;
  store_options.read_only = options.read_only;
  EDB_ASSIGN(std::unique_ptr<LmdbStore> store, LmdbStore::Open(store_options, *context.env));
  return OpenEmbeddedDatabase(std::move(store), std::move(options), context);
}

}  // namespace embeddingsdb
