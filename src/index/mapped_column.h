// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_INDEX_MAPPED_COLUMN_H_
#define EMBEDDINGSDB_INDEX_MAPPED_COLUMN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace embeddingsdb {

/// A sequence that grows in memory, of which a first part may lie in a mapped file. The file has to
/// outlive it.
template <typename T>
class MappedColumn {
 public:
  std::size_t size() const { return mapped_.size() + rest_.size(); }
  const T& operator[](std::size_t i) const {
    return i < mapped_.size() ? mapped_[i] : rest_[i - mapped_.size()];
  }
  const T& back() const { return (*this)[size() - 1]; }
  void Append(const T& value) { rest_.push_back(value); }
  /// The first mapped.size() elements, which are the same as far as there are any, lie there from
  /// now on.
  void Map(std::span<const T> mapped) {
    const std::size_t now = mapped.size() - mapped_.size();
    rest_ = now < rest_.size()
                ? std::vector<T>(rest_.begin() + static_cast<std::ptrdiff_t>(now), rest_.end())
                : std::vector<T>();
    mapped_ = mapped;
  }
  std::vector<T> Copy() const {
    std::vector<T> all(mapped_.begin(), mapped_.end());
    all.insert(all.end(), rest_.begin(), rest_.end());
    return all;
  }
  std::size_t memory_bytes() const { return rest_.capacity() * sizeof(T); }

 private:
  std::span<const T> mapped_;
  std::vector<T> rest_;
};

/// The same for texts.
class MappedTexts {
 public:
  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t i) const {
    const std::uint64_t begin = i == 0 ? 0 : ends_[i - 1];
    const std::size_t length = static_cast<std::size_t>(ends_[i] - begin);
    return begin < mapped_.size()
               ? mapped_.substr(begin, length)
               : std::string_view(rest_.data() + (begin - mapped_.size()), length);
  }
  void Append(std::string_view text) {
    rest_.insert(rest_.end(), text.begin(), text.end());
    ends_.Append(mapped_.size() + rest_.size());
  }
  /// `ends[i]` is where the i-th text ends in `mapped`.
  void Map(std::string_view mapped, std::span<const std::uint64_t> ends) {
    const std::size_t now = mapped.size() - mapped_.size();
    rest_ = now < rest_.size()
                ? std::vector<char>(rest_.begin() + static_cast<std::ptrdiff_t>(now), rest_.end())
                : std::vector<char>();
    mapped_ = mapped;
    ends_.Map(ends);
  }
  std::size_t memory_bytes() const { return rest_.capacity() + ends_.memory_bytes(); }

 private:
  std::string_view mapped_;
  std::vector<char> rest_;
  MappedColumn<std::uint64_t> ends_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_MAPPED_COLUMN_H_
