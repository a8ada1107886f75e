// SPDX-License-Identifier: BSD-3-Clause
//
// EmbedderBase: what every embedder checks before it asks and of what it is answered, so that all
// refuse the same things in the same words.
#ifndef EMBEDDINGSDB_EMBEDDERS_EMBEDDER_BASE_H_
#define EMBEDDINGSDB_EMBEDDERS_EMBEDDER_BASE_H_

#include <string>
#include <string_view>

#include "embeddingsdb/embedder.h"

namespace embeddingsdb {

/// kInvalidArgument for a text that is empty, longer than kMaxEmbedTextBytes or no UTF-8.
Status CheckText(std::string_view body);
/// kInvalidArgument for a picture that is empty, larger than kMaxPictureBytes, or begins as none of
/// PNG, JPEG, GIF and WebP does. What follows the first bytes is for its reader to judge.
Status CheckPicture(std::string_view body);
/// kInternal for a vector without elements, with more than kMaxDimension, or with one that is not
/// finite, and for a model's name over kMaxModelBytes.
Status CheckEmbedding(const Embedding& embedding);

/// Implementations say in Inputs() what they take, and are only asked for that.
class EmbedderBase : public Embedder {
 public:
  /// `service` is how messages name it: no secrets.
  explicit EmbedderBase(std::string service) : service_(std::move(service)) {}

  Result<Embedding> Text(const EmbedRequest& request) final;
  Result<Embedding> Image(const EmbedRequest& request) final;

 private:
  virtual Result<Embedding> DoText(const EmbedRequest& request) = 0;
  virtual Result<Embedding> DoImage(const EmbedRequest& request) = 0;

  Status Refusal(const EmbedRequest& request, std::string_view kind) const;
  Result<Embedding> Checked(Result<Embedding> answer) const;

  const std::string service_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_EMBEDDER_BASE_H_
