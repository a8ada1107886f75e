// SPDX-License-Identifier: BSD-3-Clause
#include "aws/sigv4.h"

#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/sha256.h"

namespace embeddingsdb {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

const AwsCredentials kKeys = {.access_key_id = "AKIDEXAMPLE",
                              .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                              .session_token = {}};
const SigV4Scope kScope = {.region = "us-west-2", .service = "s3vectors"};

struct KnownAnswer {
  SigV4Request request;
  AwsCredentials credentials;
  SigV4Scope scope;
  std::int64_t now = 0;
  nlohmann::json json;
};

KnownAnswer Read(const nlohmann::json& json) {
  KnownAnswer answer{.request = {.method = json["method"],
                                 .target = json["target"],
                                 .headers = {{"Host", json["host"]}},
                                 .body_sha256 = Sha256Hex(json["body"].get<std::string>())},
                     .credentials = {.access_key_id = json["accessKey"],
                                     .secret_access_key = json["secretKey"],
                                     .session_token = {}},
                     .scope = {.region = json["region"], .service = json["service"]},
                     .now = ParseAmzDate(json["date"].get<std::string>()).value(),
                     .json = json};
  if (!json["sessionToken"].is_null()) {
    answer.credentials.session_token = json["sessionToken"];
  }
  if (!json["contentType"].is_null()) {
    answer.request.headers.emplace_back("Content-Type", json["contentType"]);
  }
  return answer;
}

std::vector<KnownAnswer> KnownAnswers() {
  std::ifstream file(EDB_S3_VECTORS "/sigv4.json");
  std::vector<KnownAnswer> answers;
  for (const nlohmann::json& json : nlohmann::json::parse(file)) {
    answers.push_back(Read(json));
  }
  return answers;
}

/// The request as its receiver sees it.
SigV4Request Signed(const KnownAnswer& answer) {
  SigV4Request request = answer.request;
  const HttpHeaders added = SignRequest(request, answer.credentials, answer.scope, answer.now);
  request.headers.insert(request.headers.end(), added.begin(), added.end());
  return request;
}

void SetHeader(SigV4Request& request, std::string_view name, std::string value) {
  for (auto& [key, old] : request.headers) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  FAIL() << "no header " << name;
}

TEST(SigV4, SignsAsTheKnownAnswersSay) {
  const std::vector<KnownAnswer> answers = KnownAnswers();
  ASSERT_EQ(answers.size(), 5U);
  for (const KnownAnswer& answer : answers) {
    SCOPED_TRACE(answer.json["name"]);
    const SigV4Request request = Signed(answer);
    const std::string authorization = answer.json["authorization"];
    EXPECT_THAT(request.headers, Contains(Pair("authorization", authorization)));
    const auto parsed = ParseAuthorization(authorization);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    const SigV4Steps steps =
        ComputeSigV4(request, parsed->signed_headers, answer.credentials, answer.scope);
    EXPECT_EQ(steps.canonical_request, answer.json["canonicalRequest"].get<std::string>());
    EXPECT_EQ(steps.string_to_sign, answer.json["stringToSign"].get<std::string>());
    EXPECT_EQ(steps.signature, parsed->signature);
  }
}

// Longer than a block of the hash; computed with Python's hmac.
TEST(SigV4, ALongSecretIsHashedFirst) {
  const SigV4Request request{.method = "POST",
                             .target = "/QueryVectors",
                             .headers = {{"host", "example.org"}},
                             .body_sha256 = Sha256Hex("{}")};
  const AwsCredentials keys = {.access_key_id = "AKIDEXAMPLE",
                               .secret_access_key = std::string(100, 'k'),
                               .session_token = {}};
  const HttpHeaders added =
      SignRequest(request, keys, kScope, ParseAmzDate("20260102T030405Z").value());
  EXPECT_TRUE(added.back().second.ends_with(
      "Signature=65ac795e1c532f5dd2a8fe22edfa570b7c6d414886386852c9077adc9bc1aa63"))
      << added.back().second;
}

TEST(SigV4, TakesWhatItSigns) {
  for (const KnownAnswer& answer : KnownAnswers()) {
    SCOPED_TRACE(answer.json["name"]);
    const SigV4Request request = Signed(answer);
    for (const std::int64_t seconds : {-kMaxS3ClockSkewSeconds, 0, kMaxS3ClockSkewSeconds}) {
      EXPECT_EQ(VerifySigV4(request, answer.credentials, answer.scope, answer.now + seconds),
                SigV4Verdict::kGood);
    }
    for (const std::int64_t seconds : {-kMaxS3ClockSkewSeconds - 1, kMaxS3ClockSkewSeconds + 1}) {
      EXPECT_EQ(VerifySigV4(request, answer.credentials, answer.scope, answer.now + seconds),
                SigV4Verdict::kSkewed);
    }
  }
}

/// As the JavaScript SDK signed and sent it: other headers than ours, and the body's hash.
SigV4Request SdkRequest() {
  return {.method = "DELETE",
          .target =
              "/tags/arn%3Aaws%3As3vectors%3Aus-west-2%3A123456789012%3Abucket%2Fmy-bucket"
              "%2Findex%2Fmy-index?tagKeys=k1&tagKeys=k%202&tagKeys=a%2Fb&tagKeys=%C3%A9"
              "&tagKeys=z%2B%3D%3A%40",
          .headers = {{"x-amz-user-agent", "aws-sdk-js/3.1136.0"},
                      {"user-agent", "aws-sdk-js/3.1136.0 ua/2.1"},
                      {"host", "127.0.0.1:32961"},
                      {"amz-sdk-invocation-id", "749593a7-7c34-4f8f-b454-54f70d7fe4da"},
                      {"amz-sdk-request", "attempt=1; max=1"},
                      {"x-amz-date", "20261122T055648Z"},
                      {"x-amz-content-sha256", Sha256Hex("")},
                      {"authorization",
                       "AWS4-HMAC-SHA256 "
                       "Credential=AKIDEXAMPLE/20261122/us-west-2/s3vectors/aws4_request, "
                       "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;host;"
                       "x-amz-content-sha256;x-amz-date;x-amz-user-agent, "
                       "Signature="
                       "ebb0eed41d949f31b0a884fd4d02d018091b8cfd562186296799850624b3e393"}},
          .body_sha256 = Sha256Hex("")};
}
const std::int64_t kSdkTime = *ParseAmzDate("20261122T055648Z");

TEST(SigV4, TakesWhatTheSdkSigned) {
  EXPECT_EQ(VerifySigV4(SdkRequest(), kKeys, kScope, kSdkTime), SigV4Verdict::kGood);
}

TEST(SigV4, RefusesWhatWasChanged) {
  const auto verdict = [](auto change) {
    SigV4Request request = SdkRequest();
    change(request);
    return VerifySigV4(request, kKeys, kScope, kSdkTime);
  };
  EXPECT_EQ(verdict([](auto& r) { r.method = "GET"; }), SigV4Verdict::kMismatch);
  EXPECT_EQ(verdict([](auto& r) { r.target += "&tagKeys=more"; }), SigV4Verdict::kMismatch);
  EXPECT_EQ(verdict([](auto& r) { r.body_sha256 = Sha256Hex("{}"); }), SigV4Verdict::kMismatch);
  EXPECT_EQ(verdict([](auto& r) { SetHeader(r, "host", "elsewhere"); }), SigV4Verdict::kMismatch);
  EXPECT_EQ(verdict([](auto& r) { SetHeader(r, "x-amz-date", "20261122T055649Z"); }),
            SigV4Verdict::kMismatch);
  EXPECT_EQ(verdict([](auto& r) { SetHeader(r, "x-amz-content-sha256", "UNSIGNED-PAYLOAD"); }),
            SigV4Verdict::kMismatch);
  EXPECT_EQ(verdict([](auto& r) { SetHeader(r, "user-agent", "not signed"); }),
            SigV4Verdict::kGood);
}

TEST(SigV4, RefusesWhatIsNotSignedOrMissing) {
  const auto verdict = [](auto change) {
    SigV4Request request = SdkRequest();
    change(request);
    return VerifySigV4(request, kKeys, kScope, kSdkTime);
  };
  EXPECT_EQ(verdict([](auto& r) { r.headers.emplace_back("X-Amz-More", "1"); }),
            SigV4Verdict::kIncomplete);
  EXPECT_EQ(verdict([](auto& r) { r.headers.pop_back(); }), SigV4Verdict::kIncomplete);
  EXPECT_EQ(verdict([](auto& r) { SetHeader(r, "authorization", "Bearer x"); }),
            SigV4Verdict::kIncomplete);
  EXPECT_EQ(verdict([](auto& r) { SetHeader(r, "x-amz-date", "now"); }), SigV4Verdict::kIncomplete);
}

TEST(SigV4, RefusesOtherKeysRegionsAndTokens) {
  AwsCredentials keys = kKeys;
  keys.secret_access_key.back() = 'Z';
  EXPECT_EQ(VerifySigV4(SdkRequest(), keys, kScope, kSdkTime), SigV4Verdict::kMismatch);
  keys = kKeys;
  keys.access_key_id = "AKIDOTHER";
  EXPECT_EQ(VerifySigV4(SdkRequest(), keys, kScope, kSdkTime), SigV4Verdict::kUnknownKey);
  keys = kKeys;
  keys.session_token = "token";
  EXPECT_EQ(VerifySigV4(SdkRequest(), keys, kScope, kSdkTime), SigV4Verdict::kUnknownKey);
  EXPECT_EQ(
      VerifySigV4(SdkRequest(), kKeys, {.region = "eu-west-1", .service = "s3vectors"}, kSdkTime),
      SigV4Verdict::kScope);
}

TEST(SigV4, DatesArePlain) {
  EXPECT_EQ(FormatAmzDate(0), "19700101T000000Z");
  EXPECT_EQ(ParseAmzDate("20261122T055648Z").value(), 1795327008);
  EXPECT_EQ(FormatAmzDate(1795327008), "20261122T055648Z");
  for (const std::string_view bad : {"", "20261122T055648", "20261322T055648Z", "20260230T000000Z",
                                     "20261122T245648Z", "2026112xT055648Z", "20261122 055648Z"}) {
    EXPECT_FALSE(ParseAmzDate(bad)) << bad;
  }
}

TEST(SigV4, AuthorizationsAreReadStrictly) {
  const auto error = [](std::string_view header) {
    return std::string(ParseAuthorization(header).status().message());
  };
  constexpr std::string_view kScopeOf = "AWS4-HMAC-SHA256 Credential=K/20260102/r/s/aws4_request";
  EXPECT_TRUE(ParseAuthorization(std::string(kScopeOf) + ",SignedHeaders=a;b,Signature=c").ok());
  EXPECT_THAT(error("AWS4-HMAC-SHA1 x"), HasSubstr("does not begin"));
  EXPECT_THAT(error(kScopeOf), HasSubstr("needs Credential"));
  EXPECT_THAT(error("AWS4-HMAC-SHA256 Credential=K/r/s, SignedHeaders=a, Signature=cafe"),
              ::testing::AllOf(HasSubstr("KEY/YYYYMMDD"), Not(HasSubstr("cafe"))));
  EXPECT_THAT(error(std::string(kScopeOf) + ", SignedHeaders=b;a, Signature=c"),
              HasSubstr("ascending"));
  EXPECT_THAT(error(std::string(kScopeOf) + ", SignedHeaders=, Signature=c"),
              HasSubstr("ascending"));
}

TEST(SigV4, PathsQueriesAndHeadersHaveOneForm) {
  const auto canonical = [](std::string target) {
    const SigV4Request request{.method = "GET",
                               .target = std::move(target),
                               .headers = {{"A", "  one \t two  "}, {"a", "three"}},
                               .body_sha256 = "hash"};
    return ComputeSigV4(request, {"a"}, kKeys, kScope).canonical_request;
  };
  const std::string rest = "\na:one two,three\n\na\nhash";
  EXPECT_EQ(canonical("/base//List"), "GET\n/base/List\n" + rest);
  EXPECT_EQ(canonical("/"), "GET\n/\n" + rest);
  EXPECT_EQ(canonical("/a/../b/./c/"), "GET\n/b/c/\n" + rest);
  EXPECT_EQ(canonical("/a?b&a=2&a=1+%2f"), "GET\n/a\na=1%2B%2F&a=2&b=" + rest);
}

}  // namespace
}  // namespace embeddingsdb
