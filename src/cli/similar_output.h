// SPDX-License-Identifier: BSD-3-Clause
//
// What `similar` and `similar-by-id` share: their flags and how the answer is printed.
#ifndef EMBEDDINGSDB_CLI_SIMILAR_OUTPUT_H_
#define EMBEDDINGSDB_CLI_SIMILAR_OUTPUT_H_

#include <functional>
#include <optional>
#include <ostream>
#include <span>
#include <string>

#include "embeddingsdb/query.h"

#include "cli/command.h"
#include "cli/command_flags.h"

namespace embeddingsdb {

/// -similar-provider, -max-results, -max-distance, -group-by and -format.
struct SimilarFlags {
  std::string provider;
  std::string group_by = "none";
  int max_results = 0;
  float max_distance = 0;
  std::string format = "json";

  void Declare(FlagSet& flags);
  /// kInvalidArgument for values that no query can have.
  Status Check() const;

  /// What was asked for; empty where the database decides.
  std::optional<std::string> ProviderOption() const;
  std::optional<int> MaxResultsOption() const;
  std::optional<float> MaxDistanceOption() const;
  GroupBy GroupByOption() const;
};

/// A search with the given limits instead of the query's own.
using SimilarSearch = std::function<Result<std::vector<SimilarRecord>>(
    std::optional<int> k, std::optional<float> max_distance)>;

/// Searches and prints the answer. When it is empty because the maximum distance cut everything
/// off, says on stderr how far the nearest record is.
Status PrintSimilar(const SimilarFlags& flags, const SimilarSearch& search, Session& session);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_SIMILAR_OUTPUT_H_
