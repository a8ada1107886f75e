// SPDX-License-Identifier: BSD-3-Clause
#include "example_engine/journal_store.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <mutex>
#include <system_error>
#include <tuple>
#include <utility>

#include "core/json.h"
#include "core/log.h"
#include "core/record_matcher.h"
#include "core/text.h"
#include "example_engine/journal_entry.h"

namespace embeddingsdb {
namespace {

class JournalCursor final : public RecordCursor {
 public:
  JournalCursor(std::vector<std::shared_ptr<const Record>> records,
                std::shared_ptr<const bool> reader)
      : records_(std::move(records)), reader_(std::move(reader)) {}

  Result<bool> Next(Record& record) override {
    if (next_ == records_.size()) {
      return false;
    }
    record = *records_[next_++];
    return true;
  }

 private:
  const std::vector<std::shared_ptr<const Record>> records_;
  const std::shared_ptr<const bool> reader_;
  std::size_t next_ = 0;
};

std::int64_t SizeOf(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

constexpr std::size_t kAnySize = std::numeric_limits<std::size_t>::max();

}  // namespace

Result<std::unique_ptr<JournalStore>> JournalStore::Open(const std::string& path,
                                                         const EngineOptions& options,
                                                         const Context& context) {
  Env& env = *context.env;
  std::unique_ptr<JournalStore> store(new JournalStore(path, env));
  if (options.read_only && !env.Exists(path)) {
    return NotFoundError(Concat("there is no database ", Quote(path)));
  }
  EDB_ASSIGN(store->lock_, env.Lock(path + "-lock"));
  if (!env.Exists(path)) {
    EDB_ASSIGN(const std::unique_ptr<AtomicFile> empty, env.CreateAtomic(path));
    EDB_TRY(empty->Commit());
  }
  std::size_t size = 0;
  EDB_TRY(store->Replay(context, size));
  if (!options.read_only) {
    store->sync_ = options.durability == Durability::kPower;
    EDB_ASSIGN(store->file_, AppendFile::Open(path, size, store->sync_));
  }
  return store;
}

// Gives the size of the part of the file that counts.
Status JournalStore::Replay(const Context& context, std::size_t& size) {
  EDB_ASSIGN(const std::string content, env_.ReadFile(path_, kAnySize));
  std::string_view rest = content;
  while (true) {
    const Result<std::optional<JournalEntry>> entry = TakeEntry(rest);
    if (!entry.ok()) {
      return entry.status().WithContext(
          Concat(Quote(path_), ", byte ", content.size() - rest.size()));
    }
    if (!*entry) {
      break;
    }
    for (std::string_view lines = (*entry)->lines; !lines.empty();) {
      const std::size_t end = lines.find('\n');
      EDB_TRY(ApplyLine(lines.substr(0, end)));
      lines.remove_prefix(end + 1);
    }
    last_update_ = std::max(last_update_, (*entry)->time);
  }
  if (!rest.empty()) {
    context.log->Warn("The end of a journal was never completed and is left out",
                      {{"file", path_}, {"bytes", rest.size()}});
  }
  size = content.size() - rest.size();
  return {};
}

Status JournalStore::ApplyLine(std::string_view line) {
  const std::string_view content = line.substr(1);
  if (line[0] == '=') {
    const std::size_t blank = content.find(' ');
    std::uint64_t& mark = marks_[std::string(content.substr(0, blank))];
    std::from_chars(content.data() + blank + 1, content.data() + content.size(), mark);
    return {};
  }
  if (line[0] == '@') {
    std::from_chars(content.data(), content.data() + content.size(), last_row_);
    --last_row_;
    return {};
  }
  EDB_ASSIGN(Record record, RecordFromJson(content));
  if (line[0] == '+') {
    Store(std::make_shared<const Record>(std::move(record)));
  } else {
    Erase(record.key);
  }
  return {};
}

PutResult JournalStore::Store(RecordPtr record) {
  const std::optional<RowId> replaced = Erase(record->key);
  ids_[record->key] = ++last_row_;
  rows_.emplace(last_row_, std::move(record));
  return {.row = last_row_, .replaced = replaced};
}

std::optional<RowId> JournalStore::Erase(const Key& key) {
  const auto place = ids_.find(key);
  if (place == ids_.end()) {
    return std::nullopt;
  }
  const RowId row = place->second;
  rows_.erase(row);
  ids_.erase(place);
  return row;
}

Status JournalStore::Append(std::string_view lines, std::int64_t now) {
  if (file_ == nullptr) {
    return FailedPreconditionError("the journal is closed or read-only");
  }
  return file_->Append(EncodeEntry({.time = now, .lines = lines}));
}

Result<std::vector<PutResult>> JournalStore::Put(std::span<const Record* const> records,
                                                 std::int64_t now) {
  std::string lines;
  for (const Record* record : records) {
    lines += Concat("+", RecordToJson(*record), "\n");
  }
  EDB_TRY(Append(lines, now));
  // Only now, and all at once: readers see what is durable, and whole commits.
  const std::unique_lock lock(mutex_);
  std::vector<PutResult> results;
  for (const Record* record : records) {
    results.push_back(Store(std::make_shared<const Record>(*record)));
  }
  last_update_ = std::max(last_update_, now);
  return results;
}

Result<std::optional<RowId>> JournalStore::Remove(const Key& key, std::int64_t now) {
  EDB_ASSIGN(const auto rows, RemoveAll({&key, 1}, now));
  return rows.front();
}

Result<std::vector<std::optional<RowId>>> JournalStore::RemoveAll(std::span<const Key> keys,
                                                                  std::int64_t now) {
  std::string lines;
  for (const Key& key : keys) {
    EDB_ASSIGN(const std::optional<Record> old, Get(key));
    lines += old ? Concat("-", RecordToJson({.key = key}), "\n") : "";
  }
  std::vector<std::optional<RowId>> rows(keys.size());
  if (lines.empty()) {
    return rows;
  }
  EDB_TRY(Append(lines, now));
  const std::unique_lock lock(mutex_);
  last_update_ = std::max(last_update_, now);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    rows[i] = Erase(keys[i]);
  }
  return rows;
}

Result<std::optional<Record>> JournalStore::Get(const Key& key) {
  const std::shared_lock lock(mutex_);
  const auto place = ids_.find(key);
  return place == ids_.end() ? std::nullopt : std::optional(*rows_.at(place->second));
}

Result<std::vector<std::optional<Record>>> JournalStore::GetRows(std::span<const RowRef> rows,
                                                                 RowParts /*parts*/) {
  const std::shared_lock lock(mutex_);
  std::vector<std::optional<Record>> records;
  for (const RowRef& row : rows) {
    const auto place = rows_.find(row.row);
    records.push_back(place == rows_.end() ? std::nullopt : std::optional(*place->second));
  }
  return records;
}

std::vector<std::pair<RowId, JournalStore::RecordPtr>> JournalStore::Matching(
    const std::vector<Filter>& filters, RowId after) const {
  const std::shared_lock lock(mutex_);
  std::vector<std::pair<RowId, RecordPtr>> found;
  for (auto row = rows_.upper_bound(after); row != rows_.end(); ++row) {
    if (Matches(*row->second, filters)) {
      found.emplace_back(*row);
    }
  }
  return found;
}

Status JournalStore::List(const ListQuery& query, RecordPage& page) {
  auto found = Matching(query.filters);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    const auto rank = [](const Record& r) {
      return std::tie(r.subject_id, r.key.depiction_id, r.key.model, r.key.provider);
    };
    return rank(*a.second) < rank(*b.second);
  });
  page.total = std::ssize(found);
  const std::int64_t begin = std::min((query.page - 1) * query.per_page, page.total);
  const std::int64_t end = std::min(begin + query.per_page, page.total);
  for (std::int64_t i = begin; i < end; ++i) {
    page.records.push_back(*found[static_cast<std::size_t>(i)].second);
  }
  return {};
}

