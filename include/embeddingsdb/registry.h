// SPDX-License-Identifier: BSD-3-Clause
//
// Registry: from a URI's scheme to the code that opens it. A value built in main by
// RegisterBuiltin...() functions; there is no registration before main.
#ifndef EMBEDDINGSDB_REGISTRY_H_
#define EMBEDDINGSDB_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/client.h"
#include "embeddingsdb/database.h"
#include "embeddingsdb/embedder.h"
#include "embeddingsdb/server.h"
#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

namespace embeddingsdb {

class Env;     // src/core/env.h: files and clock, the seam for fault injection
class Logger;  // src/core/log.h
class Registry;

/// What factories are given. Everything is borrowed and must outlive what is opened.
struct Context {
  Env* env = nullptr;
  Logger* log = nullptr;
  const Registry* registry = nullptr;  ///< to open nested URIs; filled in by the Registry
};

using DatabaseFactory =
    std::function<Result<std::unique_ptr<Database>>(const Uri& uri, const Context& context)>;
using ClientFactory =
    std::function<Result<std::unique_ptr<Client>>(const Uri& uri, const Context& context)>;
using ServerFactory =
    std::function<Result<std::unique_ptr<Server>>(const Uri& uri, const Context& context)>;
using EmbedderFactory =
    std::function<Result<std::unique_ptr<Embedder>>(const Uri& uri, const Context& context)>;

/// Filled once, then only read: Open... may be called from several threads.
class Registry {
 public:
  void AddDatabase(std::string_view scheme, DatabaseFactory factory);
  void AddClient(std::string_view scheme, ClientFactory factory);
  void AddServer(std::string_view scheme, ServerFactory factory);
  void AddEmbedder(std::string_view scheme, EmbedderFactory factory);

  /// kInvalidArgument for a malformed URI or an unknown scheme (naming the known ones), and
  /// whatever the factory says. Schemes are matched in lower case.
  Result<std::unique_ptr<Database>> OpenDatabase(std::string_view uri, Context context) const;
  Result<std::unique_ptr<Client>> OpenClient(std::string_view uri, Context context) const;
  Result<std::unique_ptr<Server>> OpenServer(std::string_view uri, Context context) const;
  Result<std::unique_ptr<Embedder>> OpenEmbedder(std::string_view uri, Context context) const;

  std::vector<std::string> DatabaseSchemes() const;

 private:
  std::map<std::string, DatabaseFactory, std::less<>> databases_;
  std::map<std::string, ClientFactory, std::less<>> clients_;
  std::map<std::string, ServerFactory, std::less<>> servers_;
  std::map<std::string, EmbedderFactory, std::less<>> embedders_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_REGISTRY_H_
