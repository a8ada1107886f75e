// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/sha256.h"
#include "core/text.h"
#include "s3server/metadata.h"
#include "s3server/operations.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kZeroNorm = "cosine distance does not support vectors with zero norm";

/// OK for the array of a vector of the index; `data` is null when there is none.
Status CheckFloats(const Document* data, const S3Index& index) {
  if (data == nullptr || data->kind != Document::Kind::kFloats) {
    return InvalidArgumentError("data must have the member float32, an array of numbers");
  }
  if (data->boolean) {
    return InvalidArgumentError("vector contains NaNs or Infs");
  }
  if (data->floats.size() != static_cast<std::size_t>(index.dimension)) {
    return InvalidArgumentError(Concat("vector must have length ", index.dimension,
                                       ", but has length ", data->floats.size()));
  }
  if (index.metric == Metric::kCosine &&
      std::ranges::all_of(data->floats, [](float element) { return element == 0; })) {
    return InvalidArgumentError(std::string(kZeroNorm));
  }
  return {};
}

const Document* FloatsOf(const Document& vector, std::string_view name) {
  const Document* const data = vector.Find(name);
  return data == nullptr ? nullptr : data->Find("float32");
}

/// Reads the vectors of PutVectors; an error is in the message and at its place.
struct VectorCheck {
  const S3Index& index;
  FieldList& problems;

  Result<S3Vector> Read(const Document& vector, std::size_t i) const;

 private:
  Status Bad(std::size_t i, std::string_view member, const std::string& key,
             const Status& status) const {
    problems.push_back({.path = Concat("vectors[", i, "]", member), .message = status.message()});
    return InvalidArgumentError(Concat("Invalid record for key '", key, "': ", status.message()));
  }
};

Result<S3Vector> VectorCheck::Read(const Document& vector, std::size_t i) const {
  const Document* const key = vector.Find("key");
  const std::int64_t length = key == nullptr ? 0 : CharactersOf(key->text);
  if (key == nullptr || !key->IsString() || length < 1 ||
      length > static_cast<std::int64_t>(kMaxS3KeyBytes)) {
    Fields fields(vector, problems);
    fields.Fail(Concat("vectors/", i, "/key"),
                Concat("Member must have length between 1 and ", kMaxS3KeyBytes, ", inclusive"));
    return fields.status();
  }
  const Document* const data = FloatsOf(vector, "data");
  if (const Status status = CheckFloats(data, index); !status.ok()) {
    return Bad(i, "", key->text, status);
  }
  S3Vector out{.key = key->text, .data = data->floats, .metadata = Document::Object()};
  const Document* const metadata = vector.Find("metadata");
  if (metadata != nullptr && metadata->kind != Document::Kind::kNull) {
    if (const Status status = CheckMetadata(*metadata, index.not_filterable); !status.ok()) {
      return Bad(i, ".metadata", key->text, status);
    }
    out.metadata = *metadata;
  }
  return out;
}

Document VectorDocument(S3Vector vector, bool data, bool metadata) {
  Document out = Document::Object({{"key", Document::String(vector.key)}});
  if (data) {
    Document floats;
    floats.kind = Document::Kind::kFloats;
    floats.floats = std::move(vector.data);
    out.Set("data", Document::Object({{"float32", std::move(floats)}}));
  }
  if (metadata) {
    out.Set("metadata", std::move(vector.metadata));
  }
  return out;
}

/// Infinity is a text, as in all JSON of AWS.
Document DistanceDocument(float distance) {
  if (std::isinf(distance)) {
    return Document::String(distance > 0 ? "Infinity" : "-Infinity");
  }
  return {.kind = Document::Kind::kNumber,
          .number = static_cast<double>(distance),
          .text = FormatFloat(distance)};
}

/// What makes two searches the same, but for the page.
std::string SearchName(const S3Index& index, const S3Search& search, const Document* filter) {
  std::string text = Concat(index.model(), "\n", search.k, "\n");
  text.append(reinterpret_cast<const char*>(search.vector.data()),
              search.vector.size() * sizeof(float));
  if (filter != nullptr) {
    AppendJson(text, *filter);
  }
  return Sha256Hex(text);
}

