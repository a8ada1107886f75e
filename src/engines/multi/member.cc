// SPDX-License-Identifier: BSD-3-Clause
#include "engines/multi/member.h"

#include <algorithm>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "engines/database_base.h"

namespace embeddingsdb {
namespace {

/// A member before it is opened.
struct Plan {
  Uri uri;
  Member member;
};

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What tells databases apart: where they are, and the options that only their engine has. Links
/// are followed, but engines can name one file in more ways; those a second writer is refused by.
struct Identity {
  std::string scheme;  // empty when there is a path, which may be opened under two schemes
  std::string path;
  std::vector<std::pair<std::string, std::string>> options;

  bool operator==(const Identity&) const = default;
};

Identity IdentityOf(const Uri& uri) {
  Identity identity;
  identity.path = uri.FilePath();
  if (identity.path.empty()) {
    identity.scheme = uri.scheme();
  } else {
    std::error_code error;
    const std::filesystem::path canonical =
        std::filesystem::weakly_canonical(std::filesystem::absolute(identity.path, error), error);
    identity.path = error ? identity.path : canonical.string();
  }
  for (const auto& option : uri.options()) {
    if (!Contains(EngineOptions::CommonNames(), option.first)) {
      identity.options.push_back(option);
    }
  }
  std::sort(identity.options.begin(), identity.options.end());
  return identity;
}

Result<Plan> MakePlan(const std::string& text, const Uri& multi) {
  if (text.empty()) {
    return InvalidArgumentError("the URI is empty");
  }
  Plan plan;
  EDB_ASSIGN(plan.uri, Uri::Parse(text));
  plan.member.name = plan.uri.Redacted();
  if (plan.uri.scheme() == multi.scheme()) {
    return InvalidArgumentError(
        Concat(plan.member.name, " holds databases itself; name those in ", "its place"));
  }
  // `dimensions` tells members apart, so it cannot be the same for all.
  for (const std::string_view name : EngineOptions::CommonNames()) {
    const std::optional<std::string> common = multi.Option(name);
    if (name != "dimensions" && common && !plan.uri.Option(name)) {
      plan.uri.AddOption(name, *common);
    }
  }
  if (plan.uri.Option("dimensions")) {
    EDB_ASSIGN(const std::int64_t dimensions,
               plan.uri.IntOption("dimensions", 0, kMinDimension, kMaxDimension));
    plan.member.dimensions = static_cast<int>(dimensions);
  }
  EDB_ASSIGN(const std::int64_t max_results,
             plan.uri.IntOption("max-results", kDefaultResults, 1, kMaxResults));
  plan.member.max_results = static_cast<int>(max_results);
  EDB_ASSIGN(plan.member.read_only, plan.uri.BoolOption("read-only", false));
  EDB_ASSIGN(plan.member.metric,
             ParseMetric(plan.uri.Option("metric").value_or(std::string(MetricName(Metric::kL2)))));
  return plan;
}

/// "database 2 (sqlite://...)", counted as people do.
std::string Numbered(std::size_t i, const Plan& plan) {
  return Concat("database ", i + 1, " (", plan.member.name, ")");
}

Result<std::vector<Plan>> MakePlans(const Uri& multi) {
  std::vector<Plan> plans;
  for (const auto& [name, text] : multi.options()) {
    if (!Contains(kMemberOptions, name)) {
      continue;
    }
    Result<Plan> plan = MakePlan(text, multi);
    if (!plan.ok()) {
      return plan.status().WithContext(Concat("database ", plans.size() + 1));
    }
    plans.push_back(*std::move(plan));
  }
  if (plans.empty()) {
    return InvalidArgumentError(
        Concat(multi.scheme(), ":// names no database; name at least one, ",
               "percent-encoded, as in multi://?database=URI&database=URI"));
  }
  if (plans.size() > kMaxDatabases) {
    return InvalidArgumentError(Concat(multi.scheme(), ":// names ", plans.size(),
                                       " databases, the limit is ", kMaxDatabases));
  }
  for (std::size_t b = 1; b < plans.size(); ++b) {
    for (std::size_t a = 0; a < b; ++a) {
      const std::optional<int>& dimensions = plans[a].member.dimensions;
      if (dimensions && dimensions == plans[b].member.dimensions) {
        return InvalidArgumentError(Concat(Numbered(a, plans[a]), " and ", Numbered(b, plans[b]),
                                           " both have dimensions=", *dimensions,
                                           "; a length may be given to one only"));
      }
    }
  }
  return plans;
}

/// A database that only its handle can reach, as memory://, is never another one.
Status CheckNotOpened(const std::vector<Plan>& plans, std::size_t next) {
  const Identity identity = IdentityOf(plans[next].uri);
  for (std::size_t i = 0; i < next; ++i) {
    if (plans[i].member.database->capabilities().persistent &&
        IdentityOf(plans[i].uri) == identity) {
      return InvalidArgumentError(Concat(Numbered(i, plans[i]), " and ",
                                         Numbered(next, plans[next]), " are the same database"));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Member>> OpenMembers(const Uri& uri, const Context& context) {
  EDB_ASSIGN(std::vector<Plan> plans, MakePlans(uri));
  for (std::size_t i = 0; i < plans.size(); ++i) {
    EDB_TRY(CheckNotOpened(plans, i));
    Result<std::unique_ptr<Database>> opened =
        context.registry->OpenDatabase(plans[i].uri.Serialize(), context);
    if (!opened.ok()) {
      return opened.status().WithContext(Numbered(i, plans[i]));
    }
    plans[i].member.database = *std::move(opened);
  }
  std::vector<Member> members;
  members.reserve(plans.size());
  for (Plan& plan : plans) {
    members.push_back(std::move(plan.member));
  }
  return members;
}

}  // namespace embeddingsdb
