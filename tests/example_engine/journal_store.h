// SPDX-License-Identifier: BSD-3-Clause
//
// JournalStore: the example of docs/adding-an-engine.md. Records are in memory, and in one file
// that each commit appends an entry to; opening reads it from the beginning. That is durable and
// short, and no more: all records must fit into memory, and only Compact makes the file smaller.
#ifndef EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_JOURNAL_STORE_H_
#define EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_JOURNAL_STORE_H_

#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/registry.h"

#include "core/env.h"
#include "engines/database_base.h"
#include "engines/record_store.h"
#include "example_engine/append_file.h"

namespace embeddingsdb {

class JournalStore final : public RecordStore {
 public:
  /// Makes the file when it is not there. kFailedPrecondition when another has it open; kNotFound
  /// for one that is not there and is to be read only; kDataLoss when it is damaged.
  static Result<std::unique_ptr<JournalStore>> Open(const std::string& path,
                                                    const EngineOptions& options,
                                                    const Context& context);

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
  std::string IndexFolder() const override { return path_ + "-index"; }
  Result<std::uint64_t> GetMark(const std::string& name) override;
  Status SetMark(const std::string& name, std::uint64_t value) override;
  Result<StoreFacts> Facts() override;
  Status Compact() override;
  Status Flush() override;
  Status Export(const std::string& path) override;
  Status CheckFiles(std::vector<std::string>& problems) override;
  Status Close() override;
  Capabilities capabilities() const override;

 private:
  /// Shared with cursors: a record never changes, so a snapshot is a list of pointers.
  using RecordPtr = std::shared_ptr<const Record>;
  using Rows = std::map<RowId, RecordPtr>;

  JournalStore(std::string path, Env& env) : path_(std::move(path)), env_(env) {}
  Status Replay(const Context& context, std::size_t& size);
  Status ApplyLine(std::string_view line);
  PutResult Store(RecordPtr record);
  std::optional<RowId> Erase(const Key& key);
  Status Append(std::string_view lines, std::int64_t now);
  std::vector<std::pair<RowId, RecordPtr>> Matching(const std::vector<Filter>& filters,
                                                    RowId after = 0) const;

  const std::string path_;
  Env& env_;
  const std::shared_ptr<const bool> readers_ = std::make_shared<bool>();  // cursors have copies
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<AppendFile> file_;  // null: closed or read-only
  bool sync_ = true;

  mutable std::shared_mutex mutex_;  // guards all below
  Rows rows_;
  std::map<Key, RowId> ids_;
  std::map<std::string, std::uint64_t> marks_;
  RowId last_row_ = 0;
  std::int64_t last_update_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_JOURNAL_STORE_H_