/// The token of a search is the search's name and where its page begins.
Result<std::size_t> PageBegin(const std::string& token, const std::string& name) {
  EDB_ASSIGN(const std::string place, FromToken(token));
  std::size_t begin = 0;
  if (place.starts_with(Concat(name, ":"))) {
    const char* const digits = place.data() + name.size() + 1;
    const char* const end = place.data() + place.size();
    const auto [stop, error] = std::from_chars(digits, end, begin);
    if (error == std::errc() && stop == end && begin <= static_cast<std::size_t>(kMaxS3Results)) {
      return begin;
    }
  }
  return InvalidArgumentError("Invalid nextToken: it belongs to another query");
}

}  // namespace

Result<S3Operations::Held> S3Operations::Hold(const IndexName& name) const {
  EDB_ASSIGN(S3IndexPtr entry, catalog_.Use(name.bucket, name.index));
  std::shared_lock lock(entry->use);
  if (entry->removed) {
    return NotFoundError("The specified index could not be found");
  }
  return Held{.entry = std::move(entry), .lock = std::move(lock)};
}

Result<Document> S3Operations::PutVectors(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  const Document* const given = fields.MemberOf("vectors", Document::Kind::kArray, true);
  if (given != nullptr && (given->items.empty() || given->items.size() > kMaxS3PutVectors)) {
    fields.Fail("vectors",
                Concat("Member must have length between 1 and ", kMaxS3PutVectors, ", inclusive"));
  }
  EDB_ASSIGN(const IndexName name, IndexOf(fields));
  EDB_TRY(fields.status());
  EDB_ASSIGN(const Held held, Hold(name));
  const VectorCheck check{.index = held.entry->index, .problems = problems};
  std::vector<S3Vector> vectors;
  for (const Document& vector : given->items) {
    EDB_ASSIGN(S3Vector read, check.Read(vector, vectors.size()));
    vectors.push_back(std::move(read));
  }
  EDB_TRY(S3Vectors(*held.entry, env_).Put(vectors));
  return Document::Object();
}

Result<Document> S3Operations::GetVectors(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  const std::vector<std::string> keys =
      fields.Strings("keys", {.min = 1, .max = kMaxS3GetVectors, .required = true}, kMaxS3KeyBytes)
          .value_or(std::vector<std::string>());
  const bool data = fields.Flag("returnData");
  const bool metadata = fields.Flag("returnMetadata");
  EDB_ASSIGN(const IndexName name, IndexOf(fields));
  EDB_TRY(fields.status());
  EDB_ASSIGN(const Held held, Hold(name));
  EDB_ASSIGN(std::vector<S3Vector> vectors, S3Vectors(*held.entry, env_).Get(keys, metadata));
  Document items = Document::Array();
  for (S3Vector& vector : vectors) {
    items.items.push_back(VectorDocument(std::move(vector), data, metadata));
  }
  return Document::Object({{"vectors", std::move(items)}});
}

Result<Document> S3Operations::ListVectors(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  S3ListQuery query;
  query.limit =
      static_cast<std::size_t>(fields.Integer("maxResults", {.min = 1, .max = kMaxS3ListVectors})
                                   .value_or(kDefaultS3ListVectors));
  const auto count = fields.Integer("segmentCount", {.min = 1, .max = kMaxS3Segments});
  const auto segment = fields.Integer("segmentIndex", {.min = 0, .max = kMaxS3Segments - 1});
  const auto token = fields.String("nextToken", {.min = 1, .max = 2 * kMaxS3TokenBytes});
  const bool data = fields.Flag("returnData");
  query.metadata = fields.Flag("returnMetadata");
  EDB_ASSIGN(const IndexName name, IndexOf(fields));
  EDB_TRY(fields.status());
  if (count.has_value() != segment.has_value() || segment.value_or(0) >= count.value_or(1)) {
    return InvalidArgumentError(
        "segmentCount and segmentIndex must both be given, and segmentIndex be less than "
        "segmentCount");
  }
  query.segments = static_cast<int>(count.value_or(1));
  query.segment = static_cast<int>(segment.value_or(0));
  if (token) {
    EDB_ASSIGN(query.after, FromToken(*token));
  }
  EDB_ASSIGN(const Held held, Hold(name));
  EDB_ASSIGN(S3VectorPage page, S3Vectors(*held.entry, env_).List(query));
  Document items = Document::Array();
  for (S3Vector& vector : page.vectors) {
    items.items.push_back(VectorDocument(std::move(vector), data, query.metadata));
  }
  Document out = Document::Object({{"vectors", std::move(items)}});
  if (page.next) {
    out.Set("nextToken", Document::String(ToToken(*page.next)));
  }
  return out;
}

