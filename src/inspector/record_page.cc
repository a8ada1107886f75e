// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <iterator>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "core/utc_time.h"
#include "inspector/key_list.h"
#include "inspector/pages.h"
#include "inspector/record_view.h"
#include "inspector/similar.h"

namespace embeddingsdb {
namespace {

std::string ToJson(const Record& record, const SimilarList& similar) {
  return Concat(
      "{\"record\":", RecordToJson(record), ",\"similar\":",
      JsonArray(similar.records, [](const auto& found) { return SimilarRecordToJson(found); }),
      DistancesMember(similar.scale, similar.records), "}\n");
}

/// The records that a walk came by, the oldest first.
class Trail {
 public:
  static Result<Trail> Of(const Target& target) {
    Trail trail;
    EDB_ASSIGN(trail.steps_, KeysFromText(target.Parameter("trail").value_or(""),
                                          {.field = "trail", .limit = kMaxTrail}));
    return trail;
  }

  /// What the next page's trail is, coming from this record: shortened at its begin when it gets
  /// long, because it is a part of all its addresses.
  std::string Next(const Key& from) const {
    std::vector<Key> steps = steps_;
    std::erase(steps, from);
    steps.push_back(from);
    std::string text = KeysToText(steps);
    while (steps.size() > kMaxTrail || (steps.size() > 1 && text.size() > kMaxTrailBytes)) {
      steps.erase(steps.begin());
      text = KeysToText(steps);
    }
    return text;
  }

  /// Links back, each with the trail that led to it. A step whose record is gone is left out.
  std::vector<View> Views(const PageRequest& request) const {
    std::vector<View> views;
    for (auto step = steps_.begin(); step != steps_.end(); ++step) {
      const Result<Record> record = request.client.Get(*step);
      if (!record.ok()) {
        continue;
      }
      RecordAddress address = AddressOf(request.root, *step);
      address.parameters.emplace_back("trail", KeysToText({steps_.begin(), step}));
      views.push_back(
          {.texts = {{"path", address.ToString()}, {"title", TitleOf(*step, record->attributes)}},
           .lists = {}});
    }
    return views;
  }

 private:
  std::vector<Key> steps_;
};

/// Name and value; a value that is a web address becomes a link, a picture is not written out.
View AttributeView(const std::string& name, const std::string& value, const Attributes& all) {
  View view{.texts = {{"name", name}}, .lists = {}};
  const std::optional<PictureLink> picture = PictureOf(all);
  if (name == "preview" && picture && picture->origin.empty()) {
    view.lists["text"].push_back(
        {.texts = {{"value", Concat("(a picture, ", value.size(), " bytes)")}}, .lists = {}});
    return view;
  }
  const std::string kind = WebOrigin(value) ? "link" : "text";
  view.lists[kind].push_back({.texts = {{"value", value}}, .lists = {}});
  return view;
}

void FillRecord(View& view, const Record& record) {
  view.texts["created"] = FormatUtc(record.created);
  view.texts["dimensions"] = Grouped(static_cast<std::int64_t>(record.embedding.size()));
  for (const auto& [name, value] : record.attributes) {
    view.lists["attributes"].push_back(AttributeView(name, value, record.attributes));
  }
}

/// Where the page itself is, and its links.
void FillAddresses(View& view, std::string_view root, const Key& key, const Wanted& wanted) {
  FillOwnAddress(view, AddressOf(root, key), wanted);
  view.texts["embeddings"] = AddressOf(root, key, "api/embeddings").ToString();
  view.texts["search"] = Concat(root, "/search/", QueryOf({{"like", KeysToText({&key, 1})}}));
}

void FillTrail(View& view, const PageRequest& request, const Trail& trail) {
  view.lists["trail"] = trail.Views(request);
  if (!view.lists["trail"].empty()) {
    view.Show("walked");
    view.lists["own_fields"].push_back(
        {.texts = {{"name", "trail"}, {"value", request.target.Parameter("trail").value_or("")}},
         .lists = {}});
  }
}

/// The models that have seen the same depiction.
Status FillModels(View& view, const PageRequest& request, const Key& key) {
  EDB_ASSIGN(const FacetCounts models, ModelsOfDepiction(request.client, key));
  for (const Facet& facet : models.facets) {
    View& choice = view.lists["models"].emplace_back(ChoiceView(facet, key.model));
    const Key other = {
        .provider = key.provider, .depiction_id = key.depiction_id, .model = facet.value};
    choice.texts["path"] = AddressOf(request.root, other).ToString();
  }
  if (models.facets.size() > 1) {
    const Key depiction = {.provider = key.provider, .depiction_id = key.depiction_id};
    const RecordAddress address = AddressOf(request.root, depiction, "compare");
    view.lists["compared"].push_back({.texts = {{"address", address.ToString()}}, .lists = {}});
  }
  return {};
}

/// From the cards the walk goes on.
void FillSteps(View& view, std::span<const SimilarRecord> similar, const std::string& trail) {
  for (std::size_t i = 0; i < similar.size(); ++i) {
    RecordAddress address = AddressOf(view.texts["root"], similar[i].key);
    address.parameters.emplace_back("trail", trail);
    view.lists["similar"][i].texts["path"] = address.ToString();
  }
  if (similar.empty()) {
    view.Show("nothing");
  }
}

}  // namespace

Result<HttpResponse> ShowRecord(const PageRequest& request, const Key& key) {
  EDB_ASSIGN(const Record record, request.client.Get(key));
  EDB_ASSIGN(const Wanted wanted, WantedOf(request.target));
  EDB_ASSIGN(const Trail trail, Trail::Of(request.target));
  const std::vector<std::string> model = {key.model};
  EDB_ASSIGN(const std::vector<std::string> providers, request.client.Providers(model));
  EDB_ASSIGN(const std::vector<SimilarRecord> similar, SimilarTo(request, key, wanted, providers));
  const std::shared_ptr<const DistanceScale> scale = request.scales.Find(key.model);
  const SimilarList shown = {.records = similar, .scale = scale.get()};
  if (request.format == PageFormat::kJson) {
    return HttpResponse{.content_type = std::string(kJsonType), .body = ToJson(record, shown)};
  }
  HttpResponse response{.content_type = std::string(kHtmlType)};
  View view;
  view.texts["root"] = request.root;
  FillCard(view, request.root,
           {.key = key, .subject_id = record.subject_id, .attributes = record.attributes},
           response);
  FillRecord(view, record);
  FillAddresses(view, request.root, key, wanted);
  EDB_TRY(FillModels(view, request, key));
  FillWanted(view, wanted, providers);
  FillSimilar(view, request.root, shown, response);
  FillSteps(view, similar, trail.Next(key));
  FillTrail(view, request, trail);
  response.body = Render("record.html", view);
  return response;
}

}  // namespace embeddingsdb
