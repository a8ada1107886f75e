// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/similar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <system_error>
#include <tuple>
#include <utility>

#include "core/text.h"

namespace embeddingsdb {
namespace {

/// Of all providers but the record's own: each is asked, because a search has one provider.
Result<std::vector<SimilarRecord>> SimilarOfOthers(Client& client, SimilarByIdQuery query,
                                                   std::span<const std::string> providers) {
  std::vector<SimilarRecord> found;
  for (const std::string& provider : providers) {
    if (provider == query.key.provider) {
      continue;
    }
    query.provider = provider;
    EDB_ASSIGN(std::vector<SimilarRecord> of_one, client.SimilarById(query));
    std::ranges::move(of_one, std::back_inserter(found));
  }
  std::ranges::sort(found, [](const SimilarRecord& a, const SimilarRecord& b) {
    return std::tie(a.distance, a.key) < std::tie(b.distance, b.key);
  });
  found.resize(std::min(found.size(), static_cast<std::size_t>(query.k.value_or(0))));
  return found;
}

/// How to read the distances of a page.
View ScaleView(Metric metric, const DistanceScale& scale) {
  View view{.texts = {{"note", std::string(MetricNote(metric))}}, .lists = {}};
  if (!scale.pairs.empty()) {
    view.lists["compared"].push_back(
        {.texts = {{"pairs", Grouped(static_cast<std::int64_t>(scale.pairs.size()))},
                   {"sampled", Grouped(static_cast<std::int64_t>(scale.sampled))},
                   {"records", Grouped(scale.records)}},
         .lists = {}});
  }
  return view;
}

/// Four digits, which is what one can compare at a glance; JSON has all.
std::string Short(float distance) {
  std::array<char, 32> text{};
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), static_cast<double>(distance),
                    std::chars_format::general, 4);
  return error == std::errc() ? std::string(text.data(), end) : FormatFloat(distance);
}

View NearView(float distance, const DistanceScale* scale) {
  View view{.texts = {{"distance", Short(distance)}}, .lists = {{"nearness", {}}}};
  const std::string nearness = scale == nullptr ? "" : NearnessOf(*scale, distance);
  if (!nearness.empty()) {
    view.lists["nearness"].push_back({.texts = {{"text", nearness}}, .lists = {}});
  }
  return view;
}

}  // namespace

Parameters Wanted::ToParameters() const {
  return {{"similar-provider", provider},
          {"others", others ? "1" : ""},
          {"group-by", by_subject ? "subject" : ""}};
}

Result<Wanted> WantedOf(const Target& target) {
  Wanted wanted{.provider = target.Parameter("similar-provider").value_or("")};
  const std::string others = target.Parameter("others").value_or("0");
  if (others != "0" && others != "1") {
    return InvalidArgumentError(Concat("others ", Quote(others), " is neither 0 nor 1"));
  }
  wanted.others = others == "1";
  if (wanted.others && !wanted.provider.empty()) {
    return InvalidArgumentError("similar-provider and others=1 exclude each other");
  }
  EDB_ASSIGN(const GroupBy group_by,
             ParseGroupBy(
                 target.Parameter("group-by").value_or(std::string(GroupByName(GroupBy::kNone)))));
  wanted.by_subject = group_by == GroupBy::kSubject;
  return wanted;
}

Status CheckProvider(const Wanted& wanted, std::span<const std::string> providers) {
  if (wanted.provider.empty() || std::ranges::find(providers, wanted.provider) != providers.end()) {
    return {};
  }
  return InvalidArgumentError(
      Concat("similar-provider ", Quote(wanted.provider), " has no records of this model"));
}

Result<std::vector<SimilarRecord>> SimilarTo(const PageRequest& request, const Key& key,
                                             const Wanted& wanted,
                                             std::span<const std::string> providers) {
  SimilarByIdQuery query{.key = key, .k = request.max_results, .group_by = wanted.group_by()};
  if (wanted.others) {
    return SimilarOfOthers(request.client, std::move(query), providers);
  }
  EDB_TRY(CheckProvider(wanted, providers));
  if (!wanted.provider.empty()) {
    query.provider = wanted.provider;
  }
  return request.client.SimilarById(query);
}

void FillWanted(View& view, const Wanted& wanted, std::span<const std::string> providers) {
  for (const std::string& provider : providers) {
    View& choice = view.lists["providers"].emplace_back();
    choice.texts["value"] = provider;
    if (provider == wanted.provider) {
      choice.Show("selected");
    }
  }
  if (wanted.others) {
    view.Show("others");
  }
  if (wanted.by_subject) {
    view.Show("by_subject");
  }
}

void FillOwnAddress(View& view, RecordAddress own, const Wanted& wanted) {
  view.texts["own_path"] = own.path;
  for (const auto& [name, value] : own.parameters) {
    if (!value.empty()) {
      view.lists["own_fields"].push_back(
          {.texts = {{"name", std::string(name)}, {"value", value}}, .lists = {}});
    }
  }
  std::ranges::copy(wanted.ToParameters(), std::back_inserter(own.parameters));
  own.parameters.emplace_back("format", "json");
  view.texts["json_query"] = QueryOf(own.parameters);
}

Result<FacetCounts> ModelsOfDepiction(Client& client, const Key& key) {
  return client.Facets({.by = Column::kModel,
                        .filters = {{.column = Column::kProvider, .value = key.provider},
                                    {.column = Column::kDepictionId, .value = key.depiction_id}}});
}

void FillSimilar(View& view, std::string_view root, const SimilarList& similar,
                 HttpResponse& response) {
  std::vector<View>& cards = view.lists["similar"];
  for (const SimilarRecord& found : similar.records) {
    View& card = cards.emplace_back();
    FillCard(card, root,
             {.key = found.key, .subject_id = found.subject_id, .attributes = found.attributes},
             response);
    card.lists["near"].push_back(NearView(found.distance, similar.scale));
    card.lists["only_model"].clear();  // the page says it once
  }
  if (similar.scale != nullptr && similar.scale->metric && !similar.records.empty()) {
    view.lists["measured"].push_back(ScaleView(*similar.scale->metric, *similar.scale));
  }
}

}  // namespace embeddingsdb
