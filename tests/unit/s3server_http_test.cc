// SPDX-License-Identifier: BSD-3-Clause
//
// The S3 Vectors server as a client of its protocol meets it over a socket.
#include <ctime>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <string>
#include <string_view>

#include "aws/sigv4.h"
#include "core/sha256.h"
#include "core/text.h"
#include "support/running_s3_server.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;

/// A request that is signed as the time and the keys say, and then changed.
struct Call {
  std::string target = "/ListVectorBuckets";
  std::string body = "{}";
  std::string secret = std::string(RunningS3Server::kSecretAccessKey);
  std::int64_t clock = 0;
  httplib::Headers more = {};
};

httplib::Result Send(const RunningS3Server& server, const Call& call,
                     std::string_view sent_body = {}) {
  HttpHeaders headers = {{"host", server.address()}, {"content-type", "application/json"}};
  for (const auto& [name, value] : call.more) {
    headers.emplace_back(name, value);
  }
  const HttpHeaders added =
      SignRequest({.method = "POST",
                   .target = call.target,
                   .headers = headers,
                   .body_sha256 = Sha256Hex(call.body)},
                  {.access_key_id = std::string(RunningS3Server::kAccessKeyId),
                   .secret_access_key = call.secret,
                   .session_token = {}},
                  {.region = std::string(RunningS3Server::kRegion), .service = "s3vectors"},
                  std::time(nullptr) + call.clock);
  httplib::Headers out = call.more;
  out.insert(added.begin(), added.end());
  out.emplace("Host", server.address());
  httplib::Client client(server.endpoint());
  return client.Post(call.target, out, std::string(sent_body.empty() ? call.body : sent_body),
                     "application/json");
}

std::string ErrorOf(const httplib::Result& result) {
  return result ? Concat(result->status, " ", result->get_header_value("x-amzn-errortype"))
                : to_string(result.error());
}

TEST(S3ServerHttp, TakesWhatIsSigned) {
  const RunningS3Server server;
  const httplib::Result answer = Send(server, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, R"({"vectorBuckets":[]})");
  EXPECT_FALSE(answer->get_header_value("x-amzn-requestid").empty());
  EXPECT_EQ(ErrorOf(Send(server, {.more = {{"x-amz-meta", "a+b  c=/d"}}})), "200 ");
}

TEST(S3ServerHttp, RefusesWhatIsNot) {
  const RunningS3Server server;
  EXPECT_EQ(ErrorOf(Send(server, {.secret = "other"})), "403 SignatureDoesNotMatch");
  EXPECT_EQ(ErrorOf(Send(server, {.clock = 400})), "403 RequestTimeTooSkewed");
  EXPECT_EQ(ErrorOf(Send(server, {.clock = -400})), "403 RequestTimeTooSkewed");
  EXPECT_EQ(ErrorOf(Send(server, {}, R"({"maxResults":1})")), "403 SignatureDoesNotMatch");
  httplib::Client client(server.endpoint());
  EXPECT_EQ(ErrorOf(client.Post("/ListVectorBuckets", "{}", "application/json")),
            "403 MissingAuthenticationTokenException");
  EXPECT_EQ(ErrorOf(client.Post("/ListVectorBuckets", {{"Authorization", "AWS4-HMAC-SHA256 x"}},
                                "{}", "application/json")),
            "400 IncompleteSignatureException");
}

TEST(S3ServerHttp, SaysThatABodyMayComeAndKeepsConnections) {
  const RunningS3Server server;
  httplib::Client client(server.endpoint());
  client.set_keep_alive(true);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ErrorOf(client.Post("/ListVectorBuckets", {{"Expect", "100-continue"}}, "{}",
                                  "application/json")),
              "403 MissingAuthenticationTokenException");
    EXPECT_NE(client.socket(), INVALID_SOCKET) << "the connection was closed";
  }
}

TEST(S3ServerHttp, DrainsAndClosesTheDatabase) {
  RunningS3Server server;
  EXPECT_EQ(ErrorOf(Send(server, {})), "200 ");
  EXPECT_OK(server.Stop());
  EXPECT_FALSE(Send(server, {}));
}

TEST(S3ServerHttp, NoSecretIsLogged) {
  const RunningS3Server server;
  EXPECT_EQ(ErrorOf(Send(server, {.secret = "other"})), "403 SignatureDoesNotMatch");
  for (const std::string& line : server.log().lines()) {
    EXPECT_THAT(line, ::testing::Not(HasSubstr(std::string(RunningS3Server::kSecretAccessKey))));
  }
}

}  // namespace
}  // namespace embeddingsdb
