// SPDX-License-Identifier: BSD-3-Clause
//
// Adding and removing. The service has no transactions: what can be refused is refused before the
// first request that changes anything.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/s3vectors/s3_database.h"
#include "engines/s3vectors/s3_parallel.h"

namespace embeddingsdb::s3vectors {
namespace {

constexpr std::size_t kPutsAtOnce = 4;  // 2,500 vectors a second are what an index takes
// What PutVectors has around its vectors.
constexpr std::size_t kEnvelopeBytes = 1'024;

bool IsZero(std::span<const float> vector) {
  return std::ranges::all_of(vector, [](float element) { return element == 0; });
}

Status Collision(const Key& taken, const Key& key) {
  const auto parts = [](const Key& k) {
    return Concat("(", Quote(k.provider), ", ", Quote(k.depiction_id), ", ", Quote(k.model), ")");
  };
  return AlreadyExistsError(Concat("the records ", parts(taken), " and ", parts(key),
                                   " would both be at the key ", Quote(DisplayKey(key)),
                                   "; keys=v2 tells them apart"));
}

}  // namespace

void S3VectorsDatabase::Touch() {
  const std::int64_t now = context().env->NowUnixSeconds();
  std::int64_t last = last_update_;
  while (last < now && !last_update_.compare_exchange_weak(last, now)) {
  }
}

Result<std::vector<S3VectorsDatabase::Prepared>> S3VectorsDatabase::Prepare(
    std::span<const Record* const> records, const S3IndexFacts& facts) const {
  std::vector<Prepared> prepared;
  std::map<std::string_view, const Record*> taken;
  prepared.reserve(records.size());
  for (const Record* record : records) {
    const std::string shown = DisplayKey(record->key);
    if (record->embedding.size() != static_cast<std::size_t>(facts.dimension)) {
      return WrongDimension(shown, record->key.model, record->embedding.size(),
                            static_cast<std::size_t>(facts.dimension));
    }
    if (facts.metric == Metric::kCosine && IsZero(record->embedding)) {
      return InvalidArgumentError(Concat("embeddings of ", shown,
                                         " are all zeros, which an index of the metric cosine "
                                         "does not take"));
    }
    EDB_ASSIGN(std::string key, S3KeyOf(record->key, s3_.keys));
    Result<S3Metadata> metadata = S3MetadataOf(*record, facts.layout);
    if (!metadata.ok()) {
      return metadata.status().WithContext(shown);
    }
    prepared.push_back({record, std::move(key), *std::move(metadata)});
    const auto [place, free] = taken.emplace(prepared.back().key, record);
    if (!free) {
      return Collision(place->second->key, record->key);
    }
  }
  return prepared;
}

Result<std::vector<std::optional<std::int64_t>>> S3VectorsDatabase::FindOut(
    const std::vector<Prepared>& prepared, const AddOptions& options) {
  const bool decides = options.on_duplicate != OnDuplicate::kOverwrite || options.dry_run;
  std::vector<std::string> keys;
  keys.reserve(prepared.size());
  for (const Prepared& one : prepared) {
    keys.push_back(one.key);
  }
  const std::vector<bool> may_be_there = options.dry_run
                                             ? std::vector<bool>(keys.size(), true)
                                             : own_keys_.Add(keys, context().env->NowUnixSeconds());
  const bool all = decides || s3_.check_keys == S3CheckKeys::kAlways;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    if (all || (s3_.check_keys == S3CheckKeys::kUnlessOwn && may_be_there[i])) {
      asked.push_back(i);
    }
  }
  return Lookup(prepared, asked);
}

