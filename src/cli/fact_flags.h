// SPDX-License-Identifier: BSD-3-Clause
//
// FactFlags: -licence, -model-digest and -model-metric, with which people say what a Parquet file
// cannot know of itself.
#ifndef EMBEDDINGSDB_CLI_FACT_FLAGS_H_
#define EMBEDDINGSDB_CLI_FACT_FLAGS_H_

#include <string>

#include "embeddingsdb/parquet.h"

#include "cli/flags.h"

namespace embeddingsdb {

class FactFlags {
 public:
  /// Declares the flags in `flags`, which this object must outlive.
  explicit FactFlags(FlagSet& flags);
  FactFlags(const FactFlags&) = delete;
  FactFlags& operator=(const FactFlags&) = delete;
  ~FactFlags() = default;

  /// What they say. kInvalidArgument, naming the flag, for a model that is named twice, a digest or
  /// a metric that is none. Valid after the flags were parsed.
  Result<ParquetFacts> Parse() const;

 private:
  std::string licence_;
  KeyValues digests_;
  KeyValues metrics_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_FACT_FLAGS_H_
