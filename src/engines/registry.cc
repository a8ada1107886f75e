// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/registry.h"

#include <utility>

#include "core/text.h"

namespace embeddingsdb {
namespace {

/// The factory for the URI's scheme, or an error that lists the known ones.
template <typename Factory>
Result<const Factory*> Find(const std::map<std::string, Factory, std::less<>>& factories,
                            const Uri& uri, std::string_view what) {
  auto it = factories.find(uri.scheme());
  if (it != factories.end()) {
    return &it->second;
  }
  std::string known;
  for (const auto& [scheme, factory] : factories) {
    known.append(known.empty() ? "" : ", ").append(scheme).append("://");
  }
  return InvalidArgumentError(
      Concat("unknown ", what, " scheme ", Quote(uri.scheme()), "; known are ", known));
}

template <typename T, typename Factory>
Result<std::unique_ptr<T>> Open(const std::map<std::string, Factory, std::less<>>& factories,
                                std::string_view text, const Context& context,
                                std::string_view what) {
  EDB_ASSIGN(const Uri uri, Uri::Parse(text));
  EDB_ASSIGN(const Factory* factory, Find(factories, uri, what));
  return (*factory)(uri, context);
}

}  // namespace

void Registry::AddDatabase(std::string_view scheme, DatabaseFactory factory) {
  databases_.insert_or_assign(std::string(scheme), std::move(factory));
}

void Registry::AddClient(std::string_view scheme, ClientFactory factory) {
  clients_.insert_or_assign(std::string(scheme), std::move(factory));
}

void Registry::AddServer(std::string_view scheme, ServerFactory factory) {
  servers_.insert_or_assign(std::string(scheme), std::move(factory));
}

void Registry::AddEmbedder(std::string_view scheme, EmbedderFactory factory) {
  embedders_.insert_or_assign(std::string(scheme), std::move(factory));
}

Result<std::unique_ptr<Database>> Registry::OpenDatabase(std::string_view uri,
                                                         Context context) const {
  context.registry = this;
  return Open<Database>(databases_, uri, context, "database");
}

Result<std::unique_ptr<Client>> Registry::OpenClient(std::string_view uri, Context context) const {
  context.registry = this;
  return Open<Client>(clients_, uri, context, "client");
}

Result<std::unique_ptr<Server>> Registry::OpenServer(std::string_view uri, Context context) const {
  context.registry = this;
  return Open<Server>(servers_, uri, context, "server");
}

Result<std::unique_ptr<Embedder>> Registry::OpenEmbedder(std::string_view uri,
                                                         Context context) const {
  context.registry = this;
  return Open<Embedder>(embedders_, uri, context, "embedder");
}

std::vector<std::string> Registry::DatabaseSchemes() const {
  std::vector<std::string> schemes;
  schemes.reserve(databases_.size());
  for (const auto& [scheme, factory] : databases_) {
    schemes.push_back(scheme);
  }
  return schemes;
}

}  // namespace embeddingsdb
