// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/catalog.h"

#include <utility>

#include "core/text.h"
#include "s3server/document.h"
#include "s3server/text_store.h"

namespace embeddingsdb {
namespace {

// A bucket's name begins with a letter or a digit, so no index has this model.
constexpr std::string_view kCatalogModel = ".s3vectors/catalog";
constexpr std::string_view kBucketPrefix = "bucket/";
constexpr std::string_view kIndexPrefix = "index/";

TextStore StoreOf(S3Database& database) {
  return {*database.database, std::string(kCatalogModel), database.dimensions.value_or(1)};
}

Document TagsDocument(const Tags& tags) {
  Document out = Document::Object();
  for (const auto& [key, value] : tags) {
    out.members.emplace_back(key, Document::String(value));
  }
  return out;
}

std::string TextOf(const Document& entry, std::string_view name) {
  const Document* const member = entry.Find(name);
  return member == nullptr ? std::string() : member->text;
}

std::int64_t NumberOf(const Document& entry, std::string_view name) {
  const Document* const member = entry.Find(name);
  return member == nullptr ? 0 : static_cast<std::int64_t>(member->number);
}

/// What was made before there were modes says none.
S3IndexMode ModeOf(const Document& entry) {
  return TextOf(entry, "mode") == S3ModeName(S3IndexMode::kEnhanced) ? S3IndexMode::kEnhanced
                                                                     : S3IndexMode::kClassic;
}

Tags TagsOf(const Document& entry) {
  Tags tags;
  if (const Document* const member = entry.Find("tags")) {
    for (const auto& [key, value] : member->members) {
      tags.emplace(key, value.text);
    }
  }
  return tags;
}

std::string ToText(const S3Bucket& bucket) {
  return ToJson(Document::Object({{"created", Document::Number(bucket.created)},
                                  {"encryption", Document::String(bucket.encryption)},
                                  {"kms_key_arn", Document::String(bucket.kms_key_arn)},
                                  {"policy", Document::String(bucket.policy)},
                                  {"tags", TagsDocument(bucket.tags)},
                                  {"mode", Document::String(S3ModeName(bucket.default_mode))}}));
}

std::string ToText(const S3Index& index) {
  return ToJson(Document::Object({{"created", Document::Number(index.created)},
                                  {"dimension", Document::Number(index.dimension)},
                                  {"metric", Document::String(S3MetricName(index.metric))},
                                  {"not_filterable", Document::Strings(index.not_filterable)},
                                  {"encryption", Document::String(index.encryption)},
                                  {"kms_key_arn", Document::String(index.kms_key_arn)},
                                  {"tags", TagsDocument(index.tags)},
                                  {"mode", Document::String(S3ModeName(index.mode))},
                                  {"deleting", Document::Boolean(index.deleting)}}));
}

S3Bucket BucketOf(std::string name, const Document& entry) {
  return {.name = std::move(name),
          .created = NumberOf(entry, "created"),
          .encryption = TextOf(entry, "encryption"),
          .kms_key_arn = TextOf(entry, "kms_key_arn"),
          .policy = TextOf(entry, "policy"),
          .tags = TagsOf(entry),
          .default_mode = ModeOf(entry)};
}

S3Index IndexOf(std::string_view path, const Document& entry) {
  S3Index index{.bucket = std::string(path.substr(0, path.find('/'))),
                .name = std::string(path.substr(path.find('/') + 1)),
                .created = NumberOf(entry, "created"),
                .dimension = static_cast<int>(NumberOf(entry, "dimension")),
                .metric = TextOf(entry, "metric") == "euclidean" ? Metric::kL2 : Metric::kCosine,
                .not_filterable = {},
                .encryption = TextOf(entry, "encryption"),
                .kms_key_arn = TextOf(entry, "kms_key_arn"),
                .tags = TagsOf(entry),
                .mode = ModeOf(entry)};
  if (const Document* const keys = entry.Find("not_filterable")) {
    for (const Document& key : keys->items) {
      index.not_filterable.push_back(key.text);
    }
  }
  const Document* const deleting = entry.Find("deleting");
  index.deleting = deleting != nullptr && deleting->boolean;
  return index;
}

std::string TextName(const S3Index& index) {
  return Concat(kIndexPrefix, index.model());
}

Status NoBucket() {
  return NotFoundError("The specified vector bucket could not be found");
}

Status NoIndex() {
  return NotFoundError("The specified index could not be found");
}

Status NoDatabase(const S3Index& index) {
  const std::string_view metric = index.metric == Metric::kL2 ? "l2" : "cosine";
  return InvalidArgumentError(
      Concat("No database of this server takes an index of ", index.dimension,
             " dimensions with distanceMetric ", S3MetricName(index.metric),
             ". Start it with one more: database-uri of a database with metric=", metric,
             " and without dimensions, or with dimensions=", index.dimension));
}

}  // namespace

std::string_view S3MetricName(Metric metric) {
  return metric == Metric::kL2 ? "euclidean" : "cosine";
}

std::string_view S3ModeName(S3IndexMode mode) {
  return mode == S3IndexMode::kClassic ? "CLASSIC" : "ENHANCED";
}

Result<std::unique_ptr<S3Catalog>> S3Catalog::Load(std::vector<S3Database>& databases, Env& env) {
  std::unique_ptr<S3Catalog> catalog(new S3Catalog(databases, env));
  for (S3Database& database : databases) {
    const Status status = catalog->LoadFrom(database);
    if (!status.ok()) {
      return status.WithContext(Concat("the list of buckets in ", database.name));
    }
  }
  return catalog;
}

Status S3Catalog::LoadFrom(S3Database& database) {
  EDB_ASSIGN(const auto texts, StoreOf(database).All());
  for (const auto& [name, text] : texts) {
    EDB_ASSIGN(const Document entry, ParseDocument(text));
    EDB_TRY(AddLoaded(name, entry, database));
  }
  return {};
}

Status S3Catalog::AddLoaded(std::string_view name, const Document& entry, S3Database& database) {
  if (name.starts_with(kBucketPrefix)) {
    std::string bucket(name.substr(kBucketPrefix.size()));
    bucket_homes_.emplace(bucket, &database);
    buckets_.emplace(bucket, BucketOf(bucket, entry));
    return {};
  }
  auto index = std::make_shared<S3IndexEntry>();
  index->index = IndexOf(name.substr(kIndexPrefix.size()), entry);
  index->mode = index->index.mode;
  index->home = &database;
  if (index->index.metric != database.metric) {
    return FailedPreconditionError(Concat(
        "index ", index->index.model(), " has distanceMetric ", S3MetricName(index->index.metric),
        "; open the database with metric=", index->index.metric == Metric::kL2 ? "l2" : "cosine"));
  }
  indexes_.emplace(IndexKey(index->index.bucket, index->index.name), index);
  return {};
}

Status S3Catalog::SaveBucket(const S3Bucket& bucket) {
  const auto home = bucket_homes_.find(bucket.name);
  S3Database& database = home == bucket_homes_.end() ? databases_.front() : *home->second;
  return StoreOf(database).Put(Concat(kBucketPrefix, bucket.name), ToText(bucket),
                               env_.NowUnixSeconds());
}

Status S3Catalog::SaveIndex(const S3IndexEntry& entry, const S3Index& index) {
  return StoreOf(*entry.home).Put(TextName(index), ToText(index), env_.NowUnixSeconds());
}

S3Database* S3Catalog::HomeOf(const S3Index& index) {
  S3Database* any = nullptr;
  for (S3Database& database : databases_) {
    if (database.metric != index.metric) {
      continue;
    }
    if (database.dimensions == index.dimension) {
      return &database;
    }
    if (!database.dimensions && any == nullptr) {
      any = &database;
    }
  }
  return any;
}

Status S3Catalog::CreateBucket(S3Bucket bucket) {
  const std::unique_lock lock(mutex_);
  if (buckets_.contains(bucket.name)) {
    return AlreadyExistsError("A vector bucket with the specified name already exists");
  }
  bucket.created = env_.NowUnixSeconds();
  EDB_TRY(SaveBucket(bucket));
  bucket_homes_.emplace(bucket.name, &databases_.front());
  std::string name = bucket.name;
  buckets_.emplace(std::move(name), std::move(bucket));
  return {};
}

Result<S3Bucket> S3Catalog::Bucket(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = buckets_.find(name);
  if (found == buckets_.end()) {
    return NoBucket();
  }
  return found->second;
}

std::vector<S3Bucket> S3Catalog::Buckets(std::string_view prefix, std::string_view after,
                                         std::size_t limit) const {
  const std::shared_lock lock(mutex_);
  std::vector<S3Bucket> out;
  for (auto next = after < prefix ? buckets_.lower_bound(prefix) : buckets_.upper_bound(after);
       next != buckets_.end() && next->first.starts_with(prefix) && out.size() < limit; ++next) {
    out.push_back(next->second);
  }
  return out;
}

Status S3Catalog::ChangeBucket(std::string_view name,
                               const std::function<Status(S3Bucket&)>& change) {
  const std::unique_lock lock(mutex_);
  const auto found = buckets_.find(name);
  if (found == buckets_.end()) {
    return NoBucket();
  }
  S3Bucket bucket = found->second;
  EDB_TRY(change(bucket));
  EDB_TRY(SaveBucket(bucket));
  found->second = std::move(bucket);
  return {};
}

Status S3Catalog::DeleteBucket(std::string_view name) {
  const std::unique_lock lock(mutex_);
  const auto found = buckets_.find(name);
  if (found == buckets_.end()) {
    return NoBucket();
  }
  const auto index = indexes_.lower_bound({std::string(name), ""});
  if (index != indexes_.end() && index->first.first == name) {
    return AlreadyExistsError("The specified vector bucket is not empty");
  }
  const auto home = bucket_homes_.find(name);
  EDB_TRY(StoreOf(*home->second).Remove(Concat(kBucketPrefix, name)));
  bucket_homes_.erase(home);
  buckets_.erase(found);
  return {};
}

Status S3Catalog::CreateIndex(S3Index index) {
  const std::unique_lock lock(mutex_);
  const auto bucket = buckets_.find(index.bucket);
  if (bucket == buckets_.end()) {
    return NoBucket();
  }
  IndexKey key(index.bucket, index.name);
  if (indexes_.contains(key)) {
    return AlreadyExistsError("An index with the specified name already exists");
  }
  auto entry = std::make_shared<S3IndexEntry>();
  entry->home = HomeOf(index);
  if (entry->home == nullptr) {
    return NoDatabase(index);
  }
  index.created = env_.NowUnixSeconds();
  index.mode = bucket->second.default_mode;
  EDB_TRY(SaveIndex(*entry, index));
  entry->mode = index.mode;
  entry->index = std::move(index);
  indexes_.emplace(std::move(key), std::move(entry));
  return {};
}

Result<S3IndexPtr> S3Catalog::FindIndex(std::string_view bucket, std::string_view name) const {
  if (!buckets_.contains(bucket)) {
    return NoBucket();
  }
  const auto found = indexes_.find({std::string(bucket), std::string(name)});
  if (found == indexes_.end() || found->second->index.deleting) {
    return NoIndex();
  }
  return found->second;
}

Result<S3IndexPtr> S3Catalog::Use(std::string_view bucket, std::string_view name) const {
  const std::shared_lock lock(mutex_);
  return FindIndex(bucket, name);
}

Result<S3Index> S3Catalog::Index(std::string_view bucket, std::string_view name) const {
  const std::shared_lock lock(mutex_);
  EDB_ASSIGN(const S3IndexPtr entry, FindIndex(bucket, name));
  return entry->index;
}

Result<std::vector<S3Index>> S3Catalog::Indexes(std::string_view bucket, std::string_view prefix,
                                                std::string_view after, std::size_t limit) const {
  const std::shared_lock lock(mutex_);
  if (!buckets_.contains(bucket)) {
    return NoBucket();
  }
  std::vector<S3Index> out;
  const std::string first(after < prefix ? prefix : after);
  for (auto next = indexes_.lower_bound({std::string(bucket), first});
       next != indexes_.end() && next->first.first == bucket &&
       next->first.second.starts_with(prefix) && out.size() < limit;
       ++next) {
    if (next->first.second > after && !next->second->index.deleting) {
      out.push_back(next->second->index);
    }
  }
  return out;
}

Status S3Catalog::ChangeTags(std::string_view bucket, std::string_view name,
                             const std::function<Status(Tags&)>& change) {
  const std::unique_lock lock(mutex_);
  EDB_ASSIGN(const S3IndexPtr entry, FindIndex(bucket, name));
  S3Index index = entry->index;
  EDB_TRY(change(index.tags));
  EDB_TRY(SaveIndex(*entry, index));
  entry->index.tags = std::move(index.tags);
  return {};
}

Status S3Catalog::SetMode(std::string_view bucket, std::string_view name, S3IndexMode mode) {
  const std::unique_lock lock(mutex_);
  EDB_ASSIGN(const S3IndexPtr entry, FindIndex(bucket, name));
  S3Index index = entry->index;
  index.mode = mode;
  EDB_TRY(SaveIndex(*entry, index));
  entry->index.mode = mode;
  entry->mode = mode;
  return {};
}

Status S3Catalog::DeleteIndex(std::string_view bucket, std::string_view name,
                              const std::function<Status(S3IndexEntry&)>& empty) {
  S3IndexPtr entry;
  {
    const std::unique_lock lock(mutex_);
    EDB_ASSIGN(entry, FindIndex(bucket, name));
    S3Index index = entry->index;
    index.deleting = true;
    EDB_TRY(SaveIndex(*entry, index));
    entry->index.deleting = true;
  }
  return Empty(entry, empty);
}

/// Not under the catalog's lock: it may take long.
Status S3Catalog::Empty(const S3IndexPtr& entry,
                        const std::function<Status(S3IndexEntry&)>& empty) {
  {
    const std::unique_lock alone(entry->use);
    entry->removed = true;
    EDB_TRY(empty(*entry));
  }
  const std::unique_lock lock(mutex_);
  EDB_TRY(StoreOf(*entry->home).Remove(TextName(entry->index)));
  indexes_.erase({entry->index.bucket, entry->index.name});
  return {};
}

Status S3Catalog::FinishDeletions(const std::function<Status(S3IndexEntry&)>& empty) {
  std::vector<S3IndexPtr> left;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [key, entry] : indexes_) {
      if (entry->index.deleting) {
        left.push_back(entry);
      }
    }
  }
  for (const S3IndexPtr& entry : left) {
    EDB_TRY(Empty(entry, empty));
  }
  return {};
}

}  // namespace embeddingsdb
