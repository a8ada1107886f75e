// SPDX-License-Identifier: BSD-3-Clause
#include "aws/aws_client.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "embeddingsdb/limits.h"

#include "core/sha256.h"
#include "support/fake_surroundings.h"
#include "support/loopback_http.h"
#include "support/records.h"

namespace embeddingsdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSecret = "canary-secret-key";

class AwsClientTest : public testing::Test {
 protected:
  /// Answers with the replies one after another, the last one for ever; signatures are checked.
  void Script(std::vector<FakeReply> replies) {
    server_ =
        std::make_unique<LoopbackHttp>([this, replies = std::move(replies),
                                        next = std::size_t{0}](const SeenRequest& request) mutable {
          SigV4Request signing{.method = request.method,
                               .target = request.target,
                               .headers = {request.headers.begin(), request.headers.end()},
                               .body_sha256 = Sha256Hex(request.body)};
          verdicts_.push_back(VerifySigV4(
              signing, {.access_key_id = "AK", .secret_access_key = kSecret, .session_token = ""},
              {.region = "us-west-2", .service = "s3vectors"}, server_now_));
          return replies[std::min(next++, replies.size() - 1)];
        });
    world_.variables = {{"AWS_ACCESS_KEY_ID", "AK"}, {"AWS_SECRET_ACCESS_KEY", kSecret}};
    client_ = *AwsClient::Open({.endpoint = *Uri::Parse(server_->url() + path_),
                                .service = "s3vectors",
                                .region = "us-west-2",
                                .credentials_label = "env:"},
                               world_.get());
  }
  Status Call() {
    return client_->Call({.operation = "PutVectors", .target = "/PutVectors", .body = R"({"a":1})"},
                         [this](std::string_view body) {
                           body_ = body;
                           return body.ends_with('}') ? Status() : UnavailableError("cut off");
                         });
  }
  static FakeReply Error(int status, const std::string& type, const std::string& message = "m") {
    return {.status = status,
            .body = Concat(R"({"message":")", message, R"("})"),
            .headers = {{"x-amzn-errortype", type}}};
  }

  FakeSurroundings world_;
  std::int64_t server_now_ = 1'800'000'000;
  std::string path_;
  std::vector<SigV4Verdict> verdicts_;
  std::string body_;
  std::unique_ptr<LoopbackHttp> server_;
  std::unique_ptr<AwsClient> client_;
};

TEST_F(AwsClientTest, SendsASignedRequestAndReadsTheAnswer) {
  Script({{.body = R"({"b":2})", .headers = {}}});
  ASSERT_OK(Call());
  EXPECT_EQ(body_, R"({"b":2})");
  ASSERT_EQ(server_->seen().size(), 1U);
  const SeenRequest seen = server_->seen()[0];
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/PutVectors");
  EXPECT_EQ(seen.body, R"({"a":1})");
  EXPECT_EQ(seen.headers.at("content-type"), "application/json");
  EXPECT_EQ(seen.headers.at("x-amz-date"), "20270115T080000Z");
  EXPECT_THAT(verdicts_, ElementsAre(SigV4Verdict::kGood));
}

TEST_F(AwsClientTest, OtherMethodsQueriesAndPathsAreSignedToo) {
  path_ = "/base/path";
  Script({{}});
  const auto read = [](std::string_view) { return Status(); };
  ASSERT_OK(
      client_->Call({.operation = "ListTags", .method = "GET", .target = "/tags/a%3Ab%2Fc"}, read));
  ASSERT_OK(client_->Call(
      {.operation = "Untag", .method = "DELETE", .target = "/tags/a%3A?tagKeys=b&tagKeys=a%20c"},
      read));
  EXPECT_EQ(server_->seen()[0].target, "/base/path/tags/a%3Ab%2Fc");
  EXPECT_EQ(server_->seen()[0].body, "");
  EXPECT_FALSE(server_->seen()[1].headers.contains("content-type"));
  EXPECT_THAT(verdicts_, ElementsAre(SigV4Verdict::kGood, SigV4Verdict::kGood));
}

TEST_F(AwsClientTest, ConnectionsAreKept) {
  Script({{}});
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK(Call());
  }
  EXPECT_EQ(server_->accepted(), 1);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 32; ++i) {
    threads.emplace_back([this] {
      EXPECT_OK(client_->Call({.operation = "x", .target = "/x"},
                              [](std::string_view) { return Status(); }));
    });
  }
  threads.clear();
  EXPECT_LE(server_->accepted(), static_cast<int>(kMaxS3Connections));
}