Result<std::vector<std::optional<std::int64_t>>> S3VectorsDatabase::Lookup(
    const std::vector<Prepared>& prepared, const std::vector<std::size_t>& asked) {
  std::vector<std::optional<std::int64_t>> created(prepared.size());
  std::map<std::string_view, std::size_t> places;
  for (const std::size_t i : asked) {
    places.emplace(prepared[i].key, i);
  }
  const std::size_t requests = (asked.size() + kMaxS3GetVectors - 1) / kMaxS3GetVectors;
  const auto get = [&](std::size_t request) -> Status {
    std::vector<std::string> keys;
    const std::size_t begin = request * kMaxS3GetVectors;
    for (std::size_t i = begin; i < std::min(begin + kMaxS3GetVectors, asked.size()); ++i) {
      keys.push_back(prepared[asked[i]].key);
    }
    EDB_ASSIGN(std::vector<S3Vector> found, index_->Get(keys, false));
    for (S3Vector& vector : found) {
      const auto place = places.find(vector.key);
      if (place == places.end()) {
        return InternalError("GetVectors gave a key that was not asked for");
      }
      EDB_ASSIGN(const Record record, RecordOf(std::move(vector)));
      const Key& key = prepared[place->second].record->key;
      if (record.key != key) {
        return Collision(record.key, key);
      }
      created[place->second] = record.created;
    }
    return {};
  };
  EDB_TRY(InParallel(requests, kMaxS3Connections, get));
  return created;
}

Status S3VectorsDatabase::Put(const std::vector<const Prepared*>& records) {
  // Several at once, but no more than that in memory as text.
  std::atomic<std::size_t> stored = 0;
  std::size_t next = 0;
  while (next < records.size()) {
    std::vector<std::pair<std::string, std::size_t>> requests;
    while (next < records.size() && requests.size() < kPutsAtOnce) {
      auto& [body, count] = requests.emplace_back();
      for (; next < records.size() && count < kMaxS3PutVectors; ++next, ++count) {
        const Prepared& one = *records[next];
        const std::string entry = S3PutEntry(one.key, *one.record, one.metadata);
        if (count > 0 && body.size() + entry.size() + kEnvelopeBytes > kMaxS3RequestBytes) {
          break;
        }
        body += Concat(count > 0 ? "," : "", entry);
      }
    }
    const Status status = InParallel(requests.size(), kPutsAtOnce, [&](std::size_t i) -> Status {
      EDB_TRY(index_->Put(requests[i].first));
      stored += requests[i].second;
      return {};
    });
    if (!status.ok()) {
      const bool some = stored > 0 || requests.size() > 1;
      return some ? status.WithContext(Concat("at least ", stored.load(), " of ", records.size(),
                                              " records are stored"))
                  : status;
    }
  }
  return {};
}

void S3VectorsDatabase::EndWrite(const std::string& write) {
  if (const Status ended = table_->End({write}); !ended.ok()) {
    context().log->Warn("A write is done that the table goes on to list as begun; reindex helps",
                        {{"why", ended.ToString()}});
  }
}

/// The items first: what breaks off leaves items without a vector, never the other way round.
Status S3VectorsDatabase::Store(const std::vector<const Prepared*>& records,
                                const S3NameLists& names, const S3IndexFacts& facts) {
  if (table_ == nullptr) {
    return Put(records);
  }
  std::vector<S3TableItem> items;
  items.reserve(records.size());
  for (const Prepared* one : records) {
    items.push_back({one->key, one->record->key});
  }
  const std::shared_lock lock(table_writes_);
  const std::string write = NewS3WriteId();
  EDB_TRY(table_->Begin(write, {names.models, names.providers}));
  EDB_TRY(table_->Put(items, facts.dimension).WithContext("no record is stored"));
  EDB_TRY(Put(records));
  EndWrite(write);
  return {};
}

/// The vectors first, for the same reason. Without them the records are gone, whatever becomes of
/// the items.
Status S3VectorsDatabase::Erase(std::span<const std::string> names) {
  if (table_ == nullptr) {
    return index_->Delete(names);
  }
  const std::unique_lock lock(table_writes_);
  const std::string write = NewS3WriteId();
  EDB_TRY(table_->Begin(write, {}));
  EDB_TRY(index_->Delete(names));
  if (const Status deleted = table_->Delete(names); !deleted.ok()) {
    context().log->Warn("Records are removed that the table goes on to list; reindex helps",
                        {{"why", deleted.ToString()}});
    return {};
  }
  EndWrite(write);
  return {};
}

