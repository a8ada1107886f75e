// SPDX-License-Identifier: BSD-3-Clause
#include "index/model_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

// Below this reading every vector takes a millisecond or two, which nobody notices, and is exact.
constexpr std::size_t kAutoGraphRows = 20'000;

// A graph of which more is gone leads searches through what is not there.
constexpr double kMostGone = 0.2;

// Comparing the m rows of a filter costs m; walking the graph of n rows to as many of them costs
// n / m times the walk without a filter, about this many comparisons.
constexpr double kWalk = 1'000;

// Looking at a sketch costs about a tenth of comparing a row.
constexpr double kSketched = 10;

// Fewer rows are compared sooner than the query is sketched.
constexpr std::size_t kWorthSketching = 512;

// Rows that seem the nearest are compared first, so that they rule out others: as many as are
// wanted times this, and some.
constexpr std::size_t kFirst = 4;
constexpr std::size_t kFirstAtLeast = 32;

// Who wants more than this part of all rows is served faster by comparing all.
constexpr std::size_t kWorthwhile = 16;

// While rows keep coming the graph grows by this part of itself at a time, and by at least so many
// rows: each time has costs of its own. When no more come a smaller part is worth it.
constexpr std::size_t kGrowthPart = 8;
constexpr std::size_t kLeastGrowth = 4'096;
constexpr std::size_t kIdleGrowthPart = 64;

// Locks are held for so many rows at a time, so that changes wait for no more than that.
constexpr std::size_t kPiece = 4'096;

// More exclusions are asked during the walk, not after it.
constexpr std::size_t kFewExclusions = 64;

// Codes that a scan compares before it looks at the results, and that it asks memory for ahead.
constexpr std::size_t kRun = 64;
constexpr std::size_t kAhead = 8;

Status CheckQuery(std::string_view model, const IndexQuery& query, std::size_t dimension) {
  if (query.embedding.size() != dimension) {
    return InvalidArgumentError(Concat("the query has ", query.embedding.size(),
                                       " elements, but the vectors of model ", Quote(model),
                                       " have ", dimension));
  }
  EDB_TRY(ValidateEmbedding(query.embedding, "query"));
  if (query.k < 1) {
    return InvalidArgumentError(Concat("k is ", query.k, "; it must be at least 1"));
  }
  if (std::isnan(query.max_distance)) {
    return InvalidArgumentError("max_distance is not a number");
  }
  return {};
}

std::shared_ptr<const GraphIndex> GraphOf(const std::shared_ptr<const IndexFile>& file,
                                          const VectorCodec& codec) {
  const IndexFileContents& contents = file->contents();
  if (contents.graph.base.empty()) {
    return nullptr;
  }
  std::shared_ptr<const Sketches> sketches;
  if (!contents.sketches.empty()) {
    sketches = std::make_shared<const Sketches>(codec, contents.centre, contents.sketches, file);
  }
  return std::make_shared<const GraphIndex>(
      HnswGraph(contents.graph, file),
      GraphIndex::Measured{.expansion = contents.expansion,
                           .rows = contents.measured_rows,
                           .hidden = {contents.hidden.begin(), contents.hidden.end()}},
      std::move(sketches));
}

}  // namespace

bool IndexIsWorthwhile(IndexMode mode, bool saves, std::size_t rows) {
  switch (mode) {
    case IndexMode::kAuto:
      return rows >= kAutoGraphRows;
    case IndexMode::kExact:
      return saves && rows >= kAutoGraphRows;
    case IndexMode::kHnsw:
      return rows > 0;
  }
  return false;
}

/// The rows of a model as one query sees them.
class ModelIndex::QueryRows final : public SlotFilter, public ShortlistRows {
 public:
  using Provider = std::optional<CodedRows::ProviderNumber>;

  QueryRows(const CodedRows& rows, const CodeQuery& code_query, Provider provider,
            const IndexQuery& query)
      : rows_(rows),
        query_(code_query),
        provider_(provider),
        exclude_(query.exclude.begin(), query.exclude.end()),
        exclude_record_(query.exclude_record),
        exact_(query.exact) {
    std::sort(exclude_.begin(), exclude_.end());
  }

  /// Whether rows are left out for more than a few exclusions.
  bool filters() const {
    return provider_ || chosen_ != nullptr || rows_.gone() > 0 || exclusions() > kFewExclusions;
  }
  bool exact() const { return exact_; }
  std::size_t exclusions() const {
    return exclude_.size() + (exclude_record_ == nullptr ? 0U : 1U);
  }

