// SPDX-License-Identifier: BSD-3-Clause
//
// Verify and Reindex: the table held against the index, and made anew from it.
#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "engines/s3vectors/s3_database.h"
#include "engines/s3vectors/s3_listing.h"
#include "engines/s3vectors/s3_table_comparison.h"
#include "engines/verify_problems.h"

namespace embeddingsdb::s3vectors {
namespace {

constexpr std::size_t kItemsKept = 1'000;  // of those to be put, before they are

/// The same for equal records only, but for an accident of 64 bits.
std::size_t HashOf(const Key& record) {
  return std::hash<std::string>()(Concat(record.provider.size(), ":", record.model.size(), ":",
                                         record.provider, record.model, record.depiction_id));
}

void CheckState(const S3TableState& state, VerifyProblems& problems) {
  if (!state.complete) {
    problems.Add("the table is not known to have all records; reindex fills it");
  }
  if (!state.writes.empty()) {
    problems.Add(Concat(state.writes.size(),
                        " writes to the table and the index are under way or broke off; reindex "
                        "helps when nobody writes"));
  }
}

}  // namespace

Status S3TableComparison::Load(S3Table& table, const S3TableQuery& query) {
  S3TablePageRequest request{.query = query};
  do {
    EDB_ASSIGN(S3TablePage page, table.Page(request));
    for (const S3TableItem& item : page.items) {
      hashes_.insert_or_assign(item.key, HashOf(item.record));
    }
    request.after = std::move(page.next);
  } while (request.after);
  return {};
}

S3TableComparison::Item S3TableComparison::Take(const std::string& key, const Key& record) {
  const auto found = hashes_.extract(key);
  if (found.empty()) {
    return Item::kMissing;
  }
  return found.mapped() == HashOf(record) ? Item::kRight : Item::kOfAnother;
}

std::vector<std::string> S3TableComparison::Rest() const {
  std::vector<std::string> keys;
  keys.reserve(hashes_.size());
  for (const auto& [key, hash] : hashes_) {
    keys.push_back(key);
  }
  std::ranges::sort(keys);
  return keys;
}

Result<VerifyReport> S3VectorsDatabase::DoVerify() {
  VerifyReport report;
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return report;
  }
  VerifyProblems problems(report.problems);
  S3TableComparison comparison;
  if (table_ != nullptr) {
    EDB_ASSIGN(const S3TableState state, table_->State());
    CheckState(state, problems);
    EDB_TRY(comparison.Load(*table_, {}));
  }
  S3Listing listing(index_, true);
  S3Vector vector;
  while (true) {
    EDB_ASSIGN(const bool more, listing.Next(vector));
    if (!more) {
      break;
    }
    const std::string name = vector.key;
    const Result<Record> record = RecordOf(std::move(vector));
    if (!record.ok()) {
      problems.Add(record.status().message());
      continue;
    }
    ++report.records;
    if (table_ != nullptr &&
        comparison.Take(name, record->key) != S3TableComparison::Item::kRight) {
      problems.Add(Concat(DisplayKey(record->key), ": the table does not have it; reindex helps"));
    }
    if (const Status status = Validate(*record); !status.ok()) {
      problems.Add(Concat(DisplayKey(record->key), ": ", status.message()));
    }
    const Result<std::string> right = S3KeyOf(record->key, s3_.keys);
    if (!right.ok() || *right != name) {
      problems.Add(Concat(DisplayKey(record->key), ": it is at the key ", Quote(name),
                          ", where keys=", s3_.keys == S3KeyForm::kV1 ? "v1" : "v2",
                          " does not look for it"));
    }
  }
  for (const std::string& key : comparison.Rest()) {
    problems.Add(Concat("the table has ", Quote(key), ", the index does not; reindex helps"));
  }
  problems.Finish();
  return report;
}

/// Those of the table's items that no vector has. Asked for once more: between the two readings
/// somebody may have written.
Status S3VectorsDatabase::DropItems(const std::vector<std::string>& keys) {
  std::vector<std::string> gone;
  for (std::size_t begin = 0; begin < keys.size(); begin += kMaxS3GetVectors) {
    const auto some =
        std::span(keys).subspan(begin, std::min(kMaxS3GetVectors, keys.size() - begin));
    EDB_ASSIGN(const std::vector<S3Vector> found, index_->Get(some, false));
    for (const std::string& key : some) {
      if (std::ranges::find(found, key, &S3Vector::key) == found.end()) {
        gone.push_back(key);
      }
    }
  }
  return table_->Delete(gone);
}

/// Puts the items that are missing or another record's; `comparison` keeps what is too many.
Status S3VectorsDatabase::FillTable(const std::function<bool(const Key&)>& wanted,
                                    S3TableComparison& comparison,
                                    std::map<std::string, std::int64_t>& rows,
                                    S3TableNames& names) {
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return {};
  }
  std::vector<S3TableItem> missing;
  S3Listing listing(index_, false);
  S3Vector vector;
  while (true) {
    EDB_ASSIGN(const bool more, listing.Next(vector));
    if (!more || missing.size() == kItemsKept) {
      EDB_TRY(table_->Put(missing, facts->dimension));
      missing.clear();
    }
    if (!more) {
      return {};
    }
    std::string name = vector.key;
    EDB_ASSIGN(Record record, RecordOf(std::move(vector)));
    if (!wanted(record.key)) {
      continue;
    }
    ++rows[record.key.model];
    names.models.insert(record.key.model);
    names.providers.insert(record.key.provider);
    if (comparison.Take(name, record.key) != S3TableComparison::Item::kRight) {
      missing.push_back({std::move(name), std::move(record.key)});
    }
  }
}

Status S3VectorsDatabase::DoReindex(const std::vector<std::string>& models, bool all,
                                    const ReindexProgress& progress) {
  if (table_ == nullptr) {
    return DatabaseBase::DoReindex(models, all, progress);
  }
  const std::unique_lock lock(table_writes_);
  EDB_ASSIGN(const S3TableState before, table_->State());
  S3TableComparison comparison;
  std::map<std::string, std::int64_t> rows;
  if (all) {
    EDB_TRY(comparison.Load(*table_, {}));
  } else {
    for (const std::string& model : models) {
      rows[model] = 0;
      EDB_TRY(comparison.Load(*table_, {.model = model}));
    }
  }
  S3TableNames names;
  const auto wanted = [&](const Key& record) { return all || rows.contains(record.model); };
  EDB_TRY(FillTable(wanted, comparison, rows, names));
  const std::vector<std::string> rest = comparison.Rest();
  std::int64_t records = 0;
  for (const auto& [model, count] : rows) {
    records += count;
  }
  // go-embeddingsdb's tables do not say whose they are.
  if (before.index.empty() && static_cast<std::int64_t>(rest.size()) > records) {
    return FailedPreconditionError(
        Concat("the DynamoDB table ", Quote(table_->name()), " has ", rest.size(),
               " items that the index does not, and only ", records,
               " that it does: it looks like another's; dynamodb-table names another"));
  }
  EDB_TRY(DropItems(rest));
  if (all) {
    EDB_TRY(table_->SetComplete(names));
    EDB_TRY(table_->End(before.writes));
  }
  for (const auto& [model, count] : rows) {
    progress({.model = model, .rows = count});
  }
  return {};
}

}  // namespace embeddingsdb::s3vectors
