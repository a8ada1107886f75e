// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/inspector.h"

#include <algorithm>
#include <array>
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
      return "The database or the embedder cannot be reached";
    case 504:
      return "The database or the embedder did not answer in time";
    default:
      return "Internal server error";
  }
}

/// The bytes of the file in a form; browsers send an empty one when none was chosen.
std::string_view UploadOf(std::span<const FormField> form) {
  const auto found = std::ranges::find(form, std::string_view("upload"), &FormField::name);
  return found == form.end() ? std::string_view() : std::string_view(found->content);
}

Result<Target> TargetOf(const HttpRequest& request) {
  EDB_ASSIGN(Target target, Target::Parse(request.target));
  for (const FormField& field : request.form) {
    if (field.name != "upload") {
      EDB_TRY(target.Add(field.name, field.content));
    }
  }
  return target;
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

/// What an address names, or a key that is none.
Key Named(const Target& target, std::span<const std::string> ids) {
  if (ids.size() == 2) {
    return {.provider = ids[0], .depiction_id = ids[1]};
  }
  if (ids.empty()) {
    return {.provider = target.Parameter("provider").value_or(""),
            .depiction_id = target.Parameter("depiction_id").value_or("")};
  }
  return {};
}

Result<Key> KeyOf(const Target& target, std::span<const std::string> ids) {
  Key key = Named(target, ids);
  key.model = target.Parameter("model").value_or("");
  if (!ValidateKey(key).ok()) {
    return NotFoundError("no such record");
  }
  return key;
}

/// A key without its model.
Result<Key> DepictionOf(const Target& target, std::span<const std::string> ids) {
  Key key = Named(target, ids);
  key.model = "any";
  if (!ValidateKey(key).ok()) {
    return NotFoundError("no such depiction");
  }
  key.model.clear();
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

std::vector<std::string> FormPaths(std::string_view root) {
  return {Concat(root, "/search/"), Concat(root, "/api/search/")};
}

Inspector::Inspector(Client& client, Logger& log, InspectorOptions options)
    : client_(client),
      log_(log),
      options_(std::move(options)),
      root_segments_(static_cast<std::size_t>(std::ranges::count(options_.root, '/'))),
      maps_(client, log),
      scales_(client, log) {}

HttpResponse Inspector::Answer(const HttpRequest& request) {
  const bool api = request.target.starts_with(options_.root + "/api/");
  const Result<Target> target = TargetOf(request);
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
  if (!target.ends_with_slash() && below != "api/openapi.json") {
    return Redirect(Concat(path, "/", target.query()));
  }
  const std::span<const std::string> segments =
      std::span(target.segments()).subspan(root_segments_);
  if (folder == "api") {
    return RouteApi({.request = request, .target = target, .segments = segments.subspan(1)});
  }
  return RoutePage({.request = request, .target = target, .segments = segments});
}

PageRequest Inspector::PageOf(const Place& place, PageFormat format) {
  return {.client = client_,
          .scales = scales_,
          .embedder = options_.embedder,
          .target = place.target,
          .upload = UploadOf(place.request.form),
          .root = options_.root,
          .max_results = options_.max_results,
          .format = format};
}

MapRequest Inspector::MapOf(const Place& place) {
  return {.client = client_, .maps = maps_, .target = place.target, .root = options_.root};
}

Result<HttpResponse> Inspector::RoutePage(const Place& place) {
  const std::optional<std::string> format = place.target.Parameter("format");
  if (format && *format != "json" && *format != "html") {
    return InvalidArgumentError("format is neither html nor json");
  }
  const bool json = format ? *format == "json" : place.request.accept == kJsonType;
  const PageRequest page = PageOf(place, json ? PageFormat::kJson : PageFormat::kHtml);
  const std::string_view name = place.segments.empty() ? "" : std::string_view(place.segments[0]);
  if (place.segments.empty()) {
    return ShowList(page);
  }
  if (name == "record") {
    EDB_ASSIGN(const Key key, KeyOf(place.target, place.segments.subspan(1)));
    return ShowRecord(page, key);
  }
  if (name == "map" && place.segments.size() == 1) {
    return ShowMap(MapOf(place));
  }
  if (name == "compare") {
    EDB_ASSIGN(const Key key, DepictionOf(place.target, place.segments.subspan(1)));
    return ShowComparison(page, key);
  }
  if (name == "search" && place.segments.size() == 1) {
    return ShowSearch(page);
  }
  if (name == "statistics" && place.segments.size() == 1) {
    return ShowStatistics(page);
  }
  return NotFoundError("no such page");
}

Result<HttpResponse> Inspector::RouteApi(const Place& place) {
  const std::string_view name = place.segments.empty() ? "" : std::string_view(place.segments[0]);
  if (name == "embeddings") {
    EDB_ASSIGN(const Key key, KeyOf(place.target, place.segments.subspan(1)));
    EDB_ASSIGN(const Record record, client_.Get(key));
    return JsonResponse(FloatsToJson(record.embedding));
  }
  if (name == "map") {
    return AnswerMap(MapOf(place), place.segments.subspan(1));
  }
  if (place.segments.size() != 1) {
    return NotFoundError("no such address");
  }
  if (name == "models") {
    EDB_ASSIGN(const std::vector<std::string> models,
               client_.Models(OneOrNone(place.target.Parameter("provider"))));
    return JsonResponse(StringsToJson(models, EmptyAs::kEmpty));
  }
  if (name == "providers") {
    EDB_ASSIGN(const std::vector<std::string> providers,
               client_.Providers(OneOrNone(place.target.Parameter("model"))));
    return JsonResponse(StringsToJson(providers, EmptyAs::kEmpty));
  }
  if (name == "search") {
    return FindForProgram(PageOf(place, PageFormat::kJson));
  }
  if (name == "openapi.json") {
    return JsonResponse(Render("openapi.json", {.texts = {{"root", options_.root}}, .lists = {}}));
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
