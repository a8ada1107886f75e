// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/embedder_base.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

using namespace std::string_view_literals;

constexpr auto kSignatures = std::to_array<std::string_view>(
    {"\x89PNG\r\n\x1a\n"sv, "\xff\xd8\xff"sv, "GIF87a"sv, "GIF89a"sv});

bool IsWebp(std::string_view body) {
  // The four bytes between are the length.
  return body.starts_with("RIFF") && body.size() >= 12 && body.substr(8, 4) == "WEBP";
}

Status CheckSize(std::string_view what, std::size_t bytes, std::size_t limit) {
  if (bytes == 0) {
    return InvalidArgumentError(Concat("the ", what, " is empty"));
  }
  if (bytes > limit) {
    return InvalidArgumentError(
        Concat("the ", what, " is ", bytes, " bytes long, the limit is ", limit));
  }
  return {};
}

}  // namespace

Status CheckText(std::string_view body) {
  EDB_TRY(CheckSize("text", body.size(), kMaxEmbedTextBytes));
  if (!IsValidUtf8(body)) {
    return InvalidArgumentError("the text is not valid UTF-8");
  }
  return {};
}

Status CheckPicture(std::string_view body) {
  EDB_TRY(CheckSize("picture", body.size(), kMaxPictureBytes));
  const bool known =
      std::any_of(kSignatures.begin(), kSignatures.end(),
                  [&](std::string_view signature) { return body.starts_with(signature); });
  if (!known && !IsWebp(body)) {
    return InvalidArgumentError("the picture does not begin as a PNG, JPEG, GIF or WebP file does");
  }
  return {};
}

Status CheckEmbedding(const Embedding& embedding) {
  const std::vector<float>& vector = embedding.vector;
  if (vector.empty()) {
    return InternalError("the answer has no vector");
  }
  if (vector.size() > static_cast<std::size_t>(kMaxDimension)) {
    return InternalError(Concat("the answer's vector has ", vector.size(),
                                " elements, the limit is ", kMaxDimension));
  }
  const auto odd =
      std::find_if(vector.begin(), vector.end(), [](float value) { return !std::isfinite(value); });
  if (odd != vector.end()) {
    return InternalError(Concat("element ", odd - vector.begin(), " of the answer's vector is ",
                                FormatFloat(*odd), ", which is not finite"));
  }
  if (embedding.model.size() > kMaxModelBytes) {
    return InternalError(Concat("the answer's model is ", embedding.model.size(),
                                " bytes long, the limit is ", kMaxModelBytes));
  }
  return {};
}

Result<Embedding> EmbedderBase::Text(const EmbedRequest& request) {
  if (!Inputs(request.model).text) {
    return Refusal(request, "text");
  }
  EDB_TRY(CheckText(request.body));
  return Checked(DoText(request));
}

Result<Embedding> EmbedderBase::Image(const EmbedRequest& request) {
  if (!Inputs(request.model).image) {
    return Refusal(request, "pictures");
  }
  EDB_TRY(CheckPicture(request.body));
  return Checked(DoImage(request));
}

Status EmbedderBase::Refusal(const EmbedRequest& request, std::string_view kind) const {
  const EmbedderInputs inputs = Inputs(request.model);
  if (!inputs.text && !inputs.image) {
    return UnimplementedError(Concat(service_, " does not know the model ", Quote(request.model)));
  }
  return UnimplementedError(Concat(service_, " takes no ", kind));
}

Result<Embedding> EmbedderBase::Checked(Result<Embedding> answer) const {
  Status status = answer.status();
  if (status.ok()) {
    status = CheckEmbedding(*answer);
  }
  if (!status.ok()) {
    return status.WithContext(service_);
  }
  return answer;
}

}  // namespace embeddingsdb
