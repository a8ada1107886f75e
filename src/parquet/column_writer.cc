// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/column_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace embeddingsdb {

namespace {

constexpr std::size_t kPageBytes = 1024 * 1024;
constexpr std::size_t kPageValues = 1024 * 1024;  // of pages whose values take next to nothing
constexpr unsigned kLevelBits = 1;                // no column nests deeper than one list

static_assert(std::endian::native == std::endian::little, "Parquet's values are little-endian");

template <typename Number>
void AppendNumber(std::string& out, Number value) {
  char bytes[sizeof(Number)];
  std::memcpy(bytes, &value, sizeof(Number));
  out.append(bytes, sizeof(Number));
}

void AppendVarint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>((value & 0x7F) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

/// Levels of a data page V1: their length in four bytes, then the runs.
void AppendLevels(std::string& out, RunEncoder& levels) {
  const std::size_t start = out.size();
  AppendNumber<std::uint32_t>(out, 0);
  levels.Drain(out, kLevelBits);
  const auto length = static_cast<std::uint32_t>(out.size() - start - sizeof(std::uint32_t));
  std::memcpy(out.data() + start, &length, sizeof(length));
}

}  // namespace

void RunEncoder::Add(std::uint32_t value, std::uint32_t count) {
  if (!runs_.empty() && runs_.back().value == value) {
    runs_.back().count += count;
  } else {
    runs_.push_back({.value = value, .count = count});
  }
}

void RunEncoder::Drain(std::string& out, unsigned bits) {
  for (const Run& run : runs_) {
    AppendVarint(out, std::uint64_t{run.count} << 1);
    for (unsigned shift = 0; shift < bits; shift += 8) {
      out.push_back(static_cast<char>((run.value >> shift) & 0xFFU));
    }
  }
  runs_.clear();
}

void ColumnWriter::AppendPlain(std::string_view value) {
  AppendNumber(values_, static_cast<std::uint32_t>(value.size()));
  values_.append(value);
}

void ColumnWriter::AddToDictionary(std::string_view value) {
  auto found = dictionary_.find(value);
  if (found == dictionary_.end()) {
    AppendNumber(dictionary_values_, static_cast<std::uint32_t>(value.size()));
    dictionary_values_.append(value);
    const auto index = static_cast<std::uint32_t>(dictionary_.size());
    found = dictionary_.emplace(std::string(value), index).first;
  }
  indices_.Add(found->second);
}

void ColumnWriter::UpdateBounds(std::string_view value) {
  if (!info_.min || value < *info_.min) {
    info_.min = std::string(value);
  }
  if (!info_.max || value > *info_.max) {
    info_.max = std::string(value);
  }
}

void ColumnWriter::AddString(std::string_view value) {
  if (column_->encoding == Encoding::kRleDictionary) {
    AddToDictionary(value);
  } else {
    AppendPlain(value);
  }
  UpdateBounds(value);
  ++page_values_;
}

void ColumnWriter::AddInt64(std::int64_t value) {
  AppendNumber(values_, value);
  min_int_ = std::min(min_int_.value_or(value), value);
  max_int_ = std::max(max_int_.value_or(value), value);
  ++page_values_;
}

void ColumnWriter::AddFloats(std::span<const float> values) {
  if (values.empty()) {
    return AddEmpty();
  }
  const std::size_t start = values_.size();
  values_.resize(start + values.size_bytes());
  std::memcpy(values_.data() + start, values.data(), values.size_bytes());
  // A list begins at repetition level 0 and goes on at level 1.
  repetition_levels_.Add(0);
  if (values.size() > 1) {
    repetition_levels_.Add(1, static_cast<std::uint32_t>(values.size() - 1));
  }
  definition_levels_.Add(1, static_cast<std::uint32_t>(values.size()));
  page_values_ += values.size();
}

void ColumnWriter::AddRepeatedString(std::string_view value, bool first) {
  AppendPlain(value);
  repetition_levels_.Add(first ? 0 : 1);
  definition_levels_.Add(1);
  ++page_values_;
}

void ColumnWriter::AddEmpty() {
  repetition_levels_.Add(0);
  definition_levels_.Add(0);
  ++page_values_;
}

Status ColumnWriter::EndRow() {
  if (values_.size() < kPageBytes && page_values_ < kPageValues) {
    return Status();
  }
  return FinishPage();
}

Status ColumnWriter::FinishPage() {
  if (page_values_ == 0) {
    return Status();
  }
  head_.clear();
  if (column_->nesting == Nesting::kRepeated) {
    AppendLevels(head_, repetition_levels_);
    AppendLevels(head_, definition_levels_);
  }
  if (column_->encoding == Encoding::kRleDictionary) {
    // Wide enough for the dictionary so far; never 0 bits, which some readers stumble over.
    const auto last = static_cast<std::uint32_t>(dictionary_.size() - 1);
    const unsigned bits = std::max(1U, static_cast<unsigned>(std::bit_width(last)));
    head_.push_back(static_cast<char>(bits));
    indices_.Drain(head_, bits);
  }
  const std::size_t size = head_.size() + values_.size();
  const std::size_t start = pages_.size();
  if (column_->codec == Codec::kZstd) {
    head_.append(values_);
    EDB_TRY(zstd_->Compress(head_, compressed_));
    AppendDataPageHeader(pages_, *column_, {page_values_, size, compressed_.size()});
    info_.uncompressed_bytes += static_cast<std::int64_t>(pages_.size() - start + size);
    pages_.append(compressed_);
  } else {
    AppendDataPageHeader(pages_, *column_, {page_values_, size, size});
    info_.uncompressed_bytes += static_cast<std::int64_t>(pages_.size() - start + size);
    pages_.append(head_).append(values_);
  }
  info_.values += static_cast<std::int64_t>(page_values_);
  values_.clear();
  page_values_ = 0;
  return Status();
}

Status ColumnWriter::FinishDictionary() {
  EDB_TRY(zstd_->Compress(dictionary_values_, compressed_));
  AppendDictionaryPageHeader(dictionary_page_,
                             {dictionary_.size(), dictionary_values_.size(), compressed_.size()});
  info_.uncompressed_bytes +=
      static_cast<std::int64_t>(dictionary_page_.size() + dictionary_values_.size());
  dictionary_page_.append(compressed_);
  return Status();
}

Result<ChunkInfo> ColumnWriter::FinishChunk(std::int64_t offset) {
  EDB_TRY(FinishPage());
  info_.data_offset = offset;
  if (column_->encoding == Encoding::kRleDictionary) {
    EDB_TRY(FinishDictionary());
    info_.dictionary_offset = offset;
    info_.data_offset += static_cast<std::int64_t>(dictionary_page_.size());
  }
  info_.compressed_bytes = static_cast<std::int64_t>(dictionary_page_.size() + pages_.size());
  if (min_int_ && max_int_) {
    AppendNumber(info_.min.emplace(), *min_int_);
    AppendNumber(info_.max.emplace(), *max_int_);
  }
  return info_;
}

void ColumnWriter::StartChunk() {
  pages_.clear();
  dictionary_page_.clear();
  dictionary_values_.clear();
  dictionary_.clear();
  info_ = ChunkInfo();
  min_int_.reset();
  max_int_.reset();
}

}  // namespace embeddingsdb
