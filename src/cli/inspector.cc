// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/inspector.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stop_token>

#include "embeddingsdb/limits.h"

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/signals.h"
#include "core/text.h"
#include "inspector/http_server.h"

namespace embeddingsdb {
namespace {

// Flags that go-embeddingsdb also reads from the environment.
constexpr auto kFromEnvironment = std::to_array<std::string_view>(
    {"server-uri", "client-uri", "max-results", "uri-prefix", "verbose", "enable-search",
     "embeddings-client-uri", "max-upload-size", "allowed-host"});

/// INSPECTOR_CLIENT_URI and its kind as flags, which stand before those of the command line, so
/// that these win.
std::vector<std::string> WithEnvironment(std::span<const std::string> args) {
  std::vector<std::string> all;
  const bool other_database = std::ranges::any_of(
      args, [](const std::string& arg) { return arg.find("-database-uri") == 0; });
  for (const std::string_view flag : kFromEnvironment) {
    std::string name = Concat("INSPECTOR_", flag);
    std::ranges::transform(name, name.begin(), [](char c) {
      return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    if (value != nullptr && *value != '\0' && !(flag == "client-uri" && other_database)) {
      all.push_back(Concat("-", flag, "=", value));
    }
  }
  all.insert(all.end(), args.begin(), args.end());
  return all;
}

struct Settings {
  std::string server_uri = "http://localhost:8080";
  std::vector<std::string> allowed_hosts;
  std::string prefix;
  std::string embedder_uri;
  bool enable_search = false;
  std::int64_t max_upload_bytes = kDefaultUploadBytes;
  InspectorOptions inspector;
};

Status Serve(Session& session, Client& client, const Settings& settings,
             const std::stop_token& stop) {
  EDB_ASSIGN(Uri uri, Uri::Parse(settings.server_uri));
  InspectorOptions options = settings.inspector;
  std::unique_ptr<Embedder> embedder;
  if (!settings.embedder_uri.empty()) {
    EDB_ASSIGN(embedder,
               session.context.registry->OpenEmbedder(settings.embedder_uri, session.context));
    options.embedder = embedder.get();
  }
  Inspector inspector(client, session.log(), options);
  EDB_ASSIGN(const std::unique_ptr<Server> server,
             ListenHttp({.uri = std::move(uri),
                         .allowed_hosts = settings.allowed_hosts,
                         .form_paths = FormPaths(options.root),
                         .max_form_bytes = settings.max_upload_bytes},
                        [&](const HttpRequest& request) { return inspector.Answer(request); }));
  session.log().Info("Listen for requests",
                     {{"address", Concat(server->address(), options.root, "/")}});
  return server->Serve(stop);
}

/// What a prefix may hold without escapes, which nobody would type.
bool IsPlainPath(std::string_view root) {
  return root.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "-._~/") == std::string_view::npos &&
         root.find("//") == std::string_view::npos;
}

/// What is wrong with the settings, or nothing.
std::string FaultOf(const Settings& settings) {
  const int results = settings.inspector.max_results;
  if (results < 1 || results > kMaxResults) {
    return Concat("-max-results ", results, " is not within 1 to ", kMaxResults);
  }
  if (settings.max_upload_bytes < 1 ||
      settings.max_upload_bytes > static_cast<std::int64_t>(kMaxPictureBytes)) {
    return Concat("-max-upload-size ", settings.max_upload_bytes, " is not within 1 to ",
                  kMaxPictureBytes);
  }
  if (settings.enable_search && settings.embedder_uri.empty()) {
    return "-enable-search needs -embeddings-client-uri";
  }
  if (!IsPlainPath(settings.inspector.root)) {
    return Concat("-uri-prefix ", Quote(settings.prefix),
                  " has other characters than letters, digits, - . _ ~ and single slashes");
  }
  return "";
}

void AddFlags(CommandFlags& flags, Settings& settings) {
  flags.Add("server-uri", settings.server_uri,
            "The `URI` to serve at: http://HOST:PORT, or https://HOST:PORT?cert=FILE&key=FILE.");
  flags.Add("uri-prefix", settings.prefix, "A `path` in front of all addresses.");
  flags.Add("max-results", settings.inspector.max_results,
            "How many similar records a page shows at most.");
  flags.Add("allowed-host", settings.allowed_hosts,
            "A `name`, beside that of -server-uri, under which browsers may ask. May be repeated.");
  flags.Add("embeddings-client-uri", settings.embedder_uri,
            "The `URI` of the embedder for searches by text and picture.");
  flags.Add("enable-search", settings.enable_search,
            "Insist on -embeddings-client-uri, which is what enables searching.");
  flags.Add("max-upload-size", settings.max_upload_bytes,
            "How large a form with a picture may be, in `bytes`.");
}

}  // namespace

int RunInspector(const Invocation& call, Session& session) {
  const std::vector<std::string> args = WithEnvironment(call.args);
  Settings settings;
  CommandFlags flags(
      {.program = call.program, .args = args},
      {.summary = "Serves web pages that show a database: its records, and what is similar.",
       .synopsis = "[flags]",
       .examples = "  embeddingsdb-inspector -client-uri grpc://localhost:8081\n"
                   "  embeddingsdb-inspector -database-uri 'sqlite://?dsn=collection.db' \\\n"
                   "    -server-uri http://localhost:8082",
       .notes =
           "A flag can also be given as a variable of the environment: INSPECTOR_CLIENT_URI is\n"
           "-client-uri. The command line wins. Pages can be read by whoever reaches the address;\n"
           "nothing can be changed by them. Stops at SIGINT or SIGTERM."});
  const ClientFlags client_flags(flags);
  AddFlags(flags, settings);
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  settings.inspector.root = NormaliseRoot(settings.prefix);
  if (const std::string fault = FaultOf(settings); !fault.empty()) {
    return flags.UsageError(session, fault);
  }
  // Before the client, which starts threads.
  const StopSignals signals;
  return client_flags.Run(session, "serve pages", [&](Client& client) {
    return Serve(session, client, settings, signals.token());
  });
}

}  // namespace embeddingsdb
