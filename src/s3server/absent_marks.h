// SPDX-License-Identifier: BSD-3-Clause
//
// AbsentMarks: which marks (kListMark, kHiddenMark) no vector of an index has. A search by a string
// asks for marked vectors too, mostly in vain; what it has found out once need not be asked again
// until a vector with the mark is stored.
#ifndef EMBEDDINGSDB_S3SERVER_ABSENT_MARKS_H_
#define EMBEDDINGSDB_S3SERVER_ABSENT_MARKS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace embeddingsdb {

/// Knows nothing at first, and only what searches tell it; nothing of it is kept on disk. True for
/// as long as all writers of the index say what they store: not for a database that others write.
/// Safe for concurrent use.
class AbsentMarks {
 public:
  /// When a search began.
  using Moment = std::uint64_t;
  class Writing;

  bool Has(std::string_view mark) const;
  /// To be taken before a search by a mark begins. Nothing while vectors with marks are being
  /// stored: such a search proves nothing.
  std::optional<Moment> Now() const;
  /// A search that began then has found no vector with the mark. Believed unless vectors with marks
  /// have been stored since.
  void Add(std::string_view mark, Moment began);

 private:
  // Keys of metadata that are searched by are few; whoever asks for others has no use of this.
  static constexpr std::size_t kMaxMarks = 256;

  mutable std::mutex mutex_;
  std::set<std::string, std::less<>> marks_;
  Moment moment_ = 0;        // the number of writes with marks that have begun
  std::size_t writing_ = 0;  // those that have not ended
};

/// A write of vectors with these marks, from before the first is stored until all are or none.
class AbsentMarks::Writing {
 public:
  Writing(AbsentMarks& absent, std::span<const std::string> marks);
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing();

 private:
  AbsentMarks* absent_;  // null when there are no marks
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_ABSENT_MARKS_H_
