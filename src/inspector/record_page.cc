// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <iterator>
#include <tuple>

#include "embeddingsdb/uri.h"

#include "core/json.h"
#include "core/text.h"
#include "core/utc_time.h"
#include "inspector/pages.h"
#include "inspector/record_view.h"

namespace embeddingsdb {
namespace {

/// Which similar records are wanted.
struct Wanted {
  std::string provider;     ///< empty: of all
  bool others = false;      ///< of all but the record's own
  bool by_subject = false;  ///< one for each subject

  Parameters ToParameters() const {
    return {{"similar-provider", provider},
            {"others", others ? "1" : ""},
            {"group-by", by_subject ? "subject" : ""}};
  }
};

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

Result<std::vector<SimilarRecord>> Similar(const PageRequest& request, const Key& key,
                                           const Wanted& wanted,
                                           std::span<const std::string> providers) {
  SimilarByIdQuery query{.key = key,
                         .k = request.max_results,
                         .group_by = wanted.by_subject ? GroupBy::kSubject : GroupBy::kNone};
  if (wanted.others) {
    return SimilarOfOthers(request.client, std::move(query), providers);
  }
  if (!wanted.provider.empty()) {
    if (std::ranges::find(providers, wanted.provider) == providers.end()) {
      return InvalidArgumentError(
          Concat("similar-provider ", Quote(wanted.provider), " has no records of this model"));
    }
    query.provider = wanted.provider;
  }
  return request.client.SimilarById(query);
}

std::string ToJson(const Record& record, std::span<const SimilarRecord> similar) {
  std::string json = Concat("{\"record\":", RecordToJson(record), ",\"similar\":[");
  for (const SimilarRecord& found : similar) {
    json += Concat(&found == similar.data() ? "" : ",", SimilarRecordToJson(found));
  }
  return json + "]}\n";
}

/// Name and value; a value that is a web address becomes a link, a picture is not written out.
View AttributeView(const std::string& name, const std::string& value, const Attributes& all) {
  View view{.texts = {{"name", name}}, .lists = {}};
  const std::optional<Picture> picture = PictureOf(all);
  if (name == "preview" && picture && picture->origin.empty()) {
    view.lists["text"].push_back(
        {.texts = {{"value", Concat("(a picture, ", value.size(), " bytes)")}}, .lists = {}});
    return view;
  }
  const std::string kind = WebOrigin(value) ? "link" : "text";
  view.lists[kind].push_back({.texts = {{"value", value}}, .lists = {}});
  return view;
}

std::vector<View> ProviderChoices(std::span<const std::string> providers, const Wanted& wanted) {
  std::vector<View> views;
  for (const std::string& provider : providers) {
    View& view = views.emplace_back();
    view.texts["value"] = provider;
    if (provider == wanted.provider) {
      view.Show("selected");
    }
  }
  return views;
}

void FillRecord(View& view, const Record& record) {
  view.texts["created"] = FormatUtc(record.created);
  view.texts["dimensions"] = Grouped(static_cast<std::int64_t>(record.embedding.size()));
  for (const auto& [name, value] : record.attributes) {
    view.lists["attributes"].push_back(AttributeView(name, value, record.attributes));
  }
}

/// Where the page itself is, for its form and its links.
void FillAddresses(View& view, std::string_view root, const Key& key, const Wanted& wanted) {
  RecordAddress own = AddressOf(root, key);
  view.texts["own_path"] = own.path;
  for (const auto& [name, value] : own.parameters) {
    view.lists["own_fields"].push_back(
        {.texts = {{"name", std::string(name)}, {"value", value}}, .lists = {}});
  }
  RecordAddress vector = own;
  vector.path.replace(root.size(), std::string_view("/record").size(), "/api/embeddings");
  view.texts["embeddings"] = vector.ToString();
  std::ranges::copy(wanted.ToParameters(), std::back_inserter(own.parameters));
  own.parameters.emplace_back("format", "json");
  view.texts["json_query"] = QueryOf(own.parameters);
}

void FillSimilar(View& view, const PageRequest& request, std::span<const SimilarRecord> similar,
                 HttpResponse& response) {
  for (const SimilarRecord& found : similar) {
    View& card = view.lists["similar"].emplace_back();
    FillCard(card, request.root,
             {.key = found.key, .subject_id = found.subject_id, .attributes = found.attributes},
             response);
    card.lists["near"].push_back(
        {.texts = {{"distance", FormatFloat(found.distance)}}, .lists = {}});
  }
  if (similar.empty()) {
    view.Show("nothing");
  }
}

}  // namespace

Result<HttpResponse> ShowRecord(const PageRequest& request, const Key& key) {
  EDB_ASSIGN(const Record record, request.client.Get(key));
  EDB_ASSIGN(const Wanted wanted, WantedOf(request.target));
  const std::vector<std::string> model = {key.model};
  EDB_ASSIGN(const std::vector<std::string> providers, request.client.Providers(model));
  EDB_ASSIGN(const std::vector<SimilarRecord> similar, Similar(request, key, wanted, providers));
  if (request.format == PageFormat::kJson) {
    return HttpResponse{.content_type = std::string(kJsonType), .body = ToJson(record, similar)};
  }
  // The models that have seen the same depiction.
  EDB_ASSIGN(const FacetCounts models,
             request.client.Facets(
                 {.by = Column::kModel,
                  .filters = {{.column = Column::kProvider, .value = key.provider},
                              {.column = Column::kDepictionId, .value = key.depiction_id}}}));
  HttpResponse response{.content_type = std::string(kHtmlType)};
  View view;
  view.texts["root"] = request.root;
  FillCard(view, request.root,
           {.key = key, .subject_id = record.subject_id, .attributes = record.attributes},
           response);
  FillRecord(view, record);
  FillAddresses(view, request.root, key, wanted);
  for (const Facet& facet : models.facets) {
    View& choice = view.lists["models"].emplace_back(ChoiceView(facet, key.model));
    const Key other = {
        .provider = key.provider, .depiction_id = key.depiction_id, .model = facet.value};
    choice.texts["path"] = AddressOf(request.root, other).ToString();
  }
  view.lists["providers"] = ProviderChoices(providers, wanted);
  if (wanted.others) {
    view.Show("others");
  }
  if (wanted.by_subject) {
    view.Show("by_subject");
  }
  FillSimilar(view, request, similar, response);
  response.body = Render("record.html", view);
  return response;
}

}  // namespace embeddingsdb