  /// Only the slots whose bits are set match from now on; borrows them.
  void Choose(const std::vector<bool>& slots) { chosen_ = &slots; }

  /// Whether the row is there and not left out by provider or choice.
  bool Matches(Slot slot) const {
    return !rows_.IsGone(slot) && (!provider_ || rows_.provider(slot) == *provider_) &&
           (chosen_ == nullptr || (*chosen_)[slot]);
  }
  /// The same of a slot that is listed for the provider or the choice: reads less memory.
  bool MatchesListed(Slot slot) const {
    return !rows_.IsGone(slot) && (!provider_ || chosen_ == nullptr || Matches(slot));
  }
  /// Reads texts, so it is asked last.
  bool Excludes(Slot slot) const {
    if (exclusions() == 0) {
      return false;
    }
    const std::string_view depiction_id = rows_.depiction_id(slot);
    if (exclude_record_ != nullptr && depiction_id == exclude_record_->depiction_id &&
        rows_.ProviderName(rows_.provider(slot)) == exclude_record_->provider) {
      return true;
    }
    return std::binary_search(exclude_.begin(), exclude_.end(), depiction_id);
  }

  bool Allows(Slot slot) const override {
    return Matches(slot) && (exclusions() <= kFewExclusions || !Excludes(slot));
  }
  bool Before(Slot a, Slot b) const override {
    if (rows_.provider(a) != rows_.provider(b)) {
      return rows_.ProviderName(rows_.provider(a)) < rows_.ProviderName(rows_.provider(b));
    }
    const int order = rows_.depiction_id(a).compare(rows_.depiction_id(b));
    return order != 0 ? order < 0 : a < b;
  }
  std::optional<float> Exact(Slot slot) const override {
    const std::byte* const code = rows_.codes().at(slot);
    return rows_.codec().Original(code).empty() ? std::nullopt : std::optional(query_.Exact(code));
  }

  /// Puts a row that Matches on the list.
  bool Offer(Slot slot, float compared, Shortlist& list) const {
    const CodeFacts facts = rows_.facts(slot);
    // Those whose distance may be anything are offered apart from the others.
    return facts.known() && !Excludes(slot) && list.Offer(slot, query_.Bounds(compared, facts));
  }
  void OfferUnknown(Shortlist& list) const {
    for (const Slot slot : rows_.unknown()) {
      if (Matches(slot) && !Excludes(slot)) {
        list.Offer(slot, {});
      }
    }
  }

 private:
  const CodedRows& rows_;
  const CodeQuery& query_;
  Provider provider_;
  const std::vector<bool>* chosen_ = nullptr;
  std::vector<std::string_view> exclude_;  // sorted
  const Key* exclude_record_;
  bool exact_;
};

ModelIndex::ModelIndex(const IndexSetOptions& options, int dimension)
    : options_(options),
      rows_(std::make_shared<CodedRows>(
          std::make_shared<const VectorCodec>(options.metric, options.precision, dimension))) {}

ModelIndex::ModelIndex(const IndexSetOptions& options, int dimension,
                       const std::shared_ptr<const IndexFile>& file)
    : options_(options),
      rows_(std::make_shared<CodedRows>(
          std::make_shared<const VectorCodec>(options.metric, options.precision, dimension), file)),
      graph_(options.mode == IndexMode::kExact ? nullptr : GraphOf(file, rows_->codec())),
      file_rows_(file->rows()) {}

Status ModelIndex::Replace(const IndexRow& row) {
  if (row.replaced) {
    Remove(*row.replaced);
  }
  const std::size_t length = row.vector.size();
  if (rows_->live() == 0 && length >= kMinDimension && length <= kMaxDimension &&
      length != rows_->codec().dimension()) {
    rows_ = std::make_shared<CodedRows>(std::make_shared<const VectorCodec>(
        options_.metric, options_.precision, static_cast<int>(length)));
    filtered_.Clear();
    graph_.reset();
    file_rows_ = 0;
  }
  return Add({row.row, row.key->provider, row.key->depiction_id, row.details}, row.vector);
}

void ModelIndex::Remove(RowId row) {
  rows_->Remove(row);
}

