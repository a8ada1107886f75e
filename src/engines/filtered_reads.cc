// SPDX-License-Identifier: BSD-3-Clause
#include "engines/filtered_reads.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "core/list_order.h"
#include "core/record_matcher.h"
#include "engines/facet_tally.h"

namespace embeddingsdb {
namespace {

/// Visits the rows that match, and no others.
Status VisitMatching(RecordStore& store, const std::vector<Filter>& filters,
                     const FieldsVisitor& visit) {
  const RecordMatcher matcher(filters);
  return store.VisitFields(filters, [&](RowId row, const Record& record) {
    return matcher.Matches(record) ? visit(row, record) : Status();
  });
}

/// What decides a row's place in a list, and what GetRows does not tell.
struct Listed {
  Key key;
  std::string subject_id;
  std::int64_t created = 0;
  RowId row = 0;
};

bool InListOrder(const Listed& a, const Listed& b) {
  return ListRank(a.subject_id, a.key) < ListRank(b.subject_id, b.key);
}

/// The first rows of a list, in no order: as many as `wanted`, and for a while twice as many.
class FirstOfList {
 public:
  explicit FirstOfList(std::size_t wanted) : wanted_(wanted) {}

  void Add(Listed one) {
    ++count_;
    first_.push_back(std::move(one));
    if (first_.size() >= 2 * wanted_) {
      Shrink();
    }
  }
  std::int64_t count() const { return count_; }
  std::vector<Listed> Finish() {
    std::sort(first_.begin(), first_.end(), InListOrder);
    first_.resize(std::min(first_.size(), wanted_));
    return std::move(first_);
  }

 private:
  void Shrink() {
    const auto last = first_.begin() + static_cast<std::ptrdiff_t>(wanted_ - 1);
    std::nth_element(first_.begin(), last, first_.end(), InListOrder);
    first_.resize(wanted_);
  }

  std::size_t wanted_;
  std::int64_t count_ = 0;
  std::vector<Listed> first_;
};

class MatchingCursor final : public RecordCursor {
 public:
  MatchingCursor(std::unique_ptr<RecordCursor> all, const std::vector<Filter>& filters)
      : all_(std::move(all)), matcher_(filters) {}

  Result<bool> Next(Record& record) override {
    while (true) {
      EDB_ASSIGN(const bool more, all_->Next(record));
      if (!more || matcher_.Matches(record)) {
        return more;
      }
    }
  }

 private:
  std::unique_ptr<RecordCursor> all_;
  RecordMatcher matcher_;
};

}  // namespace

Result<std::int64_t> CountByFields(RecordStore& store, const std::vector<Filter>& filters) {
  std::int64_t count = 0;
  EDB_TRY(VisitMatching(store, filters, [&](RowId /*row*/, const Record& /*record*/) {
    ++count;
    return Status();
  }));
  return count;
}

Result<bool> ListByFields(RecordStore& store, const ListQuery& query, RecordPage& page) {
  const std::int64_t offset = (query.page - 1) * query.per_page;
  FirstOfList first(static_cast<std::size_t>(offset + query.per_page));
  EDB_TRY(VisitMatching(store, query.filters, [&](RowId row, const Record& record) {
    first.Add({record.key, record.subject_id, record.created, row});
    return Status();
  }));
  page.total = first.count();
  page.records.clear();
  if (offset >= page.total) {
    return true;
  }
  const std::vector<Listed> listed = first.Finish();
  const auto on_page = std::span(listed).subspan(static_cast<std::size_t>(offset));
  std::vector<RowRef> rows;
  rows.reserve(on_page.size());
  for (const Listed& one : on_page) {
    rows.push_back({one.row, one.key});
  }
  EDB_ASSIGN(std::vector<std::optional<Record>> records, store.GetRows(rows, RowParts::kAll));
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::optional<Record>& record = records[i];
    if (!record) {
      return false;
    }
    record->created = on_page[i].created;
    page.records.push_back(*std::move(record));
  }
  return true;
}

Result<std::unique_ptr<RecordCursor>> ScanByFields(RecordStore& store,
                                                   const std::vector<Filter>& filters) {
  EDB_ASSIGN(std::unique_ptr<RecordCursor> all, store.Scan(ColumnFilters(filters)));
  return std::unique_ptr<RecordCursor>(std::make_unique<MatchingCursor>(std::move(all), filters));
}

Result<FacetCounts> FacetsByFields(RecordStore& store, const FacetQuery& query) {
  FacetTally tally(query);
  EDB_TRY(VisitMatching(store, query.filters, [&](RowId /*row*/, const Record& record) {
    tally.Add(record);
    return Status();
  }));
  return tally.Finish();
}

Result<std::vector<RowId>> RowsByFields(RecordStore& store, const std::string& model,
                                        const std::vector<Filter>& filters) {
  std::vector<Filter> all = filters;
  all.push_back({Column::kModel, model});
  std::vector<RowId> rows;
  EDB_TRY(VisitMatching(store, all, [&](RowId row, const Record& /*record*/) {
    rows.push_back(row);
    return Status();
  }));
  return rows;
}

}  // namespace embeddingsdb
