// SPDX-License-Identifier: BSD-3-Clause
#include "engines/multi/merged_list.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/list_order.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kRemembered = 16;  // walks at the same time
/// The fewest records to read at once: a page of a member costs about the same up to this.
constexpr std::int64_t kFewest = 100;

/// The matching records of one member, by their place in its list.
class MemberList {
 public:
  MemberList(const Member& member, const ListQuery& query, std::int64_t chunk)
      : member_(member), filters_(query.filters), chunk_(chunk) {}

  /// To be called once before the rest.
  Status Count() {
    EDB_ASSIGN(total_, Named(member_, member_.database->Count(filters_)));
    return {};
  }
  std::int64_t total() const { return total_; }
  /// How many records have been passed by.
  std::int64_t passed() const { return passed_; }
  std::int64_t left() const { return total_ - passed_; }
  void Pass(std::int64_t records) { passed_ += records; }

  /// A record, or nothing past the end; valid until the next call. Reads its neighbours too.
  Result<Record*> At(std::int64_t place) { return Load(place, chunk_); }
  Result<Record*> Next() { return At(passed_); }
  /// As At, without the neighbours.
  Result<Record*> Probe(std::int64_t place) { return Load(place, 1); }

 private:
  Result<Record*> Load(std::int64_t place, std::int64_t count);

  const Member& member_;
  const std::vector<Filter>& filters_;
  std::int64_t chunk_;
  std::int64_t total_ = 0;
  std::int64_t passed_ = 0;
  std::int64_t first_ = 0;  // place of records_[0]
  std::vector<Record> records_;
};

Result<Record*> MemberList::Load(std::int64_t place, std::int64_t count) {
  if (place >= total_) {
    return nullptr;
  }
  if (place < first_ || place >= first_ + std::ssize(records_)) {
    EDB_ASSIGN(RecordPage page, Named(member_, member_.database->List({.page = place / count + 1,
                                                                       .per_page = count,
                                                                       .filters = filters_})));
    first_ = place / count * count;
    records_ = std::move(page.records);
  }
  const std::int64_t at = place - first_;
  // Fewer than were counted: something was removed meanwhile.
  return at < std::ssize(records_) ? &records_[static_cast<std::size_t>(at)] : nullptr;
}

using Lists = std::vector<MemberList>;

/// The member whose next record comes first; nothing when all are through. Where two members have
/// the same key the first goes first.
Result<std::optional<std::size_t>> First(Lists& lists) {
  std::optional<std::size_t> first;
  const Record* least = nullptr;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    EDB_ASSIGN(const Record* record, lists[i].Next());
    if (record != nullptr && (least == nullptr || ListsBefore(*record, *least))) {
      first = i;
      least = record;
    }
  }
  return first;
}

/// True when everything before the split comes before everything after it.
Result<bool> IsSplit(Lists& lists, const std::vector<std::int64_t>& before) {
  std::optional<std::pair<Record, std::size_t>> last;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    if (before[i] > lists[i].total()) {
      return false;
    }
    if (before[i] == 0) {
      continue;
    }
    EDB_ASSIGN(const Record* record, lists[i].Probe(before[i] - 1));
    if (record == nullptr) {
      return false;
    }
    if (!last || !ListsBefore(*record, last->first)) {
      last.emplace(*record, i);
    }
  }
  for (std::size_t i = 0; last && i < lists.size(); ++i) {
    EDB_ASSIGN(const Record* record, lists[i].At(before[i]));
    const bool after = record == nullptr || ListsBefore(last->first, *record) ||
                       (!ListsBefore(*record, last->first) && i > last->second);
    if (!after) {
      return false;
    }
  }
  return true;
}

/// Moves the lists on by `left` records of the merged list; at most a chunk is read record by
/// record. Each round looks `step` records ahead in every list. Of these places the one that comes
/// first has at most lists * (step - 1) others before it, so all up to it can be passed by.
Status Skip(Lists& lists, std::int64_t left, std::int64_t chunk) {
  while (left > chunk) {
    std::int64_t open = 0;
    for (const MemberList& list : lists) {
      open += list.left() > 0 ? 1 : 0;
    }
    const std::int64_t step = (left - 1) / std::max<std::int64_t>(open, 1) + 1;
    MemberList* least = nullptr;
    std::int64_t passed = 0;
    std::optional<Record> least_record;
    for (MemberList& list : lists) {
      const std::int64_t ahead = std::min(step, list.left());
      if (ahead <= 0) {
        continue;
      }
      EDB_ASSIGN(const Record* record, list.Probe(list.passed() + ahead - 1));
      if (record != nullptr && (!least_record || ListsBefore(*record, *least_record))) {
        least = &list;
        passed = ahead;
        least_record = *record;
      }
    }
    if (least == nullptr) {
      return {};
    }
    least->Pass(passed);
    left -= passed;
  }
  for (; left > 0; --left) {
    EDB_ASSIGN(const std::optional<std::size_t> first, First(lists));
    if (!first) {
      return {};
    }
    lists[*first].Pass(1);
  }
  return {};
}

}  // namespace

MergedList::Split MergedList::NearestSplit(const std::vector<Filter>& filters, std::int64_t offset,
                                           std::size_t members) const {
  Split nearest{.filters = filters, .before = std::vector<std::int64_t>(members), .offset = 0};
  const std::lock_guard lock(mutex_);
  for (const Split& split : splits_) {
    if (split.filters == filters && split.offset <= offset && split.offset > nearest.offset) {
      nearest = split;
    }
  }
  return nearest;
}

void MergedList::Remember(Split split) {
  split.offset = 0;
  for (const std::int64_t before : split.before) {
    split.offset += before;
  }
  const std::lock_guard lock(mutex_);
  if (splits_.size() == kRemembered) {
    splits_.erase(splits_.begin());
  }
  splits_.push_back(std::move(split));
}

Status MergedList::Page(const std::vector<Member>& members, const ListQuery& query,
                        RecordPage& page) {
  const std::int64_t chunk =
      std::max(std::min(query.per_page, kFewest), 2 * query.per_page / std::ssize(members));
  Lists lists;
  std::size_t with_records = 0;
  std::size_t only = 0;
  page.total = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    EDB_TRY(lists.emplace_back(members[i], query, chunk).Count());
    page.total += lists.back().total();
    if (lists.back().total() > 0) {
      ++with_records;
      only = i;
    }
  }
  const std::int64_t offset = (query.page - 1) * query.per_page;
  if (offset >= page.total) {
    return {};
  }
  if (with_records == 1) {
    // Its page is the page, and from one snapshot.
    EDB_ASSIGN(page, Named(members[only], members[only].database->List(query)));
    return {};
  }

  Split split = NearestSplit(query.filters, offset, members.size());
  EDB_ASSIGN(const bool usable, IsSplit(lists, split.before));
  for (std::size_t i = 0; usable && i < lists.size(); ++i) {
    lists[i].Pass(split.before[i]);
  }
  EDB_TRY(Skip(lists, usable ? offset - split.offset : offset, chunk));
  while (std::ssize(page.records) < query.per_page) {
    EDB_ASSIGN(const std::optional<std::size_t> first, First(lists));
    if (!first) {
      break;
    }
    EDB_ASSIGN(Record * record, lists[*first].Next());
    page.records.push_back(std::move(*record));
    lists[*first].Pass(1);
  }
  for (std::size_t i = 0; i < lists.size(); ++i) {
    split.before[i] = lists[i].passed();
  }
  Remember(std::move(split));
  return {};
}

}  // namespace embeddingsdb
