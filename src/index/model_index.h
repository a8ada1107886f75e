// SPDX-License-Identifier: BSD-3-Clause
//
// ModelIndex: all an index set knows of one model: its rows with coded vectors, and for large
// models a graph of the first of them. The rows behind the graph's last are compared one by one.
#ifndef EMBEDDINGSDB_INDEX_MODEL_INDEX_H_
#define EMBEDDINGSDB_INDEX_MODEL_INDEX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/record.h"

#include "index/code_query.h"
#include "index/coded_rows.h"
#include "index/filtered_slots.h"
#include "index/graph_index.h"
#include "index/index_file.h"
#include "index/index_set.h"
#include "index/shortlist.h"

namespace embeddingsdb {

/// Whether `rows` rows of a model are worth a graph, or in the mode without graphs a file. `saves`:
/// there are files.
bool IndexIsWorthwhile(IndexMode mode, bool saves, std::size_t rows);

/// A row that may be among the nearest.
struct IndexCandidate {
  IndexHit hit;  ///< its distance counts only when the bounds are known
  DistanceBounds bounds;
};

/// Locks are the caller's: LockForSearch around const members, LockForChange around the others,
/// except where a member says that it locks itself.
class ModelIndex {
 public:
  ModelIndex(const IndexSetOptions& options, int dimension);
  /// Goes on with what a file has.
  ModelIndex(const IndexSetOptions& options, int dimension,
             const std::shared_ptr<const IndexFile>& file);

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

  Status Add(const CodedRows::Row& row, std::span<const float> vector) {
    return rows_->Append(row, vector);
  }
  Status Replace(const IndexRow& row);
  void Remove(RowId row);
  /// Marks every row as gone that is not named in `rows`, which ascends. How many of them the index
  /// has.
  std::size_t KeepOnly(std::span<const RowId> rows);

  /// Rows that may be among the nearest, the smaller lower bound first: at least the answer itself,
  /// apart from what a graph misses. When all distances are known it is the answer, in its order.
  /// Nothing when the index knows too little for the filters.
  Result<std::optional<std::vector<IndexCandidate>>> Search(std::string_view model,
                                                            const IndexQuery& query) const;

  std::size_t size() const { return rows_->live(); }
  std::size_t gone() const { return rows_->gone(); }
  /// The largest row id there has been; 0 when there was none.
  RowId last_row() const;
  std::size_t memory_bytes() const;
  /// Rows that searches find by the graph, gone ones among them.
  std::size_t graph_size() const { return graph_ == nullptr ? 0 : graph_->size(); }
  /// Rows that are in a file.
  std::size_t file_size() const { return file_rows_; }
  const CodedRows& rows() const { return *rows_; }

  enum class Growing : std::uint8_t {
    kDone,  ///< few rows, if any, are not in the graph and the file
    kSoon,  ///< there are new rows, and others may follow: look again a moment later
    kNow,   ///< Grow has something to do that is worth it
  };
  /// For the growing thread. Locks itself.
  Growing Look();
  /// While it is held the growing thread finds nothing to do: somebody else grows it.
  void Hold(bool held) { held_ = held; }
  /// Brings graph and file up to date, without the rows that are gone when these are too many.
  /// Locks itself, briefly; searches and changes go on. One thread at a time. kCancelled when
  /// stopped or abandoned; any error leaves the model as it was.
  Status Grow(std::string_view model, std::size_t threads, const std::stop_token& stop);
  /// Nobody will search this model again: makes a running Grow end soon. Locks itself.
  void Abandon() { abandoned_.request_stop(); }

 private:
  class QueryRows;
  using Rows = std::shared_ptr<CodedRows>;

  /// Up to how many rows of a filter are looked at one by one.
  std::size_t Few() const;
  /// Compares the rows of a filter.
  void ScanFew(const CodeQuery& query, const QueryRows& view, const std::vector<Slot>& slots,
               Shortlist& list) const;
  /// The slots that the query's filters or rows leave; null for all.
  std::shared_ptr<const FilteredSlots::Matching> Choose(std::string_view model,
                                                        const IndexQuery& query) const;
  std::vector<IndexCandidate> ToCandidates(std::string_view model,
                                           const std::vector<Shortlist::Entry>& entries) const;
  void Scan(const CodeQuery& query, const QueryRows& view, Slot first, Shortlist& list) const;
  /// Compares the slots that `for_each` visits, which may lie anywhere.
  template <typename ForEachSlot>
  void ScanSlots(const CodeQuery& query, const QueryRows& view, const ForEachSlot& for_each,
                 Shortlist& list) const;
  /// The same for slots that ascend, comparing only those whose sketches say that it is worth it.
  void ScanSketched(const CodeQuery& query, const QueryRows& view, std::span<const Slot> slots,
                    Shortlist& list) const;
  void OfferHidden(const CodeQuery& query, const QueryRows& view,
                   const std::vector<SlotDistance>& found, Shortlist& list) const;
  /// False when the graph cannot tell: then all rows have to be compared.
  bool SearchGraph(const CodeQuery& query, const QueryRows& view, Shortlist& list) const;

  bool Wanted() const;
  bool CanSave() const {
    return options_.files != nullptr && options_.files->writable() && !save_failed_;
  }
  bool TooManyGone() const;
  Status TryToGrow(std::string_view model, std::size_t threads, const std::stop_token& stop);
  Result<Rows> WithoutGone(const Rows& rows, std::size_t count, const std::stop_token& stop);
  Status Install(const Rows& from, const Rows& rows, std::size_t count,
                 std::shared_ptr<const GraphIndex> graph);
  Status Save(std::string_view model, const Rows& rows, std::size_t count,
              const std::shared_ptr<const GraphIndex>& graph);

  const IndexSetOptions options_;
  mutable std::mutex turnstile_;
  mutable std::shared_mutex mutex_;  // guards what follows
  Rows rows_;
  mutable FilteredSlots filtered_;  // of rows_
  std::shared_ptr<const GraphIndex> graph_;
  std::size_t file_rows_ = 0;  // of rows_, which are in a file
  bool save_failed_ = false;   // and would again: the disk is full, or not ours to write

  std::size_t seen_ = 0;  // rows at the last look; the growing thread's
  std::stop_source abandoned_;
  std::atomic<bool> held_ = false;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_MODEL_INDEX_H_
