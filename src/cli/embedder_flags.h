// SPDX-License-Identifier: BSD-3-Clause
//
// EmbedderFlags: -embedder-uri, which says what turns texts and pictures into vectors, and what
// commands read for it.
#ifndef EMBEDDINGSDB_CLI_EMBEDDER_FLAGS_H_
#define EMBEDDINGSDB_CLI_EMBEDDER_FLAGS_H_

#include <memory>
#include <string>

#include "embeddingsdb/embedder.h"

#include "cli/command.h"
#include "cli/command_flags.h"

namespace embeddingsdb {

class EmbedderFlags {
 public:
  /// Declares the flags in `flags`, which this object must outlive. Also -embeddings-client-uri,
  /// the same by the name that go-embeddingsdb gives it.
  explicit EmbedderFlags(FlagSet& flags);
  EmbedderFlags(const EmbedderFlags&) = delete;
  EmbedderFlags& operator=(const EmbedderFlags&) = delete;
  ~EmbedderFlags() = default;

  /// kInvalidArgument when an embedder is needed and none is named, or two are.
  Status Check(bool needed) const;
  Result<std::unique_ptr<Embedder>> Open(Session& session) const;

 private:
  std::string uri_;
  std::string uri_of_go_;
};

/// The text in a file or standard input, without the line breaks at its end.
Result<std::string> ReadText(const std::string& path, Session& session);
/// The picture in a file or standard input.
Result<std::string> ReadPicture(const std::string& path, Session& session);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_EMBEDDER_FLAGS_H_
