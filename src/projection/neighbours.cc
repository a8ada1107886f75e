// SPDX-License-Identifier: BSD-3-Clause
#include "projection/neighbours.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>

#include "index/distance.h"
#include "index/hnsw_builder.h"
#include "index/hnsw_graph.h"
#include "projection/pca.h"

namespace embeddingsdb {
namespace {

// What graphs are built and searched with.
constexpr std::size_t kBuildExpansion = 64;
constexpr std::size_t kSearchExpansion = 64;
constexpr std::size_t kPiece = 256;

Status Stopped() {
  return CancelledError("the search for neighbours was stopped");
}

bool Nearer(const Neighbour& a, const Neighbour& b) {
  return std::tie(a.distance, a.row) < std::tie(b.distance, b.row);
}

Result<Neighbours> CompareAll(const Rows& rows, std::size_t count, const std::stop_token& stop) {
  Neighbours found{.each = count};
  found.all.reserve(rows.size() * count);
  std::vector<float> squares(rows.size());
  std::vector<Neighbour> others;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (stop.stop_requested()) {
      return Stopped();
    }
    BestKernels().squared_l2(rows[row], rows.data(), squares);
    others.clear();
    for (std::size_t other = 0; other < rows.size(); ++other) {
      if (other != row) {
        others.push_back({.row = static_cast<std::uint32_t>(other), .distance = squares[other]});
      }
    }
    const auto end = others.begin() + static_cast<std::ptrdiff_t>(count);
    std::ranges::partial_sort(others, end, Nearer);
    for (auto at = others.begin(); at != end; ++at) {
      found.all.push_back({.row = at->row, .distance = std::sqrt(at->distance)});
    }
  }
  return found;
}

/// What a search found, without the row itself. A row of very many equal ones may find too few:
/// the last one again is as good.
void AppendFound(std::span<const SlotDistance> result, std::uint32_t row, Neighbours& found) {
  const std::size_t end = found.all.size() + found.each;
  for (const SlotDistance& near : result) {
    if (near.slot != row && found.all.size() < end) {
      found.all.push_back({.row = near.slot, .distance = std::sqrt(std::max(near.distance, 0.0F))});
    }
  }
  while (found.all.size() < end) {
    const Neighbour last = result.empty() || found.all.size() % found.each == 0
                               ? Neighbour{.row = row == 0 ? 1U : row - 1U}
                               : found.all.back();
    found.all.push_back(last);
  }
}

Result<Neighbours> SearchGraph(const Rows& rows, std::size_t count, const std::stop_token& stop) {
  const VectorCodec codec(Metric::kL2, Precision::kF32, static_cast<int>(rows.dimension()));
  // Rows are codes of this precision where the padding is the same.
  std::vector<std::byte> codes(rows.size() * codec.stride());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    codec.Encode(rows[row].first(rows.dimension()),
                 std::span(codes).subspan(row * codec.stride(), codec.stride()));
  }
  const std::byte* const chunk = codes.data();
  const CodeView view{.chunks = &chunk, .shift = 31, .stride = codec.stride()};
  HnswBuilder builder(codec);
  EDB_TRY(builder.Extend(view, rows.size(), {.expansion = kBuildExpansion, .stop = stop}));
  EDB_ASSIGN(const HnswGraph graph, builder.Export(view));
  const CodeSet set{.codec = codec, .view = view};
  HnswScratch scratch;
  Neighbours found{.each = count};
  found.all.reserve(rows.size() * count);
  for (std::uint32_t row = 0; row < rows.size(); ++row) {
    if (row % kPiece == 0 && stop.stop_requested()) {
      return Stopped();
    }
    AppendFound(graph.Search(
                    set, {.code = view.at(row), .expansion = std::max(kSearchExpansion, 2 * count)},
                    scratch),
                row, found);
  }
  return found;
}

}  // namespace

Result<Neighbours> NearestNeighbours(const Rows& rows, const NeighbourOptions& options) {
  const std::size_t count = std::min(options.count, std::max<std::size_t>(rows.size(), 1) - 1);
  if (count == 0) {
    return Neighbours();
  }
  if (rows.size() <= options.exact_rows) {
    return CompareAll(rows, count, options.stop);
  }
  if (rows.dimension() <= kNeighbourComponents) {
    return SearchGraph(rows, count, options.stop);
  }
  EDB_ASSIGN(const Rows directions, PrincipalDirections(rows, {.components = kNeighbourComponents,
                                                               .sample = kComponentsSample,
                                                               .stop = options.stop}));
  EDB_ASSIGN(const Rows projected, Project(rows, directions, options.stop));
  return SearchGraph(projected, count, options.stop);
}

}  // namespace embeddingsdb
