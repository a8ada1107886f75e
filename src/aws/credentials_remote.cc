// SPDX-License-Identifier: BSD-3-Clause
//
// Credentials that a service gives out: the container's, the machine's, and STS for roles.
#include <algorithm>
#include <array>
#include <utility>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/uri.h"

#include "aws/credentials_sources.h"
#include "aws/http_client.h"
#include "core/loopback.h"
#include "core/sha256.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr int kMetadataConnectSeconds = 1;  // outside of AWS nobody answers there
constexpr int kMetadataSeconds = 5;
constexpr int kStsSeconds = 30;
constexpr std::string_view kMetadata = "http://169.254.169.254";
constexpr std::string_view kContainer = "http://169.254.170.2";
// Where containers are told to ask in plaintext: the agents of ECS and EKS.
constexpr auto kAgents =
    std::to_array<std::string_view>({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"});

std::string WithoutSlashAtEnd(std::string text) {
  while (text.ends_with('/')) {
    text.pop_back();
  }
  return text;
}

Status StatusOfSource(std::string_view who, const HttpAnswer& answer) {
  if (answer.status == 200) {
    return {};
  }
  const std::string message = Concat(who, " answered with HTTP status ", answer.status);
  return answer.status == 429 || answer.status >= 500 ? UnavailableError(message)
                                                      : UnauthenticatedError(message);
}

class MachineSource final : public CredentialsSource {
 public:
  explicit MachineSource(AwsSurroundings surroundings)
      : surroundings_(std::move(surroundings)),
        http_({.connections = 1, .max_answer_bytes = kMaxAwsCredentialsBytes}) {}

  Result<FetchedCredentials> Fetch() override {
    if (const auto relative = surroundings_.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
      return FetchFromContainer(Concat(kContainer, *relative));
    }
    if (const auto full = surroundings_.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
      EDB_TRY(CheckFullUri(*full));
      return FetchFromContainer(*full);
    }
    return FetchFromMachine();
  }

 private:
  static Status CheckFullUri(const std::string& text) {
    const Result<Uri> uri = Uri::Parse(text);
    const bool agent = uri.ok() && std::ranges::find(kAgents, uri->host()) != kAgents.end();
    if (!uri.ok() || (uri->scheme() != "https" &&
                      !(uri->scheme() == "http" && (agent || IsLoopbackHost(uri->host()))))) {
      return UnauthenticatedError(
          "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https:// nor http:// of this machine");
    }
    return {};
  }

  Result<HttpAnswer> Send(OutgoingRequest request, std::string_view who) {
    request.connect_seconds = kMetadataConnectSeconds;
    request.seconds = kMetadataSeconds;
    Result<HttpAnswer> answer = http_.Send(request);
    if (!answer.ok()) {
      return answer.status().WithContext(Concat(who, " does not answer"));
    }
    EDB_TRY(StatusOfSource(who, *answer));
    return answer;
  }

  Result<std::string> ContainerToken() {
    if (const auto file = surroundings_.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
      Result<std::string> token = surroundings_.env->ReadFile(*file, kMaxTokenBytes);
      if (!token.ok()) {
        return UnauthenticatedError("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read");
      }
      while (token->ends_with('\n') || token->ends_with('\r')) {
        token->pop_back();
      }
      return token;
    }
    return surroundings_.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
  }

  Result<FetchedCredentials> FetchFromContainer(std::string url) {
    EDB_ASSIGN(std::string token, ContainerToken());
    OutgoingRequest request{.method = "GET", .url = std::move(url), .headers = {}};
    if (!token.empty()) {
      request.headers.emplace_back("Authorization", std::move(token));
    }
    EDB_ASSIGN(const HttpAnswer answer, Send(std::move(request), "the container's agent"));
    return ParseCredentialsJson(answer.body);
  }

  // Version 2: a token first, so that nobody is led to ask by a forged request.
  Result<FetchedCredentials> FetchFromMachine() {
    const std::string who = "the machine's metadata service";
    if (AsciiLower(surroundings_.variable("AWS_EC2_METADATA_DISABLED").value_or("")) == "true") {
      return UnauthenticatedError(Concat(who, " is not asked, AWS_EC2_METADATA_DISABLED is true"));
    }
    const std::string base =
        WithoutSlashAtEnd(surroundings_.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
                              .value_or(std::string(kMetadata)));
    EDB_ASSIGN(const HttpAnswer token,
               Send({.method = "PUT",
                     .url = Concat(base, "/latest/api/token"),
                     .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}}},
                    who));
    const std::vector<std::pair<std::string, std::string>> with_token = {
        {"X-aws-ec2-metadata-token", token.body}};
    const std::string folder = Concat(base, "/latest/meta-data/iam/security-credentials/");
    EDB_ASSIGN(const HttpAnswer roles,
               Send({.method = "GET", .url = folder, .headers = with_token}, who));
    const std::string role = roles.body.substr(0, roles.body.find_first_of("\r\n"));
    if (role.empty()) {
      return UnauthenticatedError("the machine has no role");
    }
    EDB_ASSIGN(
        const HttpAnswer answer,
        Send({.method = "GET", .url = Concat(folder, PercentEncode(role)), .headers = with_token},
             who));
    return ParseCredentialsJson(answer.body);
  }

  const AwsSurroundings surroundings_;
  HttpClient http_;
};

