// SPDX-License-Identifier: BSD-3-Clause
//
// The places that AWS credentials come from. Where each is can be said only by AWS's own variables.
#ifndef EMBEDDINGSDB_AWS_CREDENTIALS_SOURCES_H_
#define EMBEDDINGSDB_AWS_CREDENTIALS_SOURCES_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "aws/credentials.h"

namespace embeddingsdb {

/// Sections of an INI file of the AWS tools and what they say; a file's `[profile NAME]` is NAME.
using AwsProfiles = std::map<std::string, std::map<std::string, std::string>>;
/// Lines that are neither section, `name = value` nor comment are passed over, as those tools do.
AwsProfiles ParseAwsProfiles(std::string_view text);

/// "2026-01-02T03:04:05Z", also with a fraction, in seconds since 1970; kInvalidArgument.
Result<std::int64_t> ParseAwsTime(std::string_view text);

/// The text between <NAME> and </NAME>, or empty.
std::string_view TextOfXml(std::string_view xml, std::string_view name);

/// {"AccessKeyId":...,"SecretAccessKey":...,"Token":...,"Expiration":...}
Result<FetchedCredentials> ParseCredentialsJson(std::string_view json);

/// No credentials: requests are not signed.
std::unique_ptr<CredentialsSource> NewAnonymousSource();
/// Always these.
std::unique_ptr<CredentialsSource> NewFixedSource(FetchedCredentials credentials);
/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
std::unique_ptr<CredentialsSource> NewEnvironmentSource(AwsSurroundings surroundings);
/// A profile of `path`; of AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials when that is empty,
/// and then also of AWS_CONFIG_FILE or ~/.aws/config. One with `role_arn` and `source_profile` is
/// that role.
struct ProfileOptions {
  std::string path;
  std::string profile;
  std::string region;
};
std::unique_ptr<CredentialsSource> NewProfileSource(ProfileOptions options,
                                                    AwsSurroundings surroundings);
/// The role of the container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI) or of the
/// machine (instance metadata, version 2 only).
std::unique_ptr<CredentialsSource> NewMachineSource(AwsSurroundings surroundings);

/// A role, which STS gives to whoever `base` is.
struct RoleOptions {
  std::string arn;
  std::string region;
  std::string session_name = "embeddingsdb";
  std::string external_id = {};
};
std::unique_ptr<CredentialsSource> NewRoleSource(RoleOptions options,
                                                 std::unique_ptr<CredentialsSource> base,
                                                 AwsSurroundings surroundings);

/// The environment, else a profile, else the machine.
std::unique_ptr<CredentialsSource> NewChainSource(std::string region, AwsSurroundings surroundings);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_AWS_CREDENTIALS_SOURCES_H_
