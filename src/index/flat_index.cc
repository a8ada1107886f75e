// SPDX-License-Identifier: BSD-3-Clause
//
// How the scan is fast and exact: a float32 kernel gives each row a number whose error is bounded,
// the bounds rule out nearly every row, and the Shortlist settles the rest in double. What the
// bounds must hold against is written down in docs/adr/0002-exact-search-kernels.md.
#include "index/flat_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>

#include "embeddingsdb/record.h"

#include "core/text.h"
#include "index/shortlist.h"
#include "index/vector_blocks.h"

namespace embeddingsdb {
namespace {

/// Within these lengths no product or sum of a kernel overflows, and what underflows is far below
/// the rounding error. Rows and queries outside are compared exactly.
constexpr double kMinNorm = 1e-15;
constexpr double kMaxNorm = 1e15;

/// Rows handed to a kernel at once.
constexpr std::size_t kChunk = 64;

/// Infinite or NaN exactly when an element is: squares of float32 do not overflow a double.
double SquaredNorm(std::span<const float> vector) {
  double sums[8] = {};  // independent, so that compilers vectorise the loop
  std::size_t i = 0;
  for (; i + 8 <= vector.size(); i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      const double element = static_cast<double>(vector[i + lane]);
      sums[lane] += element * element;
    }
  }
  double sum = 0;
  for (; i < vector.size(); ++i) {
    const double element = static_cast<double>(vector[i]);
    sum += element * element;
  }
  for (const double lane : sums) {
    sum += lane;
  }
  return sum;
}

/// The length, or NaN when it is outside the kernels' range: every bound computed from it is NaN
/// then, which stands for "unknown".
double NormInRange(double squared_norm) {
  const double norm = std::sqrt(squared_norm);
  return norm >= kMinNorm && norm <= kMaxNorm ? norm : std::numeric_limits<double>::quiet_NaN();
}

/// From a kernel's sum to bounds of the exact distance. Bounds are kept in terms of a score, which
/// is the distance itself or, for l2, its square: roots are taken of few rows only.
class Bounds {
 public:
  struct Range {
    double low;
    double high;
  };

  Bounds(Metric metric, double query_norm, std::size_t elements)
      : metric_(metric),
        error_(KernelError(elements)),
        underflow_(static_cast<double>(elements * 4) *
                   static_cast<double>(std::numeric_limits<float>::min())),
        dot_error_(error_ * query_norm) {}

  /// `sum` is the squared distance, or the dot product with the query (for cosine: with the query
  /// at length 1). An infinite sum gives NaN, as it should: it may be a large one that is finite.
  Range Score(float sum, float row_norm) const {
    const double value = static_cast<double>(sum);
    const double norm = static_cast<double>(row_norm);
    switch (metric_) {
      case Metric::kL2:
        return Around(value, error_ * value + underflow_);
      case Metric::kCosine:
        return Around(1 - value / norm, error_);
      case Metric::kInnerProduct:
        return Around(1 - value, dot_error_ * norm + underflow_);
    }
    return {};
  }

  DistanceBounds Distance(Range score) const {
    // Conversion to float32 rounds to nearest, which keeps the order, so the bounds stay bounds.
    if (metric_ != Metric::kL2 || std::isnan(score.low)) {
      return {static_cast<float>(score.low), static_cast<float>(score.high)};
    }
    return {static_cast<float>(std::sqrt(std::max(score.low, 0.0))),
            static_cast<float>(std::sqrt(score.high))};
  }

  /// A score above the result belongs to a distance above `limit`.
  double Cut(float limit) const {
    // A distance is rounded to float32, so only what reaches the next one is certainly larger.
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const double next = static_cast<double>(std::nextafter(limit, kInfinity));
    return metric_ == Metric::kL2 ? std::max(next, 0.0) * std::max(next, 0.0) : next;
  }

 private:
  static Range Around(double score, double error) { return {score - error, score + error}; }

  Metric metric_;
  double error_;
  double underflow_;  ///< even where a host program has switched denormal numbers off
  double dot_error_;
};

class FlatIndex final : public VectorIndex {
 public:
  FlatIndex(Metric metric, int dimension, const DistanceKernels& kernels)
      : metric_(metric),
        dimension_(static_cast<std::size_t>(dimension)),
        kernel_(metric == Metric::kL2 ? kernels.squared_l2 : kernels.dot),
        vectors_((dimension_ + kKernelLanes - 1) / kKernelLanes * kKernelLanes) {}

