// SPDX-License-Identifier: BSD-3-Clause
#include "index/coded_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "embeddingsdb/record.h"

#include "core/text.h"
#include "index/index_file.h"

namespace embeddingsdb {
namespace {

/// What Describe has to copy, because it may grow meanwhile or is not kept in this form.
struct DescribedRows {
  std::vector<RowId> ids;
  std::vector<CodeFacts> facts;
  std::vector<std::uint32_t> providers_of;
  std::vector<std::uint64_t> depiction_ends;
  std::string depictions;
  std::vector<std::uint64_t> detail_ends;
  std::string details;
  std::vector<std::uint64_t> provider_ends;
  std::string provider_names;
  std::vector<Slot> provider_starts;
  std::vector<Slot> provider_rows;
  std::vector<std::uint64_t> gone;
};

}  // namespace

CodedRows::CodedRows(std::shared_ptr<const VectorCodec> codec,
                     std::shared_ptr<const IndexFile> file)
    : codec_(std::move(codec)), file_(std::move(file)) {
  const IndexFileContents& contents = file_->contents();
  const std::size_t rows = file_->rows();
  std::uint64_t begin = 0;
  for (const std::uint64_t end : contents.provider_ends) {
    const auto number = static_cast<ProviderNumber>(providers_.size());
    providers_.push_back({.name = std::string(contents.provider_names.substr(begin, end - begin)),
                          .slots = {},
                          .live = 0});
    provider_numbers_.emplace(providers_.back().name, number);
    begin = end;
  }
  gone_.assign(contents.gone.begin(), contents.gone.end());
  MapColumns();
  for (std::size_t i = 0; i < rows; ++i) {
    const auto slot = static_cast<Slot>(i);
    Include(slot, facts(slot));
    if (IsGone(slot)) {
      ++gone_count_;
    } else {
      ++providers_[provider(slot)].live;
    }
  }
  const std::size_t stride = codec_->stride();
  for (std::size_t first = 0; first < rows; first += kChunkCodes) {
    chunks_.emplace_back();
    chunk_starts_.push_back(file_->codes() + first * stride);
  }
}

void CodedRows::MapColumns() {
  const IndexFileContents& contents = file_->contents();
  ids_.Map(contents.ids);
  facts_.Map(contents.facts);
  providers_of_.Map(contents.providers_of);
  depictions_.Map(contents.depictions, contents.depiction_ends);
  details_.Map(contents.details, contents.detail_ends);
  for (std::size_t i = 0; i < contents.provider_ends.size(); ++i) {
    const Slot start = contents.provider_starts[i];
    providers_[i].slots.Map(
        contents.provider_rows.subspan(start, contents.provider_starts[i + 1] - start));
  }
}

std::byte* CodedRows::NextCode() {
  const std::size_t chunk = size() / kChunkCodes;
  const std::size_t stride = codec_->stride();
  if (chunk == chunks_.size()) {
    chunks_.emplace_back();
    chunk_starts_.push_back(nullptr);
  }
  if (chunks_[chunk] == nullptr) {
    AlignedFloats memory = NewAlignedFloats(kChunkCodes * stride / sizeof(float));
    if (memory == nullptr) {
      return nullptr;
    }
    // The last chunk of a file has no room for more.
    const std::size_t taken = size() % kChunkCodes * stride;
    if (taken > 0) {
      std::memcpy(memory.get(), chunk_starts_[chunk], taken);
    }
    chunks_[chunk] = std::move(memory);
    chunk_starts_[chunk] = reinterpret_cast<const std::byte*>(chunks_[chunk].get());
  }
  return reinterpret_cast<std::byte*>(chunks_[chunk].get()) + size() % kChunkCodes * stride;
}

Status CodedRows::Append(const Row& row, std::span<const float> vector) {
  if (size() > 0 && row.id <= ids_.back()) {
    return InternalError(Concat("row ", row.id, " comes after row ", ids_.back()));
  }
  if (vector.size() != codec_->dimension()) {
    return InvalidArgumentError(Concat("the vector of row ", row.id, " has ", vector.size(),
                                       " elements, but the index has ", codec_->dimension()));
  }
  std::byte* const code = size() < HnswGraph::kNone ? NextCode() : nullptr;
  if (code == nullptr) {
    return ResourceExhaustedError(Concat("no memory for vector number ", size() + 1, " of ",
                                         codec_->dimension(), " elements"));
  }
  const CodeFacts facts = codec_->Encode(vector, {code, codec_->stride()});
  if (!facts.known()) {
    // Too long, too short, or not finite: only the last is an error.
    EDB_TRY(ValidateEmbedding(vector, "vector"));
  }
  Take(row, facts);
  return {};
}

Status CodedRows::AppendFrom(const CodedRows& other, Slot slot) {
  std::byte* const code = NextCode();
  if (code == nullptr) {
    return ResourceExhaustedError(Concat("no memory for vector number ", size() + 1));
  }
  std::memcpy(code, other.codes().at(slot), codec_->stride());
  Take(other.row(slot), other.facts(slot));
  return {};
}

void CodedRows::Take(const Row& row, CodeFacts facts) {
  const auto slot = static_cast<Slot>(size());
  auto number = provider_numbers_.find(row.provider);
  if (number == provider_numbers_.end()) {
    number = provider_numbers_.emplace(row.provider, static_cast<ProviderNumber>(providers_.size()))
                 .first;
    providers_.push_back({.name = std::string(row.provider), .slots = {}, .live = 0});
  }
  Provider& provider = providers_[number->second];
  provider.slots.Append(slot);
  ++provider.live;
  ids_.Append(row.id);
  facts_.Append(facts);
  providers_of_.Append(number->second);
  depictions_.Append(row.depiction_id);
  details_.Append(row.details);
  if (slot % 64 == 0) {
    gone_.push_back(0);
  }
  Include(slot, facts);
}

void CodedRows::Include(Slot slot, CodeFacts facts) {
  limits_.Include(facts);
  if (!facts.known()) {
    unknown_.push_back(slot);
  }
}

std::optional<Slot> CodedRows::Find(RowId id) const {
  std::size_t first = 0;
  for (std::size_t count = size(); count > 0;) {
    const std::size_t half = count / 2;
    if (ids_[first + half] < id) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  const auto slot = static_cast<Slot>(first);
  return first == size() || ids_[first] != id || IsGone(slot) ? std::nullopt : std::optional(slot);
}

std::vector<Slot> CodedRows::SlotsOf(std::span<const RowId> ids) const {
  std::vector<Slot> slots;
  slots.reserve(ids.size());
  for (const RowId id : ids) {
    // Rows that match are often neighbours.
    const std::size_t next = slots.empty() ? 0 : slots.back() + std::size_t{1};
    if (next < size() && ids_[next] == id && !IsGone(static_cast<Slot>(next))) {
      slots.push_back(static_cast<Slot>(next));
    } else if (const std::optional<Slot> slot = Find(id)) {
      slots.push_back(*slot);
    }
  }
  return slots;
}

std::optional<Slot> CodedRows::Remove(RowId id) {
  const std::optional<Slot> found = Find(id);
  if (!found) {
    return std::nullopt;
  }
  const Slot slot = *found;
  gone_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  ++gone_count_;
  --providers_[provider(slot)].live;
  return slot;
}

std::optional<CodedRows::ProviderNumber> CodedRows::FindProvider(std::string_view name) const {
  const auto number = provider_numbers_.find(name);
  if (number == provider_numbers_.end()) {
    return std::nullopt;
  }
  return number->second;
}

IndexFileContents CodedRows::Describe(std::size_t count) const {
  auto rows = std::make_shared<DescribedRows>();
  std::vector<std::vector<Slot>> by_provider(providers_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto slot = static_cast<Slot>(i);
    rows->ids.push_back(id(slot));
    rows->facts.push_back(facts(slot));
    rows->providers_of.push_back(provider(slot));
    rows->depictions += depiction_id(slot);
    rows->depiction_ends.push_back(rows->depictions.size());
    rows->details += details_text(slot);
    rows->detail_ends.push_back(rows->details.size());
    by_provider[provider(slot)].push_back(slot);
  }
  for (std::size_t i = 0; i < providers_.size(); ++i) {
    rows->provider_names += providers_[i].name;
    rows->provider_ends.push_back(rows->provider_names.size());
    rows->provider_starts.push_back(static_cast<Slot>(rows->provider_rows.size()));
    rows->provider_rows.insert(rows->provider_rows.end(), by_provider[i].begin(),
                               by_provider[i].end());
  }
  rows->provider_starts.push_back(static_cast<Slot>(count));
  rows->gone.assign(gone_.begin(), gone_.begin() + static_cast<std::ptrdiff_t>((count + 63) / 64));
  if (count % 64 != 0) {
    rows->gone.back() &= (std::uint64_t{1} << (count % 64)) - 1;
  }
  IndexFileContents contents;
  contents.ids = rows->ids;
  contents.facts = rows->facts;
  contents.providers_of = rows->providers_of;
  contents.depiction_ends = rows->depiction_ends;
  contents.depictions = rows->depictions;
  contents.detail_ends = rows->detail_ends;
  contents.details = rows->details;
  contents.provider_ends = rows->provider_ends;
  contents.provider_names = rows->provider_names;
  contents.provider_starts = rows->provider_starts;
  contents.provider_rows = rows->provider_rows;
  contents.gone = rows->gone;
  contents.owner = std::move(rows);
  return contents;
}

void CodedRows::MoveTo(std::shared_ptr<const IndexFile> file) {
  const std::shared_ptr<const IndexFile> before = std::exchange(file_, std::move(file));
  MapColumns();
  // The last chunk stays where it can grow.
  for (std::size_t chunk = 0; chunk < file_->rows() / kChunkCodes; ++chunk) {
    chunk_starts_[chunk] = file_->codes() + chunk * kChunkCodes * codec_->stride();
    chunks_[chunk].reset();
  }
  // A chunk that was the last of the file before has become memory of its own when it grew; if it
  // did not, it is the new file's last one too.
  if (const std::size_t last = file_->rows() / kChunkCodes;
      last < chunks_.size() && chunks_[last] == nullptr) {
    chunk_starts_[last] = file_->codes() + last * kChunkCodes * codec_->stride();
  }
}

std::size_t CodedRows::memory_bytes() const {
  std::size_t bytes = ids_.memory_bytes() + facts_.memory_bytes() + providers_of_.memory_bytes() +
                      depictions_.memory_bytes() + details_.memory_bytes() +
                      gone_.capacity() * sizeof(std::uint64_t) + unknown_.capacity() * sizeof(Slot);
  for (const Provider& provider : providers_) {
    bytes += provider.slots.memory_bytes() + provider.name.capacity();
  }
  const auto chunks = static_cast<std::size_t>(std::count_if(
      chunks_.begin(), chunks_.end(), [](const auto& one) { return one != nullptr; }));
  return bytes + chunks * kChunkCodes * codec_->stride();
}

}  // namespace embeddingsdb
