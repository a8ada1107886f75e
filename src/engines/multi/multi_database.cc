// SPDX-License-Identifier: BSD-3-Clause
//
// multi://: several databases as one. A model lives in one of them.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/log.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "engines/database_base.h"
#include "engines/facet_tally.h"
#include "engines/multi/member.h"
#include "engines/multi/merged_list.h"
#include "engines/multi/merged_search.h"
#include "engines/multi/multi_care.h"
#include "engines/multi/multi_verify.h"
#include "engines/multi/routing.h"

namespace embeddingsdb {
namespace {

/// Those of several holders of a model that have the record itself; the read-only ones first, so
/// that nothing has been removed anywhere when one of them refuses.
Result<std::vector<const Member*>> HoldersOfKey(const std::vector<const Member*>& holders,
                                                const Key& key) {
  std::vector<const Member*> having;
  std::vector<const Member*> writable;
  for (const Member* holder : holders) {
    const Status found = holder->database->Get(key).status();
    if (found.code() == StatusCode::kNotFound) {
      continue;
    }
    EDB_TRY(Named(*holder, found));
    (holder->read_only ? having : writable).push_back(holder);
  }
  having.insert(having.end(), writable.begin(), writable.end());
  return having;
}

/// What is exported to `path` takes the place of what is there, so that must be an export of as
/// many members.
Status CheckExportFolder(const std::string& path, std::size_t members) {
  std::set<std::string> known;
  for (std::size_t i = 1; i <= members; ++i) {
    known.insert(std::to_string(i));
  }
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    // An export that was killed leaves "1.exporting".
    if (!known.contains(entry->path().stem().string())) {
      return FailedPreconditionError(Concat("export directory ", Quote(path), " also holds ",
                                            Quote(entry->path().filename().string()),
                                            "; name a directory of its own"));
    }
  }
  if (!error || error == std::errc::no_such_file_or_directory) {
    return {};
  }
  return FailedPreconditionError(Concat("read directory ", Quote(path), ": ", error.message()));
}

/// One member after the other. May outlive the database, so it keeps their names.
class MultiCursor final : public RecordCursor {
 public:
  void Append(std::string name, std::unique_ptr<RecordCursor> cursor) {
    cursors_.emplace_back(std::move(name), std::move(cursor));
  }

  Result<bool> Next(Record& record) override {
    for (; current_ < cursors_.size(); ++current_) {
      auto& [name, cursor] = cursors_[current_];
      const Result<bool> more = cursor->Next(record);
      if (!more.ok()) {
        return more.status().WithContext(name);
      }
      if (*more) {
        return true;
      }
    }
    return false;
  }

 private:
  std::vector<std::pair<std::string, std::unique_ptr<RecordCursor>>> cursors_;
  std::size_t current_ = 0;
};

class MultiDatabase final : public DatabaseBase {
 public:
  MultiDatabase(std::vector<Member> members, EngineOptions options, const Context& context)
      : DatabaseBase(std::move(options), context), members_(std::move(members)) {}

  Capabilities capabilities() const override;
  std::int64_t Pending() const override;

 protected:
  Result<AddReport> DoAddBatch(std::span<const Record* const> records,
                               const AddOptions& options) override;
  Status DoFlush() override;
  Result<Record> DoGet(const Key& key) override;
  Result<bool> DoRemove(const Key& key) override {
    EDB_ASSIGN(const std::int64_t removed, DoRemoveBatch({&key, 1}));
    return removed > 0;
  }
  Result<std::int64_t> DoRemoveBatch(std::span<const Key> keys) override;
  Status DoList(const ListQuery& query, RecordPage& page) override {
    return list_.Page(members_, query, page);
  }
  Result<std::unique_ptr<RecordCursor>> DoScan(const std::vector<Filter>& filters) override;
  Result<std::vector<SimilarRecord>> DoSimilar(const ResolvedSimilarQuery& query) override;
  Result<std::vector<SimilarRecord>> DoSimilarBySubject(
      const ResolvedSimilarQuery& query) override {
    return DoSimilar(query);  // the members do it, and what they find is merged so
  }
  Result<FacetCounts> DoFacets(const FacetQuery& query) override;
  Result<std::int64_t> DoCount(const std::vector<Filter>& filters) override;
  Result<std::vector<std::string>> DoModels(std::span<const std::string> providers) override;
  Result<std::vector<std::string>> DoProviders(std::span<const std::string> models) override;
  Result<std::vector<int>> DoDimensions() override;
  Result<std::int64_t> DoLastUpdate() override;
  Status DoExport(const std::string& path) override;
  Result<VerifyReport> DoVerify() override { return VerifyMembers(members_); }
  Result<DatabaseStats> DoStats() override { return StatsOfMembers(members_); }
  Status DoReindex(const std::vector<std::string>& models, bool all,
                   const ReindexProgress& progress) override {
    return ReindexMembers(members_, models, all, progress);
  }
  Status DoCompact(CompactReport& report) override { return CompactMembers(members_, report); }
  Status DoClose() override;

