// SPDX-License-Identifier: BSD-3-Clause
#include "engines/s3vectors/s3_options.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "embeddingsdb/limits.h"

#include "core/loopback.h"
#include "core/text.h"

namespace embeddingsdb::s3vectors {
namespace {

constexpr auto kOwnOptions = std::to_array<std::string_view>(
    {"region", "credentials", "endpoint", "allow-plaintext", "keys", "check-keys", "refresh-tags",
     "with-dynamodb", "dynamodb-table", "dynamodb-endpoint"});
constexpr std::string_view kUsualTable = "s3vectors";
constexpr std::size_t kMinTableName = 3;
constexpr std::size_t kMaxTableName = 255;
constexpr auto kKeys = std::to_array<std::string_view>({"v1", "v2"});

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

Status CheckName(std::string_view field, std::string_view name) {
  if (name.empty()) {
    return InvalidArgumentError(Concat("s3vectors:// needs ", field,
                                       ", as in s3vectors://BUCKET?index=NAME&region=REGION"));
  }
  if (name.size() < kMinS3NameBytes || name.size() > kMaxS3NameBytes ||
      !std::ranges::all_of(name, IsNameCharacter)) {
    return InvalidArgumentError(Concat(field, " ", Quote(name), " is not ", kMinS3NameBytes, " to ",
                                       kMaxS3NameBytes, " of a to z, 0 to 9, '-' and '.'"));
  }
  return {};
}

Result<std::string> Region(const Uri& uri, const AwsSurroundings& surroundings) {
  std::string region = uri.Option("region").value_or("");
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (region.empty()) {
      region = surroundings.variable(variable).value_or("");
    }
  }
  if (region.empty()) {
    return InvalidArgumentError("s3vectors:// needs region, as in region=us-east-1");
  }
  if (!std::ranges::all_of(region, IsNameCharacter)) {
    return InvalidArgumentError(Concat("region ", Quote(region), " is no name of a region"));
  }
  return region;
}

std::string UsualEndpoint(std::string_view region) {
  const std::string_view domain = region.starts_with("cn-")     ? "api.amazonwebservices.com.cn"
                                  : region.starts_with("eusc-") ? "api.amazonwebservices.eu"
                                                                : "api.aws";
  return Concat("https://s3vectors.", region, ".", domain);
}

std::string UsualTableEndpoint(std::string_view region) {
  const std::string_view domain = region.starts_with("cn-")     ? "amazonaws.com.cn"
                                  : region.starts_with("eusc-") ? "amazonaws.eu"
                                                                : "amazonaws.com";
  return Concat("https://dynamodb.", region, ".", domain);
}

/// Where a service is, and how the user says so.
struct Service {
  std::string_view option;
  const char* variable;
  std::string usual;
};

Result<Uri> Endpoint(const Uri& uri, const Service& service, const AwsSurroundings& surroundings) {
  std::string text = uri.Option(service.option).value_or("");
  for (const char* variable : {service.variable, "AWS_ENDPOINT_URL"}) {
    if (text.empty()) {
      text = surroundings.variable(variable).value_or("");
    }
  }
  EDB_ASSIGN(Uri endpoint, Uri::Parse(text.empty() ? service.usual : text));
  EDB_ASSIGN(const bool plaintext, uri.BoolOption("allow-plaintext", false));
  const std::string shown = Quote(endpoint.Redacted());
  if ((endpoint.scheme() != "https" && endpoint.scheme() != "http") || endpoint.host().empty()) {
    return InvalidArgumentError(
        Concat(service.option, " ", shown, " is neither https:// nor http://"));
  }
  EDB_TRY(endpoint.CheckOptions({}).WithContext(service.option));
  if (endpoint.scheme() == "http" && !plaintext && !IsLoopbackHost(endpoint.host())) {
    return InvalidArgumentError(Concat(service.option, " ", shown,
                                       " is not https://: records would travel in the clear; if "
                                       "that is meant, say allow-plaintext=true"));
  }
  return endpoint;
}

Status ReadTable(const Uri& uri, const AwsSurroundings& surroundings, S3Options& options) {
  EDB_ASSIGN(const bool with_table, uri.BoolOption("with-dynamodb", false));
  if (!with_table) {
    return {};
  }
  options.table = uri.Option("dynamodb-table").value_or(std::string(kUsualTable));
  const bool good = std::ranges::all_of(options.table, [](char c) {
    return IsNameCharacter(c) || (c >= 'A' && c <= 'Z') || c == '_';
  });
  if (options.table.size() < kMinTableName || options.table.size() > kMaxTableName || !good) {
    return InvalidArgumentError(Concat("dynamodb-table ", Quote(options.table), " is not ",
                                       kMinTableName, " to ", kMaxTableName,
                                       " of a to z, A to Z, 0 to 9, '_', '-' and '.'"));
  }
  options.table_client = options.client;
  options.table_client.service = "dynamodb";
  options.table_client.json_target = "DynamoDB_20120810";
  EDB_ASSIGN(options.table_client.endpoint,
             Endpoint(uri,
                      {"dynamodb-endpoint", "AWS_ENDPOINT_URL_DYNAMODB",
                       UsualTableEndpoint(options.client.region)},
                      surroundings));
  return {};
}

}  // namespace

