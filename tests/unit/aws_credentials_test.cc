// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "aws/credentials.h"
#include "aws/credentials_sources.h"
#include "core/sha256.h"
#include "support/fake_surroundings.h"
#include "support/loopback_http.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kSecret = "canary-secret-key";
constexpr std::string_view kToken = "canary-session-token";

std::string CredentialsJson(std::string_view id, std::string_view expiration) {
  return Concat(R"({"Code":"Success","AccessKeyId":")", id, R"(","SecretAccessKey":")", kSecret,
                R"(","Token":")", kToken, R"(","Expiration":")", expiration, R"("})");
}

class AwsCredentialsTest : public testing::Test {
 protected:
  Result<AwsCredentials> Get(std::string label) {
    EDB_ASSIGN(provider_, OpenAwsCredentials({.label = std::move(label), .region = "us-west-2"},
                                             world_.get()));
    return provider_->Get();
  }
  void WriteFile(const std::string& name, const std::string& text) {
    ASSERT_OK(NewPosixEnv()->WriteFile(folder_.File(name), text));
  }

  TempDir folder_;
  FakeSurroundings world_;
  std::unique_ptr<AwsCredentialsProvider> provider_;
};

TEST(AwsTime, IsReadToTheSecond) {
  EXPECT_EQ(*ParseAwsTime("1970-01-02T00:00:01Z"), 86'401);
  EXPECT_EQ(*ParseAwsTime("2026-02-28T23:59:59.123Z"), 1'772'323'199);
  for (const char* bad :
       {"", "Z", "2026-02-30T00:00:00Z", "2026-02-28 23:59:59Z", "2026-02-28T24:00:00Z",
        "2026-02-28T23:59:59", "2026-02-28T23:59:59+01"}) {
    EXPECT_FALSE(ParseAwsTime(bad).ok()) << bad;
  }
}

TEST(AwsProfiles, AreReadAsTheToolsReadThem) {
  const AwsProfiles profiles = ParseAwsProfiles(
      "# comment\r\nstray = 1\n[default]\naws_access_key_id = A\r\n"
      "AWS_Secret_Access_Key=b=c=\n[profile other]\nregion = eu-west-1\ns3 =\n  inner = "
      "2\n[open\n");
  EXPECT_EQ(profiles.at("default"),
            (std::map<std::string, std::string>{{"aws_access_key_id", "A"},
                                                {"aws_secret_access_key", "b=c="}}));
  EXPECT_EQ(profiles.at("other"),
            (std::map<std::string, std::string>{{"region", "eu-west-1"}, {"s3", ""}}));
}

TEST_F(AwsCredentialsTest, AnonymousAndEnvironment) {
  EXPECT_EQ(Get("anon:")->access_key_id, "");
  EXPECT_FAILS(Get("env:"), kUnauthenticated, "AWS_ACCESS_KEY_ID");
  world_.variables = {{"AWS_ACCESS_KEY_ID", "AK"}};
  EXPECT_FAILS(Get("env:"), kUnauthenticated, "AWS_SECRET_ACCESS_KEY");
  world_.variables["AWS_SECRET_ACCESS_KEY"] = kSecret;
  world_.variables["AWS_SESSION_TOKEN"] = kToken;
  const Result<AwsCredentials> keys = Get("env:");
  ASSERT_OK(keys);
  EXPECT_EQ(keys->access_key_id, "AK");
  EXPECT_EQ(keys->secret_access_key, kSecret);
  EXPECT_EQ(keys->session_token, kToken);
  EXPECT_EQ(Get("")->access_key_id, "AK") << "without a label the environment comes first";
}

TEST_F(AwsCredentialsTest, ProfilesOfTheUsualFilesAndOfOthers) {
  WriteFile("credentials", "[one]\naws_access_key_id=A1\naws_secret_access_key=S1\n");
  WriteFile("config",
            "[profile one]\naws_access_key_id=no\n[profile two]\naws_access_key_id=A2\n"
            "aws_secret_access_key=S2\n");
  world_.variables = {{"AWS_SHARED_CREDENTIALS_FILE", folder_.File("credentials")},
                      {"AWS_CONFIG_FILE", folder_.File("config")}};
  EXPECT_EQ(Get("one")->access_key_id, "A1");
  EXPECT_EQ(Get("two")->secret_access_key, "S2");
  EXPECT_EQ(Get(folder_.File("credentials") + ":one")->access_key_id, "A1");
  EXPECT_FAILS(Get(folder_.File("credentials") + ":two"), kUnauthenticated, "no such profile");
  world_.variables["AWS_PROFILE"] = "two";
  EXPECT_EQ(Get("")->access_key_id, "A2");
}

TEST_F(AwsCredentialsTest, LabelsThatAreNoneAreRefusedWithoutRepeatingThem) {
  for (const char* label : {"iam:us-east-1", "iam::arn:aws:iam::1:role/x", "iam:r:no-arn",
                            "sts:", "sts:x", ":canary", "canary:"}) {
    const Result<AwsCredentials> keys = Get(label);
    EXPECT_FAILS(keys, kInvalidArgument, "credentials");
    EXPECT_THAT(keys.status().message(), Not(HasSubstr("canary"))) << label;
  }
  // What people paste there.
  EXPECT_THAT(Get("AKIA:canary").status().ToString(), Not(HasSubstr("canary")));
}

/// Answers as the metadata service of a machine does, version 2 only.
FakeReply Machine(const SeenRequest& request, const std::string& expiration) {
  if (request.method == "PUT" && request.target == "/latest/api/token") {
    return {.body = "imds-token"};
  }
  const auto token = request.headers.find("x-aws-ec2-metadata-token");
  if (token == request.headers.end() || token->second != "imds-token") {
    return {.status = 401};
  }
  const std::string folder = "/latest/meta-data/iam/security-credentials/";
  if (request.target == folder) {
    return {.body = "role-of-machine\n"};
  }
  return request.target == folder + "role-of-machine"
             ? FakeReply{.body = CredentialsJson("ASIA-M", expiration)}
             : FakeReply{.status = 404};
}

TEST_F(AwsCredentialsTest, OfTheMachineAreFetchedAgainBeforeTheyExpire) {
  std::string expiration = "2027-01-15T09:00:00Z";  // 3,600 seconds after now
  const LoopbackHttp imds(
      [&expiration](const SeenRequest& request) { return Machine(request, expiration); });
  world_.variables = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url() + "/"}};
  ASSERT_OK(Get("iam:"));
  EXPECT_EQ(provider_->Get()->access_key_id, "ASIA-M");
  EXPECT_EQ(imds.seen().size(), 3U) << "token, role, credentials: once";
  world_.now = world_.now + 3'600 - 301;
  ASSERT_OK(provider_->Get());
  EXPECT_EQ(imds.seen().size(), 3U);
  world_.now = world_.now + 2;
  ASSERT_OK(provider_->Get());
  EXPECT_EQ(imds.seen().size(), 6U) << "five minutes before they expire";
}

