// SPDX-License-Identifier: BSD-3-Clause
//
// The bodies have their fields in the order of the official SDK for JavaScript.
#include "engines/s3vectors/s3_index.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/uri.h"

#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb::s3vectors {
namespace {

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

/// The shortest text that reads back as the same float. A negative zero is no integer here, as
/// readers of JSON would take it for plain zero.
void AppendFloats(std::string& out, std::span<const float> values) {
  constexpr std::size_t kLongest = 16;  // of one, as "-1.1754944e-38"
  constexpr std::string_view kNegativeZero = "-0.0";
  const std::size_t begin = out.size();
  out.resize(begin + 2 + values.size() * (kLongest + 1));
  char* place = out.data() + begin;
  *place++ = '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) {
      *place++ = ',';
    }
    place = values[i] == 0 && std::signbit(values[i])
                ? std::ranges::copy(kNegativeZero, place).out
                : std::to_chars(place, place + kLongest, values[i]).ptr;
  }
  *place++ = ']';
  out.resize(static_cast<std::size_t>(place - out.data()));
}

std::string JsonStrings(std::span<const std::string> texts) {
  return StringsToJson(texts, EmptyAs::kEmpty);
}

Status Ignore(std::string_view /*body*/) {
  return {};
}

Status ExistsIsFine(const Status& status) {
  return status.code() == StatusCode::kAlreadyExists ? Status() : status;
}

std::string TagsTarget(const std::string& arn) {
  return Concat("/tags/", PercentEncode(arn));
}

}  // namespace

std::string S3PutEntry(const std::string& key, const Record& record, const S3Metadata& metadata) {
  std::string out = Concat("{\"key\":", JsonString(key), ",\"data\":{\"float32\":");
  AppendFloats(out, record.embedding);
  out += "},\"metadata\":{";
  bool first = true;
  for (const auto& [name, value] : metadata.values) {
    out += Concat(first ? "" : ",", JsonString(name), ":", JsonString(value));
    first = false;
  }
  if (!metadata.more_names.empty()) {
    out += Concat(",", JsonString(kS3MoreNamesKey), ":", JsonStrings(metadata.more_names));
  }
  return out += "}}";
}

S3Index::S3Index(std::unique_ptr<AwsClient> client, std::string_view bucket, std::string_view index)
    : client_(std::move(client)),
      bucket_(Concat("\"vectorBucketName\":", JsonString(bucket))),
      address_(Concat(bucket_, ",\"indexName\":", JsonString(index))) {}

Status S3Index::Post(std::string_view operation, const std::string& body, const AwsReader& read) {
  return client_->Call({.operation = operation, .target = Concat("/", operation), .body = body},
                       read);
}

Result<S3VectorsPage> S3Index::PostForVectors(std::string_view operation, const std::string& body) {
  S3VectorsPage page;
  EDB_TRY(Post(operation, body, [&page](std::string_view text) -> Status {
    EDB_ASSIGN(page, ParseS3Vectors(text));
    return {};
  }));
  return page;
}

Result<S3IndexFacts> S3Index::GetIndex() {
  S3IndexFacts facts;
  EDB_TRY(Post("GetIndex", Concat("{", address_, "}"), [&facts](std::string_view text) -> Status {
    EDB_ASSIGN(facts, ParseS3Index(text));
    return {};
  }));
  return facts;
}

Status S3Index::CheckBucket() {
  return Post("GetVectorBucket", Concat("{", bucket_, "}"), &Ignore);
}

Status S3Index::CreateBucket() {
  return ExistsIsFine(Post("CreateVectorBucket", Concat("{", bucket_, "}"), &Ignore));
}

Result<bool> S3Index::CreateIndex(int dimension, Metric metric) {
  const std::string body = Concat(
      "{", address_.substr(bucket_.size() + 1),
      ",\"dataType\":\"float32\",\"dimension\":", dimension, ",\"distanceMetric\":\"",
      metric == Metric::kL2 ? "euclidean" : "cosine", "\",", bucket_,
      ",\"metadataConfiguration\":{\"nonFilterableMetadataKeys\":[", JsonString(kS3MoreKey), "]}}");
  const Status created = Post("CreateIndex", body, &Ignore);
  EDB_TRY(ExistsIsFine(created));
  return created.ok();
}