Result<AddReport> S3VectorsDatabase::DoAddBatch(std::span<const Record* const> records,
                                                const AddOptions& options) {
  EDB_ASSIGN(std::optional<S3IndexFacts> facts, Facts());
  const bool is_new = !facts;
  if (is_new) {
    // What would be refused is refused before anything is made.
    facts = S3IndexFacts{.dimension = static_cast<int>(records.front()->embedding.size()),
                         .metric = this->options().metric,
                         .layout = {.non_filterable = {std::string(kS3MoreKey)}}};
  }
  EDB_ASSIGN(std::vector<Prepared> prepared, Prepare(records, *facts));
  if (is_new && !options.dry_run) {
    EDB_ASSIGN(facts, Create(facts->dimension));
    EDB_ASSIGN(prepared, Prepare(records, *facts));  // another may have made it otherwise
  }
  std::vector<std::optional<std::int64_t>> created(records.size());
  if (!is_new || !options.dry_run) {
    EDB_ASSIGN(created, FindOut(prepared, options));
  }
  EDB_ASSIGN(const AddPlan plan, PlanAdd(records, created, options.on_duplicate));
  if (options.dry_run || plan.records.empty()) {
    return plan.report;
  }
  std::map<const Record*, const Prepared*> by_record;
  for (const Prepared& one : prepared) {
    by_record.emplace(one.record, &one);
  }
  std::vector<const Prepared*> chosen;
  S3NameLists names;
  for (const Record* record : plan.records) {
    chosen.push_back(by_record.at(record));
    names.models.insert(record->key.model);
    names.providers.insert(record->key.provider);
  }
  const Status put = Store(chosen, names, *facts);
  Touch();
  names_.Added(facts->arn, names);
  EDB_TRY(put);
  return plan.report;
}

/// The keys at which these very records are.
Result<std::vector<std::string>> S3VectorsDatabase::Present(std::span<const Key> keys) {
  std::vector<std::vector<std::string>> present((keys.size() + kMaxS3GetVectors - 1) /
                                                kMaxS3GetVectors);
  EDB_TRY(InParallel(present.size(), kMaxS3Connections, [&](std::size_t request) -> Status {
    std::set<std::string> asked;
    std::vector<std::string> names;
    const std::size_t begin = request * kMaxS3GetVectors;
    for (const Key& key :
         keys.subspan(begin, std::min(keys.size() - begin, std::size_t{kMaxS3GetVectors}))) {
      EDB_ASSIGN(std::string name, S3KeyOf(key, s3_.keys));
      if (asked.insert(name).second) {
        names.push_back(std::move(name));
      }
    }
    EDB_ASSIGN(std::vector<S3Vector> found, index_->Get(names, false));
    for (S3Vector& vector : found) {
      const std::string name = vector.key;
      EDB_ASSIGN(const Record record, RecordOf(std::move(vector)));
      // With v1 another record may be at the key of one that is to go.
      if (std::ranges::binary_search(keys, record.key)) {
        present[request].push_back(name);
      }
    }
    return {};
  }));
  std::set<std::string> distinct;
  for (const std::vector<std::string>& some : present) {
    distinct.insert(some.begin(), some.end());
  }
  return std::vector<std::string>(distinct.begin(), distinct.end());
}

Result<std::int64_t> S3VectorsDatabase::DoRemoveBatch(std::span<const Key> keys) {
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return std::int64_t{0};
  }
  EDB_ASSIGN(const std::vector<std::string> names, Present(keys));
  const std::span<const std::string> all(names);
  std::size_t removed = 0;
  while (removed < all.size()) {
    const std::size_t count = std::min(all.size() - removed, std::size_t{kMaxS3DeleteVectors});
    EDB_TRY(Erase(all.subspan(removed, count)));
    removed += count;
    Touch();
    names_.Removed(facts->arn);
  }
  return static_cast<std::int64_t>(removed);
}

}  // namespace embeddingsdb::s3vectors
