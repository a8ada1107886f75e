// SPDX-License-Identifier: BSD-3-Clause
//
// Member: one of the databases behind a multi:// URI.
#ifndef EMBEDDINGSDB_ENGINES_MULTI_MEMBER_H_
#define EMBEDDINGSDB_ENGINES_MULTI_MEMBER_H_

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/index.h"
#include "embeddingsdb/registry.h"
#include "embeddingsdb/uri.h"

namespace embeddingsdb {

/// The options of multi:// that hold a member's URI. The second is what early versions of
/// go-embeddingsdb called the first.
inline constexpr auto kMemberOptions =
    std::to_array<std::string_view>({"database", "database-uri"});

struct Member {
  std::string name;               ///< its URI without secrets; errors begin with it
  std::optional<int> dimensions;  ///< its `dimensions` option: the only length it takes
  bool read_only = false;
  int max_results = 0;  ///< its default of k
  Metric metric = Metric::kL2;
  std::unique_ptr<Database> database;
};

/// The outcome of a member's call, with the member's name in front of an error.
inline Status Named(const Member& member, const Status& status) {
  return status.WithContext(member.name);
}
template <typename T>
Result<T> Named(const Member& member, Result<T> result) {
  return result.ok() ? std::move(result) : Result<T>(Named(member, result.status()));
}

/// Opens the databases of a multi:// URI, in its order. The common options of `uri` but for
/// `dimensions` hold for each member that does not set them itself.
/// kInvalidArgument, naming the databases, for none or more than kMaxDatabases, one that is
/// multi:// again, two with the same `dimensions`, and the same one twice; else what opening one
/// says.
Result<std::vector<Member>> OpenMembers(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_MULTI_MEMBER_H_