std::size_t ModelIndex::KeepOnly(std::span<const RowId> rows) {
  std::size_t kept = 0;
  auto next = rows.begin();
  for (std::size_t i = 0; i < rows_->size(); ++i) {
    const auto slot = static_cast<Slot>(i);
    const RowId id = rows_->id(slot);
    next = std::find_if(next, rows.end(), [id](RowId row) { return row >= id; });
    if (next == rows.end() || *next != id) {
      rows_->Remove(id);
    } else if (!rows_->IsGone(slot)) {
      ++kept;
    }
  }
  return kept;
}

RowId ModelIndex::last_row() const {
  return rows_->size() == 0 ? 0 : rows_->id(static_cast<Slot>(rows_->size() - 1));
}

void ModelIndex::Scan(const CodeQuery& query, const QueryRows& view, Slot first,
                      Shortlist& list) const {
  const CodedRows& rows = *rows_;
  const std::size_t stride = rows.codec().stride();
  float cut = query.Cut(list.limit(), rows.limits());
  float compared[kRun];
  rows.ForEachRun([&](Slot start, const std::byte* codes, std::size_t count) {
    for (std::size_t done = start < first ? std::min<std::size_t>(count, first - start) : 0;
         done < count; done += kRun) {
      const std::size_t taken = std::min(kRun, count - done);
      rows.codec().CompareRun(query.code(), codes + done * stride, {compared, taken});
      for (std::size_t i = 0; i < taken; ++i) {
        const auto slot = static_cast<Slot>(start + done + i);
        if (!(compared[i] > cut) && view.Matches(slot) && view.Offer(slot, compared[i], list)) {
          cut = query.Cut(list.limit(), rows.limits());
        }
      }
    }
  });
}

template <typename ForEachSlot>
void ModelIndex::ScanSlots(const CodeQuery& query, const QueryRows& view,
                           const ForEachSlot& for_each, Shortlist& list) const {
  const CodedRows& rows = *rows_;
  const VectorCodec& codec = rows.codec();
  const CodeView codes = rows.codes();
  float cut = query.Cut(list.limit(), rows.limits());
  // The rows lie apart, so memory is asked for each before its turn comes.
  Slot waiting[kAhead];
  std::size_t asked = 0;
  const auto compare = [&](Slot slot) {
    const float compared = codec.Compare(query.code(), codes.at(slot));
    if (!(compared > cut) && view.Matches(slot) && view.Offer(slot, compared, list)) {
      cut = query.Cut(list.limit(), rows.limits());
    }
  };
  for_each([&](Slot slot) {
    PrefetchCode(codes.at(slot), codes.stride);
    if (asked >= kAhead) {
      compare(waiting[asked % kAhead]);
    }
    waiting[asked++ % kAhead] = slot;
  });
  for (std::size_t i = asked > kAhead ? asked - kAhead : 0; i < asked; ++i) {
    compare(waiting[i % kAhead]);
  }
}

void ModelIndex::ScanSketched(const CodeQuery& query, const QueryRows& view,
                              std::span<const Slot> slots, Shortlist& list) const {
  const CodedRows& rows = *rows_;
  const SketchQuery sketched(*graph_->sketches(), rows.codec(), query.code());
  struct Guessed {
    SketchQuery::Guess guess;
    Slot slot = 0;
    bool operator<(const Guessed& other) const { return guess.compared < other.guess.compared; }
  };
  // What seems nearest is a heap: few rows come into it, where sorting would move most of them.
  std::vector<Guessed> first;
  std::vector<Guessed> others;
  const std::size_t most = kFirst * list.wanted() + kFirstAtLeast;
  first.reserve(std::min(most, slots.size()));
  others.reserve(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (i + kRun / 2 < slots.size()) {
      sketched.Prefetch(slots[i + kRun / 2]);
    }
    if (!view.MatchesListed(slots[i])) {
      continue;
    }
    const float norm = sketched.needs_norm() ? rows.facts(slots[i]).norm : 0;
    Guessed one = {sketched.Of(slots[i], norm), slots[i]};
    if (first.size() < most) {
      first.push_back(one);
      std::push_heap(first.begin(), first.end());
      continue;
    }
    if (one < first.front()) {
      std::pop_heap(first.begin(), first.end());
      std::swap(one, first.back());
      std::push_heap(first.begin(), first.end());
    }
    others.push_back(one);
  }
  const auto scan = [&](const std::vector<Guessed>& guessed, float cut) {
    ScanSlots(
        query, view,
        [&](const auto& visit) {
          for (const Guessed& one : guessed) {
            if (!(one.guess.low > cut)) {
              visit(one.slot);
            }
          }
        },
        list);
  };
  scan(first, std::numeric_limits<float>::infinity());
  list.Tighten();
  scan(others, query.Cut(list.limit(), rows.limits()));
}