  Status Add(RowId row, std::span<const float> vector) override;
  bool Remove(RowId row) override;
  Result<std::vector<Neighbor>> Search(std::span<const float> query,
                                       const SearchOptions& options) const override;
  Result<std::vector<Neighbor>> SearchAmong(std::span<const float> query,
                                            const SearchOptions& options,
                                            std::span<const RowId> among) const override;
  std::span<const float> Vector(RowId row) const override;
  std::size_t size() const override { return ids_.size(); }
  std::size_t memory_bytes() const override;

 private:
  Status CheckSearch(std::span<const float> query, const SearchOptions& options) const;
  AlignedFloats KernelQuery(std::span<const float> query, double norm) const;
  /// `scan` offers rows to the shortlist.
  template <typename ScanRows>
  Result<std::vector<Neighbor>> SearchBy(std::span<const float> query, const SearchOptions& options,
                                         const ScanRows& scan) const;
  void Scan(std::span<const float> query, const Bounds& bounds, const RowView* rows,
            Shortlist& shortlist) const;

  Metric metric_;
  std::size_t dimension_;
  DistanceKernels::Kernel kernel_;
  // Slot by slot: vector, row id, length.
  VectorBlocks vectors_;
  std::vector<RowId> ids_;
  std::vector<float> norms_;  // as NormInRange
  std::unordered_map<RowId, std::size_t> slots_;
};

Status FlatIndex::Add(RowId row, std::span<const float> vector) {
  if (vector.size() != dimension_) {
    return InvalidArgumentError(Concat("the vector of row ", row, " has ", vector.size(),
                                       " elements, but the index has ", dimension_));
  }
  const double squared_norm = SquaredNorm(vector);
  if (!std::isfinite(squared_norm)) {
    return ValidateEmbedding(vector, "vector");
  }
  if (slots_.contains(row)) {
    return InvalidArgumentError(Concat("row ", row, " is in the index already"));
  }
  float* const stored = vectors_.Push();
  if (stored == nullptr) {
    return ResourceExhaustedError(
        Concat("no memory for vector number ", size() + 1, " of ", dimension_, " elements"));
  }
  std::fill(std::copy(vector.begin(), vector.end(), stored), stored + vectors_.stride(), 0.0F);
  slots_.emplace(row, ids_.size());
  ids_.push_back(row);
  norms_.push_back(static_cast<float>(NormInRange(squared_norm)));
  return {};
}

bool FlatIndex::Remove(RowId row) {
  const auto it = slots_.find(row);
  if (it == slots_.end()) {
    return false;
  }
  const std::size_t slot = it->second;
  const std::size_t last = ids_.size() - 1;
  slots_.erase(it);
  if (slot != last) {
    std::copy_n(vectors_.row(last), vectors_.stride(), vectors_.row(slot));
    ids_[slot] = ids_[last];
    norms_[slot] = norms_[last];
    slots_[ids_[slot]] = slot;
  }
  vectors_.Pop();
  ids_.pop_back();
  norms_.pop_back();
  return true;
}

Status FlatIndex::CheckSearch(std::span<const float> query, const SearchOptions& options) const {
  if (query.size() != dimension_) {
    return InvalidArgumentError(
        Concat("the query has ", query.size(), " elements, but the index has ", dimension_));
  }
  EDB_TRY(ValidateEmbedding(query, "query"));
  if (options.k < 1) {
    return InvalidArgumentError(Concat("k is ", options.k, "; it must be at least 1"));
  }
  if (std::isnan(options.max_distance)) {
    return InvalidArgumentError("max_distance is not a number");
  }
  return {};
}

template <typename ScanRows>
Result<std::vector<Neighbor>> FlatIndex::SearchBy(std::span<const float> query,
                                                  const SearchOptions& options,
                                                  const ScanRows& scan) const {
  EDB_TRY(CheckSearch(query, options));
  const double squared_norm = SquaredNorm(query);
  const AlignedFloats kernel_query = KernelQuery(query, std::sqrt(squared_norm));
  if (!kernel_query) {
    return ResourceExhaustedError("no memory for a query");
  }
  SearchOptions bounded = options;
  bounded.k = static_cast<int>(
      std::min(static_cast<std::size_t>(options.k), std::max(size(), std::size_t{1})));
  Shortlist shortlist(metric_, query, bounded);
  scan(std::span<const float>(kernel_query.get(), vectors_.stride()),
       Bounds(metric_, NormInRange(squared_norm), vectors_.stride()), shortlist);
  return shortlist.Finish();
}

Result<std::vector<Neighbor>> FlatIndex::Search(std::span<const float> query,
                                                const SearchOptions& options) const {
  return SearchBy(query, options,
                  [&](std::span<const float> padded, const Bounds& bounds, Shortlist& shortlist) {
                    Scan(padded, bounds, options.rows, shortlist);
                  });
}

Result<std::vector<Neighbor>> FlatIndex::SearchAmong(std::span<const float> query,
                                                     const SearchOptions& options,
                                                     std::span<const RowId> among) const {
  return SearchBy(
      query, options,
      [&](std::span<const float> padded, const Bounds& bounds, Shortlist& shortlist) {
        for (const RowId row : among) {
          const auto it = slots_.find(row);
          if (it == slots_.end() || (options.rows != nullptr && !options.rows->Allows(row))) {
            continue;
          }
          const float* const vector = vectors_.row(it->second);
          float sum = 0;
          kernel_(padded, vector, {&sum, 1});
          const Bounds::Range score = bounds.Score(sum, norms_[it->second]);
          shortlist.Offer(row, vector, bounds.Distance(score));
        }
      });
}

std::span<const float> FlatIndex::Vector(RowId row) const {
  const auto it = slots_.find(row);
  if (it == slots_.end()) {
    return {};
  }
  return {vectors_.row(it->second), dimension_};
}

/// The query as kernels want it: padded with zeros, and for cosine at length 1 (unless it is zero).
AlignedFloats FlatIndex::KernelQuery(std::span<const float> query, double norm) const {
  AlignedFloats padded = NewAlignedFloats(vectors_.stride());
  if (!padded) {
    return padded;
  }
  std::fill_n(padded.get(), vectors_.stride(), 0.0F);
  const double scale = metric_ == Metric::kCosine && norm > 0 ? 1 / norm : 1;
  for (std::size_t i = 0; i < query.size(); ++i) {
    padded[i] = static_cast<float>(static_cast<double>(query[i]) * scale);
  }
  return padded;
}

void FlatIndex::Scan(std::span<const float> query, const Bounds& bounds, const RowView* rows,
                     Shortlist& shortlist) const {
  const std::size_t stride = vectors_.stride();
  double cut = bounds.Cut(shortlist.limit());
  float sums[kChunk];
  for (const VectorBlocks::Block& block : vectors_.blocks()) {
    const std::size_t in_block = vectors_.RowsIn(block);
    for (std::size_t first = 0; first < in_block; first += kChunk) {
      const std::size_t count = std::min(kChunk, in_block - first);
      const float* const vectors = block.data.get() + first * stride;
      kernel_(query, vectors, {sums, count});
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t slot = block.first + first + i;
        const Bounds::Range score = bounds.Score(sums[i], norms_[slot]);
        if (score.low > cut) {
          continue;  // not when it is NaN
        }
        if (rows != nullptr && !rows->Allows(ids_[slot])) {
          continue;
        }
        if (shortlist.Offer(ids_[slot], vectors + i * stride, bounds.Distance(score))) {
          cut = bounds.Cut(shortlist.limit());
        }
      }
    }
  }
}

std::size_t FlatIndex::memory_bytes() const {
  // A node of the map has the pair and a pointer, and the allocator's header.
  constexpr std::size_t kNodeBytes = sizeof(std::pair<RowId, std::size_t>) + 2 * sizeof(void*);
  return vectors_.memory_bytes() + ids_.capacity() * sizeof(RowId) +
         norms_.capacity() * sizeof(float) + slots_.size() * kNodeBytes +
         slots_.bucket_count() * sizeof(void*);
}

}  // namespace

std::unique_ptr<VectorIndex> NewFlatIndex(Metric metric, int dimension,
                                          const DistanceKernels& kernels) {
  return std::make_unique<FlatIndex>(metric, dimension, kernels);
}

}  // namespace embeddingsdb