Status S3Index::Put(std::string_view entries) {
  return Post("PutVectors", Concat("{\"vectors\":[", entries, "],", address_, "}"), &Ignore);
}

Result<std::vector<S3Vector>> S3Index::Get(std::span<const std::string> keys, bool data) {
  const std::string body = Concat("{\"keys\":", JsonStrings(keys), ",", address_,
                                  data ? ",\"returnData\":true" : "", ",\"returnMetadata\":true}");
  EDB_ASSIGN(S3VectorsPage page, PostForVectors("GetVectors", body));
  return std::move(page.vectors);
}

Status S3Index::Delete(std::span<const std::string> keys) {
  return Post("DeleteVectors", Concat("{\"keys\":", JsonStrings(keys), ",", address_, "}"),
              &Ignore);
}

Result<S3VectorsPage> S3Index::List(const S3ListRequest& request) {
  std::string body = Concat("{", address_, ",\"maxResults\":", request.max_results);
  if (!request.token.empty()) {
    body += Concat(",\"nextToken\":", JsonString(request.token));
  }
  if (request.segments > 0) {
    body += Concat(",\"segmentCount\":", request.segments, ",\"segmentIndex\":", request.segment);
  }
  body += Concat(request.data ? ",\"returnData\":true" : "",
                 request.metadata ? ",\"returnMetadata\":true" : "", "}");
  return PostForVectors("ListVectors", body);
}

Result<std::vector<S3Vector>> S3Index::Query(std::span<const float> vector, int top_k,
                                             const std::string& filter) {
  std::string body = Concat("{\"topK\":", top_k, ",\"queryVector\":{\"float32\":");
  AppendFloats(body, vector);
  body += Concat("},", address_, filter.empty() ? "" : Concat(",\"filter\":", filter),
                 ",\"returnMetadata\":true,\"returnDistance\":true");
  std::vector<S3Vector> found;
  for (std::string token;;) {
    const std::string next = token.empty() ? "" : Concat(",\"nextToken\":", JsonString(token));
    EDB_ASSIGN(S3VectorsPage page, PostForVectors("QueryVectors", Concat(body, next, "}")));
    std::move(page.vectors.begin(), page.vectors.end(), std::back_inserter(found));
    if (page.next_token.empty() || found.size() >= static_cast<std::size_t>(top_k)) {
      return found;
    }
    token = std::move(page.next_token);
  }
}

Result<std::map<std::string, std::string>> S3Index::Tags(const std::string& arn) {
  std::map<std::string, std::string> tags;
  EDB_TRY(client_->Call(
      {.operation = "ListTagsForResource", .method = "GET", .target = TagsTarget(arn)},
      [&tags](std::string_view text) -> Status {
        EDB_ASSIGN(tags, ParseS3Tags(text));
        return {};
      }));
  return tags;
}

Status S3Index::Tag(const std::string& arn, const std::map<std::string, std::string>& tags) {
  std::string body = "{\"tags\":{";
  for (const auto& [name, value] : tags) {
    body += Concat(body.ends_with('{') ? "" : ",", JsonString(name), ":", JsonString(value));
  }
  body += "}}";
  return client_->Call({.operation = "TagResource", .target = TagsTarget(arn), .body = body},
                       &Ignore);
}

Status S3Index::Untag(const std::string& arn, std::span<const std::string> names) {
  std::string target = TagsTarget(arn);
  for (const std::string& name : names) {
    target +=
        Concat(target.find('?') == std::string::npos ? "?" : "&", "tagKeys=", PercentEncode(name));
  }
  return client_->Call({.operation = "UntagResource", .method = "DELETE", .target = target},
                       &Ignore);
}

}  // namespace embeddingsdb::s3vectors