std::size_t ModelIndex::Few() const {
  const bool sketched = graph_ != nullptr && graph_->sketches() != nullptr;
  const auto all = static_cast<double>(rows_->size());
  return static_cast<std::size_t>(std::sqrt((sketched ? kSketched : 1) * kWalk * all));
}

void ModelIndex::ScanFew(const CodeQuery& query, const QueryRows& view,
                         const std::vector<Slot>& slots, Shortlist& list) const {
  auto direct = slots.begin();
  if (!view.exact() && slots.size() >= kWorthSketching && graph_ != nullptr &&
      graph_->sketches() != nullptr) {
    const auto size = static_cast<Slot>(graph_->sketches()->size());
    direct = std::lower_bound(slots.begin(), slots.end(), size);
    ScanSketched(query, view, {slots.begin(), direct}, list);
  }
  ScanSlots(
      query, view, [&](const auto& visit) { std::for_each(direct, slots.end(), visit); }, list);
}

bool ModelIndex::SearchGraph(const CodeQuery& query, const QueryRows& view, Shortlist& list) const {
  const CodedRows& rows = *rows_;
  const std::size_t few = std::min(view.exclusions(), kFewExclusions);
  // The codes may order them otherwise, so more are asked for than are wanted.
  const std::vector<SlotDistance> found =
      graph_->Search({rows.codec(), rows.codes()}, {.code = query.code(),
                                                    .expansion = 2 * list.wanted() + few,
                                                    .filter = view.filters() ? &view : nullptr});
  std::size_t matching = 0;
  for (const SlotDistance& one : found) {
    matching += view.Excludes(one.slot) ? 0U : 1U;
  }
  if (matching < list.wanted()) {
    return false;  // the graph leads to no more, but there may be more
  }
  for (const SlotDistance& one : found) {
    view.Offer(one.slot, one.distance, list);
  }
  OfferHidden(query, view, found, list);
  Scan(query, view, static_cast<Slot>(graph_->size()), list);
  return true;
}

/// Compares the rows that the graph does not lead to, where it has led to their anchors, or would
/// have if these were allowed.
void ModelIndex::OfferHidden(const CodeQuery& query, const QueryRows& view,
                             const std::vector<SlotDistance>& found, Shortlist& list) const {
  const CodedRows& rows = *rows_;
  const auto offer = [&](Slot slot) {
    const bool is_found = std::any_of(found.begin(), found.end(),
                                      [&](const SlotDistance& one) { return one.slot == slot; });
    if (!is_found && view.Matches(slot)) {
      view.Offer(slot, rows.codec().Compare(query.code(), rows.codes().at(slot)), list);
    }
  };
  for (const SlotDistance& one : found) {
    for (const HiddenRow& hidden : graph_->HiddenAt(one.slot)) {
      offer(hidden.slot);
    }
  }
  if (view.filters()) {
    for (const HiddenRow& hidden : graph_->measured().hidden) {
      if (!view.Allows(hidden.anchor)) {
        offer(hidden.slot);
      }
    }
  }
}

std::shared_ptr<const FilteredSlots::Matching> ModelIndex::Choose(std::string_view model,
                                                                  const IndexQuery& query) const {
  const CodedRows& rows = *rows_;
  if (query.filters != nullptr) {
    return filtered_.Of(rows, model, *query.filters, Few());
  }
  if (query.rows == nullptr) {
    return nullptr;
  }
  auto chosen = std::make_shared<FilteredSlots::Matching>();
  chosen->slots = rows.SlotsOf(*query.rows);
  chosen->count = chosen->slots.size();
  chosen->allowed.resize(rows.size());
  for (const Slot slot : chosen->slots) {
    chosen->allowed[slot] = true;
  }
  return chosen;
}

