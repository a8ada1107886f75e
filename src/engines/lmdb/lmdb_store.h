// SPDX-License-Identifier: BSD-3-Clause
//
// LmdbStore: records in an LMDB directory (lmdb_format.h has its layout). One process writes, any
// number of processes read.
#ifndef EMBEDDINGSDB_ENGINES_LMDB_LMDB_STORE_H_
#define EMBEDDINGSDB_ENGINES_LMDB_LMDB_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "engines/database_base.h"
#include "engines/lmdb/lmdb_environment.h"
#include "engines/lmdb/lmdb_format.h"
#include "engines/lmdb/lmdb_writer.h"
#include "engines/record_store.h"

namespace embeddingsdb {

struct LmdbStoreOptions {
  std::string folder;  ///< absolute; made when it is missing, its parent must exist
  Durability durability = Durability::kPower;
  bool read_only = false;
  std::size_t map_size = 0;      ///< bytes of address space to begin with; 0: plenty
  std::size_t max_map_size = 0;  ///< bytes the database may grow to; 0: what the disk has
  LmdbKeyHash key_hash = HashKey;
};

/// Reads take a snapshot and wait for nothing but a map that is being replaced. A cursor of Scan
/// holds its snapshot until it is destroyed or at its end; meanwhile no page freed since is used
/// again, so the file grows with every commit.
class LmdbStore final : public RecordStore {
 public:
  /// kNotFound when the parent (or, read-only, the database) does not exist; kFailedPrecondition
  /// when another handle writes it, naming its process, or when it is not a database of ours.
  static Result<std::unique_ptr<LmdbStore>> Open(const LmdbStoreOptions& options, Env& env);
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;
  ~LmdbStore() override;

  Result<std::vector<PutResult>> Put(std::span<const Record* const> records,
                                     std::int64_t now) override;
  Result<std::optional<RowId>> Remove(const Key& key, std::int64_t now) override;
  Result<std::vector<std::optional<RowId>>> RemoveAll(std::span<const Key> keys,
                                                      std::int64_t now) override;
  Result<std::optional<Record>> Get(const Key& key) override;
  Result<std::vector<std::optional<Record>>> GetRows(std::span<const RowRef> rows,
                                                     RowParts parts) override;
  Status List(const ListQuery& query, RecordPage& page) override;
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override;
  Result<std::int64_t> Count(const std::vector<Filter>& filters) override;
  Status VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit) override;
  Status VisitVectors(const std::string& model, RowId after, const VectorVisitor& visit) override;
  Result<std::vector<RowId>> ListRows(const std::string& model, RowId last) override;
  Result<Catalog> LoadCatalog() override;
  Result<std::int64_t> LastUpdate() override;
  std::string IndexFolder() const override;
  Result<std::uint64_t> GetMark(const std::string& name) override;
  Status SetMark(const std::string& name, std::uint64_t value) override;
  /// Constant for a writer: no other process can commit.
  Result<std::int64_t> ExternalChanges() override;
  Status Flush() override;
  Status Export(const std::string& path) override;
  Status CheckFiles(std::vector<std::string>& problems) override;
  Result<StoreFacts> Facts() override;
  Status Compact() override;
  Status Close() override;
  Capabilities capabilities() const override;

 private:
  explicit LmdbStore(LmdbStoreOptions options) : options_(std::move(options)) {}

  Status OpenFiles(Env& env);
  /// Where there is none yet.
  Status MakeData(Env& env);
  LmdbEnvironmentOptions EnvironmentOptions() const;
  Status OpenWriter();
  /// Where a file is written that becomes the data.
  std::string FreshFile() const;
  Result<LmdbSnapshot> Read();

  const LmdbStoreOptions options_;
  std::unique_ptr<FileLock> lock_;  // first, so that it is let go of last
  std::mutex environment_mutex_;
  std::shared_ptr<LmdbEnvironment> environment_;  // guarded by environment_mutex_; absent: closed
  std::mutex write_mutex_;
  std::unique_ptr<LmdbWriter> writer_;  // guarded by write_mutex_; absent when read-only
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_LMDB_LMDB_STORE_H_
