// SPDX-License-Identifier: BSD-3-Clause
//
// What several models agree on: one list made of theirs.
#ifndef EMBEDDINGSDB_INSPECTOR_POOLED_H_
#define EMBEDDINGSDB_INSPECTOR_POOLED_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/record.h"

#include "inspector/distance_scale.h"

namespace embeddingsdb {

/// What one model takes for similar, the nearest first.
struct ModelColumn {
  std::string model;
  std::vector<SimilarRecord> similar;
  std::shared_ptr<const DistanceScale> scale = {};  ///< null: not known yet
};

/// A depiction that two or more models have found.
struct PooledRecord {
  SimilarRecord record;             ///< as the first of them found it
  std::vector<std::string> models;  ///< in the order of the columns
  double score = 0;                 ///< sum of 1 / (60 + rank), with ranks from 1
};

/// Those found by most models first; among them by reciprocal rank fusion (Cormack, Clarke and
/// Buettcher 2009), because distances of two models cannot be compared; then by key.
std::vector<PooledRecord> Pool(std::span<const ModelColumn> columns);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_POOLED_H_
