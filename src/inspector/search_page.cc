// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "inspector/key_list.h"
#include "inspector/pages.h"
#include "inspector/record_view.h"
#include "inspector/similar.h"

namespace embeddingsdb {
namespace {

enum class By : std::uint8_t { kNothing, kText, kPicture, kRecords };

/// What is looked for.
struct Search {
  By by = By::kNothing;
  std::string model;
  std::string text;
  std::vector<Record> records;
  Wanted wanted;
};

/// `search-by` is go-embeddingsdb's; without it a form is taken by what it holds.
Result<By> ByOf(const PageRequest& request, const Search& search) {
  const std::string by = request.target.Parameter("search-by").value_or("");
  if (!by.empty() && by != "query" && by != "upload") {
    return InvalidArgumentError(Concat("search-by ", Quote(by), " is neither query nor upload"));
  }
  if ((by == "query" && search.text.empty()) || (by == "upload" && request.upload.empty())) {
    return InvalidArgumentError(Concat(by, " is missing"));
  }
  if (by == "upload" || (by.empty() && !request.upload.empty())) {
    return By::kPicture;
  }
  if (by == "query" || !search.text.empty()) {
    return By::kText;
  }
  return search.records.empty() ? By::kNothing : By::kRecords;
}

EmbedderInputs InputsFor(const PageRequest& request, std::string_view model) {
  return request.embedder == nullptr ? EmbedderInputs() : request.embedder->Inputs(model);
}

bool Takes(const EmbedderInputs& inputs, By by) {
  return by == By::kText ? inputs.text : by == By::kPicture && inputs.image;
}

/// The models that such a search is possible with.
std::vector<std::string> ModelsFor(const PageRequest& request, By by,
                                   std::span<const std::string> models) {
  std::vector<std::string> able;
  std::ranges::copy_if(models, std::back_inserter(able), [&](const std::string& model) {
    return Takes(InputsFor(request, model), by);
  });
  return able;
}

Status ChooseModel(const PageRequest& request, Search& search,
                   std::span<const std::string> models) {
  search.model = request.target.Parameter("model").value_or("");
  if (search.by == By::kRecords) {
    const std::string& model = search.records[0].key.model;
    if (std::ranges::any_of(search.records,
                            [&](const Record& r) { return r.key.model != model; }) ||
        (!search.model.empty() && search.model != model)) {
      return InvalidArgumentError("like holds records of more than one model");
    }
    search.model = model;
    return {};
  }
  if (search.by == By::kNothing) {
    return {};
  }
  const std::vector<std::string> able = ModelsFor(request, search.by, models);
  if (search.model.empty() && able.size() == 1) {
    search.model = able[0];
  }
  if (search.model.empty()) {
    return InvalidArgumentError("a model is needed");
  }
  if (std::ranges::find(models, search.model) == models.end()) {
    return InvalidArgumentError(Concat("model ", Quote(search.model), " has no records"));
  }
  if (std::ranges::find(able, search.model) == able.end()) {
    return InvalidArgumentError(Concat("there is no embedder for ",
                                       search.by == By::kText ? "texts" : "pictures", " and model ",
                                       Quote(search.model)));
  }
  return {};
}

Result<Search> SearchOf(const PageRequest& request, std::span<const std::string> models) {
  Search search{.text = request.target.Parameter("query").value_or("")};
  EDB_ASSIGN(const std::vector<Key> keys,
             KeysFromText(request.target.Parameter("like").value_or(""),
                          {.field = "like", .limit = kMaxExamples}));
  for (const Key& key : keys) {
    EDB_ASSIGN(Record record, request.client.Get(key));
    search.records.push_back(std::move(record));
  }
  EDB_ASSIGN(search.wanted, WantedOf(request.target));
  if (search.wanted.others) {
    return InvalidArgumentError("others is for what is similar to one record");
  }
  EDB_ASSIGN(search.by, ByOf(request, search));
  if (!search.records.empty() && search.by != By::kRecords) {
    return InvalidArgumentError("like excludes query and upload");
  }
  EDB_TRY(ChooseModel(request, search, models));
  return search;
}

double Length(std::span<const float> vector) {
  double sum = 0;
  for (const float element : vector) {
    const auto wide = static_cast<double>(element);
    sum += wide * wide;
  }
  return std::sqrt(sum);
}

/// The middle of the records' vectors, as long as they are: that of vectors of length 1 has length
/// 1 again, so that distances to it mean what they mean elsewhere.
std::vector<float> MiddleOf(std::span<const Record> records) {
  std::vector<float> middle(records[0].embedding.size());
  double lengths = 0;
  for (const Record& record : records) {
    lengths += Length(record.embedding);
    for (std::size_t i = 0; i < std::min(middle.size(), record.embedding.size()); ++i) {
      middle[i] += record.embedding[i];
    }
  }
  const double length = Length(middle);
  const double scale = length > 0 ? lengths / static_cast<double>(records.size()) / length : 0;
  for (float& x : middle) {
    x = static_cast<float>(static_cast<double>(x) * scale);
  }
  return middle;
}

Result<std::vector<float>> VectorOf(const PageRequest& request, const Search& search) {
  if (search.by == By::kRecords) {
    return MiddleOf(search.records);
  }
  const bool text = search.by == By::kText;
  const EmbedRequest asked = {.model = search.model,
                              .body = text ? search.text : std::string(request.upload)};
  EDB_ASSIGN(Embedding embedding,
             text ? request.embedder->Text(asked) : request.embedder->Image(asked));
  return std::move(embedding.vector);
}

Result<std::vector<SimilarRecord>> Find(const PageRequest& request, const Search& search) {
  SimilarQuery query{
      .model = search.model, .k = request.max_results, .group_by = search.wanted.group_by()};
  EDB_ASSIGN(query.embedding, VectorOf(request, search));
  if (search.by == By::kText) {
    query.max_distance = kTextMaxDistance;
  }
  if (!search.wanted.provider.empty()) {
    query.provider = search.wanted.provider;
  }
  for (const Record& record : search.records) {
    query.exclude.push_back(record.key.depiction_id);
  }
  return request.client.Similar(query);
}

/// Everything a search page is made of.
struct Found {
  std::vector<std::string> models;
  std::vector<std::string> providers;
  Search search;
  std::vector<SimilarRecord> similar;
  std::shared_ptr<const DistanceScale> scale;  ///< null: not known yet
};

/// A text is further from every picture than pictures are from each other: their pairs say nothing
/// of it, and only the metric is left.
std::shared_ptr<const DistanceScale> ScaleFor(const PageRequest& request, const Search& search) {
  std::shared_ptr<const DistanceScale> scale = request.scales.Find(search.model);
  if (scale && search.by == By::kText) {
    return std::make_shared<const DistanceScale>(DistanceScale{.metric = scale->metric});
  }
  return scale;
}

Result<Found> SearchAndFind(const PageRequest& request) {
  Found found;
  EDB_ASSIGN(found.models, request.client.Models({}));
  EDB_ASSIGN(found.providers, request.client.Providers({}));
  EDB_ASSIGN(found.search, SearchOf(request, found.models));
  EDB_TRY(CheckProvider(found.search.wanted, found.providers));
  if (found.search.by != By::kNothing) {
    EDB_ASSIGN(found.similar, Find(request, found.search));
    found.scale = ScaleFor(request, found.search);
  }
  return found;
}

std::string ToJson(const Found& found) {
  std::string model;
  AppendJsonString(model, found.search.model);
  return Concat(
      "{\"model\":", model, ",\"similar\":",
      JsonArray(found.similar, [](const auto& record) { return SimilarRecordToJson(record); }),
      DistancesMember(found.scale.get(), found.similar), "}\n");
}

std::string LinkOf(std::string_view root, std::span<const Key> like) {
  return Concat(root, "/search/", QueryOf({{"like", KeysToText(like)}}));
}

/// The records that were searched by, each with the search without it.
void FillExamples(View& view, std::span<const Key> like, std::span<const Record> records,
                  HttpResponse& response) {
  for (const Record& record : records) {
    View& card = view.lists["examples"].emplace_back();
    FillCard(card, view.texts["root"],
             {.key = record.key, .subject_id = record.subject_id, .attributes = record.attributes},
             response);
    std::vector<Key> others(like.begin(), like.end());
    std::erase(others, record.key);
    card.lists["action"].push_back({.texts = {{"address", LinkOf(view.texts["root"], others)},
                                              {"action", "Search without this"}},
                                    .lists = {}});
  }
}

/// A form for one kind of input, when there is an embedder for it.
void FillForm(View& view, const PageRequest& request, By by, const Found& found) {
  const std::vector<std::string> able = ModelsFor(request, by, found.models);
  if (able.empty()) {
    return;
  }
  View& form = view.lists[by == By::kText ? "by_text" : "by_picture"].emplace_back();
  FillWanted(form, found.search.wanted, found.providers);
  for (const std::string& model : able) {
    if (const std::string note = InputsFor(request, model).note; !note.empty()) {
      form.lists["notes"].push_back({.texts = {{"name", model}, {"note", note}}, .lists = {}});
    }
    View& choice = form.lists["models"].emplace_back();
    choice.texts["value"] = model;
    if (model == found.search.model) {
      choice.Show("selected");
    }
  }
}

void FillFound(View& view, std::span<const Key> like, const Found& found, HttpResponse& response) {
  FillSimilar(view, view.texts["root"], {.records = found.similar, .scale = found.scale.get()},
              response);
  for (std::size_t i = 0; i < found.similar.size(); ++i) {
    std::vector<Key> more(like.begin(), like.end());
    more.push_back(found.similar[i].key);
    if (more.size() <= kMaxExamples) {
      view.lists["similar"][i].lists["action"].push_back(
          {.texts = {{"address", LinkOf(view.texts["root"], more)},
                     {"action", like.empty() ? "Search by this" : "Search by this, too"}},
           .lists = {}});
    }
  }
  if (found.search.by != By::kNothing) {
    view.Show("searched");
  }
  if (found.similar.empty() && found.search.by != By::kNothing) {
    view.Show("nothing");
  }
}

}  // namespace

Result<HttpResponse> ShowSearch(const PageRequest& request) {
  EDB_ASSIGN(const Found found, SearchAndFind(request));
  if (request.format == PageFormat::kJson) {
    return HttpResponse{.content_type = std::string(kJsonType), .body = ToJson(found)};
  }
  std::vector<Key> like;
  like.reserve(found.search.records.size());
  for (const Record& record : found.search.records) {
    like.push_back(record.key);
  }
  HttpResponse response{.content_type = std::string(kHtmlType)};
  View view;
  view.texts = {{"root", std::string(request.root)},
                {"title", "Search"},
                {"text", found.search.text},
                {"model", found.search.model}};
  FillForm(view, request, By::kText, found);
  FillForm(view, request, By::kPicture, found);
  if (view.lists["by_text"].empty() && view.lists["by_picture"].empty()) {
    view.Show("no_embedder");
  }
  FillExamples(view, like, found.search.records, response);
  if (!like.empty()) {
    view.Show("by_records");
  }
  FillFound(view, like, found, response);
  response.body = Render("search.html", view);
  return response;
}

Result<HttpResponse> FindForProgram(const PageRequest& request) {
  EDB_ASSIGN(const Found found, SearchAndFind(request));
  if (found.search.by == By::kNothing) {
    return InvalidArgumentError("query, upload or like is needed");
  }
  return HttpResponse{
      .content_type = std::string(kJsonType),
      .body =
          JsonArray(found.similar, [](const auto& record) { return SimilarRecordToJson(record); }) +
          "\n"};
}

}  // namespace embeddingsdb