struct Fault {
  std::string name;
  FakeReply reply;
  StatusCode code;
  bool again;  // it is tried again
};
std::ostream& operator<<(std::ostream& os, const Fault& fault) {
  return os << fault.name;
}

std::vector<Fault> Faults() {
  using enum StatusCode;
  std::vector<Fault> faults;
  const auto typed = [&](int status, const char* type, StatusCode code, bool again) {
    faults.push_back({type,
                      {.status = status,
                       .body = R"({"message":"said"})",
                       .headers = {{"x-amzn-errortype", type}}},
                      code,
                      again});
  };
  typed(400, "ValidationException", kInvalidArgument, false);
  typed(403, "AccessDeniedException", kPermissionDenied, false);
  typed(404, "NotFoundException", kNotFound, false);
  typed(409, "ConflictException", kAlreadyExists, false);
  typed(402, "ServiceQuotaExceededException", kResourceExhausted, false);
  typed(408, "RequestTimeoutException", kUnavailable, true);
  typed(429, "TooManyRequestsException", kUnavailable, true);
  typed(500, "InternalServerException", kUnavailable, true);
  typed(503, "ServiceUnavailableException", kUnavailable, true);
  typed(400, "KmsDisabledException", kFailedPrecondition, false);
  typed(403, "IncompleteSignatureException", kUnauthenticated, false);
  typed(404, "UnknownOperationException", kUnimplemented, false);
  const std::map<int, std::pair<StatusCode, bool>> untyped = {
      {301, {kInternal, false}},         {400, {kInvalidArgument, false}},
      {401, {kUnauthenticated, false}},  {402, {kResourceExhausted, false}},
      {403, {kPermissionDenied, false}}, {404, {kNotFound, false}},
      {405, {kUnimplemented, false}},    {408, {kUnavailable, true}},
      {409, {kAlreadyExists, false}},    {413, {kInvalidArgument, false}},
      {418, {kInternal, false}},         {429, {kUnavailable, true}},
      {500, {kUnavailable, true}},       {501, {kUnimplemented, false}},
      {502, {kUnavailable, true}},       {503, {kUnavailable, true}},
      {504, {kUnavailable, true}},
  };
  for (const auto& [status, expected] : untyped) {
    faults.push_back({"http" + std::to_string(status),
                      {.status = status, .body = "<html>no JSON</html>"},
                      expected.first,
                      expected.second});
  }
  faults.push_back(
      {"body_type",
       {.status = 400, .body = R"({"__type":"com.amazonaws.s3vectors#NotFoundException:x"})"},
       kNotFound,
       false});
  faults.push_back({"empty", {.status = 500, .body = ""}, kUnavailable, true});
  faults.push_back({"reset", {.reset = true}, kUnavailable, true});
  faults.push_back({"cut_transfer", {.body = R"({"a")", .cut = 3}, kUnavailable, true});
  faults.push_back({"cut_json", {.body = R"({"vectors":[{"key")"}, kInternal, true});
  return faults;
}

class AwsFaults : public AwsClientTest, public testing::WithParamInterface<Fault> {};
INSTANTIATE_TEST_SUITE_P(All, AwsFaults, testing::ValuesIn(Faults()),
                         [](const auto& fault) { return fault.param.name; });

TEST_P(AwsFaults, HaveTheRightCodeAndNoMoreAttemptsThanTheyShould) {
  Script({GetParam().reply});
  const Status status = Call();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(status.message(), testing::StartsWith("PutVectors: "));
  EXPECT_THAT(status.message(), Not(HasSubstr(kSecret)));
  EXPECT_EQ(client_->requests(), GetParam().again ? kMaxS3Attempts : 1);
}

TEST_P(AwsFaults, ThatPassAreNotNoticed) {
  Script({GetParam().reply, {.body = R"({"good":1})"}});
  const Status status = Call();
  EXPECT_EQ(status.ok(), GetParam().again) << status;
  if (GetParam().again) {
    EXPECT_EQ(body_, R"({"good":1})");
    EXPECT_EQ(client_->requests(), 2);
  }
}

TEST_F(AwsClientTest, ASlowAnswerIsAnAnswer) {
  Script({{.body = R"({"slow":1})", .byte_by_byte = true}});
  ASSERT_OK(Call());
  EXPECT_EQ(body_, R"({"slow":1})");
}

TEST_F(AwsClientTest, WaitsGrowAreRandomAndLongerWhenThrottled) {
  Script({Error(500, "InternalServerException")});
  EXPECT_FAILS(Call(), kUnavailable, "5 attempts");
  EXPECT_THAT(world_.slept(), ElementsAre(100, 200, 400, 800));
  world_.random = 0.25;
  Script({Error(429, "TooManyRequestsException")});
  EXPECT_FAILS(Call(), kUnavailable, "TooManyRequests");
  EXPECT_THAT(world_.slept(), ElementsAre(100, 200, 400, 800, 250, 500, 1'000, 2'000));
}

TEST_F(AwsClientTest, RetryAfterIsHonoured) {
  FakeReply later = Error(429, "TooManyRequestsException");
  later.headers.emplace_back("Retry-After", "7");
  FakeReply at = Error(503, "ServiceUnavailableException");
  at.headers.emplace_back("Retry-After", "Fri, 15 Jan 2027 08:00:09 GMT");
  FakeReply never = later;
  never.headers.back().second = "1000000";
  Script({later, at, never, {}});
  ASSERT_OK(Call());
  EXPECT_THAT(world_.slept(), ElementsAre(7'000, 9'000, 60'000));
}

TEST_F(AwsClientTest, TheBudgetOfAllRequestsEnds) {
  Script({Error(500, "InternalServerException")});
  std::int64_t calls = 0;
  while (client_->requests() == calls * kMaxS3Attempts && calls < 1'000) {
    EXPECT_FALSE(Call().ok());
    ++calls;
  }
  EXPECT_EQ(calls, 26) << "500 are in the budget, an attempt costs 5: 25 calls of 4 more attempts";
  EXPECT_EQ(client_->requests(), 25 * kMaxS3Attempts + 1);
}

TEST_F(AwsClientTest, AWrongClockIsPutRightByTheServers) {
  server_now_ = world_.now + 86'400;
  FakeReply skewed = Error(403, "RequestTimeTooSkewed");
  skewed.headers.emplace_back("Date", "Sat, 16 Jan 2027 08:00:00 GMT");
  Script({skewed, {}});
  ASSERT_OK(Call());
  ASSERT_OK(Call());
  EXPECT_THAT(verdicts_,
              ElementsAre(SigV4Verdict::kSkewed, SigV4Verdict::kGood, SigV4Verdict::kGood));
  EXPECT_THAT(world_.slept(), ElementsAre());
}

TEST_F(AwsClientTest, ASignatureThatIsWrongForAnotherReasonIsNotTriedAgain) {
  FakeReply wrong = Error(403, "SignatureDoesNotMatch", kSecret);
  wrong.headers.emplace_back("Date", "Fri, 15 Jan 2027 08:00:10 GMT");
  Script({wrong});
  const Status status = Call();
  EXPECT_EQ(status, UnauthenticatedError("PutVectors: SignatureDoesNotMatch"));
  EXPECT_EQ(client_->requests(), 1);
}

TEST_F(AwsClientTest, ExpiredCredentialsAreFetchedOnce) {
  Script({Error(403, "ExpiredTokenException"), {}});
  ASSERT_OK(Call());
  EXPECT_EQ(client_->requests(), 2);
  Script({Error(403, "ExpiredTokenException")});
  EXPECT_FAILS(Call(), kUnauthenticated, "ExpiredToken");
  EXPECT_EQ(client_->requests(), 2);
}

TEST_F(AwsClientTest, MessagesOfTheServerAreShownUnlessTheyHoldASecret) {
  Script({Error(400, "ValidationException", "1 validation error")});
  EXPECT_EQ(Call(),
            InvalidArgumentError(R"(PutVectors: ValidationException: "1 validation error")"));
  Script({Error(400, "ValidationException", std::string("you sent ") + kSecret)});
  EXPECT_EQ(Call(), InvalidArgumentError("PutVectors: ValidationException"));
}

TEST_F(AwsClientTest, RedirectsAreNotFollowed) {
  FakeReply redirect{.status = 307, .headers = {{"Location", "http://127.0.0.1:1/"}}};
  Script({redirect});
  EXPECT_FAILS(Call(), kInternal, "redirect");
  EXPECT_EQ(server_->seen().size(), 1U);
}

// A suite of faults that finds nothing proves nothing: these are the faults planted in the client.
TEST(AwsFaultsCanary, ACountOfAttemptsThatIsWrongIsNoticed) {
  const std::vector<Fault> faults = Faults();
  EXPECT_GE(faults.size(), 30U);
  EXPECT_TRUE(std::ranges::any_of(faults, &Fault::again));
  EXPECT_FALSE(std::ranges::all_of(faults, &Fault::again));
}

}  // namespace
}  // namespace embeddingsdb
