// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/record_view.h"

#include <algorithm>
#include <array>

#include "embeddingsdb/uri.h"

#include "core/base64.h"
#include "core/text.h"
#include "core/uri_format.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kHostCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._[]:";
constexpr std::array<std::string_view, 4> kPictures = {
    "data:image/png;base64,", "data:image/jpeg;base64,", "data:image/webp;base64,",
    "data:image/gif;base64,"};

std::string_view ValueOf(const Attributes& attributes, std::string_view name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::string_view() : std::string_view(found->second);
}

bool IsDataPicture(std::string_view text) {
  return std::ranges::any_of(kPictures, [text](std::string_view head) {
    return text.starts_with(head) &&
           text.substr(head.size()).find_first_not_of(kBase64Characters) == std::string_view::npos;
  });
}

/// A segment that browsers take for a step in the path, escaped or not.
bool IsStep(std::string_view segment) {
  return segment == "." || segment == "..";
}

}  // namespace

std::optional<std::string> WebOrigin(std::string_view url) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (AsciiLower(url.substr(0, scheme.size())) != scheme || !UriFault(url).empty()) {
      continue;
    }
    std::string_view host = url.substr(scheme.size());
    host = host.substr(0, host.find_first_of("/?#"));
    if (host.empty() || host.find_first_not_of(kHostCharacters) != std::string_view::npos) {
      return std::nullopt;
    }
    return Concat(scheme, AsciiLower(host));
  }
  return std::nullopt;
}

std::optional<PictureLink> PictureOf(const Attributes& attributes) {
  const std::string_view preview = ValueOf(attributes, "preview");
  if (ValueOf(attributes, "type") == "text") {
    return std::nullopt;
  }
  if (IsDataPicture(preview)) {
    return PictureLink{.source = std::string(preview), .origin = ""};
  }
  if (std::optional<std::string> origin = WebOrigin(preview)) {
    return PictureLink{.source = std::string(preview), .origin = *std::move(origin)};
  }
  return std::nullopt;
}

std::optional<std::string> TextPreviewOf(const Attributes& attributes) {
  const std::string_view preview = ValueOf(attributes, "preview");
  if (preview.empty() || ValueOf(attributes, "type") != "text") {
    return std::nullopt;
  }
  return std::string(preview);
}

std::string TitleOf(const Key& key, const Attributes& attributes) {
  const std::string_view title = ValueOf(attributes, "subject_title");
  return title.empty() ? key.depiction_id : std::string(title);
}

RecordAddress AddressOf(std::string_view root, const Key& key, std::string_view folder) {
  if (IsStep(key.provider) || IsStep(key.depiction_id)) {
    return {
        .path = Concat(root, "/", folder, "/"),
        .parameters = {
            {"provider", key.provider}, {"depiction_id", key.depiction_id}, {"model", key.model}}};
  }
  return {.path = Concat(root, "/", folder, "/", PercentEncode(key.provider), "/",
                         PercentEncode(key.depiction_id), "/"),
          .parameters = {{"model", key.model}}};
}

}  // namespace embeddingsdb
