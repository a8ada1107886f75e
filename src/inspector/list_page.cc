// SPDX-License-Identifier: BSD-3-Clause
#include <charconv>

#include "embeddingsdb/uri.h"

#include "core/json.h"
#include "core/text.h"
#include "inspector/pages.h"
#include "inspector/record_view.h"

namespace embeddingsdb {
namespace {

constexpr std::int64_t kPerPage = 24;  // rows of two, three and four are full
constexpr int kMaxChoices = 1'000;

/// What the list is narrowed by; empty is not at all.
struct Narrowed {
  std::string provider;
  std::string model;
  std::string words;

  std::vector<Filter> Filters() const {
    std::vector<Filter> filters;
    if (!provider.empty()) {
      filters.push_back({.column = Column::kProvider, .value = provider});
    }
    if (!model.empty()) {
      filters.push_back({.column = Column::kModel, .value = model});
    }
    if (!words.empty()) {
      filters.push_back({.column = Column::kWords, .value = words});
    }
    return filters;
  }

  std::string Query(std::int64_t page, std::string_view format = "") const {
    return QueryOf({{"provider", provider},
                    {"model", model},
                    {"words", words},
                    {"page", page == 1 ? "" : std::to_string(page)},
                    {"format", std::string(format)}});
  }
};

Result<std::int64_t> PageNumber(const Target& target) {
  const std::string text = target.Parameter("page").value_or("1");
  std::int64_t page = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), page);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgumentError(Concat("page ", Quote(text), " is not a number"));
  }
  return page;
}

std::string ToJson(const RecordPage& page) {
  std::string json = "{\"records\":[";
  for (const Record& record : page.records) {
    json += Concat(&record == page.records.data() ? "" : ",", RecordToJson(record));
  }
  return Concat(json, "],\"page\":", page.page, ",\"pages\":", page.pages,
                ",\"per_page\":", page.per_page, ",\"total\":", page.total, "}\n");
}

/// The choices of one filter: what occurs among the records that the other ones leave.
Result<std::vector<View>> Choices(Client& client, Narrowed narrowed, Column by) {
  std::string chosen;
  std::swap(chosen, by == Column::kProvider ? narrowed.provider : narrowed.model);
  EDB_ASSIGN(const FacetCounts counts,
             client.Facets({.by = by, .filters = narrowed.Filters(), .limit = kMaxChoices}));
  std::vector<View> views;
  bool found = chosen.empty();
  for (const Facet& facet : counts.facets) {
    views.push_back(ChoiceView(facet, chosen));
    found = found || facet.value == chosen;
  }
  if (!found) {
    views.push_back(ChoiceView({.value = chosen, .count = 0}, chosen));
  }
  return views;
}

void FillPaging(View& view, const RecordPage& page, const Narrowed& narrowed) {
  const auto link = [&](const std::string& name, std::int64_t number) {
    view.lists[name].push_back({.texts = {{"query", narrowed.Query(number)}}, .lists = {}});
  };
  if (page.page > 1) {
    link("previous", std::min(page.page - 1, std::max<std::int64_t>(page.pages, 1)));
  }
  if (page.page < page.pages) {
    link("next", page.page + 1);
  }
  view.texts["page"] = Grouped(page.page);
  view.texts["pages"] = Grouped(page.pages);
  view.texts["total"] = Grouped(page.total);
  view.Show(page.total == 1 ? "one_record" : "many_records");
  if (page.pages > 1) {
    view.Show("paged");
  }
  if (page.records.empty()) {
    view.Show("nothing");
  }
}

}  // namespace

Result<HttpResponse> ShowList(const PageRequest& request) {
  const auto parameter = [&](std::string_view name) {
    return request.target.Parameter(name).value_or("");
  };
  const Narrowed narrowed = {
      .provider = parameter("provider"), .model = parameter("model"), .words = parameter("words")};
  EDB_ASSIGN(const std::int64_t number, PageNumber(request.target));
  EDB_ASSIGN(
      const RecordPage page,
      request.client.List({.page = number, .per_page = kPerPage, .filters = narrowed.Filters()}));
  if (request.format == PageFormat::kJson) {
    return HttpResponse{.content_type = std::string(kJsonType), .body = ToJson(page)};
  }
  HttpResponse response{.content_type = std::string(kHtmlType)};
  View view;
  view.texts = {{"root", std::string(request.root)},
                {"title", "Records"},
                {"words", narrowed.words},
                {"json_query", narrowed.Query(number, "json")}};
  EDB_ASSIGN(view.lists["providers"], Choices(request.client, narrowed, Column::kProvider));
  EDB_ASSIGN(view.lists["models"], Choices(request.client, narrowed, Column::kModel));
  FillPaging(view, page, narrowed);
  for (const Record& record : page.records) {
    FillCard(view.lists["records"].emplace_back(), request.root,
             {.key = record.key, .subject_id = record.subject_id, .attributes = record.attributes},
             response);
  }
  response.body = Render("list.html", view);
  return response;
}

}  // namespace embeddingsdb