 private:
  /// Each part in its member, one after another.
  Result<AddReport> AddParts(std::span<const Part> parts, const AddOptions& options);
  /// Calls `work` for every member, also after an error; the first is returned, the others logged.
  Status ForAll(const std::function<Status(Database& database)>& work);

  const std::vector<Member> members_;
  MergedList list_;
  /// Held over a write and the choice of where it goes, so that two writers never take one model to
  /// two members; and while a scan begins, so that it sees one moment of all of them.
  std::mutex write_mutex_;
};

// What one member cannot do the whole cannot.
Capabilities MultiDatabase::capabilities() const {
  Capabilities all = {.persistent = true,
                      .exact = true,
                      .stores = true,
                      .snapshot_scan = true,
                      .shared_read = true,
                      .exports = true};
  for (const Member& member : members_) {
    const Capabilities one = member.database->capabilities();
    all.persistent = all.persistent && one.persistent;
    all.exact = all.exact && one.exact;
    all.stores = all.stores && one.stores;
    all.snapshot_scan = all.snapshot_scan && one.snapshot_scan;
    all.shared_read = all.shared_read && one.shared_read;
    all.exports = all.exports && one.exports;
  }
  return all;
}

std::int64_t MultiDatabase::Pending() const {
  std::int64_t pending = 0;
  for (const Member& member : members_) {
    pending += member.database->Pending();
  }
  return pending;
}

Result<AddReport> MultiDatabase::DoAddBatch(std::span<const Record* const> records,
                                            const AddOptions& options) {
  const std::lock_guard lock(write_mutex_);
  EDB_ASSIGN(const std::vector<Part> parts, Route(members_, records));
  if (options.on_duplicate == OnDuplicate::kFail && !options.dry_run && parts.size() > 1) {
    // One taken key must keep the whole batch out.
    EDB_TRY(AddParts(parts, {.on_duplicate = OnDuplicate::kFail, .dry_run = true}).status());
  }
  return AddParts(parts, options);
}

Result<AddReport> MultiDatabase::AddParts(std::span<const Part> parts, const AddOptions& options) {
  AddReport sum;
  std::size_t records = 0;
  for (const Part& part : parts) {
    records += part.records.size();
  }
  std::size_t stored = 0;
  for (const Part& part : parts) {
    // A member wants its records side by side. Copying them takes a small part of the time that
    // storing them does.
    std::vector<Record> copies;
    copies.reserve(part.records.size());
    for (const Record* record : part.records) {
      copies.push_back(*record);
    }
    const Result<AddReport> report =
        Named(*part.member, part.member->database->AddBatch(copies, options));
    if (!report.ok() && stored > 0 && !options.dry_run) {
      return report.status().WithContext(
          Concat(stored, " of the batch's ", records, " records are stored, in other databases"));
    }
    EDB_TRY(report.status());
    sum += *report;
    stored += copies.size();
  }
  return sum;
}

Status MultiDatabase::ForAll(const std::function<Status(Database& database)>& work) {
  Status first;
  for (const Member& member : members_) {
    const Status status = Named(member, work(*member.database));
    if (first.ok()) {
      first = status;
    } else if (!status.ok() && context().log != nullptr) {
      context().log->Error("Another database failed too", {{"error", status.ToString()}});
    }
  }
  return first;
}

Status MultiDatabase::DoFlush() {
  return ForAll([](Database& database) { return database.Flush(); });
}

Status MultiDatabase::DoClose() {
  return ForAll([](Database& database) { return database.Close(); });
}

Result<Record> MultiDatabase::DoGet(const Key& key) {
  for (const Member& member : members_) {
    Result<Record> record = member.database->Get(key);
    if (record.ok()) {
      return record;
    }
    if (record.status().code() != StatusCode::kNotFound) {
      return Named(member, std::move(record));
    }
  }
  return NotFoundError(Concat("record ", DisplayKey(key), " not found"));
}

Result<std::int64_t> MultiDatabase::DoRemoveBatch(std::span<const Key> keys) {
  const std::lock_guard lock(write_mutex_);
  std::map<std::string_view, std::vector<const Member*>> of_models;
  std::map<const Member*, std::vector<Key>> parts;
  std::int64_t copies = 0;  // of records that several members have
  for (const Key& key : keys) {
    auto known = of_models.find(key.model);
    if (known == of_models.end()) {
      EDB_ASSIGN(std::vector<const Member*> members, Holders(members_, key.model));
      known = of_models.emplace(key.model, std::move(members)).first;
    }
    std::vector<const Member*> holders = known->second;
    if (holders.size() > 1) {
      EDB_ASSIGN(holders, HoldersOfKey(holders, key));
      copies += std::max<std::int64_t>(static_cast<std::int64_t>(holders.size()) - 1, 0);
    }
    for (const Member* member : holders) {
      parts[member].push_back(key);
    }
  }
  std::int64_t removed = 0;
  // In the order of members, those that are only read first: what they refuse is removed nowhere.
  for (const bool read_only : {true, false}) {
    for (const Member& member : members_) {
      const auto part = parts.find(&member);
      if (part != parts.end() && member.read_only == read_only) {
        EDB_ASSIGN(const std::int64_t some,
                   Named(member, member.database->RemoveBatch(part->second)));
        removed += some;
      }
    }
  }
  return removed - copies;
}

Result<std::unique_ptr<RecordCursor>> MultiDatabase::DoScan(const std::vector<Filter>& filters) {
  auto all = std::make_unique<MultiCursor>();
  const std::lock_guard lock(write_mutex_);
  for (const Member& member : members_) {
    EDB_ASSIGN(std::unique_ptr<RecordCursor> cursor, Named(member, member.database->Scan(filters)));
    all->Append(member.name, std::move(cursor));
  }
  return std::unique_ptr<RecordCursor>(std::move(all));
}

Result<std::vector<SimilarRecord>> MultiDatabase::DoSimilar(const ResolvedSimilarQuery& query) {
  EDB_ASSIGN(const std::vector<const Member*> holders, Holders(members_, query.query->model));
  // The query as it was asked: a member's own defaults come before those of its neighbours.
  return SearchMembers(holders, *query.query);
}

Result<std::int64_t> MultiDatabase::DoCount(const std::vector<Filter>& filters) {
  std::int64_t sum = 0;
  for (const Member& member : members_) {
    EDB_ASSIGN(const std::int64_t count, Named(member, member.database->Count(filters)));
    sum += count;
  }
  return sum;
}

Result<FacetCounts> MultiDatabase::DoFacets(const FacetQuery& query) {
  FacetQuery all = query;
  all.limit = kMaxFacets;
  FacetTally tally(query);
  for (const Member& member : members_) {
    EDB_ASSIGN(const FacetCounts counts, Named(member, member.database->Facets(all)));
    if (counts.distinct > static_cast<std::int64_t>(counts.facets.size())) {
      // What a member leaves out may be frequent in another one.
      return DatabaseBase::DoFacets(query);
    }
    for (const Facet& facet : counts.facets) {
      tally.Add(facet.value, facet.count);
    }
  }
  return tally.Finish();
}

Result<std::vector<std::string>> MultiDatabase::DoModels(std::span<const std::string> providers) {
  std::set<std::string> all;
  for (const Member& member : members_) {
    EDB_ASSIGN(const std::vector<std::string> models,
               Named(member, member.database->Models(providers)));
    all.insert(models.begin(), models.end());
  }
  return std::vector<std::string>(all.begin(), all.end());
}

Result<std::vector<std::string>> MultiDatabase::DoProviders(std::span<const std::string> models) {
  std::set<std::string> all;
  for (const Member& member : members_) {
    EDB_ASSIGN(const std::vector<std::string> providers,
               Named(member, member.database->Providers(models)));
    all.insert(providers.begin(), providers.end());
  }
  return std::vector<std::string>(all.begin(), all.end());
}

Result<std::vector<int>> MultiDatabase::DoDimensions() {
  std::set<int> all;
  for (const Member& member : members_) {
    // A member answers with its `dimensions` option even when it is empty, but asked for are the
    // lengths of what is stored.
    EDB_ASSIGN(const std::vector<std::string> models, Named(member, member.database->Models({})));
    if (models.empty()) {
      continue;
    }
    EDB_ASSIGN(const std::vector<int> lengths, Named(member, member.database->Dimensions()));
    all.insert(lengths.begin(), lengths.end());
  }
  return std::vector<int>(all.begin(), all.end());
}

Result<std::int64_t> MultiDatabase::DoLastUpdate() {
  std::int64_t newest = 0;
  for (const Member& member : members_) {
    EDB_ASSIGN(const std::int64_t update, Named(member, member.database->LastUpdate()));
    newest = std::max(newest, update);
  }
  return newest;
}

// Each member's directory is whole or not written at all, but not all of them together: the files
// name the place they are loaded from, so they cannot be written elsewhere and renamed.
Status MultiDatabase::DoExport(const std::string& path) {
  for (const Member& member : members_) {
    if (!member.database->capabilities().exports) {
      return Named(member, UnimplementedError(
                               "export is not a capability of this engine; use parquet-export"));
    }
  }
  if (members_.size() == 1) {
    return Named(members_.front(), members_.front().database->Export(path));
  }
  EDB_TRY(CheckExportFolder(path, members_.size()));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::string folder = (std::filesystem::path(path) / std::to_string(i + 1)).string();
    EDB_TRY(Named(members_[i], members_[i].database->Export(folder)));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> OpenMultiDatabase(const Uri& uri, const Context& context) {
  EDB_ASSIGN(EngineOptions options, EngineOptions::FromUri(uri, kMemberOptions, kMemberOptions));
  if (!uri.FilePath().empty()) {
    return InvalidArgumentError(Concat(uri.scheme(), ":// has a path; it names databases by its ",
                                       "options, as in multi://?database=URI&database=URI"));
  }
  EDB_ASSIGN(std::vector<Member> members, OpenMembers(uri, context));
  return std::unique_ptr<Database>(
      std::make_unique<MultiDatabase>(std::move(members), std::move(options), context));
}

}  // namespace embeddingsdb
