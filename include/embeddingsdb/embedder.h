// SPDX-License-Identifier: BSD-3-Clause
//
// Embedder: makes the vector to search with from a text or a picture. What is in a database was
// embedded by a model, and only vectors of the same model can be compared with it.
#ifndef EMBEDDINGSDB_EMBEDDER_H_
#define EMBEDDINGSDB_EMBEDDER_H_

#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// What to embed, and with which model.
struct EmbedRequest {
  std::string model;  ///< as records name it; an embedder of one model may disregard it
  std::string body;   ///< a text in UTF-8, or the bytes of a picture file
};

struct Embedding {
  std::vector<float> vector;  ///< as the model gives it: not normalised by us
  std::string model;          ///< what the embedder calls its model; empty when it does not say
};

/// What an embedder can take.
struct EmbedderInputs {
  bool text = false;
  bool image = false;
  std::string note = {};  ///< what people should know of the model, in a sentence or two
};

/// Texts are farther from pictures than pictures are from each other: how far a search by text goes
/// unless it is said. In the database's metric; go-embeddingsdb's value.
inline constexpr float kTextMaxDistance = 5.0F;

/// Threads: safe for concurrent use.
/// Errors: kInvalidArgument for an empty body, one over kMaxEmbedTextBytes or kMaxPictureBytes, a
/// text that is no UTF-8 and a picture that cannot be read; kUnimplemented for a kind of input that
/// it does not take, and for a model that it does not know; kUnavailable and kDeadlineExceeded when
/// the service behind it does not answer; kInternal for an answer that is no embedding (no numbers,
/// none at all, more than kMaxDimension, not finite). Messages name the service, without its
/// secrets.
class Embedder {
 public:
  Embedder() = default;
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;
  virtual ~Embedder() = default;

  /// What it takes for records of this model; nothing when it certainly does not know the model.
  /// Asks nobody.
  virtual EmbedderInputs Inputs(std::string_view model) const = 0;
  virtual Result<Embedding> Text(const EmbedRequest& request) = 0;
  virtual Result<Embedding> Image(const EmbedRequest& request) = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDER_H_
