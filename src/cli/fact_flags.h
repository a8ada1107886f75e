// SPDX-License-Identifier: BSD-3-Clause
//
// FactFlags: -licence, -model-digest and -model-metric, with which people say what a Parquet file
// cannot know of itself.
#ifndef EMBEDDINGSDB_CLI_FACT_FLAGS_H_
#define EMBEDDINGSDB_CLI_FACT_FLAGS_H_

#include <optional>
#include <string>

#include "embeddingsdb/parquet.h"

#include "cli/command_flags.h"

namespace embeddingsdb {

class FactFlags {
 public:
  /// Declares the flags in `flags`, which is parsed while this object lives.
  explicit FactFlags(CommandFlags& flags);
  FactFlags(const FactFlags&) = delete;
  FactFlags& operator=(const FactFlags&) = delete;
  ~FactFlags() = default;

  /// Takes what they say; kExitUsage, after naming the flag, for a model that is named twice, a
  /// digest or a metric that is none. To be called after the flags were parsed.
  std::optional<int> Take(Session& session, ParquetFacts& facts) const;

 private:
  Result<ParquetFacts> Parse() const;

  const CommandFlags& flags_;
  std::string licence_;
  KeyValues digests_;
  KeyValues metrics_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_FACT_FLAGS_H_
