// SPDX-License-Identifier: BSD-3-Clause
//
// Credentials of this machine: the environment, files, and what is found when nobody says.
#include "aws/credentials_sources.h"

#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

class AnonymousSource final : public CredentialsSource {
 public:
  Result<FetchedCredentials> Fetch() override { return FetchedCredentials{}; }
};

class EnvironmentSource final : public CredentialsSource {
 public:
  explicit EnvironmentSource(AwsSurroundings surroundings)
      : surroundings_(std::move(surroundings)) {}

  Result<FetchedCredentials> Fetch() override {
    FetchedCredentials fetched;
    fetched.keys = {
        .access_key_id = surroundings_.variable("AWS_ACCESS_KEY_ID").value_or(""),
        .secret_access_key = surroundings_.variable("AWS_SECRET_ACCESS_KEY").value_or(""),
        .session_token = surroundings_.variable("AWS_SESSION_TOKEN").value_or("")};
    if (fetched.keys.access_key_id.empty()) {
      return UnauthenticatedError("AWS_ACCESS_KEY_ID is not set");
    }
    if (fetched.keys.secret_access_key.empty()) {
      return UnauthenticatedError("AWS_SECRET_ACCESS_KEY is not set");
    }
    return fetched;
  }

 private:
  const AwsSurroundings surroundings_;
};

class ProfileSource final : public CredentialsSource {
 public:
  ProfileSource(ProfileOptions options, AwsSurroundings surroundings)
      : options_(std::move(options)), surroundings_(std::move(surroundings)) {}

  Result<FetchedCredentials> Fetch() override {
    EDB_ASSIGN(const AwsProfiles profiles, ReadProfiles());
    return FetchProfile(profiles, options_.profile, kMaxAwsProfileChain);
  }

 private:
  std::string DefaultPath(const char* variable, std::string_view name) const {
    if (const auto path = surroundings_.variable(variable)) {
      return *path;
    }
    const auto home = surroundings_.variable("HOME");
    return home ? Concat(*home, "/.aws/", name) : std::string();
  }

  // What the file of credentials says counts before what the other file says.
  Status Merge(const std::string& path, AwsProfiles& profiles) const {
    if (path.empty() || !surroundings_.env->Exists(path)) {
      return {};
    }
    const Result<std::string> text = surroundings_.env->ReadFile(path, kMaxAwsProfilesBytes);
    if (!text.ok()) {
      return {text.status().code(), "a file of profiles cannot be read"};
    }
    for (auto& [name, settings] : ParseAwsProfiles(*text)) {
      profiles[name].insert(settings.begin(), settings.end());
    }
    return {};
  }

  Result<AwsProfiles> ReadProfiles() const {
    AwsProfiles profiles;
    if (!options_.path.empty()) {
      EDB_TRY(Merge(options_.path, profiles));
      return profiles;
    }
    EDB_TRY(Merge(DefaultPath("AWS_SHARED_CREDENTIALS_FILE", "credentials"), profiles));
    EDB_TRY(Merge(DefaultPath("AWS_CONFIG_FILE", "config"), profiles));
    return profiles;
  }

  Result<FetchedCredentials> FetchProfile(const AwsProfiles& profiles, const std::string& name,
                                          int depth) {
    const auto profile = profiles.find(name);
    if (profile == profiles.end()) {
      return UnauthenticatedError("the file of profiles is not there or has no such profile");
    }
    const auto setting = [&profile](const char* key) {
      const auto found = profile->second.find(key);
      return found == profile->second.end() ? std::string() : found->second;
    };
    const std::string source = setting("source_profile");
    if (const std::string arn = setting("role_arn"); !arn.empty() && source != name) {
      if (source.empty() || depth == 0) {
        return UnauthenticatedError(
            "a profile has role_arn without a source_profile that leads to keys");
      }
      EDB_ASSIGN(FetchedCredentials base, FetchProfile(profiles, source, depth - 1));
      const std::string region = setting("region");
      return NewRoleSource({.arn = arn,
                            .region = region.empty() ? options_.region : region,
                            .external_id = setting("external_id")},
                           NewFixedSource(std::move(base)), surroundings_)
          ->Fetch();
    }
    FetchedCredentials fetched;
    fetched.keys = {.access_key_id = setting("aws_access_key_id"),
                    .secret_access_key = setting("aws_secret_access_key"),
                    .session_token = setting("aws_session_token")};
    if (fetched.keys.access_key_id.empty() || fetched.keys.secret_access_key.empty()) {
      return UnauthenticatedError(
          "the profile has no aws_access_key_id or no aws_secret_access_key");
    }
    return fetched;
  }

  const ProfileOptions options_;
  const AwsSurroundings surroundings_;
};

class FixedSource final : public CredentialsSource {
 public:
  explicit FixedSource(FetchedCredentials credentials) : credentials_(std::move(credentials)) {}
  Result<FetchedCredentials> Fetch() override { return credentials_; }

 private:
  const FetchedCredentials credentials_;
};

class ChainSource final : public CredentialsSource {
 public:
  ChainSource(std::string region, AwsSurroundings surroundings)
      : environment_(NewEnvironmentSource(surroundings)),
        profile_(
            NewProfileSource({.path = {},
                              .profile = surroundings.variable("AWS_PROFILE").value_or("default"),
                              .region = std::move(region)},
                             surroundings)),
        machine_(NewMachineSource(surroundings)),
        surroundings_(std::move(surroundings)) {}

  Result<FetchedCredentials> Fetch() override {
    if (surroundings_.variable("AWS_ACCESS_KEY_ID")) {
      return environment_->Fetch();
    }
    Result<FetchedCredentials> of_profile = profile_->Fetch();
    // A profile that somebody named is meant.
    if (of_profile.ok() || surroundings_.variable("AWS_PROFILE")) {
      return of_profile;
    }
    Result<FetchedCredentials> of_machine = machine_->Fetch();
    if (!of_machine.ok()) {
      return UnauthenticatedError(
          Concat("none found: AWS_ACCESS_KEY_ID is not set, there is no profile \"default\", and ",
                 of_machine.status().message()));
    }
    return of_machine;
  }

 private:
  const std::unique_ptr<CredentialsSource> environment_;
  const std::unique_ptr<CredentialsSource> profile_;
  const std::unique_ptr<CredentialsSource> machine_;
  const AwsSurroundings surroundings_;
};

}  // namespace

std::unique_ptr<CredentialsSource> NewAnonymousSource() {
  return std::make_unique<AnonymousSource>();
}

std::unique_ptr<CredentialsSource> NewFixedSource(FetchedCredentials credentials) {
  return std::make_unique<FixedSource>(std::move(credentials));
}

std::unique_ptr<CredentialsSource> NewEnvironmentSource(AwsSurroundings surroundings) {
  return std::make_unique<EnvironmentSource>(std::move(surroundings));
}

std::unique_ptr<CredentialsSource> NewProfileSource(ProfileOptions options,
                                                    AwsSurroundings surroundings) {
  return std::make_unique<ProfileSource>(std::move(options), std::move(surroundings));
}

std::unique_ptr<CredentialsSource> NewChainSource(std::string region,
                                                  AwsSurroundings surroundings) {
  return std::make_unique<ChainSource>(std::move(region), std::move(surroundings));
}

}  // namespace embeddingsdb
