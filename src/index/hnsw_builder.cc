// SPDX-License-Identifier: BSD-3-Clause
#include "index/hnsw_builder.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <unordered_map>
#include <usearch/index.hpp>
#include <utility>
#include <vector>

#include "core/text.h"
#include "index/hnsw_links.h"
#include "index/threads.h"

namespace embeddingsdb {
namespace {

namespace us = unum::usearch;

// Of longer codes the processor foresees the rest by itself.
constexpr std::size_t kPrefetchedBytes = 1'024;

/// Only links: vectors stay where the codes are. usearch hands out its slots in the order in which
/// threads come along, so a member's code is looked up by that slot. Its key is not used.
using UsearchGraph = us::index_gt<float, Slot, Slot>;
using CodeOfMember = std::vector<Slot>;

/// What usearch compares: a code that is being added, and members.
class Comparison {
 public:
  Comparison(const VectorCodec& codec, CodeView codes, const CodeOfMember& code_of)
      : codec_(codec), codes_(codes), code_of_(code_of) {}

  template <typename A, typename B>
  float operator()(const A& a, const B& b) const {
    return codec_.Compare(Code(a), Code(b));
  }

 private:
  const std::byte* Code(const std::byte* code) const { return code; }
  template <typename Member>
  const std::byte* Code(const Member& member) const {
    return codes_.at(code_of_[get_slot(member)]);
  }

  const VectorCodec& codec_;
  CodeView codes_;
  const CodeOfMember& code_of_;
};

/// Adds all codes, each thread the next one that is left.
class Adder {
 public:
  Adder(UsearchGraph& graph, const VectorCodec& codec, CodeView codes, CodeOfMember& code_of,
        const HnswBuildOptions& options)
      : graph_(graph),
        comparison_(codec, codes, code_of),
        codes_(codes),
        code_of_(code_of),
        options_(options),
        next_(graph.size()) {}

  Status Run() {
    if (graph_.size() == 0) {
      AddNext(0);  // alone: what comes first is what others start from
    }
    RunOnThreads(options_.threads, [this](std::size_t thread) { AddRest(thread); });
    if (options_.stop.stop_requested()) {
      return CancelledError("building the index was stopped");
    }
    return failed_ ? ResourceExhaustedError(
                         Concat("no memory for the graph of ", code_of_.size(), " vectors"))
                   : Status();
  }

 private:
  void AddRest(std::size_t thread) {
    while (!options_.stop.stop_requested() && AddNext(thread)) {
    }
  }

  bool AddNext(std::size_t thread) {
    const std::size_t next = next_.fetch_add(1, std::memory_order_relaxed);
    if (next >= code_of_.size() || failed_.load(std::memory_order_relaxed)) {
      return false;
    }
    const auto code = static_cast<Slot>(next);
    us::index_update_config_t config;
    config.expansion = options_.expansion;
    config.thread = thread;
    auto result = graph_.add(
        code, codes_.at(code), comparison_, config,
        [&](const auto& member) { code_of_[get_slot(member)] = code; },
        [this](auto member, const auto& end) { Prefetch(member, end); });
    if (!result) {
      result.error.release();  // an error that nobody asks for ends the program
      failed_.store(true, std::memory_order_relaxed);
    }
    return true;
  }

  /// What usearch is about to compare lies anywhere in the memory.
  template <typename Member>
  void Prefetch(Member member, const Member& end) const {
    for (; member != end; ++member) {
      PrefetchCode(codes_.at(code_of_[get_slot(member)]),
                   std::min(codes_.stride, kPrefetchedBytes));
    }
  }

  UsearchGraph& graph_;
  Comparison comparison_;
  CodeView codes_;
  CodeOfMember& code_of_;
  const HnswBuildOptions& options_;
  std::atomic<std::size_t> next_;
  std::atomic<bool> failed_ = false;
};

/// Reads the graph out of what usearch saves, piece by piece: a header, the level of each member,
/// and each member with its key, its level, and for every level from the base up the number of its
/// neighbours and room for as many as it may have.
class Exporter {
 public:
  explicit Exporter(const CodeOfMember& code_of) : code_of_(code_of) {
    links_.base.assign(code_of.size() * HnswGraph::kBaseLinks, HnswGraph::kNone);
  }

