// SPDX-License-Identifier: BSD-3-Clause
//
// Operations on buckets, indexes, policies and tags; those on vectors are in vector_operations.cc.
#include "s3server/operations.h"

#include <algorithm>
#include <array>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr Range kNameRange = {.min = kMinS3NameBytes, .max = kMaxS3NameBytes};
constexpr Range kArnRange = {.min = 20, .max = kMaxS3ArnBytes};

/// [a-z0-9][a-z0-9-.]{1,61}[a-z0-9]
bool IsName(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= kMinS3NameBytes && name.size() <= kMaxS3NameBytes && plain(name.front()) &&
         plain(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

struct Encryption {
  std::string type = "AES256";
  std::string kms_key_arn;
};

Result<Encryption> ReadEncryption(Fields& fields, FieldList& problems) {
  Encryption encryption;
  const Document* const member =
      fields.MemberOf("encryptionConfiguration", Document::Kind::kObject, false);
  if (member == nullptr) {
    return encryption;
  }
  Fields own(*member, problems);
  encryption.type = own.Enum("sseType", {"AES256", "aws:kms"}, false).value_or("AES256");
  encryption.kms_key_arn = own.String("kmsKeyArn", {.min = 1, .max = 2'048}).value_or("");
  if (encryption.type == "AES256" && !encryption.kms_key_arn.empty()) {
    return InvalidArgumentError("kmsKeyArn must not be specified when sseType is AES256.");
  }
  return encryption;
}

Document EncryptionDocument(const std::string& type, const std::string& kms_key_arn) {
  Document out = Document::Object({{"sseType", Document::String(type)}});
  if (!kms_key_arn.empty()) {
    out.Set("kmsKeyArn", Document::String(kms_key_arn));
  }
  return out;
}

struct ListRequest {
  std::string prefix;
  std::string after;
  std::size_t limit = 0;
};

Result<ListRequest> ReadList(Fields& fields) {
  ListRequest list;
  list.limit =
      static_cast<std::size_t>(fields.Integer("maxResults", {.min = 1, .max = kMaxS3ListEntries})
                                   .value_or(kMaxS3ListEntries));
  list.prefix = fields.String("prefix", {.min = 1, .max = kMaxS3NameBytes}).value_or("");
  const auto token = fields.String("nextToken", {.min = 1, .max = kMaxS3TokenBytes});
  EDB_TRY(fields.status());
  if (token) {
    EDB_ASSIGN(list.after, FromToken(*token));
  }
  return list;
}

/// A page of what was read with a limit that is larger by one.
template <typename Entry, typename Print>
Document Page(std::string_view name, const std::vector<Entry>& entries, std::size_t limit,
              Print print) {
  Document items = Document::Array();
  for (const Entry& entry : std::span(entries).first(std::min(limit, entries.size()))) {
    items.items.push_back(print(entry));
  }
  Document out = Document::Object();
  out.Set(name, std::move(items));
  if (entries.size() > limit) {
    out.Set("nextToken", Document::String(ToToken(entries[limit - 1].name)));
  }
  return out;
}

}  // namespace

std::optional<S3IndexMode> ReadS3Mode(Fields& fields, std::string_view name, bool required) {
  const auto text = fields.Enum(name, {"CLASSIC", "ENHANCED"}, required);
  if (!text) {
    return std::nullopt;
  }
  return *text == "CLASSIC" ? S3IndexMode::kClassic : S3IndexMode::kEnhanced;
}

S3Operations::Handler S3Operations::Find(std::string_view name) {
  static constexpr auto kHandlers = std::to_array<std::pair<std::string_view, Handler>>(
      {{"CreateVectorBucket", &S3Operations::CreateVectorBucket},
       {"GetVectorBucket", &S3Operations::GetVectorBucket},
       {"ListVectorBuckets", &S3Operations::ListVectorBuckets},
       {"DeleteVectorBucket", &S3Operations::DeleteVectorBucket},
       {"PutVectorBucketPolicy", &S3Operations::PutVectorBucketPolicy},
       {"GetVectorBucketPolicy", &S3Operations::GetVectorBucketPolicy},
       {"DeleteVectorBucketPolicy", &S3Operations::DeleteVectorBucketPolicy},
       {"PutVectorBucketDefaultIndexMode", &S3Operations::PutVectorBucketDefaultIndexMode},
       {"CreateIndex", &S3Operations::CreateIndex},
       {"GetIndex", &S3Operations::GetIndex},
       {"ListIndexes", &S3Operations::ListIndexes},
       {"DeleteIndex", &S3Operations::DeleteIndex},
       {"UpdateIndexMode", &S3Operations::UpdateIndexMode},
       {"PutVectors", &S3Operations::PutVectors},
       {"GetVectors", &S3Operations::GetVectors},
       {"ListVectors", &S3Operations::ListVectors},
       {"DeleteVectors", &S3Operations::DeleteVectors},
       {"QueryVectors", &S3Operations::QueryVectors}});
  const auto* const found =
      std::ranges::find(kHandlers, name, [](const auto& entry) { return entry.first; });
  return found == kHandlers.end() ? nullptr : found->second;
}

std::string S3Operations::ArnOf(const std::string& bucket) const {
  return Concat("arn:aws:s3vectors:", place_.region, ":", place_.account, ":bucket/", bucket);
}

std::string S3Operations::ArnOf(const std::string& bucket, const std::string& index) const {
  return Concat(ArnOf(bucket), "/index/", index);
}

/// What does not belong to this server is not found, as in the service.
Result<S3Operations::IndexName> S3Operations::ParseArn(std::string_view arn) const {
  const std::string here = ArnOf("");
  constexpr std::string_view kIndex = "/index/";
  if (arn.starts_with(here)) {
    const std::string_view rest = arn.substr(here.size());
    const std::size_t index = rest.find(kIndex);
    const std::string_view bucket = rest.substr(0, index);
    if (index == std::string_view::npos && IsName(bucket)) {
      return IndexName{.bucket = std::string(bucket), .index = {}};
    }
    if (index != std::string_view::npos && IsName(bucket) &&
        IsName(rest.substr(index + kIndex.size()))) {
      return IndexName{.bucket = std::string(bucket),
                       .index = std::string(rest.substr(index + kIndex.size()))};
    }
  }
  if (arn.starts_with("arn:aws") && arn.find(":s3vectors:") != std::string_view::npos &&
      arn.find(":bucket/") != std::string_view::npos && !arn.starts_with(here)) {
    return NotFoundError(
        Concat("The specified resource is not of this server, whose ARNs begin ", "with ", here));
  }
  return InvalidArgumentError("Invalid ARN");
}

Result<std::string> S3Operations::BucketOf(Fields& fields) const {
  const bool named = fields.Member("vectorBucketName") != nullptr;
  const bool by_arn = fields.Member("vectorBucketArn") != nullptr;
  if (named == by_arn) {
    return InvalidArgumentError(
        "Must specify either vectorBucketName or vectorBucketArn but not both");
  }
  const auto name = fields.String("vectorBucketName", kNameRange);
  const auto arn = fields.String("vectorBucketArn", kArnRange);
  EDB_TRY(fields.status());
  if (name) {
    return IsName(*name) ? Result<std::string>(*name)
                         : InvalidArgumentError("Invalid vector bucket name");
  }
  EDB_ASSIGN(IndexName parsed, ParseArn(arn.value_or("")));
  if (!parsed.index.empty()) {
    return InvalidArgumentError("Invalid vector bucket ARN");
  }
  return std::move(parsed.bucket);
}

Result<S3Operations::IndexName> S3Operations::IndexOf(Fields& fields) const {
  const bool bucket_there = fields.Member("vectorBucketName") != nullptr;
  const bool index_there = fields.Member("indexName") != nullptr;
  const bool by_arn = fields.Member("indexArn") != nullptr;
  if (by_arn ? bucket_there || index_there : !bucket_there || !index_there) {
    return InvalidArgumentError(
        "Must specify either indexArn or both vectorBucketName and indexName");
  }
  const auto bucket = fields.String("vectorBucketName", kNameRange);
  const auto index = fields.String("indexName", kNameRange);
  const auto arn = fields.String("indexArn", kArnRange);
  EDB_TRY(fields.status());
  if (by_arn) {
    EDB_ASSIGN(IndexName parsed, ParseArn(arn.value_or("")));
    return parsed.index.empty() ? Result<IndexName>(InvalidArgumentError("Invalid index ARN"))
                                : std::move(parsed);
  }
  if (!IsName(bucket.value_or("")) || !IsName(index.value_or(""))) {
    return InvalidArgumentError(IsName(bucket.value_or("")) ? "Invalid index name"
                                                            : "Invalid vector bucket name");
  }
  return IndexName{.bucket = bucket.value_or(""), .index = index.value_or("")};
}

Document S3Operations::BucketDocument(const S3Bucket& bucket, bool whole) const {
  Document out = Document::Object({{"vectorBucketName", Document::String(bucket.name)},
                                   {"vectorBucketArn", Document::String(ArnOf(bucket.name))},
                                   {"creationTime", Document::Number(bucket.created)}});
  if (whole) {
    out.Set("encryptionConfiguration", EncryptionDocument(bucket.encryption, bucket.kms_key_arn));
    out.Set("defaultIndexMode", Document::String(S3ModeName(bucket.default_mode)));
  }
  return out;
}

Document S3Operations::IndexDocument(const S3Index& index, bool whole) const {
  Document out = Document::Object({{"vectorBucketName", Document::String(index.bucket)},
                                   {"indexName", Document::String(index.name)},
                                   {"indexArn", Document::String(ArnOf(index.bucket, index.name))},
                                   {"creationTime", Document::Number(index.created)}});
  if (!whole) {
    return out;
  }
  out.Set("dataType", Document::String("float32"));
  out.Set("dimension", Document::Number(index.dimension));
  out.Set("distanceMetric", Document::String(S3MetricName(index.metric)));
  if (!index.not_filterable.empty()) {
    out.Set(
        "metadataConfiguration",
        Document::Object({{"nonFilterableMetadataKeys", Document::Strings(index.not_filterable)}}));
  }
  out.Set("encryptionConfiguration", EncryptionDocument(index.encryption, index.kms_key_arn));
  out.Set("indexMode", Document::String(S3ModeName(index.mode)));
  return out;
}

Result<Document> S3Operations::CreateVectorBucket(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  Range range = kNameRange;
  range.required = true;
  const std::string name = fields.String("vectorBucketName", range).value_or("");
  auto tags = fields.TagMap("tags", false);
  EDB_ASSIGN(Encryption encryption, ReadEncryption(fields, problems));
  EDB_TRY(fields.status());
  if (!IsName(name)) {
    return InvalidArgumentError("Invalid vector bucket name");
  }
  EDB_TRY(catalog_.CreateBucket({.name = name,
                                 .encryption = std::move(encryption.type),
                                 .kms_key_arn = std::move(encryption.kms_key_arn),
                                 .policy = {},
                                 .tags = std::move(tags).value_or(Tags())}));
  return Document::Object({{"vectorBucketArn", Document::String(ArnOf(name))}});
}

Result<Document> S3Operations::GetVectorBucket(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  EDB_ASSIGN(const std::string name, BucketOf(fields));
  EDB_ASSIGN(const S3Bucket bucket, catalog_.Bucket(name));
  return Document::Object({{"vectorBucket", BucketDocument(bucket, true)}});
}

Result<Document> S3Operations::ListVectorBuckets(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  EDB_ASSIGN(const ListRequest list, ReadList(fields));
  return Page("vectorBuckets", catalog_.Buckets(list.prefix, list.after, list.limit + 1),
              list.limit, [&](const S3Bucket& bucket) { return BucketDocument(bucket, false); });
}

Result<Document> S3Operations::DeleteVectorBucket(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  EDB_ASSIGN(const std::string name, BucketOf(fields));
  EDB_TRY(catalog_.DeleteBucket(name));
  return Document::Object();
}

Result<Document> S3Operations::PutVectorBucketPolicy(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  const std::string policy =
      fields.String("policy", {.min = 1, .max = kMaxS3PolicyBytes, .required = true}).value_or("");
  EDB_ASSIGN(const std::string name, BucketOf(fields));
  EDB_TRY(fields.status());
  const Result<Document> parsed = ParseDocument(policy);
  if (!parsed.ok() || !parsed->IsObject()) {
    return InvalidArgumentError("The policy is no JSON object");
  }
  EDB_TRY(catalog_.ChangeBucket(name, [&](S3Bucket& bucket) {
    bucket.policy = policy;
    return Status();
  }));
  return Document::Object();
}

Result<Document> S3Operations::GetVectorBucketPolicy(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  EDB_ASSIGN(const std::string name, BucketOf(fields));
  EDB_ASSIGN(const S3Bucket bucket, catalog_.Bucket(name));
  if (bucket.policy.empty()) {
    return NotFoundError("The specified vector bucket policy could not be found");
  }
  return Document::Object({{"policy", Document::String(bucket.policy)}});
}

Result<Document> S3Operations::DeleteVectorBucketPolicy(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  EDB_ASSIGN(const std::string name, BucketOf(fields));
  EDB_TRY(catalog_.ChangeBucket(name, [](S3Bucket& bucket) {
    bucket.policy.clear();
    return Status();
  }));
  return Document::Object();
}

Result<Document> S3Operations::PutVectorBucketDefaultIndexMode(const Document& body,
                                                               FieldList& problems) {
  Fields fields(body, problems);
  const std::optional<S3IndexMode> mode = ReadS3Mode(fields, "defaultIndexMode", true);
  EDB_ASSIGN(const std::string name, BucketOf(fields));
  EDB_TRY(fields.status());
  EDB_TRY(catalog_.ChangeBucket(name, [&](S3Bucket& bucket) {
    bucket.default_mode = mode.value_or(S3IndexMode::kEnhanced);
    return Status();
  }));
  return Document::Object();
}

Result<Document> S3Operations::CreateIndex(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  Range range = kNameRange;
  range.required = true;
  const std::string name = fields.String("indexName", range).value_or("");
  fields.Enum("dataType", {"float32"}, true);
  const std::int64_t dimension =
      fields.Integer("dimension", {.min = 1, .max = kMaxS3Dimension, .required = true}).value_or(0);
  const std::string metric =
      fields.Enum("distanceMetric", {"euclidean", "cosine"}, true).value_or("");
  auto tags = fields.TagMap("tags", false);
  S3Index index;
  if (const Document* const configuration =
          fields.MemberOf("metadataConfiguration", Document::Kind::kObject, false)) {
    Fields own(*configuration, problems);
    index.not_filterable =
        own.Strings("nonFilterableMetadataKeys",
                    {.min = 1, .max = kMaxS3NonFilterableKeys, .required = true}, kMaxS3NameBytes)
            .value_or(std::vector<std::string>());
  }
  EDB_ASSIGN(Encryption encryption, ReadEncryption(fields, problems));
  EDB_ASSIGN(index.bucket, BucketOf(fields));
  EDB_TRY(fields.status());
  if (!IsName(name)) {
    return InvalidArgumentError("Invalid index name");
  }
  index.name = name;
  index.dimension = static_cast<int>(dimension);
  index.metric = metric == "euclidean" ? Metric::kL2 : Metric::kCosine;
  index.encryption = std::move(encryption.type);
  index.kms_key_arn = std::move(encryption.kms_key_arn);
  index.tags = std::move(tags).value_or(Tags());
  const std::string arn = ArnOf(index.bucket, index.name);
  EDB_TRY(catalog_.CreateIndex(std::move(index)));
  return Document::Object({{"indexArn", Document::String(arn)}});
}

Result<Document> S3Operations::GetIndex(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  EDB_ASSIGN(const IndexName name, IndexOf(fields));
  EDB_ASSIGN(const S3Index index, catalog_.Index(name.bucket, name.index));
  return Document::Object({{"index", IndexDocument(index, true)}});
}

Result<Document> S3Operations::ListIndexes(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  EDB_ASSIGN(const std::string bucket, BucketOf(fields));
  EDB_ASSIGN(const ListRequest list, ReadList(fields));
  EDB_ASSIGN(const std::vector<S3Index> indexes,
             catalog_.Indexes(bucket, list.prefix, list.after, list.limit + 1));
  return Page("indexes", indexes, list.limit,
              [&](const S3Index& index) { return IndexDocument(index, false); });
}

Result<Document> S3Operations::DeleteIndex(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  EDB_ASSIGN(const IndexName name, IndexOf(fields));
  EDB_TRY(catalog_.DeleteIndex(name.bucket, name.index, [this](S3IndexEntry& entry) {
    return S3Vectors(entry, env_).Clear();
  }));
  return Document::Object();
}

Result<Document> S3Operations::UpdateIndexMode(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  const std::optional<S3IndexMode> mode = ReadS3Mode(fields, "indexMode", true);
  EDB_ASSIGN(const IndexName name, IndexOf(fields));
  EDB_TRY(fields.status());
  EDB_TRY(catalog_.SetMode(name.bucket, name.index, mode.value_or(S3IndexMode::kEnhanced)));
  return Document::Object();
}

Status S3Operations::ChangeTags(std::string_view arn, const std::function<Status(Tags&)>& change) {
  EDB_ASSIGN(const IndexName name, ParseArn(arn));
  if (name.index.empty()) {
    return catalog_.ChangeBucket(name.bucket,
                                 [&](S3Bucket& bucket) { return change(bucket.tags); });
  }
  return catalog_.ChangeTags(name.bucket, name.index, change);
}

Result<Document> S3Operations::TagResource(std::string_view arn, const Document& body,
                                           FieldList& problems) {
  Fields fields(body, problems);
  const auto added = fields.TagMap("tags", true);
  EDB_TRY(fields.status());
  EDB_TRY(ChangeTags(arn, [&](Tags& tags) -> Status {
    for (const auto& [key, value] : *added) {
      tags.insert_or_assign(key, value);
    }
    return tags.size() <= kMaxS3Tags
               ? Status()
               : InvalidArgumentError(Concat("A resource must have at most ", kMaxS3Tags, " tags"));
  }));
  return Document::Object();
}

Result<Document> S3Operations::ListTags(std::string_view arn) {
  EDB_ASSIGN(const IndexName name, ParseArn(arn));
  Tags tags;
  if (name.index.empty()) {
    EDB_ASSIGN(S3Bucket bucket, catalog_.Bucket(name.bucket));
    tags = std::move(bucket.tags);
  } else {
    EDB_ASSIGN(S3Index index, catalog_.Index(name.bucket, name.index));
    tags = std::move(index.tags);
  }
  Document out = Document::Object();
  for (const auto& [key, value] : tags) {
    out.members.emplace_back(key, Document::String(value));
  }
  return Document::Object({{"tags", std::move(out)}});
}

Result<Document> S3Operations::UntagResource(std::string_view arn,
                                             const std::vector<std::string>& keys) {
  EDB_TRY(ChangeTags(arn, [&](Tags& tags) {
    for (const std::string& key : keys) {
      tags.erase(key);
    }
    return Status();
  }));
  return Document::Object();
}

}  // namespace embeddingsdb