Result<std::unique_ptr<RecordCursor>> JournalStore::Scan(const std::vector<Filter>& filters) {
  std::vector<RecordPtr> records;
  for (auto& [row, record] : Matching(filters)) {
    records.push_back(std::move(record));
  }
  return std::unique_ptr<RecordCursor>(
      std::make_unique<JournalCursor>(std::move(records), readers_));
}

Result<std::int64_t> JournalStore::Count(const std::vector<Filter>& filters) {
  return std::ssize(Matching(filters));
}

Status JournalStore::VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit) {
  // What is about attributes the caller asks each record itself.
  for (const auto& [row, record] : Matching(ColumnFilters(filters))) {
    EDB_TRY(visit(row, *record));
  }
  return {};
}

Status JournalStore::VisitVectors(const std::string& model, RowId after,
                                  const VectorVisitor& visit) {
  RowDetailsWriter details;
  for (const auto& [row, record] : Matching({{Column::kModel, model}}, after)) {
    EDB_TRY(visit({.row = row,
                   .provider = record->key.provider,
                   .depiction_id = record->key.depiction_id,
                   .vector = record->embedding,
                   .details = details.Write(record->subject_id, record->attributes)}));
  }
  return {};
}

Result<std::vector<RowId>> JournalStore::ListRows(const std::string& model, RowId last) {
  std::vector<RowId> rows;
  for (const auto& [row, record] : Matching({{Column::kModel, model}})) {
    if (row <= last) {
      rows.push_back(row);
    }
  }
  return rows;
}