  Result<HnswLinks> Export(const UsearchGraph& graph) {
    std::size_t piece = 0;
    auto result = graph.save_to_stream([&](const void* data, std::size_t bytes) {
      Read(piece++, {static_cast<const std::byte*>(data), bytes});
      return true;
    });
    if (!result) {
      const Status status = InternalError(Concat("usearch: ", result.error.release()));
      return status;
    }
    const auto entry = static_cast<Slot>(header_.entry_slot);
    links_.entry = members_.empty() ? code_of_[entry] : Place(members_.size(), entry);
    return std::move(links_);
  }

 private:
  template <typename T>
  static T Take(std::span<const std::byte>& bytes) {
    T value;
    std::memcpy(&value, bytes.data(), sizeof(value));
    bytes = bytes.subspan(sizeof(value));
    return value;
  }

  void Read(std::size_t piece, std::span<const std::byte> bytes) {
    const std::size_t count = code_of_.size();
    if (piece == 0) {
      header_ = Take<us::index_serialized_header_t>(bytes);
    } else if (piece <= count) {
      AddToLevels(static_cast<Slot>(piece - 1), Take<std::int16_t>(bytes));
    } else {
      ReadLinks(static_cast<Slot>(piece - 1 - count), bytes);
    }
  }

  void AddToLevels(Slot member, std::int16_t top) {
    for (std::size_t level = 1; level <= static_cast<std::size_t>(top); ++level) {
      if (links_.levels.size() < level) {
        links_.levels.emplace_back();
        members_.emplace_back();
      }
      HnswLinks::Level& here = links_.levels[level - 1];
      here.down.push_back(level == 1 ? code_of_[member]
                                     : static_cast<Slot>(members_[level - 2].size() - 1));
      here.links.insert(here.links.end(), HnswGraph::kUpperLinks, HnswGraph::kNone);
      members_[level - 1].push_back(member);
    }
  }

  /// Of a member in a level above the base. Members were added in order.
  Slot Place(std::size_t level, Slot member) const {
    const std::vector<Slot>& members = members_[level - 1];
    return static_cast<Slot>(std::lower_bound(members.begin(), members.end(), member) -
                             members.begin());
  }

  void ReadLinks(Slot member, std::span<const std::byte> bytes) {
    (void)Take<Slot>(bytes);  // the key
    const auto top = static_cast<std::size_t>(Take<std::int16_t>(bytes));
    Slot* const base = links_.base.data() + std::size_t{code_of_[member]} * HnswGraph::kBaseLinks;
    auto count = Take<std::uint32_t>(bytes);
    for (std::size_t i = 0; i < HnswGraph::kBaseLinks; ++i) {
      const Slot neighbour = Take<Slot>(bytes);
      base[i] = i < count ? code_of_[neighbour] : HnswGraph::kNone;
    }
    for (std::size_t level = 1; level <= top; ++level) {
      Slot* const links = links_.levels[level - 1].links.data() +
                          std::size_t{Place(level, member)} * HnswGraph::kUpperLinks;
      count = Take<std::uint32_t>(bytes);
      for (std::size_t i = 0; i < HnswGraph::kUpperLinks; ++i) {
        const Slot neighbour = Take<Slot>(bytes);
        links[i] = i < count ? Place(level, neighbour) : HnswGraph::kNone;
      }
    }
  }

  const CodeOfMember& code_of_;
  us::index_serialized_header_t header_;
  HnswLinks links_;
  std::vector<std::vector<Slot>> members_;  ///< of each level in links_, ascending
};

/// The reverse: hands usearch what it would have saved of a finished graph. Members are in the
/// order of slots.
class Importer {
 public:
  explicit Importer(const HnswGraph& graph) : parts_(graph.parts()), tops_(graph.size()) {
    for (std::size_t level = 1; level <= parts_.levels.size(); ++level) {
      const std::span<const Slot> down = parts_.levels[level - 1].down;
      std::vector<Slot>& slots = slots_.emplace_back();
      slots.reserve(down.size());
      for (std::size_t place = 0; place < down.size(); ++place) {
        const Slot slot = level == 1 ? down[place] : slots_[level - 2][down[place]];
        slots.push_back(slot);
        tops_[slot] = static_cast<std::int16_t>(level);
        places_[slot].push_back(static_cast<Slot>(place));
      }
    }
    header_ = {.size = graph.size(),
               .connectivity = HnswGraph::kUpperLinks,
               .connectivity_base = HnswGraph::kBaseLinks,
               .max_level = parts_.levels.size(),
               .entry_slot = graph.EntrySlot()};
  }