Result<Document> S3Operations::DeleteVectors(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  const std::vector<std::string> keys =
      fields
          .Strings("keys", {.min = 1, .max = kMaxS3DeleteVectors, .required = true}, kMaxS3KeyBytes)
          .value_or(std::vector<std::string>());
  EDB_ASSIGN(const IndexName name, IndexOf(fields));
  EDB_TRY(fields.status());
  EDB_ASSIGN(const Held held, Hold(name));
  EDB_TRY(S3Vectors(*held.entry, env_).Remove(keys));
  return Document::Object();
}

Result<Document> S3Operations::QueryVectors(const Document& body, FieldList& problems) {
  Fields fields(body, problems);
  S3Search search;
  search.k = static_cast<std::size_t>(
      fields.Integer("topK", {.min = 1, .max = kMaxS3Results, .required = true}).value_or(0));
  fields.MemberOf("queryVector", Document::Kind::kObject, true);
  const auto token = fields.String("nextToken", {.min = 1, .max = kMaxS3TokenBytes});
  const bool metadata = fields.Flag("returnMetadata");
  const bool distance = fields.Flag("returnDistance");
  const std::optional<S3IndexMode> mode = ReadS3Mode(fields, "queryMode", false);
  EDB_ASSIGN(const IndexName name, IndexOf(fields));
  EDB_TRY(fields.status());
  EDB_ASSIGN(const Held held, Hold(name));
  const S3Index& index = held.entry->index;
  const bool enhanced = held.entry->mode == S3IndexMode::kEnhanced;
  if (enhanced && mode == S3IndexMode::kClassic) {
    return InvalidArgumentError("queryMode CLASSIC is not supported by an index in mode ENHANCED");
  }
  const Document* const floats = FloatsOf(body, "queryVector");
  if (const Status status = CheckFloats(floats, index); !status.ok()) {
    problems.push_back({.path = "vector", .message = Concat("Invalid input: ", status.message())});
    return InvalidArgumentError(
        "Query vector contains invalid values or is invalid for this index");
  }
  search.vector = floats->floats;
  const Document* const filter = fields.Member("filter");
  if (filter != nullptr) {
    EDB_ASSIGN(search.filter,
               MetadataFilter::Parse(*filter, index.not_filterable,
                                     enhanced ? kMaxS3EnhancedTerms : kMaxS3FilterTerms));
  }
  S3Vectors vectors(*held.entry, env_);
  std::string search_name;
  std::size_t begin = 0;
  SearchPages::Answer found;
  if (token) {
    search_name = SearchName(index, search, filter);
    EDB_ASSIGN(begin, PageBegin(*token, search_name));
    found = pages_.Find(search_name, env_.NowUnixSeconds());
  }
  if (found == nullptr) {
    EDB_ASSIGN(std::vector<S3Found> answer, vectors.Search(search));
    found = std::make_shared<const std::vector<S3Found>>(std::move(answer));
  }
  const std::size_t end = std::min(begin + kMaxS3ResultsPage, found->size());
  Document items = Document::Array();
  for (std::size_t i = begin; i < end; ++i) {
    EDB_ASSIGN(std::optional<S3Vector> vector, vectors.Describe((*found)[i], metadata));
    if (vector) {
      Document item = VectorDocument(*std::move(vector), false, metadata);
      if (distance) {
        item.Set("distance", DistanceDocument((*found)[i].distance));
      }
      items.items.push_back(std::move(item));
    }
  }
  Document out =
      Document::Object({{"vectors", std::move(items)},
                        {"distanceMetric", Document::String(S3MetricName(index.metric))}});
  if (end < found->size()) {
    search_name = token ? search_name : SearchName(index, search, filter);
    pages_.Keep(search_name, found, env_.NowUnixSeconds());
    out.Set("nextToken", Document::String(ToToken(Concat(search_name, ":", end))));
  }
  return out;
}

}  // namespace embeddingsdb
