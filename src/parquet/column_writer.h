// SPDX-License-Identifier: BSD-3-Clause
//
// One column of the row group being written: collects values, cuts them into pages of about a
// megabyte, compresses each when it is full, and hands over the finished chunk.
#ifndef EMBEDDINGSDB_PARQUET_COLUMN_WRITER_H_
#define EMBEDDINGSDB_PARQUET_COLUMN_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "embeddingsdb/status.h"

#include "parquet/parquet_format.h"
#include "parquet/zstd_compressor.h"

namespace embeddingsdb {

/// Equal neighbours counted, and written as Parquet's run-length encoding. Bit-packing is left out:
/// levels of lists and sorted providers are long runs, and zstd takes the rest.
class RunEncoder {
 public:
  void Add(std::uint32_t value, std::uint32_t count = 1);
  /// Appends the runs with values of `bits` bits, and forgets them.
  void Drain(std::string& out, unsigned bits);

 private:
  struct Run {
    std::uint32_t value;
    std::uint32_t count;
  };
  std::vector<Run> runs_;
};

class ColumnWriter {
 public:
  /// Both are borrowed for the writer's life.
  ColumnWriter(const LeafColumn& column, ZstdCompressor& zstd) : column_(&column), zstd_(&zstd) {}

  /// One value of a flat column.
  void AddString(std::string_view value);
  void AddInt64(std::int64_t value);
  /// The values of one row of a repeated column: a whole list of floats, or strings one by one, or
  /// nothing.
  void AddFloats(std::span<const float> values);
  void AddRepeatedString(std::string_view value, bool first);
  void AddEmpty();

  /// Says that a row is complete. Pages end only at rows.
  Status EndRow();

  /// Ends the chunk. Its two parts are to be appended to the file at `offset`, in this order.
  Result<ChunkInfo> FinishChunk(std::int64_t offset);
  std::string_view dictionary_page() const { return dictionary_page_; }
  std::string_view data_pages() const { return pages_; }
  /// Forgets the finished chunk but keeps its buffers.
  void StartChunk();

 private:
  struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  void AppendPlain(std::string_view value);
  void AddToDictionary(std::string_view value);
  void UpdateBounds(std::string_view value);
  Status FinishPage();
  Status FinishDictionary();

  const LeafColumn* column_;
  ZstdCompressor* zstd_;

  // The page being filled.
  std::string values_;
  RunEncoder repetition_levels_;
  RunEncoder definition_levels_;
  RunEncoder indices_;
  std::size_t page_values_ = 0;

  // The chunk so far.
  std::string pages_;
  std::string dictionary_page_;
  std::string dictionary_values_;
  std::unordered_map<std::string, std::uint32_t, StringHash, std::equal_to<>> dictionary_;
  ChunkInfo info_;
  std::optional<std::int64_t> min_int_;
  std::optional<std::int64_t> max_int_;

  // Reused between pages.
  std::string head_;
  std::string compressed_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_COLUMN_WRITER_H_
