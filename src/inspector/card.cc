// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "inspector/pages.h"
#include "inspector/record_view.h"

namespace embeddingsdb {

std::string Grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

View ChoiceView(const Facet& facet, std::string_view chosen) {
  View view{.texts = {{"value", facet.value}, {"count", Grouped(facet.count)}}, .lists = {}};
  if (facet.value == chosen) {
    view.Show("selected");
  }
  return view;
}

std::vector<View> ChoiceViews(const FacetCounts& counts, std::string_view chosen) {
  std::vector<View> views;
  bool found = chosen.empty();
  for (const Facet& facet : counts.facets) {
    views.push_back(ChoiceView(facet, chosen));
    found = found || facet.value == chosen;
  }
  if (!found) {
    views.push_back(ChoiceView({.value = std::string(chosen), .count = 0}, chosen));
  }
  return views;
}

void FillCard(View& view, std::string_view root, const Shown& shown, HttpResponse& response) {
  const auto& [key, subject_id, attributes] = shown;
  view.texts["title"] = TitleOf(key, attributes);
  view.texts["path"] = AddressOf(root, key).ToString();
  view.texts["provider"] = key.provider;
  view.texts["depiction_id"] = key.depiction_id;
  view.texts["model"] = key.model;
  // Sections look for their names in the views around a card, too.
  for (const char* name : {"action", "agreed", "depictions", "near", "no_preview", "only_model",
                           "picture", "several_models", "subject", "text_preview"}) {
    view.lists[name].clear();
  }
  view.Show("only_model");
  if (!subject_id.empty()) {
    view.lists["subject"].push_back({.texts = {{"id", std::string(subject_id)}}, .lists = {}});
  }
  if (std::optional<PictureLink> picture = PictureOf(attributes)) {
    if (!picture->origin.empty()) {
      response.picture_origins.push_back(picture->origin);
    }
    view.lists["picture"].push_back({.texts = {{"source", picture->source}}, .lists = {}});
  } else if (std::optional<std::string> text = TextPreviewOf(attributes)) {
    view.lists["text_preview"].push_back({.texts = {{"text", *text}}, .lists = {}});
  } else {
    view.Show("no_preview");
  }
}

}  // namespace embeddingsdb