TEST_F(AwsCredentialsTest, AFailedRefreshIsNoFailureWhileTheOldOnesAreGood) {
  bool down = false;
  const LoopbackHttp imds([&down](const SeenRequest& request) {
    return down ? FakeReply{.status = 503} : Machine(request, "2027-01-15T09:00:00Z");
  });
  world_.variables = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url()}};
  ASSERT_OK(Get("iam:"));
  down = true;
  world_.now = world_.now + 3'600 - 60;
  EXPECT_EQ(provider_->Get()->access_key_id, "ASIA-M");
  world_.now = world_.now + 55;
  EXPECT_FAILS(provider_->Get(), kUnavailable, "503");
  down = false;
  world_.now = 1'800'000'000;
  ASSERT_OK(provider_->Get());
}

TEST_F(AwsCredentialsTest, ManyThreadsFetchOnce) {
  const LoopbackHttp imds(
      [](const SeenRequest& request) { return Machine(request, "2027-01-15T09:00:00Z"); });
  world_.variables = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url()}};
  provider_ = *OpenAwsCredentials({.label = "iam:", .region = ""}, world_.get());
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] { EXPECT_OK(provider_->Get()); });
  }
  threads.clear();
  EXPECT_EQ(imds.seen().size(), 3U);
}

TEST_F(AwsCredentialsTest, RefusedOnesAreFetchedAgainOnce) {
  const LoopbackHttp imds(
      [](const SeenRequest& request) { return Machine(request, "2027-01-15T09:00:00Z"); });
  world_.variables = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url()}};
  const Result<AwsCredentials> first = Get("iam:");
  ASSERT_OK(first);
  provider_->Refuse(*first);
  ASSERT_OK(provider_->Get());
  EXPECT_EQ(imds.seen().size(), 6U);
  provider_->Refuse({.access_key_id = "somebody", .secret_access_key = "", .session_token = ""});
  ASSERT_OK(provider_->Get());
  EXPECT_EQ(imds.seen().size(), 6U);
}

