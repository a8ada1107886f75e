// SPDX-License-Identifier: BSD-3-Clause
#include "index/index_file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <new>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

// The library's functions would not be inlined.
#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the library asks for it
#include <xxhash.h>

#include "core/text.h"
#include "index/row_details.h"
#include "index/sketches.h"
#include "index/threads.h"

namespace embeddingsdb {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are mapped as they lie");

constexpr std::string_view kFirstLine = "embeddingsdb index 3\n";
constexpr std::string_view kMagic = "EDBINDEX";
constexpr std::uint32_t kVersion = 3;
constexpr std::size_t kLine = 64;
constexpr std::size_t kPage = 4'096;
constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::size_t kMaxThreads = 8;

enum class Section : std::uint8_t {
  kIds,
  kFacts,
  kProvidersOf,
  kDepictionEnds,
  kDepictions,
  kDetailEnds,
  kDetails,
  kProviderEnds,
  kProviderNames,
  kProviderStarts,
  kProviderRows,
  kGone,
  kHidden,
  kCentre,
  kSketches,
  kBase,
  kLevels,  // the first of two a level: down, links
};
constexpr std::size_t kSections =
    static_cast<std::size_t>(Section::kLevels) + 2 * HnswGraph::kMaxLevels;

struct Place {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct Trailer {
  std::array<char, kMagic.size()> magic = {};
  std::uint32_t version = 0;
  std::uint32_t levels = 0;
  std::uint64_t stamp = 0;
  std::uint32_t metric = 0;
  std::uint32_t precision = 0;
  std::uint32_t dimension = 0;
  std::uint32_t stride = 0;
  std::uint64_t rows = 0;
  std::uint64_t expansion = 0;
  std::uint64_t measured_rows = 0;
  std::uint64_t entry = 0;
  Place codes;
  Place checksums;
  std::uint64_t checksum_of_checksums = 0;
  std::array<Place, kSections> sections = {};
};
static_assert(std::is_trivially_copyable_v<Trailer>);
static_assert(sizeof(Trailer) + sizeof(std::uint64_t) <= kPage);

std::uint64_t Hash(const void* data, std::size_t bytes) {
  return XXH3_64bits(data, bytes);
}

std::size_t Number(Section section) {
  return static_cast<std::size_t>(section);
}

template <typename T>
std::span<const std::byte> BytesOf(std::span<const T> values) {
  return std::as_bytes(values);
}
std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Appends to a file and keeps the checksum of every block.
class BlockWriter {
 public:
  explicit BlockWriter(AtomicFile& file) : file_(file) { block_.reserve(kBlock); }

  std::uint64_t offset() const { return offset_; }
  const std::vector<std::uint64_t>& checksums() const { return checksums_; }

  Status Append(std::span<const std::byte> bytes) {
    offset_ += bytes.size();
    while (!bytes.empty()) {
      const std::size_t taken = std::min(bytes.size(), kBlock - block_.size());
      block_.append(reinterpret_cast<const char*>(bytes.data()), taken);
      bytes = bytes.subspan(taken);
      EDB_TRY(block_.size() == kBlock ? EndBlock() : Status());
    }
    return {};
  }
  Status AppendAt(std::size_t alignment, std::span<const std::byte> bytes, Place& place) {
    EDB_TRY(PadTo(alignment));
    place = {offset_, bytes.size()};
    return Append(bytes);
  }
  Status PadTo(std::size_t alignment) {
    const std::vector<std::byte> zeros((alignment - offset_ % alignment) % alignment);
    return Append(zeros);
  }
  Status EndBlock() {
    if (block_.empty()) {
      return {};
    }
    checksums_.push_back(Hash(block_.data(), block_.size()));
    EDB_TRY(file_.Append(block_));
    block_.clear();
    return {};
  }

