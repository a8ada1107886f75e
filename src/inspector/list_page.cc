// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <span>

#include "core/json.h"
#include "core/text.h"
#include "inspector/pages.h"
#include "inspector/record_view.h"

namespace embeddingsdb {
namespace {

constexpr std::int64_t kPerPage = 24;  // rows of two, three and four are full
constexpr int kMaxChoices = 1'000;

/// What there is a card for.
enum class Cards : std::uint8_t { kRecord, kDepiction, kSubject };
constexpr auto kCardNames = std::to_array<std::string_view>({"record", "depiction", "subject"});

/// What the list is narrowed by; empty is not at all.
struct Narrowed {
  std::string provider;
  std::string model;
  std::string words;
  Cards cards = Cards::kRecord;

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
                    {"cards", cards == Cards::kRecord ? "" : std::string(CardsName())},
                    {"page", page == 1 ? "" : std::to_string(page)},
                    {"format", std::string(format)}});
  }

  std::string_view CardsName() const { return kCardNames[static_cast<std::size_t>(cards)]; }
};

Result<Cards> ParseCards(std::string_view name) {
  const auto* const found = std::ranges::find(kCardNames, name);
  if (found == kCardNames.end()) {
    return InvalidArgumentError(
        Concat("cards ", Quote(name), " is none of record, depiction, subject"));
  }
  return static_cast<Cards>(found - kCardNames.begin());
}

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
  return Concat("{\"records\":",
                JsonArray(page.records, [](const Record& record) { return RecordToJson(record); }),
                ",\"page\":", page.page, ",\"pages\":", page.pages, ",\"per_page\":", page.per_page,
                ",\"total\":", page.total, "}\n");
}

bool AreTogether(const Record& a, const Record& b, Cards cards) {
  if (a.key.provider != b.key.provider || cards == Cards::kRecord) {
    return false;
  }
  return a.key.depiction_id == b.key.depiction_id ||
         (cards == Cards::kSubject && !a.subject_id.empty() && a.subject_id == b.subject_id);
}

/// The records of a page, those together that have one card. In the list's order they are near one
/// another.
std::vector<std::vector<const Record*>> Together(std::span<const Record> records, Cards cards) {
  std::vector<std::vector<const Record*>> groups;
  for (const Record& record : records) {
    const auto group = std::ranges::find_if(
        groups, [&](const auto& other) { return AreTogether(*other[0], record, cards); });
    (group == groups.end() ? groups.emplace_back() : *group).push_back(&record);
  }
  return groups;
}

View GroupCard(std::string_view root, const std::vector<const Record*>& group,
               HttpResponse& response) {
  const Record& first = *group[0];
  View card;
  FillCard(card, root,
           {.key = first.key, .subject_id = first.subject_id, .attributes = first.attributes},
           response);
  if (group.size() == 1) {
    return card;
  }
  card.lists["only_model"].clear();
  View& several = card.lists["several_models"].emplace_back();
  std::set<std::string> depictions;
  std::set<std::string> models;
  for (const Record* record : group) {
    depictions.insert(record->key.depiction_id);
    if (models.insert(record->key.model).second) {
      several.lists["each"].push_back(
          {.texts = {{"name", record->key.model},
                     {"address", AddressOf(root, record->key).ToString()}},
           .lists = {}});
    }
  }
  if (depictions.size() > 1) {
    card.lists["depictions"].push_back(
        {.texts = {{"number", std::to_string(depictions.size())}}, .lists = {}});
  }
  return card;
}

/// The choices of one filter: what occurs among the records that the other ones leave.
Result<std::vector<View>> Choices(Client& client, Narrowed narrowed, Column by) {
  std::string chosen;
  std::swap(chosen, by == Column::kProvider ? narrowed.provider : narrowed.model);
  EDB_ASSIGN(const FacetCounts counts,
             client.Facets({.by = by, .filters = narrowed.Filters(), .limit = kMaxChoices}));
  return ChoiceViews(counts, chosen);
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
  Narrowed narrowed = {
      .provider = parameter("provider"), .model = parameter("model"), .words = parameter("words")};
  EDB_ASSIGN(narrowed.cards,
             ParseCards(request.target.Parameter("cards").value_or(std::string(kCardNames[0]))));
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
  for (const std::string_view name : kCardNames) {
    View& choice = view.lists["cards"].emplace_back();
    choice.texts = {{"value", name == kCardNames[0] ? "" : std::string(name)},
                    {"name", std::string(name)}};
    if (name == narrowed.CardsName()) {
      choice.Show("selected");
    }
  }
  for (const auto& group : Together(page.records, narrowed.cards)) {
    view.lists["records"].push_back(GroupCard(request.root, group, response));
  }
  response.body = Render("list.html", view);
  return response;
}

}  // namespace embeddingsdb
