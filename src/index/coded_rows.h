// SPDX-License-Identifier: BSD-3-Clause
//
// CodedRows: the rows of a model as an index keeps them, slot by slot: row id, provider, depiction
// id, coded vector and details. Rows are appended and marked as gone, and never move: what has been
// read once by a slot stays. The first of them may lie in a mapped index file.
#ifndef EMBEDDINGSDB_INDEX_CODED_ROWS_H_
#define EMBEDDINGSDB_INDEX_CODED_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/index.h"

#include "index/aligned_floats.h"
#include "index/code_query.h"
#include "index/hnsw_graph.h"
#include "index/mapped_column.h"
#include "index/row_details.h"
#include "index/vector_codec.h"

namespace embeddingsdb {

class IndexFile;
struct IndexFileContents;

/// Not synchronised. Only codes of slots that are there may be read beside changes, by the chunks
/// that CopyChunks gave.
class CodedRows {
 public:
  /// Number of a provider among those of the rows.
  using ProviderNumber = std::uint32_t;
  struct Row {
    RowId id = 0;
    std::string_view provider;
    std::string_view depiction_id;
    std::string_view details = "";  ///< see RowDetails
  };

  explicit CodedRows(std::shared_ptr<const VectorCodec> codec) : codec_(std::move(codec)) {}
  /// The rows of a file, which those that are gone from now on are of no more.
  CodedRows(std::shared_ptr<const VectorCodec> codec, std::shared_ptr<const IndexFile> file);

  const VectorCodec& codec() const { return *codec_; }
  const std::shared_ptr<const VectorCodec>& shared_codec() const { return codec_; }

  /// Encodes a row that comes after all others. kInvalidArgument naming the vector's fault,
  /// kResourceExhausted.
  Status Append(const Row& row, std::span<const float> vector);
  /// Copies a row of another set with the same codec.
  Status AppendFrom(const CodedRows& other, Slot slot);
  /// Marks a row as gone; its slot, or nothing when there is none.
  std::optional<Slot> Remove(RowId id);

  /// Slots, those that are gone among them.
  std::size_t size() const { return ids_.size(); }
  std::size_t live() const { return size() - gone_count_; }
  std::size_t gone() const { return gone_count_; }

  RowId id(Slot slot) const { return ids_[slot]; }
  std::string_view depiction_id(Slot slot) const { return depictions_[slot]; }
  RowDetails details(Slot slot) const { return RowDetails(details_[slot]); }
  /// The same as it is kept.
  std::string_view details_text(Slot slot) const { return details_[slot]; }
  ProviderNumber provider(Slot slot) const { return providers_of_[slot]; }
  const std::string& ProviderName(ProviderNumber number) const { return providers_[number].name; }
  CodeFacts facts(Slot slot) const { return facts_[slot]; }
  bool IsGone(Slot slot) const { return (gone_[slot / 64] >> (slot % 64) & 1U) != 0; }
  Row row(Slot slot) const {
    return {id(slot), ProviderName(provider(slot)), depiction_id(slot), details_text(slot)};
  }

  /// The slots of those of the rows that are there; `ids` ascends, and so do they.
  std::vector<Slot> SlotsOf(std::span<const RowId> ids) const;

  std::optional<ProviderNumber> FindProvider(std::string_view name) const;
  /// How many rows of a provider are not gone.
  std::size_t LiveOf(ProviderNumber provider) const { return providers_[provider].live; }
  /// The slots of a provider, gone ones too, ascending.
  std::vector<Slot> SlotsOfProvider(ProviderNumber provider) const {
    return providers_[provider].slots.Copy();
  }

  CodeView codes() const { return ViewOf(chunk_starts_); }
  /// The chunks as they are now, for ViewOf; good as long as the rows live and are not moved to a
  /// file.
  std::vector<const std::byte*> CopyChunks() const { return chunk_starts_; }
  CodeView ViewOf(const std::vector<const std::byte*>& chunks) const {
    return {chunks.data(), kChunkShift, codec_->stride()};
  }
  /// Calls `scan(first, codes, count)` for runs of codes that lie one after the other, from slot
  /// `first` on.
  template <typename Scan>
  void ForEachRun(const Scan& scan) const {
    for (std::size_t first = 0; first < size(); first += kChunkCodes) {
      scan(static_cast<Slot>(first), chunk_starts_[first / kChunkCodes],
           std::min(kChunkCodes, size() - first));
    }
  }

  /// Of all rows there have been.
  CodeLimits limits() const { return limits_; }
  /// Rows with unknown facts.
  const std::vector<Slot>& unknown() const { return unknown_; }

  /// The first `count` rows but for their codes, for a file.
  IndexFileContents Describe(std::size_t count) const;
  /// `file` was written from the first rows of these: what it has is no longer kept in memory.
  void MoveTo(std::shared_ptr<const IndexFile> file);

  std::size_t memory_bytes() const;

 private:
  static constexpr unsigned kChunkShift = 12;
  static constexpr std::size_t kChunkCodes = std::size_t{1} << kChunkShift;
  struct Provider {
    std::string name;
    MappedColumn<Slot> slots;
    std::size_t live = 0;
  };

  /// The slot of a row that is not gone.
  std::optional<Slot> Find(RowId id) const;
  /// The place for the next code, or null when there is no memory.
  std::byte* NextCode();
  void Take(const Row& row, CodeFacts facts);
  void Include(Slot slot, CodeFacts facts);
  void MapColumns();

  std::shared_ptr<const VectorCodec> codec_;
  std::shared_ptr<const IndexFile> file_;
  MappedColumn<RowId> ids_;  // ascending
  MappedColumn<CodeFacts> facts_;
  MappedColumn<ProviderNumber> providers_of_;
  MappedTexts depictions_;
  MappedTexts details_;
  std::vector<Provider> providers_;
  std::map<std::string, ProviderNumber, std::less<>> provider_numbers_;
  std::vector<std::uint64_t> gone_;  // a bit a slot
  std::size_t gone_count_ = 0;
  CodeLimits limits_;
  std::vector<Slot> unknown_;
  std::vector<AlignedFloats> chunks_;  // null where the file has the codes
  std::vector<const std::byte*> chunk_starts_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_CODED_ROWS_H_
