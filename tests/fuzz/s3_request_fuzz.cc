// SPDX-License-Identifier: BSD-3-Clause
//
// Requests and filters of the S3 Vectors server, over a database in memory and without sockets.
// Every answer is JSON of a known shape, whatever was asked; and a filter finds by a search, of
// which the database does a part, what it matches when it is held against each vector.
//
// The input is a line with an operation ("QueryVectors", or "DELETE /tags/..."), a line with a
// filter, and the body of the operation.
#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/fuzz.h"
#include "s3server/catalog.h"
#include "s3server/filter.h"
#include "s3server/operations.h"
#include "s3server/protocol.h"
#include "support/test_context.h"

namespace embeddingsdb::fuzz {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kRegion = "us-east-1";
constexpr std::size_t kMaxInput = 32'768;

/// Metadata of the vectors there are, whose keys are their places: of all types, of one key in
/// several, empty, and with what is short of a match.
constexpr auto kMetadata = std::to_array<std::string_view>({
    R"({})",
    R"({"a":"x"})",
    R"({"a":"y","n":1})",
    R"({"a":["x","z"],"n":2.5,"b":true})",
    R"({"a":7,"n":"1","b":false})",
    "{\"a\":\"\",\"\xC3\xA9\":\"x\",\"$eq\":\"x\"}",
    R"({"n":[1,"x",-3]})",
    R"({"a":"X","c":"xylophone"})",
});

/// What an answer that is no success may be.
constexpr auto kErrors = std::to_array<std::string_view>(
    {"ValidationException", "SerializationException", "AccessDeniedException", "NotFoundException",
     "ConflictException", "ServiceQuotaExceededException", "InternalServerException",
     "ServiceUnavailableException", "UnknownOperationException", "MethodNotAllowedException",
     "RequestTimeoutException", "TooManyRequestsException"});

/// The next line of the input, which it is taken from.
std::string_view TakeLine(std::string_view& input) {
  const std::string_view line = input.substr(0, input.find('\n'));
  input.remove_prefix(std::min(line.size() + 1, input.size()));
  return line;
}

/// A server with one index.
class World {
 public:
  World() {
    test_.log.set_level(LogLevel::kError);
    databases_.push_back({.database = *test_.Open("memory://?metric=cosine"), .name = "memory://"});
    catalog_ = *S3Catalog::Load(databases_, *test_.env);
    operations_ = std::make_unique<S3Operations>(
        *catalog_, *test_.env, S3Place{.region = std::string(kRegion), .account = "000000000000"});
    protocol_ = std::make_unique<S3Protocol>(
        *operations_, S3Keys(), SigV4Scope{.region = std::string(kRegion), .service = "s3vectors"},
        test_.context());
    Must("CreateVectorBucket", R"({"vectorBucketName":"bbb"})");
    Must("CreateIndex",
         R"({"vectorBucketName":"bbb","indexName":"iii","dimension":2,"dataType":"float32",)"
         R"("distanceMetric":"cosine"})");
    std::string vectors;
    for (std::size_t i = 0; i < kMetadata.size(); ++i) {
      vectors += Concat(i == 0 ? "" : ",", R"({"key":")", i, R"(","data":{"float32":[1,)", i,
                        R"(]},"metadata":)", kMetadata[i], "}");
    }
    Must("PutVectors",
         Concat(R"({"vectorBucketName":"bbb","indexName":"iii","vectors":[)", vectors, "]}"));
  }

  S3Response Ask(std::string method, std::string target, std::string_view body) {
    S3Response answer = protocol_->Answer({.method = std::move(method),
                                           .target = std::move(target),
                                           .headers = {{"host", "localhost"}},
                                           .body = std::string(body)});
    RequireShape(answer);
    return answer;
  }
  S3Response Post(std::string_view operation, std::string_view body) {
    return Ask("POST", Concat("/", operation), body);
  }

 private:
  void Must(std::string_view operation, std::string_view body) {
    const S3Response answer = Post(operation, body);
    Require(answer.status == 200, "there is an index to ask", answer.body);
  }
  static void RequireShape(const S3Response& answer) {
    const Json body = Json::parse(answer.body, nullptr, false);
    Require(body.is_object(), "an answer is an object of JSON", answer.body);
    Require(!answer.request_id.empty(), "an answer has a number", answer.body);
    if (answer.status == 200) {
      Require(answer.error_type.empty(), "a success names no error", answer.error_type);
      return;
    }
    Require(answer.status >= 400 && answer.status < 600, "an error has the status of one",
            answer.body);
    Require(std::ranges::find(kErrors, answer.error_type) != kErrors.end(),
            "an error is one of the protocol", answer.error_type);
    Require(body.contains("message") && body["message"].is_string(), "an error says why",
            answer.body);
  }

  TestContext test_;
  std::vector<S3Database> databases_;
  std::unique_ptr<S3Catalog> catalog_;
  std::unique_ptr<S3Operations> operations_;
  std::unique_ptr<S3Protocol> protocol_;
};

/// A search with the filter finds what the filter matches.
void TryFilter(World& world, std::string_view text) {
  const S3Response answer = world.Post(
      "QueryVectors", Concat(R"({"vectorBucketName":"bbb","indexName":"iii","topK":100,)",
                             R"("queryVector":{"float32":[1,1]},"filter":)", text, "}"));
  const Result<Document> document = ParseDocument(text);
  const Result<MetadataFilter> filter =
      document.ok() ? MetadataFilter::Parse(*document, {}) : document.status();
  if (answer.status != 200 || !filter.ok()) {
    // The text may end the filter and go on with members of its own.
    Require(answer.status == 200 || answer.status == 400, "a filter is good or is refused", text);
    return;
  }
  std::set<std::string> expected;
  for (std::size_t i = 0; i < kMetadata.size(); ++i) {
    if (filter->Matches(*ParseDocument(kMetadata[i]))) {
      expected.insert(std::to_string(i));
    }
  }
  if (kCanary && expected.size() > 1) {
    expected.erase(expected.begin());
  }
  std::set<std::string> found;
  const Json body = Json::parse(answer.body);
  for (const Json& vector : body["vectors"]) {
    found.insert(vector["key"].get<std::string>());
  }
  Require(found == expected, "a search finds what its filter matches", text);
}

}  // namespace
}  // namespace embeddingsdb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = embeddingsdb::fuzz;
  std::string_view input = fuzz::Text(data, size);
  if (input.size() > fuzz::kMaxInput) {
    return 0;
  }
  fuzz::World world;
  const std::string_view operation = fuzz::TakeLine(input);
  const std::string_view filter = fuzz::TakeLine(input);
  fuzz::TryFilter(world, filter);
  if (const std::size_t space = operation.find(' '); space != std::string_view::npos) {
    world.Ask(std::string(operation.substr(0, space)), std::string(operation.substr(space + 1)),
              input);
  } else {
    world.Post(operation, input);
  }
  // Whatever that did, the server goes on.
  world.Post("ListVectors",
             R"({"vectorBucketName":"bbb","indexName":"iii","returnMetadata":true})");
  return 0;
}
