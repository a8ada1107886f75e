// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/s3_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <string_view>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/log.h"
#include "core/text.h"
#include "rpc/credentials.h"
#include "rpc/grpc_server.h"
#include "s3server/http_front.h"
#include "s3server/protocol.h"

namespace embeddingsdb {
namespace {

constexpr auto kUriOptions = std::to_array<std::string_view>(
    {"database-uri", "region", "account", "keys-uri", "tls-certificate", "tls-key",
     "allow-plaintext", "idle-timeout"});
constexpr auto kRepeatable = std::to_array<std::string_view>({"database-uri"});
constexpr std::string_view kService = "s3vectors";
constexpr std::size_t kAccountDigits = 12;

class S3Server final : public Server {
 public:
  S3Server(S3ServerOptions options, std::vector<S3Database> databases, const Context& context)
      : options_(std::move(options)), context_(context), databases_(std::move(databases)) {}

  Status Start();
  std::string address() const override { return JoinHostPort(options_.host, options_.port); }
  Status Serve(std::stop_token stop) override;

 private:
  S3ServerOptions options_;  // port: the real one after Start
  const Context context_;
  // In the order of use; destroyed the other way round.
  std::vector<S3Database> databases_;
  std::unique_ptr<S3Catalog> catalog_;
  std::unique_ptr<S3Operations> operations_;
  std::unique_ptr<S3Protocol> protocol_;
  std::unique_ptr<HttpFront> front_;
  std::atomic<bool> served_ = false;
};

Status S3Server::Start() {
  EDB_ASSIGN(catalog_, S3Catalog::Load(databases_, *context_.env));
  EDB_TRY(catalog_->FinishDeletions(
      [this](S3IndexEntry& entry) { return S3Vectors(entry, *context_.env).Clear(); }));
  operations_ = std::make_unique<S3Operations>(*catalog_, *context_.env, options_.place);
  const bool open = options_.keys.empty();
  protocol_ = std::make_unique<S3Protocol>(
      *operations_, std::move(options_.keys),
      SigV4Scope{.region = options_.place.region, .service = std::string(kService)}, context_);
  EDB_ASSIGN(front_, ListenHttpFront({.host = options_.host,
                                      .port = options_.port,
                                      .certificate = options_.certificate,
                                      .key = options_.key,
                                      .idle_seconds = options_.idle_seconds,
                                      .open = open},
                                     *protocol_));
  options_.port = front_->port();
  if (context_.log != nullptr) {
    if (open) {
      context_.log->Warn("No keys: requests are not authenticated");
    }
    context_.log->Info("Server listening", {{"address", address()}});
  }
  return {};
}

Status S3Server::Serve(std::stop_token stop) {
  if (served_.exchange(true)) {
    return FailedPreconditionError("the server has been served before");
  }
  Status first = front_->Serve(stop);
  for (S3Database& database : databases_) {
    for (const Status& status : {database.database->Flush(), database.database->Close()}) {
      first = first.ok() ? status : first;
    }
  }
  return first;
}

/// The databases that the options name, those of a multi:// each by itself.
std::vector<std::string> DatabaseUris(const Uri& uri) {
  std::vector<std::string> out;
  for (const std::string& text : uri.Options("database-uri")) {
    const Result<Uri> parsed = Uri::Parse(text);
    if (!parsed.ok() || parsed->scheme() != "multi") {
      out.push_back(text);
      continue;
    }
    for (const std::string_view name : {"database", "database-uri"}) {
      std::ranges::move(parsed->Options(name), std::back_inserter(out));
    }
  }
  std::erase(out, "");
  return out;
}

/// Engines whose files one process writes at a time. Of a database that is only read, or that is
/// elsewhere, nobody here knows what others store.
bool IsOnlyWriter(const Uri& uri, bool read_only) {
  constexpr auto kOneWriter =
      std::to_array<std::string_view>({"bleve", "duckdb", "lmdb", "memory", "sqlite"});
  return !read_only && std::ranges::find(kOneWriter, uri.scheme()) != kOneWriter.end();
}

Result<S3Database> OpenOne(const std::string& text, const Context& context) {
  EDB_ASSIGN(Uri uri, Uri::Parse(text));
  S3Database out;
  const std::string metric = uri.Option("metric").value_or("cosine");
  EDB_ASSIGN(out.metric, ParseMetric(metric));
  if (out.metric == Metric::kInnerProduct) {
    return InvalidArgumentError(
        Concat("metric=ip of ", uri.Redacted(), " is none that S3 Vectors has: use cosine or l2"));
  }
  uri.SetOption("metric", metric);
  if (uri.Option("dimensions")) {
    EDB_ASSIGN(const std::int64_t dimensions,
               uri.IntOption("dimensions", 0, kMinDimension, kMaxDimension));
    out.dimensions = static_cast<int>(dimensions);
  }
  EDB_ASSIGN(const bool read_only, uri.BoolOption("read-only", false));
  out.only_writer = IsOnlyWriter(uri, read_only);
  EDB_ASSIGN(out.database, context.registry->OpenDatabase(uri.Serialize(), context));
  out.name = out.database->uri();
  if (context.log != nullptr) {
    context.log->Debug("Set up database", {{"uri", out.name}});
  }
  return out;
}

bool IsAccount(std::string_view text) {
  return text.size() == kAccountDigits &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool IsRegion(std::string_view text) {
  return !text.empty() && text.size() <= kMaxS3NameBytes &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

}  // namespace

Result<S3ServerOptions> S3ServerOptions::FromUri(const Uri& uri, Env& env) {
  EDB_TRY(uri.CheckOptions(kUriOptions, kRepeatable));
  const std::optional<std::uint16_t> port = uri.port();
  if (!port) {
    return InvalidArgumentError(Concat("no port in ", uri.Redacted()));
  }
  if (!uri.path().empty() && uri.path() != "/") {
    return InvalidArgumentError(Concat("a path makes no sense in ", uri.Redacted()));
  }
  S3ServerOptions options{.host = uri.host(),
                          .port = *port,
                          .place = {.region = uri.Option("region").value_or("us-east-1"),
                                    .account = uri.Option("account").value_or("123456789012")},
                          .keys = {},
                          .certificate = uri.Option("tls-certificate").value_or(""),
                          .key = uri.Option("tls-key").value_or("")};
  if (!IsRegion(options.place.region)) {
    return InvalidArgumentError(Concat("region ", Quote(options.place.region),
                                       " is not made of small letters, digits and \"-\""));
  }
  if (!IsAccount(options.place.account)) {
    return InvalidArgumentError(
        Concat("account ", Quote(options.place.account), " does not have 12 digits"));
  }
  EDB_ASSIGN(options.idle_seconds, uri.IntOption("idle-timeout", options.idle_seconds, 1, 3'600));
  EDB_ASSIGN(const bool plaintext, uri.BoolOption("allow-plaintext", false));
  EDB_ASSIGN(options.keys, S3Keys::Read(uri, env));
  if (options.certificate.empty() != options.key.empty()) {
    return InvalidArgumentError("tls-certificate and tls-key need each other");
  }
  if (!IsLoopbackHost(options.host) &&
      (options.keys.empty() || (options.certificate.empty() && !plaintext))) {
    return InvalidArgumentError(
        Concat("listening on ", JoinHostPort(options.host, options.port),
               ", which is not a loopback address, needs keys (keys-uri, or AWS_ACCESS_KEY_ID and ",
               "AWS_SECRET_ACCESS_KEY), and tls-certificate and tls-key or allow-plaintext=true"));
  }
  return options;
}

Result<std::unique_ptr<Server>> StartS3Server(S3ServerOptions options,
                                              std::vector<S3Database> databases,
                                              const Context& context) {
  auto server = std::make_unique<S3Server>(std::move(options), std::move(databases), context);
  EDB_TRY(server->Start());
  return std::unique_ptr<Server>(std::move(server));
}

Result<std::unique_ptr<Server>> OpenS3Server(const Uri& uri, const Context& context) {
  EDB_ASSIGN(S3ServerOptions options, S3ServerOptions::FromUri(uri, *context.env));
  const std::vector<std::string> uris = DatabaseUris(uri);
  if (uris.empty()) {
    return InvalidArgumentError("Missing database URI");
  }
  if (uris.size() > kMaxDatabases) {
    return InvalidArgumentError(
        Concat(uris.size(), " databases are given, the limit is ", kMaxDatabases));
  }
  std::vector<S3Database> databases;
  for (const std::string& text : uris) {
    EDB_ASSIGN(S3Database database, OpenOne(text, context));
    databases.push_back(std::move(database));
  }
  return StartS3Server(std::move(options), std::move(databases), context);
}

void RegisterS3Server(Registry& registry) {
  registry.AddServer("s3vectors", OpenS3Server);
}

}  // namespace embeddingsdb
