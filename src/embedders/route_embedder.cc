// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/route_embedder.h"

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kSeparator = "...";
constexpr auto kOptions = std::to_array<std::string_view>({"client-uri"});

struct Routes {
  std::map<std::string, std::unique_ptr<Embedder>> by_uri;
  std::map<std::string, Embedder*, std::less<>> by_model;
};

/// One value of client-uri: a URI, and the models that go there.
struct Route {
  std::string uri;
  std::vector<std::string> models;
};

Result<Route> ParseRoute(std::string_view text) {
  const std::size_t end = text.find(kSeparator);
  Route route{.uri = std::string(text.substr(0, end)), .models = {}};
  const std::string shown = Quote(RedactUri(route.uri));
  if (end == std::string_view::npos) {
    return InvalidArgumentError(
        Concat("client-uri ", shown, " of route:// names no model, as in URI...MODEL"));
  }
  for (std::size_t at = end; at != std::string_view::npos;) {
    const std::size_t begin = at + kSeparator.size();
    at = text.find(kSeparator, begin);
    route.models.emplace_back(text.substr(begin, at == std::string_view::npos ? at : at - begin));
    if (route.models.back().empty()) {
      return InvalidArgumentError(
          Concat("client-uri ", shown, " of route:// has an empty name of a model"));
    }
  }
  return route;
}

Result<Embedder*> OpenOnce(const std::string& uri, Routes& routes, const Context& context) {
  if (const auto there = routes.by_uri.find(uri); there != routes.by_uri.end()) {
    return there->second.get();
  }
  if (routes.by_uri.size() == kMaxRoutes) {
    return InvalidArgumentError(
        Concat("route:// has more embedders than the limit of ", kMaxRoutes));
  }
  EDB_ASSIGN(const Uri parsed, Uri::Parse(uri));
  if (parsed.scheme().starts_with("route")) {
    return InvalidArgumentError("route:// cannot be within route://");
  }
  EDB_ASSIGN(auto embedder, context.registry->OpenEmbedder(uri, context));
  return routes.by_uri.emplace(uri, std::move(embedder)).first->second.get();
}

Status Add(const Route& route, Routes& routes, const Context& context) {
  EDB_ASSIGN(Embedder * embedder, OpenOnce(route.uri, routes, context));
  for (const std::string& model : route.models) {
    const EmbedderInputs inputs = embedder->Inputs(model);
    if (!inputs.text && !inputs.image) {
      return InvalidArgumentError(Concat("route:// sends the model ", Quote(model), " to ",
                                         RedactUri(route.uri), ", which does not know it"));
    }
    if (!routes.by_model.emplace(model, embedder).second) {
      return InvalidArgumentError(Concat("route:// names the model ", Quote(model), " twice"));
    }
  }
  return {};
}

class RouteEmbedder final : public Embedder {
 public:
  explicit RouteEmbedder(Routes routes) : routes_(std::move(routes)) {}

  EmbedderInputs Inputs(std::string_view model) const override {
    const auto route = routes_.by_model.find(model);
    return route == routes_.by_model.end() ? EmbedderInputs() : route->second->Inputs(model);
  }
  Result<Embedding> Text(const EmbedRequest& request) override {
    EDB_ASSIGN(Embedder * embedder, Find(request.model));
    return embedder->Text(request);
  }
  Result<Embedding> Image(const EmbedRequest& request) override {
    EDB_ASSIGN(Embedder * embedder, Find(request.model));
    return embedder->Image(request);
  }

 private:
  Result<Embedder*> Find(std::string_view model) const {
    const auto route = routes_.by_model.find(model);
    if (route != routes_.by_model.end()) {
      return route->second;
    }
    std::string known;
    for (const auto& [name, embedder] : routes_.by_model) {
      known += Concat(known.empty() ? "" : ", ", name);
    }
    return UnimplementedError(
        Concat("route:// does not know the model ", Quote(model), "; known are ", known));
  }

  const Routes routes_;
};

}  // namespace

Result<std::unique_ptr<Embedder>> OpenRouteEmbedder(const Uri& uri, const Context& context) {
  EDB_TRY(uri.CheckOptions(kOptions, kOptions));
  if (!uri.FilePath().empty()) {
    return InvalidArgumentError(
        "route:// has a host or a path; it names embedders by client-uri=URI...MODEL");
  }
  Routes routes;
  for (const std::string& text : uri.Options("client-uri")) {
    EDB_ASSIGN(const Route route, ParseRoute(text));
    EDB_TRY(Add(route, routes, context));
  }
  if (routes.by_model.empty()) {
    return InvalidArgumentError("route:// needs client-uri=URI...MODEL");
  }
  return std::unique_ptr<Embedder>(std::make_unique<RouteEmbedder>(std::move(routes)));
}

}  // namespace embeddingsdb