Result<std::optional<std::vector<IndexCandidate>>> ModelIndex::Search(
    std::string_view model, const IndexQuery& query) const {
  const CodedRows& rows = *rows_;
  if (rows.live() == 0) {
    return std::optional(std::vector<IndexCandidate>{});
  }
  EDB_TRY(CheckQuery(model, query, rows.codec().dimension()));
  std::optional<CodedRows::ProviderNumber> provider;
  if (query.provider) {
    provider = rows.FindProvider(*query.provider);
    if (!provider) {
      return std::optional(std::vector<IndexCandidate>{});
    }
  }
  const CodeQuery code_query(rows.codec(), query.embedding);
  IndexQuery own = query;
  if (own.exclude_record != nullptr && own.exclude_record->model != model) {
    own.exclude_record = nullptr;
  }
  QueryRows view(rows, code_query, provider, own);
  const std::size_t k = std::min(static_cast<std::size_t>(query.k), rows.live());
  Shortlist list(view, k, query.max_distance);
  const std::shared_ptr<const FilteredSlots::Matching> chosen = Choose(model, query);
  if (chosen != nullptr) {
    if (!chosen->decided) {
      return std::optional<std::vector<IndexCandidate>>();
    }
    view.Choose(chosen->allowed);
  }
  if (chosen != nullptr && chosen->count <= Few() && chosen->slots.size() == chosen->count) {
    ScanFew(code_query, view, chosen->slots, list);
  } else if (provider && rows.LiveOf(*provider) <= Few()) {
    ScanFew(code_query, view, rows.SlotsOfProvider(*provider), list);
  } else if (query.exact || graph_ == nullptr || k > rows.live() / kWorthwhile ||
             !SearchGraph(code_query, view, list)) {
    Scan(code_query, view, 0, list);
  }
  view.OfferUnknown(list);
  return std::optional(ToCandidates(model, list.Finish()));
}

std::vector<IndexCandidate> ModelIndex::ToCandidates(
    std::string_view model, const std::vector<Shortlist::Entry>& entries) const {
  std::vector<IndexCandidate> candidates;
  candidates.reserve(entries.size());
  // Then it is the answer itself, and few.
  const bool known = std::all_of(entries.begin(), entries.end(), [](const Shortlist::Entry& entry) {
    return entry.bounds.known();
  });
  for (const Shortlist::Entry& entry : entries) {
    const CodedRows::Row row = rows_->row(entry.slot);
    candidates.push_back({.hit = {.row = row.id,
                                  .distance = entry.bounds.low,
                                  .key = {std::string(row.provider), std::string(row.depiction_id),
                                          std::string(model)},
                                  .details = std::string(known ? row.details : "")},
                          .bounds = entry.bounds});
  }
  return candidates;
}

std::size_t ModelIndex::memory_bytes() const {
  // Of a graph in a file this counts what a graph in memory would take: it is read all the same.
  return rows_->memory_bytes() + (graph_ == nullptr || file_rows_ > 0
                                      ? 0
                                      : graph_->size() * HnswGraph::kBaseLinks * sizeof(Slot));
}

bool ModelIndex::Wanted() const {
  return IndexIsWorthwhile(options_.mode, CanSave(), rows_->live());
}

bool ModelIndex::TooManyGone() const {
  return rows_->gone() > options_.least_growth &&
         static_cast<double>(rows_->gone()) > kMostGone * static_cast<double>(rows_->size());
}

ModelIndex::Growing ModelIndex::Look() {
  const auto lock = LockForSearch();
  if (abandoned_.stop_requested() || held_) {
    return Growing::kDone;
  }
  if (TooManyGone()) {
    return Growing::kNow;
  }
  if (!Wanted()) {
    return Growing::kDone;
  }
  const std::size_t size = rows_->size();
  const std::size_t done = options_.mode == IndexMode::kExact ? file_rows_ : graph_size();
  const std::size_t tail = size - done;
  const bool idle = size == std::exchange(seen_, size);
  if (done > 0 && tail < std::max(options_.least_growth, done / kIdleGrowthPart)) {
    return Growing::kDone;
  }
  return idle || tail >= std::max(kLeastGrowth, done / kGrowthPart) ? Growing::kNow
                                                                    : Growing::kSoon;
}

Status ModelIndex::Grow(std::string_view model, std::size_t threads, const std::stop_token& stop) {
  std::stop_source either;
  const std::stop_callback first(stop, [&] { either.request_stop(); });
  const std::stop_callback second(abandoned_.get_token(), [&] { either.request_stop(); });
  try {
    return TryToGrow(model, threads, either.get_token());
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError("no memory for the graph");
  }
}

