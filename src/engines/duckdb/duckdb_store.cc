// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_store.h"

#include "engines/duckdb/duckdb_export.h"
#include "engines/duckdb/duckdb_reader.h"

namespace embeddingsdb {

Result<std::unique_ptr<DuckdbStore>> DuckdbStore::Open(DuckdbStoreOptions options) {
  std::unique_ptr<DuckdbStore> store(new DuckdbStore(std::move(options)));
  DuckdbFileOptions& file = store->options_.file;
  store->persistent_ = !file.path.empty();
  store->read_only_ = file.read_only;
  EDB_TRY(store->OpenFile(std::move(file)));
  return store;
}

Status DuckdbStore::OpenFile(DuckdbFileOptions options) {
  EDB_ASSIGN(file_, DuckdbFile::Open(std::move(options)));
  EDB_ASSIGN(writer_, DuckdbWriter::Create(*file_, read_only_));
  return {};
}

DuckdbStore::~DuckdbStore() {
  Close().IgnoreError("the log still holds everything; whoever wants to know calls Close");
}

Result<std::vector<PutResult>> DuckdbStore::Put(std::span<const Record* const> records,
                                                std::int64_t now) {
  return writer_->Put(records, std::vector<std::int64_t>(records.size(), now));
}

Result<std::vector<PutResult>> DuckdbStore::PutAt(std::span<const Record* const> records,
                                                  std::span<const std::int64_t> modified) {
  return writer_->Put(records, modified);
}

Result<std::optional<RowId>> DuckdbStore::Remove(const Key& key, std::int64_t now) {
  EDB_ASSIGN(const auto rows, RemoveAll({&key, 1}, now));
  return rows.front();
}

Result<std::vector<std::optional<RowId>>> DuckdbStore::RemoveAll(std::span<const Key> keys,
                                                                 std::int64_t now) {
  return writer_->Remove(keys, now);
}

Result<std::optional<Record>> DuckdbStore::Get(const Key& key) {
  return DuckdbGet(*file_, key);
}

Result<std::vector<std::optional<Record>>> DuckdbStore::GetRows(std::span<const RowRef> rows,
                                                                RowParts parts) {
  return DuckdbGetRows(*file_, rows, parts);
}

Status DuckdbStore::List(const ListQuery& query, RecordPage& page) {
  return DuckdbList(*file_, query, page);
}

Result<std::unique_ptr<RecordCursor>> DuckdbStore::Scan(const std::vector<Filter>& filters) {
  return DuckdbScanRecords(file_, filters);
}

Result<std::int64_t> DuckdbStore::Count(const std::vector<Filter>& filters) {
  return DuckdbCount(*file_, filters);
}

Status DuckdbStore::VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit) {
  return DuckdbVisitFields(*file_, filters, visit);
}

Status DuckdbStore::VisitVectors(const std::string& model, RowId after,
                                 const VectorVisitor& visit) {
  return DuckdbVisitVectors(*file_, model, after, visit);
}

Result<std::vector<RowId>> DuckdbStore::ListRows(const std::string& model, RowId last) {
  return DuckdbListRows(*file_, model, last);
}

std::string DuckdbStore::IndexFolder() const {
  return persistent_ ? file_->path() + "-index" : std::string();
}

Result<std::uint64_t> DuckdbStore::GetMark(const std::string& name) {
  EDB_ASSIGN(const DuckdbFile::Lease session, file_->Borrow());
  EDB_ASSIGN(const std::int64_t mark, session->Mark(name, 0));
  return static_cast<std::uint64_t>(mark);
}

Status DuckdbStore::SetMark(const std::string& name, std::uint64_t value) {
  if (writer_ == nullptr) {
    return FailedPreconditionError("the DuckDB store is closed");
  }
  return writer_->SetMark(name, static_cast<std::int64_t>(value));
}

Result<Catalog> DuckdbStore::LoadCatalog() {
  return DuckdbCatalog(*file_,
                       writer_->catalog_holds() ? kDuckdbSavedCatalog : kDuckdbCountedCatalog);
}

Result<std::int64_t> DuckdbStore::LastUpdate() {
  return writer_->last_update();
}

Status DuckdbStore::Export(const std::string& path) {
  return ExportDuckdb(*file_, path, options_.dimensions, *options_.env);
}

Status DuckdbStore::CheckFiles(std::vector<std::string>& problems) {
  return DuckdbCheck(*file_, problems);
}

Status DuckdbStore::Close() {
  if (file_ == nullptr) {
    return {};
  }
  Status status;
  // Beside an open cursor DuckDB may refuse; then it moves the log when the last of them ends.
  if (persistent_ && !read_only_ && writer_ != nullptr && file_.use_count() == 1) {
    writer_->SaveCatalog().IgnoreError("the next open reads all rows instead");
    status = writer_->Checkpoint();
  }
  writer_.reset();
  file_->DropSessions();
  file_.reset();
  return status;
}

Capabilities DuckdbStore::capabilities() const {
  return {.persistent = persistent_,
          .exact = true,
          .snapshot_scan = true,
          .shared_read = false,
          .exports = true};
}

Result<std::string> DuckdbStore::ImportNote() {
  EDB_ASSIGN(const DuckdbFile::Lease session, file_->Borrow());
  EDB_ASSIGN(duckdb_c::ResultSet result,
             session->Run("SELECT value FROM db.meta WHERE name = 'import'", {}));
  EDB_ASSIGN(const bool found, result.Next());
  return found ? std::string(result.chunk().column(0).Text(0)) : std::string();
}

Status DuckdbStore::SetImportNote(const std::string& note) {
  EDB_ASSIGN(const DuckdbFile::Lease session, file_->Borrow());
  return session->Run("INSERT OR REPLACE INTO db.meta VALUES ('import', ?)", {note}).status();
}

}  // namespace embeddingsdb
