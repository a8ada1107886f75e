// SPDX-License-Identifier: BSD-3-Clause
//
// Principal components: the directions in which vectors differ most. By orthogonal iteration from
// a random start (Halko, Martinsson and Tropp, "Finding structure with randomness", 2011), so that
// the cost is a few passes over the rows, whatever their length.
#ifndef EMBEDDINGSDB_PROJECTION_PCA_H_
#define EMBEDDINGSDB_PROJECTION_PCA_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "embeddingsdb/status.h"

#include "projection/rows.h"

namespace embeddingsdb {

struct PcaOptions {
  std::size_t components = 2;
  std::size_t sample = 0;  ///< looks at so many rows only, evenly chosen; 0: at all
  std::uint64_t seed = 1;
  std::stop_token stop = {};  ///< kCancelled soon after it is asked to stop
};

/// One row for each component, the one with the largest variance first: directions of length 1,
/// at right angles. Their largest element is positive, so that maps do not flip. There are always
/// options.components; beyond the rank of the rows they are zeros. `rows` are centred
/// (Rows::Centre). The same input gives the same output on the same kind of processor. kCancelled.
Result<Rows> PrincipalDirections(const Rows& rows, const PcaOptions& options);

/// Where each row lies along these directions: as many rows, as long as there are directions.
/// kCancelled.
Result<Rows> Project(const Rows& rows, const Rows& directions, const std::stop_token& stop);

/// Brings vectors, one by one, to the principal components of other rows. Threads: as a vector.
class Projector {
 public:
  /// `rows` are centred here; the vectors to come are moved and scaled as they were. kCancelled.
  static Result<Projector> Create(Rows rows, const PcaOptions& options);

  std::size_t dimension() const { return directions_.dimension(); }  ///< of a vector
  std::size_t components() const { return directions_.size(); }
  /// A number for each component, until the next call. `vector` has dimension() elements.
  std::span<const float> Project(std::span<const float> vector);

 private:
  Projector(Centring centring, Rows directions);

  Centring centring_;
  Rows directions_;
  std::vector<float> vector_;  // with a row's zeros
  std::vector<float> along_;
};

/// The rows in the plane of their first two components. kCancelled.
Result<std::vector<Point>> PcaPoints(const Rows& rows, const std::stop_token& stop);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PROJECTION_PCA_H_