Result<S3Options> S3Options::FromUri(const Uri& uri, const AwsSurroundings& surroundings) {
  // `index` is the name of an index here, and not how searches find what is near.
  Uri common = uri;
  if (uri.Options("index").size() > 1) {
    return uri.CheckOptions(std::array<std::string_view, 1>{"index"});
  }
  common.SetOption("index", "auto");
  S3Options options;
  EDB_ASSIGN(options.engine, EngineOptions::FromUri(common, kOwnOptions));
  options.engine.uri = uri;
  options.metric_is_given = uri.Option("metric").has_value();
  if (!options.metric_is_given) {
    options.engine.metric = Metric::kCosine;
  }
  if (options.engine.metric == Metric::kInnerProduct) {
    return UnimplementedError(
        "metric=ip is not a capability of s3vectors://; it has cosine and l2");
  }
  if (options.engine.dimensions.value_or(1) > kMaxS3Dimension) {
    return InvalidArgumentError(Concat("dimensions is ", *options.engine.dimensions,
                                       ", S3 Vectors takes ", kMaxS3Dimension));
  }
  options.bucket = uri.host();
  options.index = uri.Option("index").value_or("");
  EDB_TRY(CheckName("BUCKET", options.bucket));
  EDB_TRY(CheckName("index", options.index));
  if (!uri.path().empty() && uri.path() != "/") {
    return InvalidArgumentError(
        Concat("s3vectors:// has a path, ", Quote(uri.path()), "; it names a bucket only"));
  }
  EDB_ASSIGN(const std::size_t keys, uri.EnumOption("keys", kKeys, 0));
  options.keys = static_cast<S3KeyForm>(keys);
  if (uri.Option("check-keys")) {
    EDB_ASSIGN(const bool check, uri.BoolOption("check-keys", true));
    options.check_keys = check ? S3CheckKeys::kAlways : S3CheckKeys::kNever;
  }
  EDB_ASSIGN(options.refresh_tags, uri.BoolOption("refresh-tags", false));
  options.client.service = "s3vectors";
  EDB_ASSIGN(options.client.region, Region(uri, surroundings));
  EDB_ASSIGN(options.client.endpoint, Endpoint(uri,
                                               {"endpoint", "AWS_ENDPOINT_URL_S3VECTORS",
                                                UsualEndpoint(options.client.region)},
                                               surroundings));
  options.client.credentials_label = uri.Option("credentials").value_or("");
  EDB_TRY(ReadTable(uri, surroundings, options));
  return options;
}

}  // namespace embeddingsdb::s3vectors
