// SPDX-License-Identifier: BSD-3-Clause
//
// What is asked of the side table. It may have items whose vectors are gone: whoever needs to be
// sure looks at the vectors too.
#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/hex.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/s3vectors/s3_database.h"
#include "engines/s3vectors/s3_parallel.h"

namespace embeddingsdb::s3vectors {
namespace {

Status BadCursor() {
  return InvalidArgumentError("cursor is not one that a page of this list gave");
}

/// Takes "NUMBER:" off the front.
std::optional<std::size_t> TakeSize(std::string_view& text) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || length == text.size() || *end != ':') {
    return std::nullopt;
  }
  text.remove_prefix(length + 1);
  return size;
}

}  // namespace

/// A cursor is "t" and, in hexadecimal digits, "PROVIDER_BYTES:MODEL_BYTES:PROVIDER MODEL KEY" of
/// the item that it is behind, without the spaces.
struct S3VectorsDatabase::TablePlace {
  std::optional<S3TableItem> after;
  bool at_end = false;

  std::string ToCursor() const;
  static Result<TablePlace> Of(std::string_view cursor, const S3TableQuery& query);
};

std::string S3VectorsDatabase::TablePlace::ToCursor() const {
  if (at_end || !after) {
    return "";
  }
  const auto& [provider, depiction_id, model] = after->record;
  return std::string(1, kS3TableCursor) +
         HexOf(Concat(provider.size(), ":", model.size(), ":", provider, model, after->key));
}

Result<S3VectorsDatabase::TablePlace> S3VectorsDatabase::TablePlace::Of(std::string_view cursor,
                                                                        const S3TableQuery& query) {
  if (cursor.empty()) {
    return TablePlace{};
  }
  std::string text;
  for (std::size_t i = 1; i + 1 < cursor.size(); i += 2) {
    const int high = HexValue(cursor[i]);
    const int low = HexValue(cursor[i + 1]);
    if (high < 0 || low < 0) {
      return BadCursor();
    }
    text += static_cast<char>(high * 16 + low);
  }
  std::string_view rest = text;
  const std::optional<std::size_t> provider = TakeSize(rest);
  const std::optional<std::size_t> model = provider ? TakeSize(rest) : std::nullopt;
  if (!model || cursor.size() % 2 == 0 || *provider > rest.size() ||
      *model >= rest.size() - *provider) {
    return BadCursor();
  }
  S3TableItem item{.key = std::string(rest.substr(*provider + *model))};
  item.record.provider = rest.substr(0, *provider);
  item.record.model = rest.substr(*provider, *model);
  // The service would refuse it too, in words of its own.
  if (query.has_index() && (item.record.provider != query.provider.value_or(item.record.provider) ||
                            item.record.model != query.model.value_or(item.record.model) ||
                            item.record.provider.empty() || item.record.model.empty())) {
    return BadCursor();
  }
  return TablePlace{.after = std::move(item)};
}

Status S3VectorsDatabase::OpenTable() {
  if (table_ == nullptr) {
    return {};
  }
  EDB_ASSIGN(const bool found, table_->Check());
  if (!found) {
    if (options().read_only) {
      return NotFoundError(Concat("there is no DynamoDB table ", Quote(table_->name()),
                                  ", and read-only=true makes none"));
    }
    EDB_TRY(table_->Create());
  }
  EDB_ASSIGN(const S3TableState state, table_->State());
  if (state.complete) {
    return {};
  }
  // Of nothing there is nothing to miss.
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  S3VectorsPage vectors;
  if (facts) {
    EDB_ASSIGN(vectors, index_->List({.max_results = 1}));
  }
  EDB_ASSIGN(const S3TablePage items, table_->Page({.query = {}, .limit = 2}));
  if (!options().read_only && vectors.vectors.empty() && items.items.empty() && !items.next) {
    return table_->SetComplete({});
  }
  context().log->Warn(
      "The table is not known to have all records, so the index is read; reindex fills it",
      {{"table", table_->name()}});
  return {};
}

Result<std::optional<S3TableState>> S3VectorsDatabase::CompleteTable() {
  if (table_ == nullptr) {
    return std::optional<S3TableState>();
  }
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return std::optional<S3TableState>();
  }
  EDB_ASSIGN(S3TableState state, table_->State());
  return state.complete ? std::optional(std::move(state)) : std::nullopt;
}

Result<std::optional<S3VectorsDatabase::TablePlan>> S3VectorsDatabase::PlanByTable(
    const std::vector<Filter>& filters) {
  std::optional<S3TableQuery> query = S3TableQuery::Of(filters);
  if (!query) {
    return std::optional<TablePlan>();
  }
  EDB_ASSIGN(const std::optional<S3TableState> state, CompleteTable());
  // To look up every vector of the index takes longer than to list them.
  if (!state || (!state->writes.empty() && !query->has_index())) {
    return std::optional<TablePlan>();
  }
  return std::optional<TablePlan>({*std::move(query), state->writes.empty()});
}