class RoleSource final : public CredentialsSource {
 public:
  RoleSource(RoleOptions options, std::unique_ptr<CredentialsSource> base,
             AwsSurroundings surroundings)
      : options_(std::move(options)),
        base_(std::move(base)),
        surroundings_(std::move(surroundings)),
        http_({.connections = 1,
               .max_answer_bytes = kMaxAwsCredentialsBytes,
               .ca_file = surroundings_.variable("AWS_CA_BUNDLE").value_or("")}) {}

  Result<FetchedCredentials> Fetch() override {
    EDB_ASSIGN(const FetchedCredentials base, base_->Fetch());
    EDB_ASSIGN(const Uri endpoint, Endpoint());
    std::string body =
        Concat("Action=AssumeRole&Version=2011-06-15&RoleArn=", PercentEncode(options_.arn),
               "&RoleSessionName=", PercentEncode(options_.session_name));
    if (!options_.external_id.empty()) {
      body += Concat("&ExternalId=", PercentEncode(options_.external_id));
    }
    SigV4Request signing{.method = "POST",
                         .target = "/",
                         .headers = {{"host", HostHeader(endpoint)},
                                     {"content-type", "application/x-www-form-urlencoded"}},
                         .body_sha256 = Sha256Hex(body)};
    HttpHeaders headers = SignRequest(
        signing, base.keys, {.region = options_.region, .service = "sts"}, surroundings_.now());
    headers.push_back(signing.headers.back());
    Result<HttpAnswer> answer =
        http_.Send({.method = "POST",
                    .url = Concat(WithoutSlashAtEnd(endpoint.Serialize()), "/"),
                    .headers = std::move(headers),
                    .body = body,
                    .connect_seconds = kS3ConnectSeconds,
                    .seconds = kStsSeconds});
    if (!answer.ok()) {
      return answer.status().WithContext("STS does not answer");
    }
    return Read(*answer);
  }

 private:
  Result<Uri> Endpoint() const {
    if (const auto given = surroundings_.variable("AWS_ENDPOINT_URL_STS")) {
      Result<Uri> uri = Uri::Parse(*given);
      if (!uri.ok() ||
          (uri->scheme() != "https" && !(uri->scheme() == "http" && IsLoopbackHost(uri->host())))) {
        return UnauthenticatedError(
            "AWS_ENDPOINT_URL_STS is neither https:// nor http:// of this machine");
      }
      return uri;
    }
    if (options_.region.empty()) {
      return UnauthenticatedError("STS needs a region");
    }
    return Uri::Parse(Concat("https://sts.", options_.region, ".amazonaws.com",
                             options_.region.starts_with("cn-") ? ".cn" : ""));
  }

  static Result<FetchedCredentials> Read(const HttpAnswer& answer) {
    // The kind of error says enough; the message may repeat what was sent.
    const std::string code(TextOfXml(answer.body, "Code"));
    if (const Status status = StatusOfSource("STS", answer); !status.ok()) {
      return code.empty() ? status
                          : Status(status.code(), Concat(status.message(), ", ", Quote(code)));
    }
    FetchedCredentials fetched;
    fetched.keys = {.access_key_id = std::string(TextOfXml(answer.body, "AccessKeyId")),
                    .secret_access_key = std::string(TextOfXml(answer.body, "SecretAccessKey")),
                    .session_token = std::string(TextOfXml(answer.body, "SessionToken"))};
    if (fetched.keys.access_key_id.empty() || fetched.keys.secret_access_key.empty() ||
        fetched.keys.session_token.empty()) {
      return UnavailableError("STS answered without credentials");
    }
    EDB_ASSIGN(fetched.expires, ParseAwsTime(TextOfXml(answer.body, "Expiration")));
    return fetched;
  }

  const RoleOptions options_;
  const std::unique_ptr<CredentialsSource> base_;
  const AwsSurroundings surroundings_;
  HttpClient http_;
};

}  // namespace

std::unique_ptr<CredentialsSource> NewMachineSource(AwsSurroundings surroundings) {
  return std::make_unique<MachineSource>(std::move(surroundings));
}

std::unique_ptr<CredentialsSource> NewRoleSource(RoleOptions options,
                                                 std::unique_ptr<CredentialsSource> base,
                                                 AwsSurroundings surroundings) {
  return std::make_unique<RoleSource>(std::move(options), std::move(base), std::move(surroundings));
}

}  // namespace embeddingsdb
