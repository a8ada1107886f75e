// SPDX-License-Identifier: BSD-3-Clause
//
// What people who look after a database ask of it: what is in it and what it takes, and the reports
// of reindexing and compacting.
#ifndef EMBEDDINGSDB_CARE_H_
#define EMBEDDINGSDB_CARE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/index.h"

namespace embeddingsdb {

/// How searches of a model find what is near, or will once its index is built.
enum class SearchKind : std::uint8_t {
  kExact,  ///< "exact": all vectors are compared
  kHnsw,   ///< "hnsw": a graph leads to a few
  kStore,  ///< "store": the engine compares shortened vectors of its own
};
std::string_view SearchKindName(SearchKind kind);

struct ModelStats {
  std::string name;
  int dimension = 0;
  std::int64_t records = 0;
  std::int64_t providers = 0;
  /// Of the distances that searches report. None where they are of the engine's own kind (vectors
  /// that sqlite:// shortens), or a server does not tell.
  std::optional<Metric> metric;
  SearchKind search = SearchKind::kExact;
  Precision precision = Precision::kBf16;  ///< of the copies that searches compare
  bool loaded = false;                     ///< its index is in use in this process
  std::int64_t graph_rows = 0;             ///< that the graph leads to, gone ones among them
  std::int64_t file_rows = 0;              ///< in the index file, gone ones among them
  /// That are compared one by one: not in the graph, or without a graph not in the file. Before the
  /// model is loaded this is the least it can be, since which rows of the file are gone is not
  /// known.
  std::int64_t tail_rows = 0;
  std::int64_t file_bytes = 0;
  std::int64_t memory_bytes = 0;
};

/// Bytes of the files on the disk, by what is in them.
struct FileSizes {
  std::int64_t records = 0;
  std::int64_t log = 0;  ///< what has been written and is not yet in the file of the records
  std::int64_t index = 0;
  std::int64_t other = 0;  ///< locks and the like

  std::int64_t total() const { return records + log + index + other; }
};

/// Something only this engine knows of, for example "free_pages".
struct EngineFact {
  std::string name;
  std::int64_t value = 0;
};

/// What a database holds and takes. With multi:// it is the sum, and `members` has each.
struct DatabaseStats {
  std::string uri;  ///< without secrets
  std::int64_t records = 0;
  std::int64_t last_update = 0;    ///< as Database::LastUpdate
  std::vector<ModelStats> models;  ///< by name; with multi:// member by member
  FileSizes files;
  std::int64_t index_memory_bytes = 0;
  std::vector<EngineFact> facts;
  std::vector<DatabaseStats> members;
};

/// What Reindex did to a model.
struct ReindexedModel {
  std::string model;
  std::int64_t rows = 0;
  bool indexed = false;  ///< false: it has too few records to need an index, or the engine has none
  double seconds = 0;
};
/// Told of each model when it is done.
using ReindexProgress = std::function<void(const ReindexedModel&)>;

/// What Compact did. With multi:// sizes are sums, and `members` has each.
struct CompactReport {
  std::string uri;  ///< without secrets
  FileSizes before;
  FileSizes after;
  std::vector<CompactReport> members;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CARE_H_
