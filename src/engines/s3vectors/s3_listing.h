// SPDX-License-Identifier: BSD-3-Clause
//
// S3Listing: all vectors of an index, listed in segments side by side when they are many.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_LISTING_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_LISTING_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "embeddingsdb/status.h"

#include "engines/s3vectors/s3_index.h"

namespace embeddingsdb::s3vectors {

/// One request when all fit into one page; else a thread for each segment, which is a few pages
/// ahead of whoever reads. Not safe for concurrent use; its destructor waits for the requests in
/// flight.
class S3Listing {
 public:
  /// Nothing is asked before the first Next. `data`: the vectors too.
  S3Listing(std::shared_ptr<S3Index> index, bool data) : index_(std::move(index)), data_(data) {}
  S3Listing(const S3Listing&) = delete;
  S3Listing& operator=(const S3Listing&) = delete;
  ~S3Listing() = default;

  /// In no order, each once; false at the end. An error ends it.
  Result<bool> Next(S3Vector& vector);

 private:
  Status Begin();
  Status Refill();
  void ListSegment(int segment, const std::stop_token& stop);
  void Deliver(Result<S3VectorsPage> page, bool last, const std::stop_token& stop);

  const std::shared_ptr<S3Index> index_;
  const bool data_;
  bool begun_ = false;
  std::vector<S3Vector> current_;
  std::size_t next_ = 0;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::vector<S3Vector>> pages_;
  Status failed_;
  int running_ = 0;
  std::vector<std::jthread> threads_;  // the last member: it ends first
};

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_LISTING_H_
