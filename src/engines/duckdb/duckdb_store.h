// SPDX-License-Identifier: BSD-3-Clause
//
// DuckdbStore: records in a DuckDB file. docs/adr/0003-duckdb-file-layout.md says why its tables
// look as they do.
#ifndef EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_STORE_H_
#define EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_STORE_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engines/duckdb/duckdb_file.h"
#include "engines/duckdb/duckdb_writer.h"
#include "engines/record_store.h"

namespace embeddingsdb {

struct DuckdbStoreOptions {
  DuckdbFileOptions file;
  Env* env = nullptr;             ///< borrowed; for Export
  std::optional<int> dimensions;  ///< what Export says of a database without records
};

class DuckdbStore final : public RecordStore {
 public:
  /// Opens or creates the file, with the errors of DuckdbFile::Open.
  static Result<std::unique_ptr<DuckdbStore>> Open(DuckdbStoreOptions options);
  DuckdbStore(const DuckdbStore&) = delete;
  DuckdbStore& operator=(const DuckdbStore&) = delete;
  ~DuckdbStore() override;

  Result<std::vector<PutResult>> Put(std::span<const Record* const> records,
                                     std::int64_t now) override;
  /// Put with a time of its own for each record, for importing.
  Result<std::vector<PutResult>> PutAt(std::span<const Record* const> records,
                                       std::span<const std::int64_t> modified);
  Result<std::optional<RowId>> Remove(const Key& key, std::int64_t now) override;
  Result<std::vector<std::optional<RowId>>> RemoveAll(std::span<const Key> keys,
                                                      std::int64_t now) override;

  Result<std::optional<Record>> Get(const Key& key) override;
  Result<std::vector<std::optional<std::int64_t>>> CreatedTimes(
      std::span<const Record* const> records) override {
    return writer_->CreatedTimes(records);
  }
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

  Status Export(const std::string& path) override;
  Status CheckFiles(std::vector<std::string>& problems) override;
  Result<StoreFacts> Facts() override;
  Status Compact() override;
  Status Close() override;
  Capabilities capabilities() const override;

  /// What became of an import, for the note in db.meta; empty when there was none.
  Result<std::string> ImportNote();
  Status SetImportNote(const std::string& note);

 private:
  explicit DuckdbStore(DuckdbStoreOptions options) : options_(std::move(options)) {}

  Status OpenFile(DuckdbFileOptions options);

  DuckdbStoreOptions options_;
  bool persistent_ = false;
  bool read_only_ = false;
  std::shared_ptr<DuckdbFile> file_;
  std::unique_ptr<DuckdbWriter> writer_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_STORE_H_