Result<Catalog> JournalStore::LoadCatalog() {
  Catalog catalog;
  for (const auto& [row, record] : Matching({})) {
    Catalog::Model& model = catalog.models[record->key.model];
    model.dimension = static_cast<int>(record->embedding.size());
    ++model.providers[record->key.provider];
  }
  return catalog;
}

Result<std::int64_t> JournalStore::LastUpdate() {
  const std::shared_lock lock(mutex_);
  return last_update_;
}

Result<std::uint64_t> JournalStore::GetMark(const std::string& name) {
  const std::shared_lock lock(mutex_);
  const auto mark = marks_.find(name);
  return mark == marks_.end() ? 0 : mark->second;
}

Status JournalStore::SetMark(const std::string& name, std::uint64_t value) {
  // A mark is no change of the records, so their time is written again.
  EDB_ASSIGN(const std::int64_t time, LastUpdate());
  EDB_TRY(Append(Concat("=", name, " ", value, "\n"), time));
  const std::unique_lock lock(mutex_);
  marks_[name] = value;
  return {};
}

Result<StoreFacts> JournalStore::Facts() {
  return StoreFacts{.files = {.records = SizeOf(path_), .other = SizeOf(path_ + "-lock")}};
}

Status JournalStore::Compact() {
  if (readers_.use_count() > 1) {
    return FailedPreconditionError(Concat(Quote(path_), " is being read; try again later"));
  }
  std::string lines;
  for (const auto& [row, record] : rows_) {
    lines += Concat("@", row, "\n+", RecordToJson(*record), "\n");
  }
  lines += Concat("@", last_row_ + 1, "\n");  // ids of rows that are gone are not given again
  for (const auto& [name, value] : marks_) {
    lines += Concat("=", name, " ", value, "\n");
  }
  const std::string entry = EncodeEntry({.time = last_update_, .lines = lines});
  EDB_ASSIGN(const std::unique_ptr<AtomicFile> file, env_.CreateAtomic(path_));
  EDB_TRY(file->Append(entry));
  EDB_TRY(file->Commit());
  // The handle is of a file that has no name any more.
  file_.reset();
  auto opened = AppendFile::Open(path_, entry.size(), sync_);
  if (!opened.ok()) {
    return {StatusCode::kAborted, std::string(opened.status().message())};
  }
  file_ = *std::move(opened);
  return {};
}

Status JournalStore::Flush() {
  return file_ == nullptr ? Status() : file_->Sync();
}

Status JournalStore::Export(const std::string& /*path*/) {
  return UnimplementedError("export is not a capability of journal://; use parquet-export");
}

Status JournalStore::CheckFiles(std::vector<std::string>& problems) {
  EDB_ASSIGN(const std::string content, env_.ReadFile(path_, kAnySize));
  std::string_view rest = content;
  while (!rest.empty()) {
    const Result<std::optional<JournalEntry>> entry = TakeEntry(rest);
    if (!entry.ok() || !*entry) {
      problems.push_back(Concat(Quote(path_), ": the entry at byte ", content.size() - rest.size(),
                                " is damaged"));
      break;
    }
  }
  return {};
}

Status JournalStore::Close() {
  const Status status = Flush();
  file_.reset();
  lock_.reset();
  return status;
}

Capabilities JournalStore::capabilities() const {
  return {.persistent = true, .exact = true, .stores = true, .snapshot_scan = true};
}

}  // namespace embeddingsdb
