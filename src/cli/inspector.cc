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
    {"server-uri", "client-uri", "max-results", "uri-prefix", "verbose"});

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
  InspectorOptions inspector;
};

Status Serve(Session& session, Client& client, const Settings& settings,
             const std::stop_token& stop) {
  EDB_ASSIGN(Uri uri, Uri::Parse(settings.server_uri));
  Inspector inspector(client, session.log(), settings.inspector);
  EDB_ASSIGN(const std::unique_ptr<Server> server,
             ListenHttp({.uri = std::move(uri), .allowed_hosts = settings.allowed_hosts},
                        [&](const HttpRequest& request) { return inspector.Answer(request); }));
  session.log().Info("Listen for requests",
                     {{"address", Concat(server->address(), settings.inspector.root, "/")}});
  return server->Serve(stop);
}

/// What a prefix may hold without escapes, which nobody would type.
bool IsPlainPath(std::string_view root) {
  return root.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "-._~/") == std::string_view::npos &&
         root.find("//") == std::string_view::npos;
}

}  // namespace

int RunInspector(const Invocation& call, Session& session) {
  const std::vector<std::string> args = WithEnvironment(call.args);
  Settings settings;
  std::string prefix;
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
  flags.Add("server-uri", settings.server_uri,
            "The `URI` to serve at: http://HOST:PORT, or https://HOST:PORT?cert=FILE&key=FILE.");
  flags.Add("uri-prefix", prefix, "A `path` in front of all addresses.");
  flags.Add("max-results", settings.inspector.max_results,
            "How many similar records a page shows at most.");
  flags.Add("allowed-host", settings.allowed_hosts,
            "A `name`, beside that of -server-uri, under which browsers may ask. May be repeated.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  if (settings.inspector.max_results < 1 || settings.inspector.max_results > kMaxResults) {
    return flags.UsageError(session, Concat("-max-results ", settings.inspector.max_results,
                                            " is not within 1 to ", kMaxResults));
  }
  settings.inspector.root = NormaliseRoot(prefix);
  if (!IsPlainPath(settings.inspector.root)) {
    return flags.UsageError(session, Concat("-uri-prefix ", Quote(prefix),
                                            " has other characters than "
                                            "letters, digits, - . _ ~ and single slashes"));
  }
  // Before the client, which starts threads.
  const StopSignals signals;
  return client_flags.Run(session, "serve pages", [&](Client& client) {
    return Serve(session, client, settings, signals.token());
  });
}

}  // namespace embeddingsdb