Status ModelIndex::TryToGrow(std::string_view model, std::size_t threads,
                             const std::stop_token& stop) {
  Rows from;
  Rows rows;
  std::size_t count = 0;
  std::vector<const std::byte*> chunks;
  std::shared_ptr<const GraphIndex> before;
  bool anew = false;
  bool wanted = false;
  {
    const auto lock = LockForSearch();
    from = rows = rows_;
    count = rows->size();
    chunks = rows->CopyChunks();
    before = graph_;
    anew = TooManyGone();
    wanted = Wanted();
  }
  if (anew) {
    EDB_ASSIGN(rows, WithoutGone(from, count, stop));
    chunks = rows->CopyChunks();
    before = nullptr;
  }
  const std::size_t size = anew ? rows->size() : count;
  std::shared_ptr<const GraphIndex> graph;
  if (wanted && options_.mode != IndexMode::kExact && size > 0) {
    EDB_ASSIGN(graph, GraphIndex::Build({rows->codec(), rows->ViewOf(chunks)}, size, before.get(),
                                        {.threads = threads, .stop = stop}));
  }
  EDB_TRY(Install(from, rows, count, graph));
  return wanted && size > 0 ? Save(model, rows, size, graph) : Status();
}

/// A copy of the first rows, which nobody else knows of yet.
Result<ModelIndex::Rows> ModelIndex::WithoutGone(const Rows& rows, std::size_t count,
                                                 const std::stop_token& stop) {
  auto copy = std::make_shared<CodedRows>(rows->shared_codec());
  for (std::size_t first = 0; first < count; first += kPiece) {
    if (stop.stop_requested()) {
      return CancelledError("building the index was stopped");
    }
    const auto lock = LockForSearch();
    for (std::size_t i = first; i < std::min(count, first + kPiece); ++i) {
      const auto slot = static_cast<Slot>(i);
      EDB_TRY(rows->IsGone(slot) ? Status() : copy->AppendFrom(*rows, slot));
    }
  }
  return copy;
}

/// Puts the graph in use; and `rows`, a copy of the first `count` of `from`, after it has been
/// brought up to date.
Status ModelIndex::Install(const Rows& from, const Rows& rows, std::size_t count,
                           std::shared_ptr<const GraphIndex> graph) {
  const auto lock = LockForChange();
  if (rows_ != from) {
    return CancelledError("the model has begun anew");
  }
  if (rows != from) {
    for (std::size_t i = 0; i < from->size(); ++i) {
      const auto slot = static_cast<Slot>(i);
      if (i >= count) {
        EDB_TRY(from->IsGone(slot) ? Status() : rows->AppendFrom(*from, slot));
      } else if (from->IsGone(slot)) {
        rows->Remove(from->id(slot));
      }
    }
    rows_ = rows;
    file_rows_ = 0;
  }
  filtered_.Clear();   // of other rows, or of what were too many to list
  graph_.swap(graph);  // what was there is freed after the lock
  return {};
}

/// Writes the first rows to a file and uses them from there.
Status ModelIndex::Save(std::string_view model, const Rows& rows, std::size_t count,
                        const std::shared_ptr<const GraphIndex>& graph) {
  IndexFileContents contents;
  std::vector<const std::byte*> chunks;
  {
    const auto lock = LockForSearch();
    if (!CanSave()) {
      return {};
    }
    contents = rows->Describe(count);
    chunks = rows->CopyChunks();
  }
  if (graph != nullptr) {
    contents.graph = graph->graph().parts();
    contents.hidden = graph->measured().hidden;
    if (const Sketches* const sketches = graph->sketches(); sketches != nullptr) {
      contents.centre = sketches->centre();
      contents.sketches = sketches->bytes();
    }
    contents.expansion = graph->measured().expansion;
    contents.measured_rows = graph->measured().rows;
  }
  const Result<std::shared_ptr<const IndexFile>> written =
      options_.files->Write(model, rows->codec(), contents, rows->ViewOf(chunks));
  const auto lock = LockForChange();
  if (!written.ok()) {
    save_failed_ = true;
    return written.status().WithContext("the index is kept in memory");
  }
  const std::shared_ptr<const IndexFile>& file = *written;
  if (rows_ == rows) {
    rows->MoveTo(file);
    file_rows_ = count;
    if (graph != nullptr) {
      graph_ = GraphOf(file, rows->codec());
    }
  }
  return {};
}

}  // namespace embeddingsdb
