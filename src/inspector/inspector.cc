// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/inspector.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "core/json.h"
#include "core/text.h"
#include "inspector/assets.h"
#include "inspector/map_page.h"
#include "inspector/pages.h"
#include "inspector/record_view.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kPlainType = "text/plain; charset=utf-8";
constexpr auto kStaticTypes = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"css", "text/css; charset=utf-8"}, {"javascript", "text/javascript; charset=utf-8"}});

int HttpStatusOf(StatusCode code) {
  switch (code) {
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kInvalidArgument:
    case StatusCode::kOutOfRange:
      return 400;
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnavailable:
      return 503;
    case StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

/// What go-embeddingsdb says in this case, and no more: an error may hold what is nobody's
/// business.
std::string_view PublicMessage(int status) {
  switch (status) {
    case 400:
      return "Bad request";
    case 404:
      return "Not found";
    case 503:
      return "The database cannot be reached";
    case 504:
      return "The database did not answer in time";
    default:
      return "Internal server error";
  }
}

HttpResponse JsonResponse(std::string json) {
  return {.content_type = std::string(kJsonType), .body = std::move(json) + "\n"};
}

std::vector<std::string> OneOrNone(std::optional<std::string> value) {
  std::vector<std::string> values;
  if (value) {
    values.push_back(*std::move(value));
  }
  return values;
}

HttpResponse Redirect(std::string location) {
  return {.status = 301,
          .content_type = std::string(kPlainType),
          .body = "Moved permanently\n",
          .location = std::move(location)};
}

Result<Key> KeyOf(const Target& target, std::span<const std::string> ids) {
  Key key{.model = target.Parameter("model").value_or("")};
  if (ids.size() == 2) {
    key.provider = ids[0];
    key.depiction_id = ids[1];
  } else if (ids.empty()) {
    key.provider = target.Parameter("provider").value_or("");
    key.depiction_id = target.Parameter("depiction_id").value_or("");
  }
  if (!ValidateKey(key).ok()) {
    return NotFoundError("no such record");
  }
  return key;
}

}  // namespace

std::string NormaliseRoot(std::string_view prefix) {
  while (prefix.starts_with('/')) {
    prefix.remove_prefix(1);
  }
  while (prefix.ends_with('/')) {
    prefix.remove_suffix(1);
  }
  return prefix.empty() ? "" : Concat("/", prefix);
}

HttpResponse Inspector::Answer(const HttpRequest& request) {
  const bool api = request.target.starts_with(options_.root + "/api/");
  const Result<Target> target = Target::Parse(request.target);
  if (!target.ok()) {
    return ErrorPage(target.status(), api);
  }
  Result<HttpResponse> response = Route(request, *target);
  if (response.ok()) {
    return *std::move(response);
  }
  return ErrorPage(response.status(), api || target->Parameter("format") == "json");
}

Result<HttpResponse> Inspector::Route(const HttpRequest& request, const Target& target) {
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  if (path == options_.root) {
    return Redirect(Concat(options_.root, "/", target.query()));
  }
  if (!path.starts_with(options_.root + "/")) {
    return NotFoundError("no such page");
  }
  const std::string_view below = path.substr(options_.root.size() + 1);
  const std::string_view folder = below.substr(0, below.find('/'));
  const auto* const type = std::ranges::find(kStaticTypes, folder,
                                             &std::pair<std::string_view, std::string_view>::first);
  if (type != kStaticTypes.end()) {
    const Asset* asset = FindAsset(below);
    if (asset == nullptr) {
      return NotFoundError("no such file");
    }
    return HttpResponse{.content_type = std::string(type->second),
                        .body = std::string(asset->content)};
  }
  if (!target.ends_with_slash()) {
    return Redirect(Concat(path, "/", target.query()));
  }
  return folder == "api" ? RouteApi(target) : RoutePage(request, target);
}

Result<HttpResponse> Inspector::RoutePage(const HttpRequest& request, const Target& target) {
  const auto depth = static_cast<std::size_t>(std::ranges::count(options_.root, '/'));
  const std::span<const std::string> segments = std::span(target.segments()).subspan(depth);
  const std::optional<std::string> format = target.Parameter("format");
  if (format && *format != "json" && *format != "html") {
    return InvalidArgumentError("format is neither html nor json");
  }
  const bool json = format ? *format == "json" : request.accept == kJsonType;
  const PageRequest page{.client = client_,
                         .target = target,
                         .root = options_.root,
                         .max_results = options_.max_results,
                         .format = json ? PageFormat::kJson : PageFormat::kHtml};
  if (segments.empty()) {
    return ShowList(page);
  }
  if (segments[0] == "map" && segments.size() == 1) {
    return ShowMap({.client = client_, .maps = maps_, .target = target, .root = options_.root});
  }
  if (segments[0] != "record") {
    return NotFoundError("no such page");
  }
  EDB_ASSIGN(const Key key, KeyOf(target, segments.subspan(1)));
  return ShowRecord(page, key);
}

Result<HttpResponse> Inspector::RouteApi(const Target& target) {
  const auto depth = static_cast<std::size_t>(std::ranges::count(options_.root, '/'));
  const std::span<const std::string> segments = std::span(target.segments()).subspan(depth + 1);
  const std::string_view name = segments.empty() ? "" : std::string_view(segments[0]);
  if (name == "embeddings") {
    EDB_ASSIGN(const Key key, KeyOf(target, segments.subspan(1)));
    EDB_ASSIGN(const Record record, client_.Get(key));
    return JsonResponse(FloatsToJson(record.embedding));
  }
  if (name == "map") {
    return AnswerMap({.client = client_, .maps = maps_, .target = target, .root = options_.root},
                     segments.subspan(1));
  }
  if (name == "models" && segments.size() == 1) {
    EDB_ASSIGN(const std::vector<std::string> models,
               client_.Models(OneOrNone(target.Parameter("provider"))));
    return JsonResponse(StringsToJson(models, EmptyAs::kEmpty));
  }
  if (name == "providers" && segments.size() == 1) {
    EDB_ASSIGN(const std::vector<std::string> providers,
               client_.Providers(OneOrNone(target.Parameter("model"))));
    return JsonResponse(StringsToJson(providers, EmptyAs::kEmpty));
  }
  return NotFoundError("no such address");
}

HttpResponse Inspector::ErrorPage(const Status& status, bool for_program) {
  const int code = HttpStatusOf(status.code());
  const std::string_view message = PublicMessage(code);
  if (code >= 500) {
    log_.Error("Failed to answer a request", {{"error", status.ToString()}});
  }
  if (for_program) {
    return {.status = code, .content_type = std::string(kPlainType), .body = Concat(message, "\n")};
  }
  View view;
  view.texts = {{"root", options_.root}, {"title", std::string(message)}};
  if (code == 400) {
    view.texts["detail"] = status.message();
  }
  return {
      .status = code, .content_type = std::string(kHtmlType), .body = Render("error.html", view)};
}

}  // namespace embeddingsdb
