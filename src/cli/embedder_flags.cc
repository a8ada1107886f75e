// SPDX-License-Identifier: BSD-3-Clause
#include "cli/embedder_flags.h"

#include "embeddingsdb/limits.h"

#include "cli/input.h"

namespace embeddingsdb {

EmbedderFlags::EmbedderFlags(FlagSet& flags) {
  flags.Add("embedder-uri", uri_,
            "The `URI` of what turns a text or a picture into a vector, for example\n"
            "openclip://?client-uri=http://localhost:5000.");
  flags.Add("embeddings-client-uri", uri_of_go_, "The same `URI`, by go-embeddingsdb's name.");
}

Status EmbedderFlags::Check(bool needed) const {
  if (!uri_.empty() && !uri_of_go_.empty()) {
    return InvalidArgumentError(
        "-embedder-uri and -embeddings-client-uri are two names of one flag");
  }
  if (needed && uri_.empty() && uri_of_go_.empty()) {
    return InvalidArgumentError("-embedder-uri is required for a text or a picture");
  }
  return {};
}

Result<std::unique_ptr<Embedder>> EmbedderFlags::Open(Session& session) const {
  return session.registry().OpenEmbedder(uri_.empty() ? uri_of_go_ : uri_, session.context);
}

Result<std::string> ReadText(const std::string& path, Session& session) {
  EDB_ASSIGN(std::string text, ReadInput(path, kMaxEmbedTextBytes, session));
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.pop_back();
  }
  return text;
}

Result<std::string> ReadPicture(const std::string& path, Session& session) {
  return ReadInput(path, kMaxPictureBytes, session);
}

}  // namespace embeddingsdb
