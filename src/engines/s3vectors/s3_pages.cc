// SPDX-License-Identifier: BSD-3-Clause
//
// Lists. ListVectors has no filters, so a page of ours may begin and end within one of theirs.
#include <algorithm>
#include <charconv>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "engines/s3vectors/s3_database.h"

namespace embeddingsdb::s3vectors {

/// A cursor is "SKIP.TOKEN": vectors to leave out of the page that the token leads to.
struct S3VectorsDatabase::Place {
  std::string token;
  std::size_t skip = 0;
  bool at_end = false;

  std::string ToCursor() const { return at_end ? "" : Concat(skip, ".", token); }
  static Result<Place> Of(std::string_view cursor) {
    Place place;
    if (cursor.empty()) {
      return place;
    }
    const std::size_t dot = cursor.find('.');
    const auto [end, error] =
        std::from_chars(cursor.data(), cursor.data() + std::min(dot, cursor.size()), place.skip);
    if (dot == std::string_view::npos || error != std::errc() || end != cursor.data() + dot ||
        place.skip > static_cast<std::size_t>(kMaxS3ListVectors)) {
      return InvalidArgumentError("cursor is not one that a page of this list gave");
    }
    place.token = cursor.substr(dot + 1);
    return place;
  }
};

/// Leaves records out of a list without filters: their keys are enough.
Status S3VectorsDatabase::SkipRecords(std::int64_t count, Place& place) {
  while (count > 0 && !place.at_end) {
    EDB_ASSIGN(S3VectorsPage page,
               index_->List({.max_results =
                                 static_cast<int>(std::min<std::int64_t>(count, kMaxS3ListVectors)),
                             .token = place.token}));
    count -= static_cast<std::int64_t>(page.vectors.size());
    place.token = std::move(page.next_token);
    place.at_end = place.token.empty();
  }
  return {};
}

/// Without `records` they are left out, and their vectors not asked for.
Status S3VectorsDatabase::FillPage(const ListQuery& query, Place& place,
                                   std::vector<Record>* records) {
  const RecordMatcher matcher(query.filters);
  const bool filtered = !query.filters.empty();
  for (std::int64_t left = query.per_page; left > 0 && !place.at_end;) {
    // Without filters their pages are made to end where ours does.
    EDB_ASSIGN(S3VectorsPage page,
               index_->List({.max_results = filtered ? kMaxS3ListVectors : static_cast<int>(left),
                             .token = place.token,
                             .data = records != nullptr,
                             .metadata = true}));
    std::size_t next = std::min(place.skip, page.vectors.size());
    for (; next < page.vectors.size() && left > 0; ++next) {
      EDB_ASSIGN(Record record, RecordOf(std::move(page.vectors[next])));
      if (matcher.Matches(record)) {
        --left;
        if (records != nullptr) {
          records->push_back(std::move(record));
        }
      }
    }
    if (next < page.vectors.size()) {
      place.skip = next;
      return {};
    }
    place.skip = 0;
    place.token = std::move(page.next_token);
    place.at_end = place.token.empty();
  }
  return {};
}

/// The table knows lists by provider, model and depiction; the index is listed where nothing is
/// filtered, which is one request a page. A cursor goes on where it comes from.
Status S3VectorsDatabase::DoList(const ListQuery& query, RecordPage& page) {
  page.total = kTotalUnknown;
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    page.total = 0;
    return {};
  }
  const std::optional<S3TableQuery> by_table =
      table_ == nullptr || query.filters.empty() ? std::nullopt : S3TableQuery::Of(query.filters);
  bool table_goes_on = query.cursor.starts_with(kS3TableCursor);
  if (by_table && query.cursor.empty()) {
    EDB_ASSIGN(const std::optional<S3TableState> state, CompleteTable());
    table_goes_on = state.has_value();
  }
  return by_table && table_goes_on ? ListByTable(query, *by_table, page) : ListByIndex(query, page);
}

Status S3VectorsDatabase::ListByIndex(const ListQuery& query, RecordPage& page) {
  EDB_ASSIGN(Place place, Place::Of(query.cursor));
  if (query.filters.empty()) {
    EDB_TRY(SkipRecords((query.page - 1) * query.per_page, place));
  }
  for (std::int64_t i = 1; !query.filters.empty() && i < query.page && !place.at_end; ++i) {
    EDB_TRY(FillPage(query, place, nullptr));
  }
  EDB_TRY(FillPage(query, place, &page.records));
  page.next_cursor = place.ToCursor();
  return {};
}

}  // namespace embeddingsdb::s3vectors
