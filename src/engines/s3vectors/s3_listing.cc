// SPDX-License-Identifier: BSD-3-Clause
#include "engines/s3vectors/s3_listing.h"

#include <utility>

#include "embeddingsdb/limits.h"

namespace embeddingsdb::s3vectors {
namespace {

constexpr int kSegments = static_cast<int>(kMaxS3Connections);
constexpr std::size_t kMaxPagesAhead = 16;  // of up to 1 MB
static_assert(kSegments <= kMaxS3Segments);

}  // namespace

Status S3Listing::Begin() {
  begun_ = true;
  EDB_ASSIGN(S3VectorsPage page,
             index_->List({.max_results = kMaxS3ListVectors, .data = data_, .metadata = true}));
  if (page.next_token.empty()) {
    current_ = std::move(page.vectors);
    return {};
  }
  // What segment a vector belongs to is not known, so this page is only the sign that it is worth
  // it.
  running_ = kSegments;
  for (int segment = 0; segment < kSegments; ++segment) {
    threads_.emplace_back(
        [this, segment](const std::stop_token& stop) { ListSegment(segment, stop); });
  }
  return {};
}

void S3Listing::ListSegment(int segment, const std::stop_token& stop) {
  S3ListRequest request{.max_results = kMaxS3ListVectors,
                        .segments = kSegments,
                        .segment = segment,
                        .data = data_,
                        .metadata = true};
  for (bool last = false; !last && !stop.stop_requested();) {
    Result<S3VectorsPage> page = index_->List(request);
    last = !page.ok() || page->next_token.empty();
    request.token = last ? "" : page->next_token;
    Deliver(std::move(page), last, stop);
  }
}

void S3Listing::Deliver(Result<S3VectorsPage> page, bool last, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [this] { return pages_.size() < kMaxPagesAhead; });
  if (!page.ok()) {
    failed_ = page.status();
  } else {
    pages_.push_back(std::move(page->vectors));
  }
  running_ -= last ? 1 : 0;
  changed_.notify_all();
}

Status S3Listing::Refill() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !pages_.empty() || !failed_.ok() || running_ == 0; });
  current_.clear();
  next_ = 0;
  EDB_TRY(failed_);
  if (!pages_.empty()) {
    current_ = std::move(pages_.front());
    pages_.pop_front();
    changed_.notify_all();
  }
  return {};
}

Result<bool> S3Listing::Next(S3Vector& vector) {
  if (!begun_) {
    EDB_TRY(Begin());
  }
  while (next_ == current_.size()) {
    if (threads_.empty()) {
      return false;
    }
    EDB_TRY(Refill());
    const std::lock_guard lock(mutex_);
    if (current_.empty() && pages_.empty() && running_ == 0) {
      return false;
    }
  }
  vector = std::move(current_[next_++]);
  return true;
}

}  // namespace embeddingsdb::s3vectors