 private:
  AtomicFile& file_;
  std::string block_;
  std::uint64_t offset_ = 0;
  std::vector<std::uint64_t> checksums_;
};

Status AppendSections(BlockWriter& out, const IndexFileContents& contents, Trailer& trailer) {
  const auto add = [&](Section section, auto values) {
    return out.AppendAt(kLine, BytesOf(values), trailer.sections[Number(section)]);
  };
  EDB_TRY(add(Section::kIds, contents.ids));
  EDB_TRY(add(Section::kFacts, contents.facts));
  EDB_TRY(add(Section::kProvidersOf, contents.providers_of));
  EDB_TRY(add(Section::kDepictionEnds, contents.depiction_ends));
  EDB_TRY(add(Section::kDepictions, contents.depictions));
  EDB_TRY(add(Section::kDetailEnds, contents.detail_ends));
  EDB_TRY(add(Section::kDetails, contents.details));
  EDB_TRY(add(Section::kProviderEnds, contents.provider_ends));
  EDB_TRY(add(Section::kProviderNames, contents.provider_names));
  EDB_TRY(add(Section::kProviderStarts, contents.provider_starts));
  EDB_TRY(add(Section::kProviderRows, contents.provider_rows));
  EDB_TRY(add(Section::kGone, contents.gone));
  EDB_TRY(add(Section::kHidden, contents.hidden));
  EDB_TRY(add(Section::kCentre, contents.centre));
  EDB_TRY(add(Section::kSketches, contents.sketches));
  EDB_TRY(add(Section::kBase, contents.graph.base));
  std::size_t next = Number(Section::kLevels);
  for (const HnswGraph::Level& level : contents.graph.levels) {
    for (const std::span<const Slot> part : {level.down, level.links}) {
      EDB_TRY(out.AppendAt(kLine, BytesOf(part), trailer.sections[next++]));
    }
  }
  return {};
}

std::string TrailerPage(const Trailer& trailer) {
  std::string page(kPage, '\0');
  std::memcpy(page.data(), &trailer, sizeof(trailer));
  const std::uint64_t hash = Hash(page.data(), kPage - sizeof(std::uint64_t));
  std::memcpy(page.data() + kPage - sizeof(hash), &hash, sizeof(hash));
  return page;
}

Status Damaged(std::string_view what) {
  return DataLossError(Concat("the index file is damaged: ", what));
}

Result<Trailer> ReadTrailer(std::span<const std::byte> bytes) {
  if (bytes.size() < kLine + kPage) {
    return Damaged("it is too short");
  }
  const std::span<const std::byte> page = bytes.last(kPage);
  Trailer trailer;
  std::memcpy(&trailer, page.data(), sizeof(trailer));
  if (std::string_view(trailer.magic.data(), trailer.magic.size()) != kMagic) {
    return Damaged("it does not end as one should");
  }
  std::uint64_t hash = 0;
  std::memcpy(&hash, page.data() + kPage - sizeof(hash), sizeof(hash));
  if (hash != Hash(page.data(), kPage - sizeof(hash))) {
    return Damaged("its trailer differs from its checksum");
  }
  if (trailer.version != kVersion) {
    return FailedPreconditionError(Concat("the index file has format version ", trailer.version,
                                          ", this program knows version ", kVersion));
  }
  return trailer;
}

/// The part of a file, if the file has it and it is whole numbers of T.
template <typename T>
std::optional<std::span<const T>> PartOf(std::span<const std::byte> bytes, Place place) {
  if (place.offset > bytes.size() || place.bytes > bytes.size() - place.offset ||
      place.offset % alignof(T) != 0 || place.bytes % sizeof(T) != 0) {
    return std::nullopt;
  }
  return std::span(reinterpret_cast<const T*>(bytes.data() + place.offset),
                   place.bytes / sizeof(T));
}

std::size_t ThreadsFor(std::size_t pieces) {
  return std::clamp<std::size_t>(std::min<std::size_t>(pieces, std::thread::hardware_concurrency()),
                                 1, kMaxThreads);
}

Status CheckBlocks(const MappedFile& file, std::span<const std::uint64_t> checksums,
                   std::size_t size) {
  const std::span<const std::byte> bytes = file.bytes();
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> damaged = false;
  RunOnThreads(ThreadsFor(checksums.size()), [&](std::size_t /*thread*/) {
    for (std::size_t i = next++; i < checksums.size() && !damaged; i = next++) {
      const std::size_t first = i * kBlock;
      const std::size_t length = std::min(kBlock, size - first);
      file.Touch(first, length);
      if (Hash(bytes.data() + first, length) != checksums[i]) {
        damaged = true;
      }
    }
  });
  return damaged ? Damaged("a part of it differs from its checksum") : Status();
}

Status CheckAllBytes(const MappedFile& file, const Trailer& trailer) {
  const auto checksums = PartOf<std::uint64_t>(file.bytes(), trailer.checksums);
  const std::size_t size = trailer.checksums.offset;
  if (!checksums || checksums->size() != (size + kBlock - 1) / kBlock ||
      size + trailer.checksums.bytes + kPage != file.bytes().size() ||
      Hash(checksums->data(), checksums->size_bytes()) != trailer.checksum_of_checksums) {
    return Damaged("its checksums are not what they should be");
  }
  return CheckBlocks(file, *checksums, size);
}

bool AllBelow(std::span<const std::uint32_t> values, std::size_t limit, bool may_be_none) {
  std::uint32_t largest = 0;
  for (const std::uint32_t value : values) {
    // kNone plus one is nothing.
    largest = std::max(largest, may_be_none ? value + 1U : value);
  }
  return values.empty() || largest < limit + (may_be_none ? 1 : 0);
}

bool Ascending(std::span<const std::uint64_t> ends, std::size_t last) {
  return std::is_sorted(ends.begin(), ends.end()) && (ends.empty() ? 0 : ends.back()) == last;
}

bool CheckRows(const IndexFileContents& contents, std::size_t rows) {
  const std::size_t providers = contents.provider_ends.size();
  const std::size_t words = (rows + 63) / 64;
  const bool clean_end =
      rows % 64 == 0 || contents.gone.size() != words || contents.gone.back() >> (rows % 64) == 0;
  return contents.ids.size() == rows && contents.facts.size() == rows &&
         contents.providers_of.size() == rows && contents.depiction_ends.size() == rows &&
         contents.detail_ends.size() == rows && contents.gone.size() == words && clean_end &&
         std::adjacent_find(contents.ids.begin(), contents.ids.end(), std::greater_equal<>()) ==
             contents.ids.end() &&
         AllBelow(contents.providers_of, providers, false) &&
         Ascending(contents.depiction_ends, contents.depictions.size()) &&
         Ascending(contents.detail_ends, contents.details.size()) &&
         Ascending(contents.provider_ends, contents.provider_names.size()) &&
         contents.provider_starts.size() == providers + 1 &&
         std::is_sorted(contents.provider_starts.begin(), contents.provider_starts.end()) &&
         contents.provider_starts.front() == 0 && contents.provider_starts.back() == rows &&
         contents.provider_rows.size() == rows && AllBelow(contents.provider_rows, rows, false) &&
         std::is_sorted(contents.hidden.begin(), contents.hidden.end()) &&
         std::all_of(contents.hidden.begin(), contents.hidden.end(),
                     [rows](const HiddenRow& one) { return one.slot < rows && one.anchor < rows; });
}

/// The texts are as many as the rows and within the section.
bool CheckDetails(const IndexFileContents& contents) {
  const std::span<const std::uint64_t> ends = contents.detail_ends;
  constexpr std::size_t kPiece = 16'384;
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> whole = true;
  RunOnThreads(ThreadsFor((ends.size() + kPiece - 1) / kPiece), [&](std::size_t /*thread*/) {
    for (std::size_t first = next.fetch_add(kPiece); first < ends.size() && whole;
         first = next.fetch_add(kPiece)) {
      std::uint64_t begin = first == 0 ? 0 : ends[first - 1];
      for (const std::uint64_t end : ends.subspan(first, std::min(kPiece, ends.size() - first))) {
        if (!RowDetails(contents.details.substr(begin, end - begin)).IsWhole()) {
          whole = false;
        }
        begin = end;
      }
    }
  });
  return whole;
}

bool CheckSketches(const IndexFileContents& contents, const VectorCodec& codec, std::size_t rows) {
  const bool wanted = !contents.graph.base.empty() && Sketches::AreWorthwhile(codec);
  return contents.centre.size() == (wanted ? codec.dimension() : 0) &&
         contents.sketches.size() == (wanted ? rows * Sketches::StrideOf(codec) : 0);
}

bool CheckGraph(const HnswGraph::Parts& graph, std::size_t rows) {
  if (graph.base.empty()) {
    return graph.levels.empty();
  }
  if (graph.base.size() != rows * HnswGraph::kBaseLinks || !AllBelow(graph.base, rows, true)) {
    return false;
  }
  std::size_t below = rows;
  for (const HnswGraph::Level& level : graph.levels) {
    const std::size_t nodes = level.down.size();
    if (nodes == 0 || level.links.size() != nodes * HnswGraph::kUpperLinks ||
        !AllBelow(level.down, below, false) || !AllBelow(level.links, nodes, true)) {
      return false;
    }
    below = nodes;
  }
  return graph.entry < below;
}

/// Where the sections are; false when one is not all there.
bool Locate(std::span<const std::byte> bytes, const Trailer& trailer, IndexFileContents& contents) {
  bool all = trailer.levels <= HnswGraph::kMaxLevels;
  const auto find = [&](std::size_t section, auto& part) {
    using Part = std::remove_reference_t<decltype(part)>;
    const auto found = PartOf<typename Part::value_type>(bytes, trailer.sections[section]);
    all = all && found.has_value();
    if (found) {
      part = Part(found->data(), found->size());
    }
  };
  find(Number(Section::kIds), contents.ids);
  find(Number(Section::kFacts), contents.facts);
  find(Number(Section::kProvidersOf), contents.providers_of);
  find(Number(Section::kDepictionEnds), contents.depiction_ends);
  find(Number(Section::kDepictions), contents.depictions);
  find(Number(Section::kDetailEnds), contents.detail_ends);
  find(Number(Section::kDetails), contents.details);
  find(Number(Section::kProviderEnds), contents.provider_ends);
  find(Number(Section::kProviderNames), contents.provider_names);
  find(Number(Section::kProviderStarts), contents.provider_starts);
  find(Number(Section::kProviderRows), contents.provider_rows);
  find(Number(Section::kGone), contents.gone);
  find(Number(Section::kHidden), contents.hidden);
  find(Number(Section::kCentre), contents.centre);
  find(Number(Section::kSketches), contents.sketches);
  find(Number(Section::kBase), contents.graph.base);
  for (std::size_t i = 0; all && i < trailer.levels; ++i) {
    HnswGraph::Level& level = contents.graph.levels.emplace_back();
    find(Number(Section::kLevels) + 2 * i, level.down);
    find(Number(Section::kLevels) + 2 * i + 1, level.links);
  }
  contents.graph.entry = static_cast<Slot>(trailer.entry);
  contents.stamp = trailer.stamp;
  contents.expansion = trailer.expansion;
  contents.measured_rows = trailer.measured_rows;
  return all;
}

bool IsOf(const Trailer& trailer, const VectorCodec& codec) {
  return trailer.metric == static_cast<std::uint32_t>(codec.metric()) &&
         trailer.precision == static_cast<std::uint32_t>(codec.precision()) &&
         trailer.dimension == codec.dimension() && trailer.stride == codec.stride();
}

}  // namespace

Status IndexFile::Write(Env& env, const std::string& path, const IndexFileContents& contents,
                        const CodeSet& codes) {
  const VectorCodec& codec = codes.codec;
  Trailer trailer;
  std::copy(kMagic.begin(), kMagic.end(), trailer.magic.begin());
  trailer.version = kVersion;
  trailer.levels = static_cast<std::uint32_t>(contents.graph.levels.size());
  trailer.stamp = contents.stamp;
  trailer.metric = static_cast<std::uint32_t>(codec.metric());
  trailer.precision = static_cast<std::uint32_t>(codec.precision());
  trailer.dimension = static_cast<std::uint32_t>(codec.dimension());
  trailer.stride = static_cast<std::uint32_t>(codec.stride());
  trailer.rows = contents.ids.size();
  trailer.expansion = contents.expansion;
  trailer.measured_rows = contents.measured_rows;
  trailer.entry = contents.graph.entry;
  EDB_ASSIGN(const std::unique_ptr<AtomicFile> file, env.CreateAtomic(path));
  BlockWriter out(*file);
  EDB_TRY(out.Append(BytesOf(kFirstLine)));
  EDB_TRY(AppendSections(out, contents, trailer));
  EDB_TRY(out.PadTo(kPage));
  trailer.codes = {out.offset(), trailer.rows * codec.stride()};
  for (std::size_t i = 0; i < trailer.rows; ++i) {
    EDB_TRY(out.Append({codes.at(static_cast<Slot>(i)), codec.stride()}));
  }
  EDB_TRY(out.PadTo(kLine));
  EDB_TRY(out.EndBlock());
  const std::vector<std::uint64_t>& checksums = out.checksums();
  trailer.checksums = {out.offset(), checksums.size() * sizeof(std::uint64_t)};
  trailer.checksum_of_checksums = Hash(checksums.data(), trailer.checksums.bytes);
  EDB_TRY(file->Append({reinterpret_cast<const char*>(checksums.data()), trailer.checksums.bytes}));
  EDB_TRY(file->Append(TrailerPage(trailer)));
  return file->Commit();
}

Result<std::shared_ptr<const IndexFile>> IndexFile::Open(Env& env, const std::string& path,
                                                         const VectorCodec& codec,
                                                         std::uint64_t stamp) {
  EDB_ASSIGN(std::unique_ptr<MappedFile> mapped, env.Map(path));
  std::shared_ptr<IndexFile> file(new IndexFile(std::move(mapped)));
  const std::span<const std::byte> bytes = file->file_->bytes();
  EDB_ASSIGN(const Trailer trailer, ReadTrailer(bytes));
  if (trailer.stamp != stamp) {
    return FailedPreconditionError("the index file is of another state of the database");
  }
  if (!IsOf(trailer, codec)) {
    return FailedPreconditionError("the index file is of another metric, precision or dimension");
  }
  EDB_TRY(CheckAllBytes(*file->file_, trailer));
  const auto codes = PartOf<std::byte>(bytes, trailer.codes);
  if (!Locate(bytes, trailer, file->contents_) || !codes || trailer.rows > bytes.size() ||
      codes->size() != trailer.rows * codec.stride() || trailer.codes.offset % kLine != 0 ||
      !CheckRows(file->contents_, trailer.rows) || !CheckDetails(file->contents_) ||
      !CheckSketches(file->contents_, codec, trailer.rows) || trailer.entry > HnswGraph::kNone ||
      !CheckGraph(file->contents_.graph, trailer.rows)) {
    return Damaged("its parts do not fit together");
  }
  file->codes_ = codes->data();
  return std::shared_ptr<const IndexFile>(std::move(file));
}

Result<IndexFileSummary> IndexFile::Peek(Env& env, const std::string& path) {
  EDB_ASSIGN(const std::unique_ptr<MappedFile> mapped, env.Map(path));
  EDB_ASSIGN(const Trailer trailer, ReadTrailer(mapped->bytes()));
  return IndexFileSummary{.stamp = trailer.stamp,
                          .metric = static_cast<Metric>(trailer.metric),
                          .precision = static_cast<Precision>(trailer.precision),
                          .dimension = static_cast<int>(trailer.dimension),
                          .rows = trailer.rows,
                          .has_graph = trailer.sections[Number(Section::kBase)].bytes > 0};
}

}  // namespace embeddingsdb
