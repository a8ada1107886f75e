// SPDX-License-Identifier: BSD-3-Clause
//
// memory://: exact, in RAM, and as plain as possible, because the other engines are held against
// it. It shares no code with them beyond the distance's definition: an ordered map and brute force.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <tuple>
#include <utility>

#include "core/env.h"
#include "core/record_matcher.h"
#include "core/text.h"
#include "engines/add_plan.h"
#include "engines/builtin_engines.h"
#include "engines/database_base.h"
#include "index/distance.h"

namespace embeddingsdb {
namespace {

/// Records are shared with cursors, so a scan is a snapshot for the price of a vector of pointers.
using RecordPtr = std::shared_ptr<const Record>;

class MemoryCursor final : public RecordCursor {
 public:
  explicit MemoryCursor(std::vector<RecordPtr> records) : records_(std::move(records)) {}

  Result<bool> Next(Record& record) override {
    if (next_ == records_.size()) {
      return false;
    }
    record = *records_[next_++];
    return true;
  }

 private:
  std::vector<RecordPtr> records_;
  std::size_t next_ = 0;
};

bool InListOrder(const RecordPtr& a, const RecordPtr& b) {
  const auto rank = [](const Record& r) {
    return std::tie(r.subject_id, r.key.depiction_id, r.key.model, r.key.provider);
  };
  return rank(*a) < rank(*b);
}

bool Contains(std::span<const std::string> values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

class MemoryDatabase final : public DatabaseBase {
 public:
  MemoryDatabase(EngineOptions options, const Context& context)
      : DatabaseBase(std::move(options), context) {}

  Capabilities capabilities() const override { return {.exact = true, .snapshot_scan = true}; }

 protected:
  Result<AddReport> DoAddBatch(std::span<const Record* const> records,
                               const AddOptions& options) override;
  Result<Record> DoGet(const Key& key) override;
  Result<bool> DoRemove(const Key& key) override {
    EDB_ASSIGN(const std::int64_t removed, DoRemoveBatch({&key, 1}));
    return removed > 0;
  }
  Result<std::int64_t> DoRemoveBatch(std::span<const Key> keys) override;
  Status DoList(const ListQuery& query, RecordPage& page) override;
  Result<std::unique_ptr<RecordCursor>> DoScan(const std::vector<Filter>& filters) override;
  Result<std::vector<SimilarRecord>> DoSimilar(const ResolvedSimilarQuery& query) override;
  Result<std::int64_t> DoCount(const std::vector<Filter>& filters) override;
  Result<std::vector<std::string>> DoModels(std::span<const std::string> providers) override;
  Result<std::vector<std::string>> DoProviders(std::span<const std::string> models) override;
  Result<std::vector<int>> DoDimensions() override;
  Result<std::int64_t> DoLastUpdate() override;
  Result<VerifyReport> DoVerify() override;
  Result<DatabaseStats> DoStats() override;

 private:
  std::vector<RecordPtr> Matching(const std::vector<Filter>& filters) const;
  /// The length of the model's vectors, or 0 when it has no records. Counts replaced records too.
  std::size_t DimensionOf(const std::string& model) const;
  void Touch() { last_update_ = std::max(last_update_, context().env->NowUnixSeconds()); }

  mutable std::shared_mutex mutex_;
  std::map<Key, RecordPtr> records_;
  std::map<std::string, std::int64_t> model_counts_;
  std::map<std::string, std::size_t> model_dimensions_;
  std::int64_t last_update_ = 0;
};

std::size_t MemoryDatabase::DimensionOf(const std::string& model) const {
  auto it = model_dimensions_.find(model);
  return it == model_dimensions_.end() ? 0 : it->second;
}

Result<AddReport> MemoryDatabase::DoAddBatch(std::span<const Record* const> records,
                                             const AddOptions& options) {
  const std::unique_lock lock(mutex_);
  std::map<std::string, std::size_t> new_models;
  for (const Record* record : records) {
    const std::string& model = record->key.model;
    std::size_t expected = DimensionOf(model);
    if (expected == 0) {
      expected = new_models.emplace(model, record->embedding.size()).first->second;
    }
    if (record->embedding.size() != expected) {
      return WrongDimension(DisplayKey(record->key), model, record->embedding.size(), expected);
    }
  }
  std::vector<std::optional<std::int64_t>> created;
  created.reserve(records.size());
  for (const Record* record : records) {
    const auto it = records_.find(record->key);
    created.push_back(it == records_.end() ? std::nullopt : std::optional(it->second->created));
  }
  EDB_ASSIGN(const AddPlan plan, PlanAdd(records, created, options.on_duplicate));
  if (options.dry_run) {
    return plan.report;
  }
  for (const Record* record : plan.records) {
    const bool added =
        records_.insert_or_assign(record->key, std::make_shared<Record>(*record)).second;
    model_dimensions_[record->key.model] = record->embedding.size();
    model_counts_[record->key.model] += added ? 1 : 0;
  }
  Touch();
  return plan.report;
}

Result<Record> MemoryDatabase::DoGet(const Key& key) {
  const std::shared_lock lock(mutex_);
  auto it = records_.find(key);
  if (it == records_.end()) {
    return NotFoundError(Concat("record ", DisplayKey(key), " not found"));
  }
  return Record(*it->second);
}

Result<std::int64_t> MemoryDatabase::DoRemoveBatch(std::span<const Key> keys) {
  const std::unique_lock lock(mutex_);
  std::int64_t removed = 0;
  for (const Key& key : keys) {
    if (records_.erase(key) == 0) {
      continue;
    }
    if (--model_counts_[key.model] == 0) {
      model_counts_.erase(key.model);
      model_dimensions_.erase(key.model);
    }
    Touch();
    ++removed;
  }
  return removed;
}

std::vector<RecordPtr> MemoryDatabase::Matching(const std::vector<Filter>& filters) const {
  const RecordMatcher matcher(filters);
  const std::shared_lock lock(mutex_);
  std::vector<RecordPtr> found;
  for (const auto& [key, record] : records_) {
    if (matcher.Matches(*record)) {
      found.push_back(record);
    }
  }
  return found;
}

Status MemoryDatabase::DoList(const ListQuery& query, RecordPage& page) {
  std::vector<RecordPtr> found = Matching(query.filters);
  page.total = static_cast<std::int64_t>(found.size());
  const std::int64_t begin = std::min((query.page - 1) * query.per_page, page.total);
  const std::int64_t end = std::min(begin + query.per_page, page.total);
  std::sort(found.begin(), found.end(), InListOrder);
  for (std::int64_t i = begin; i < end; ++i) {
    page.records.push_back(*found[static_cast<std::size_t>(i)]);
  }
  return {};
}

Result<std::unique_ptr<RecordCursor>> MemoryDatabase::DoScan(const std::vector<Filter>& filters) {
  return std::unique_ptr<RecordCursor>(std::make_unique<MemoryCursor>(Matching(filters)));
}

Result<std::vector<SimilarRecord>> MemoryDatabase::DoSimilar(const ResolvedSimilarQuery& resolved) {
  const SimilarQuery& query = *resolved.query;
  const RecordMatcher matcher(query.filters);
  const std::shared_lock lock(mutex_);
  const std::size_t dimension = DimensionOf(query.model);
  if (dimension == 0) {
    return std::vector<SimilarRecord>{};
  }
  if (dimension != query.embedding.size()) {
    return WrongDimension("the query", query.model, query.embedding.size(), dimension);
  }
  std::vector<std::pair<float, const Record*>> found;
  for (const auto& [key, record] : records_) {
    if (key.model != query.model || (query.provider && key.provider != *query.provider) ||
        Contains(query.exclude, key.depiction_id) ||
        (query.exclude_record && key == *query.exclude_record) || !matcher.Matches(*record)) {
      continue;
    }
    const float distance = ExactDistance(options().metric, query.embedding, record->embedding);
    if (distance <= resolved.max_distance) {
      found.emplace_back(distance, record.get());
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second->key) < std::tie(b.first, b.second->key);
  });
  if (found.size() > static_cast<std::size_t>(resolved.k)) {
    found.resize(static_cast<std::size_t>(resolved.k));
  }
  std::vector<SimilarRecord> answer;
  answer.reserve(found.size());
  for (const auto& [distance, record] : found) {
    answer.push_back({record->key, record->subject_id, distance, record->attributes});
  }
  return answer;
}

Result<std::int64_t> MemoryDatabase::DoCount(const std::vector<Filter>& filters) {
  return static_cast<std::int64_t>(Matching(filters).size());
}

Result<std::vector<std::string>> MemoryDatabase::DoModels(std::span<const std::string> providers) {
  const std::shared_lock lock(mutex_);
  std::set<std::string> models;
  for (const auto& [key, record] : records_) {
    if (providers.empty() || Contains(providers, key.provider)) {
      models.insert(key.model);
    }
  }
  return std::vector<std::string>(models.begin(), models.end());
}

Result<std::vector<std::string>> MemoryDatabase::DoProviders(std::span<const std::string> models) {
  const std::shared_lock lock(mutex_);
  std::set<std::string> providers;
  for (const auto& [key, record] : records_) {
    if (models.empty() || Contains(models, key.model)) {
      providers.insert(key.provider);
    }
  }
  return std::vector<std::string>(providers.begin(), providers.end());
}

Result<std::vector<int>> MemoryDatabase::DoDimensions() {
  const std::shared_lock lock(mutex_);
  std::set<int> dimensions;
  for (const auto& [model, dimension] : model_dimensions_) {
    dimensions.insert(static_cast<int>(dimension));
  }
  return std::vector<int>(dimensions.begin(), dimensions.end());
}

Result<std::int64_t> MemoryDatabase::DoLastUpdate() {
  const std::shared_lock lock(mutex_);
  return last_update_;
}

Result<VerifyReport> MemoryDatabase::DoVerify() {
  const std::shared_lock lock(mutex_);
  VerifyReport report;
  for (const auto& [key, record] : records_) {
    ++report.records;
    if (const Status status = Validate(*record); !status.ok()) {
      report.problems.push_back(Concat(DisplayKey(key), ": ", status.message()));
    }
  }
  return report;
}

Result<DatabaseStats> MemoryDatabase::DoStats() {
  const std::shared_lock lock(mutex_);
  DatabaseStats stats{.records = static_cast<std::int64_t>(records_.size()),
                      .last_update = last_update_};
  std::map<std::string, std::set<std::string>> providers;
  for (const auto& [key, record] : records_) {
    providers[key.model].insert(key.provider);
  }
  for (const auto& [name, count] : model_counts_) {
    const auto dimension = static_cast<int>(DimensionOf(name));
    const auto distinct = static_cast<std::int64_t>(providers[name].size());
    // Records are compared themselves, one by one.
    stats.models.push_back({.name = name,
                            .dimension = dimension,
                            .records = count,
                            .providers = distinct,
                            .metric = options().metric,
                            .precision = Precision::kF32,
                            .loaded = true,
                            .tail_rows = count});
  }
  return stats;
}

}  // namespace

Result<std::unique_ptr<Database>> OpenMemoryDatabase(const Uri& uri, const Context& context) {
  EDB_ASSIGN(EngineOptions options, EngineOptions::FromUri(uri));
  return std::unique_ptr<Database>(std::make_unique<MemoryDatabase>(std::move(options), context));
}

}  // namespace embeddingsdb