  /// Gives the next piece: the header, all levels, then member by member.
  bool Write(void* out, std::size_t bytes) {
    out_ = static_cast<std::byte*>(out);
    if (piece_ == 0) {
      Put(header_);
    } else if (piece_ == 1) {
      std::memcpy(out, tops_.data(), bytes);
    } else {
      WriteMember(static_cast<Slot>(piece_ - 2));
    }
    ++piece_;
    return true;
  }

 private:
  template <typename T>
  void Put(const T& value) {
    std::memcpy(out_, &value, sizeof(value));
    out_ += sizeof(value);
  }

  void PutLinks(std::span<const Slot> links, const std::vector<Slot>* slots) {
    const auto count = static_cast<std::uint32_t>(
        std::find(links.begin(), links.end(), HnswGraph::kNone) - links.begin());
    Put(count);
    for (std::size_t i = 0; i < links.size(); ++i) {
      Put(i >= count ? Slot{0} : slots == nullptr ? links[i] : (*slots)[links[i]]);
    }
  }

  void WriteMember(Slot slot) {
    Put(slot);
    Put(tops_[slot]);
    PutLinks(parts_.base.subspan(std::size_t{slot} * HnswGraph::kBaseLinks, HnswGraph::kBaseLinks),
             nullptr);
    for (std::size_t level = 1; level <= static_cast<std::size_t>(tops_[slot]); ++level) {
      const std::size_t place = places_[slot][level - 1];
      PutLinks(parts_.levels[level - 1].links.subspan(place * HnswGraph::kUpperLinks,
                                                      HnswGraph::kUpperLinks),
               &slots_[level - 1]);
    }
  }

  const HnswGraph::Parts& parts_;
  us::index_serialized_header_t header_;
  std::vector<std::int16_t> tops_;                      // highest level of each slot
  std::vector<std::vector<Slot>> slots_;                // of each level's nodes
  std::unordered_map<Slot, std::vector<Slot>> places_;  // of a slot, from the lowest level up
  std::size_t piece_ = 0;
  std::byte* out_ = nullptr;
};

}  // namespace

struct HnswBuilder::Graph {
  UsearchGraph links{us::index_config_t(HnswGraph::kUpperLinks, HnswGraph::kBaseLinks)};
  CodeOfMember code_of;
};

HnswBuilder::HnswBuilder(const VectorCodec& codec)
    : codec_(codec), graph_(std::make_unique<Graph>()) {}

HnswBuilder::~HnswBuilder() = default;

std::size_t HnswBuilder::size() const {
  return graph_->links.size();
}

Status HnswBuilder::Restore(const HnswGraph& graph) {
  if (graph.size() == 0) {
    return {};
  }
  Importer importer(graph);
  auto result = graph_->links.load_from_stream(
      [&](void* out, std::size_t bytes) { return importer.Write(out, bytes); });
  if (!result) {
    return ResourceExhaustedError(
        Concat("no memory for the graph of ", graph.size(), " vectors: ", result.error.release()));
  }
  graph_->code_of.resize(graph.size());
  std::iota(graph_->code_of.begin(), graph_->code_of.end(), Slot{0});
  return {};
}

Status HnswBuilder::Extend(CodeView codes, std::size_t count, const HnswBuildOptions& options) {
  const std::size_t threads = std::max<std::size_t>(options.threads, 1);
  if (count <= size()) {
    return {};
  }
  if (!graph_->links.try_reserve(us::index_limits_t(count, threads))) {
    return ResourceExhaustedError(Concat("no memory for the graph of ", count, " vectors"));
  }
  graph_->code_of.resize(count);
  return Adder(graph_->links, codec_, codes, graph_->code_of, options).Run();
}

Result<HnswGraph> HnswBuilder::Export(CodeView codes) const {
  if (size() == 0) {
    return HnswGraph();
  }
  EDB_ASSIGN(HnswLinks links, Exporter(graph_->code_of).Export(graph_->links));
  links.Connect(codec_, codes);
  return HnswLinks::Finish(std::move(links));
}

}  // namespace embeddingsdb
