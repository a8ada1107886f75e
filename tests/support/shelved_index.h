// SPDX-License-Identifier: BSD-3-Clause
//
// An index set with a shelf of vectors in the place of a record store.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_SHELVED_INDEX_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_SHELVED_INDEX_H_

#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "index/index_set.h"

namespace embeddingsdb {

/// Safe for concurrent use. Vectors of removed rows stay on the shelf.
class ShelvedIndex {
 public:
  explicit ShelvedIndex(const IndexSetOptions& options) : set_(options) {}

  IndexSet& set() { return set_; }
  const IndexSet& set() const { return set_; }

  Status Load(std::string_view model, int dimension,
              const std::function<Status(const IndexSet::RowSink&)>& fill) {
    return set_.Load(model, {.dimension = dimension,
                             .visit =
                                 [&](RowId /*after*/, const IndexSet::RowSink& sink) {
                                   return fill([&](const StoredRow& row) {
                                     Shelve(row.row, row.vector);
                                     return sink(row);
                                   });
                                 },
                             .list = {}});
  }
  Status AddBatch(std::span<const IndexRow> rows) {
    for (const IndexRow& row : rows) {
      Shelve(row.row, row.vector);
    }
    return set_.AddBatch(rows);
  }
  void Remove(std::string_view model, RowId row) { set_.Remove(model, row); }

  Result<std::vector<IndexHit>> Search(std::string_view model, const IndexQuery& query) const {
    EDB_ASSIGN(auto hits, set_.Search(model, query, [this](std::span<const IndexHit> rows) {
      return Read(rows);
    }));
    if (!hits) {
      return InternalError("a row is not on the shelf");
    }
    return *std::move(hits);
  }

  std::size_t size(std::string_view model) const { return set_.size(model); }
  std::size_t graph_size(std::string_view model) const { return set_.graph_size(model); }

 private:
  void Shelve(RowId row, std::span<const float> vector) {
    const std::lock_guard lock(mutex_);
    shelf_[row].assign(vector.begin(), vector.end());
  }
  Result<std::vector<std::span<const float>>> Read(std::span<const IndexHit> rows) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::span<const float>> vectors;
    for (const IndexHit& row : rows) {
      const auto place = shelf_.find(row.row);
      vectors.push_back(place == shelf_.end() ? std::span<const float>() : place->second);
    }
    return vectors;
  }

  IndexSet set_;
  mutable std::mutex mutex_;
  std::map<RowId, std::vector<float>> shelf_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_SHELVED_INDEX_H_