TEST_F(AwsCredentialsTest, OfAContainerNeedTheAgentsToken) {
  const LoopbackHttp agent([](const SeenRequest& request) {
    const auto token = request.headers.find("authorization");
    return token != request.headers.end() && token->second == kToken
               ? FakeReply{.body = CredentialsJson("ASIA-C", "2027-01-15T09:00:00Z")}
               : FakeReply{.status = 403, .body = std::string(kToken)};
  });
  world_.variables = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url() + "/creds"}};
  const Result<AwsCredentials> refused = Get("iam:");
  EXPECT_FAILS(refused, kUnauthenticated, "403");
  EXPECT_THAT(refused.status().message(), Not(HasSubstr(std::string(kToken))));
  WriteFile("token", Concat(kToken, "\n"));
  world_.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder_.File("token");
  EXPECT_EQ(Get("iam:")->access_key_id, "ASIA-C");
  world_.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://192.0.2.1/creds";
  EXPECT_FAILS(Get("iam:"), kUnauthenticated, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

class AwsRoles : public AwsCredentialsTest {
 protected:
  static constexpr const char* kArn = "arn:aws:iam::123456789012:role/reader";

  AwsRoles() {
    world_.variables = {{"AWS_ENDPOINT_URL_STS", sts_.url()},
                        {"AWS_ACCESS_KEY_ID", "BASE"},
                        {"AWS_SECRET_ACCESS_KEY", "base-secret"}};
  }

  static FakeReply Sts(const SeenRequest& request) {
    const auto authorization = request.headers.find("authorization");
    const SigV4Request signing{.method = "POST",
                               .target = request.target,
                               .headers = {request.headers.begin(), request.headers.end()},
                               .body_sha256 = Sha256Hex(request.body)};
    const bool good =
        authorization != request.headers.end() &&
        VerifySigV4(
            signing,
            {.access_key_id = "BASE", .secret_access_key = "base-secret", .session_token = ""},
            {.region = "us-west-2", .service = "sts"}, 1'800'000'000) == SigV4Verdict::kGood;
    if (!good) {
      return {.status = 403,
              .body =
                  "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error>"
                  "</ErrorResponse>"};
    }
    return {.body = Concat("<AssumeRoleResponse><Credentials><AccessKeyId>ASIA-R</AccessKeyId>"
                           "<SecretAccessKey>",
                           kSecret, "</SecretAccessKey><SessionToken>", kToken,
                           "</SessionToken><Expiration>2027-01-15T09:00:00Z</Expiration>"
                           "</Credentials></AssumeRoleResponse>")};
  }

  LoopbackHttp sts_{&Sts};
};

TEST_F(AwsRoles, AreAskedForWithASignedRequest) {
  const Result<AwsCredentials> keys = Get(std::string("sts:") + kArn);
  ASSERT_OK(keys);
  EXPECT_EQ(keys->access_key_id, "ASIA-R");
  EXPECT_EQ(keys->session_token, kToken);
  ASSERT_EQ(sts_.seen().size(), 1U);
  EXPECT_EQ(sts_.seen()[0].body,
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole"
            "%2Freader&RoleSessionName=embeddingsdb");
}

TEST_F(AwsRoles, ARefusalIsNamed) {
  world_.variables["AWS_SECRET_ACCESS_KEY"] = "another";
  EXPECT_FAILS(Get(std::string("sts:") + kArn), kUnauthenticated, "SignatureDoesNotMatch");
}

TEST_F(AwsRoles, OfAProfileComeByItsSource) {
  WriteFile("config", Concat("[profile role]\nrole_arn=", kArn,
                             "\nsource_profile=base\n[profile base]\naws_access_key_id=BASE\n"
                             "aws_secret_access_key=base-secret\n[profile loop]\nrole_arn=",
                             kArn, "\nsource_profile=pool\n[profile pool]\nrole_arn=", kArn,
                             "\nsource_profile=loop\n"));
  world_.variables["AWS_CONFIG_FILE"] = folder_.File("config");
  EXPECT_EQ(Get("role")->access_key_id, "ASIA-R");
  EXPECT_FAILS(Get("loop"), kUnauthenticated, "source_profile");
}

TEST_F(AwsRoles, OfTheMachineUseTheRegionOfTheLabel) {
  const LoopbackHttp imds(
      [](const SeenRequest& request) { return Machine(request, "2027-01-15T09:00:00Z"); });
  world_.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = imds.url();
  // The fake STS knows the keys of BASE only, so this is refused, but it was asked.
  EXPECT_FAILS(Get(std::string("iam:eu-west-1:") + kArn), kUnauthenticated, "STS");
  ASSERT_EQ(sts_.seen().size(), 1U);
  EXPECT_THAT(sts_.seen()[0].headers.at("authorization"), HasSubstr("ASIA-M/20270115/eu-west-1"));
}

TEST_F(AwsRoles, PlaintextBeyondThisMachineIsRefused) {
  world_.variables["AWS_ENDPOINT_URL_STS"] = "http://sts.example.org";
  EXPECT_FAILS(Get(std::string("sts:") + kArn), kUnauthenticated, "AWS_ENDPOINT_URL_STS");
}

}  // namespace
}  // namespace embeddingsdb
