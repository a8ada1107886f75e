// SPDX-License-Identifier: BSD-3-Clause
#include "conformance/engines_under_test.h"

namespace embeddingsdb {

std::ostream& operator<<(std::ostream& os, const EngineUnderTest& engine) {
  return os << engine.name;
}

std::vector<EngineUnderTest> EnginesUnderTest() {
  return {
      {.name = "memory", .uri = [](const std::string&) { return "memory://?metric=l2"; }},
      {.name = "sqlite",
       .uri = [](const auto& dir) { return "sqlite://?dsn=" + dir + "/edb.db"; },
       .keeps_index_files = true},
      {.name = "sqlite_hnsw",
       .uri = [](const auto& dir) { return "sqlite://?dsn=" + dir + "/edb.db&index=hnsw"; }},
      {.name = "duckdb",
       .uri = [](const auto& dir) { return "duckdb://" + dir + "/edb.duckdb?metric=l2"; },
       .keeps_index_files = true},
      {.name = "lmdb",
       .uri = [](const auto& dir) { return "lmdb://" + dir + "/edb?metric=l2"; },
       .keeps_index_files = true},
  };
}

}  // namespace embeddingsdb
