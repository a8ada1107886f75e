// SPDX-License-Identifier: BSD-3-Clause
//
// ModelIndex: all an index set knows of one model. Every row's vector, which is what answers are
// computed from; for large models also a graph, which says what few vectors to compare.
#ifndef EMBEDDINGSDB_INDEX_MODEL_INDEX_H_
#define EMBEDDINGSDB_INDEX_MODEL_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/record.h"

#include "index/graph_index.h"
#include "index/index_set.h"

namespace embeddingsdb {

/// Locks are the caller's: LockForSearch around const members, LockForChange around the others,
/// except where a member says that it locks itself.
class ModelIndex {
 public:
  ModelIndex(const IndexSetOptions& options, int dimension);

  // Everyone queues at the turnstile, so that a change that waits for running searches is not
  // overtaken by new ones for ever: std::shared_mutex alone promises nothing.
  std::shared_lock<std::shared_mutex> LockForSearch() const {
    const std::lock_guard turn(turnstile_);
    return std::shared_lock(mutex_);
  }
  std::unique_lock<std::shared_mutex> LockForChange() const {
    const std::lock_guard turn(turnstile_);
    return std::unique_lock(mutex_);
  }

  Status Add(RowId row, std::string_view provider, std::string_view depiction_id,
             std::span<const float> vector);
  Status Replace(const IndexRow& row);
  void Remove(RowId row);
  Result<std::vector<IndexHit>> Search(std::string_view model, const IndexQuery& query) const;

  std::size_t size() const { return rows_.size(); }
  std::size_t memory_bytes() const;
  /// Rows that searches find by the graph.
  std::size_t graph_size() const { return graph_ == nullptr ? 0 : graph_->size(); }

  enum class Growing : std::uint8_t {
    kDone,  ///< every row is in the graph, or there is to be none
    kSoon,  ///< there are new rows, and others may follow: look again a moment later
    kNow,   ///< GrowGraph has something to do that is worth it
  };
  /// For the growing thread. Locks itself.
  Growing Look();
  /// Brings the graph up to date, or begins it anew when too many of its rows are gone. Locks
  /// itself, briefly; searches and changes go on. One thread at a time. kCancelled when stopped or
  /// abandoned; any error leaves the model without the graph's help until the next call.
  Status GrowGraph(std::size_t threads, const std::stop_token& stop);
  /// Nobody will search this model again: makes a running GrowGraph end soon. Locks itself.
  void Abandon() { abandoned_.request_stop(); }

 private:
  struct Provider {
    std::vector<RowId> rows;  ///< ascending; some may be gone
    std::size_t size = 0;     ///< without those that are gone
  };
  using Providers = std::map<std::string, Provider, std::less<>>;
  /// What filters and ties need to know of a row.
  struct RowInfo {
    Providers::value_type* provider = nullptr;
    std::string depiction_id;
  };
  class FilteredRows;

  /// The graph in the making; the growing thread's, except where a lock is named.
  struct Growth {
    std::unique_ptr<GraphIndexBuilder> builder;
    std::size_t taken = 0;    // of arrivals_; guarded by mutex_
    RowId last_row = 0;       // taken; guarded by mutex_
    std::size_t gone = 0;     // removed after they were taken; guarded by mutex_
    std::uint64_t epoch = 0;  // of the rows it began with
  };

  void Reset(std::size_t dimension);
  void Forget(Provider& provider);
  bool WorthAGraph() const;
  /// The first of arrivals_ that is not in the graph.
  std::vector<RowId>::const_iterator Tail() const;
  bool TooManyGone(std::size_t gone, std::size_t size) const;
  Status TakeArrivals(const std::stop_token& stop);
  void Restart();
  Status TryToGrow(std::size_t threads, const std::stop_token& stop);
  /// The rows that may be the nearest, to be compared exactly; nothing when all must be compared.
  std::optional<std::vector<RowId>> Candidates(const IndexQuery& query,
                                               const FilteredRows& view) const;

  const IndexSetOptions options_;
  mutable std::mutex turnstile_;
  mutable std::shared_mutex mutex_;  // guards what follows
  std::size_t dimension_;
  std::unique_ptr<VectorIndex> vectors_;
  Providers providers_;
  std::unordered_map<RowId, RowInfo> rows_;
  std::vector<RowId> arrivals_;  // ascending; some may be gone; kept only when there may be a graph
  std::shared_ptr<const GraphIndex> graph_;
  RowId graph_end_ = 0;  // arrivals up to here are in the graph, or were gone before
  std::size_t gone_from_graph_ = 0;
  std::uint64_t epoch_ = 0;  // changes when rows_ starts from nothing

  Growth growth_;
  RowId seen_ = 0;  // the last arrival at the last look; the growing thread's
  std::stop_source abandoned_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_MODEL_INDEX_H_