/// Those that are there, in the order of the items.
Result<std::vector<Record>> S3VectorsDatabase::RecordsOf(std::span<const S3TableItem> items,
                                                         bool data) {
  std::vector<std::optional<Record>> found(items.size());
  const std::size_t requests = (items.size() + kMaxS3GetVectors - 1) / kMaxS3GetVectors;
  EDB_TRY(InParallel(requests, kMaxS3Connections, [&](std::size_t request) -> Status {
    std::map<std::string_view, std::size_t> places;
    std::vector<std::string> keys;
    const std::size_t begin = request * kMaxS3GetVectors;
    for (std::size_t i = begin; i < std::min(begin + kMaxS3GetVectors, items.size()); ++i) {
      if (places.emplace(items[i].key, i).second) {
        keys.push_back(items[i].key);
      }
    }
    EDB_ASSIGN(std::vector<S3Vector> vectors, index_->Get(keys, data));
    for (S3Vector& vector : vectors) {
      const auto place = places.find(vector.key);
      if (place == places.end()) {
        return InternalError("GetVectors gave a key that was not asked for");
      }
      EDB_ASSIGN(Record record, RecordOf(std::move(vector)));
      // With keys of v1 another record may be in its place.
      if (record.key.provider == items[place->second].record.provider &&
          record.key.model == items[place->second].record.model) {
        found[place->second] = std::move(record);
      }
    }
    return {};
  }));
  std::vector<Record> records;
  for (std::optional<Record>& record : found) {
    if (record) {
      records.push_back(*std::move(record));
    }
  }
  return records;
}

Status S3VectorsDatabase::VisitByTable(const TablePlan& plan, const ItemVisitor& visit) {
  S3TablePageRequest request{.query = plan.query};
  do {
    EDB_ASSIGN(S3TablePage page, table_->Page(request));
    std::vector<Record> records;
    if (plan.sure) {
      for (S3TableItem& item : page.items) {
        records.push_back(Record{.key = std::move(item.record)});
      }
    } else {
      EDB_ASSIGN(records, RecordsOf(page.items, false));
    }
    for (const Record& record : records) {
      if (!visit(record)) {
        return {};
      }
    }
    request.after = std::move(page.next);
  } while (request.after);
  return {};
}

Result<std::int64_t> S3VectorsDatabase::CountByTable(const TablePlan& plan) {
  std::int64_t count = 0;
  if (!plan.sure) {
    EDB_TRY(VisitByTable(plan, [&count](const Record&) {
      ++count;
      return true;
    }));
    return count;
  }
  S3TablePageRequest request{.query = plan.query, .count_only = true};
  do {
    EDB_ASSIGN(S3TablePage page, table_->Page(request));
    count += page.count;
    request.after = std::move(page.next);
  } while (request.after);
  return count;
}

Result<bool> S3VectorsDatabase::AnyByTable(const TablePlan& plan) {
  bool any = false;
  if (plan.sure) {
    EDB_ASSIGN(const S3TablePage page, table_->Page({.query = plan.query, .limit = 1}));
    return !page.items.empty();
  }
  EDB_TRY(VisitByTable(plan, [&any](const Record&) {
    any = true;
    return false;
  }));
  return any;
}

Result<std::vector<std::string>> S3VectorsDatabase::NamesByTable(
    Column column, const S3TableState& state, std::span<const std::string> others) {
  const bool models = column == Column::kModel;
  const std::set<std::string>& known = models ? state.models : state.providers;
  const std::vector<std::string> names(known.begin(), known.end());
  std::vector<char> has(names.size());  // not bool: threads write next to each other
  EDB_TRY(InParallel(names.size(), kMaxS3Connections, [&](std::size_t i) -> Status {
    TablePlan plan{.query = {}, .sure = state.writes.empty()};
    (models ? plan.query.model : plan.query.provider) = names[i];
    for (std::size_t j = 0; j < std::max<std::size_t>(others.size(), 1) && has[i] == 0; ++j) {
      if (!others.empty()) {
        (models ? plan.query.provider : plan.query.model) = others[j];
      }
      EDB_ASSIGN(const bool any, AnyByTable(plan));
      has[i] = any ? 1 : 0;
    }
    return {};
  }));
  std::vector<std::string> result;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (has[i] != 0) {
      result.push_back(names[i]);
    }
  }
  return result;
}

/// Without `records` they are left out, and their vectors not asked for.
Status S3VectorsDatabase::FillByTable(const S3TableQuery& query, TablePlace& place,
                                      std::int64_t left, std::vector<Record>* records) {
  while (left > 0 && !place.at_end) {
    // A condition beside the index's is looked at after the limit.
    const int limit = query.depiction_id ? 0 : static_cast<int>(std::min(left, kMaxPerPage));
    EDB_ASSIGN(S3TablePage page,
               table_->Page({.query = query, .after = place.after, .limit = limit}));
    std::span<const S3TableItem> items = page.items;
    while (!items.empty() && left > 0) {
      const auto count = std::min(items.size(), static_cast<std::size_t>(left));
      EDB_ASSIGN(std::vector<Record> got, RecordsOf(items.first(count), records != nullptr));
      left -= static_cast<std::int64_t>(got.size());
      if (records != nullptr) {
        std::move(got.begin(), got.end(), std::back_inserter(*records));
      }
      place.after = items[count - 1];
      items = items.subspan(count);
    }
    if (items.empty()) {
      place.at_end = !page.next.has_value();
      place.after = std::move(page.next);
    }
  }
  return {};
}

Status S3VectorsDatabase::ListByTable(const ListQuery& query, const S3TableQuery& table_query,
                                      RecordPage& page) {
  EDB_ASSIGN(TablePlace place, TablePlace::Of(query.cursor, table_query));
  for (std::int64_t i = 1; i < query.page && !place.at_end; ++i) {
    EDB_TRY(FillByTable(table_query, place, query.per_page, nullptr));
  }
  EDB_TRY(FillByTable(table_query, place, query.per_page, &page.records));
  page.next_cursor = place.ToCursor();
  return {};
}

}  // namespace embeddingsdb::s3vectors
