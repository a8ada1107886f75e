// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/grpc_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <limits>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/text.h"
#include "rpc/call_gate.h"
#include "rpc/grpc_library.h"
#include "rpc/import_stream.h"
#include "rpc/legacy_service.h"
#include "rpc/listener.h"
#include "rpc/v1_service.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kMemoryQuotaBytes = 1'024UL * 1'024 * 1'024;  // 16 of the largest messages
constexpr int kMinPingIntervalMs = 10'000;   // a client that pings more often is cut off
constexpr int kKeepaliveMs = 60'000;         // a peer that is gone is noticed ...
constexpr int kKeepaliveTimeoutMs = 20'000;  // ... after these two
constexpr int kMaxIdleMs = 10 * 60'000;      // a connection without calls is closed
/// Threads that are kept for calls to come. A new one for each call, as gRPC has it by default,
/// costs a third more processor time with 32 callers who wait for one commit.
constexpr unsigned kIdleThreads = 64;
constexpr std::uint64_t kMinFiles = 1'024;
constexpr int kMaxSilentProbes = 3;
constexpr std::chrono::seconds kRestartGrace{1};

constexpr auto kUriOptions =
    std::to_array<std::string_view>({"database-uri", "token-uri", "tls-certificate", "tls-key",
                                     "tls-client-ca", "max-msg-size", "allow-plaintext"});

/// Takes reflection, which would answer without the token, out of a server.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

class GrpcServer final : public Server {
 public:
  GrpcServer(GrpcServerOptions options, std::unique_ptr<Database> database, const Context& context)
      : options_(std::move(options)),
        log_(context.log),
        database_(std::move(database)),
        gate_(options_.token, log_),
        imports_(*database_, gate_),
        legacy_(*database_, gate_, options_.max_answer_bytes),
        v1_(*database_, gate_, imports_, options_.max_answer_bytes) {}
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;
  ~GrpcServer() override {
    if (server_) {
      Stop(std::chrono::milliseconds(0));
    }
  }

  Status Start();
  std::string address() const override { return JoinHostPort(options_.host, options_.port); }
  Status Serve(std::stop_token stop) override;

 private:
  Status Listen();
  void Restart();
  void Stop(std::chrono::milliseconds drain);
  void Debug(std::string_view message) {
    if (log_ != nullptr) {
      log_->Debug(message);
    }
  }

  GrpcServerOptions options_;  // port: the real one after Start
  Logger* const log_;
  // In the order of use; destroyed the other way round.
  const std::unique_ptr<Database> database_;
  CallGate gate_;
  ImportStreams imports_;
  LegacyService legacy_;
  V1Service v1_;
  std::unique_ptr<grpc::Server> server_;
  std::atomic<bool> served_ = false;
};

void SetLimits(const GrpcServerOptions& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(options.max_receive_bytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  // A compressed message is unpacked before its size is looked at: 1 KB can become 1 MB.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxIdleMs);
  // Otherwise a second server on the same port would start and take half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // gRPC has a queue for each core.
  const unsigned queues = std::max(std::thread::hardware_concurrency(), 1U);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS,
                              static_cast<int>(std::max(kIdleThreads / queues, 2U)));
  grpc::ResourceQuota quota("embeddingsdb");
  builder.SetResourceQuota(quota.Resize(kMemoryQuotaBytes));
}

Status GrpcServer::Start() {
  const std::uint64_t files = RaiseFileLimit();
  if (files < kMinFiles && log_ != nullptr) {
    log_->Warn("Few file descriptors", {{"limit", files}, {"recommended", kMinFiles}});
  }
  EDB_TRY(Listen());
  Debug("Set up listener");
  Debug("Set up server");
  if (!options_.token.empty()) {
    Debug("Set up token interceptor");
  }
  Debug(options_.tls.enabled() ? "Set up TLS" : "Allow insecure connections");
  if (log_ == nullptr) {
    return {};
  }
  const bool open = options_.token.empty() && options_.tls.client_ca.empty();
  if (!IsLoopbackHost(options_.host) && (open || !options_.tls.enabled())) {
    log_->Warn("Listening beyond loopback without both TLS and token", {{"address", address()}});
  }
  log_->Info("Server listening", {{"address", address()}});
  return {};
}

Status GrpcServer::Listen() {
  KeepGrpcRunning();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetLimits(options_, builder);
  if (!options_.token.empty()) {
    builder.SetOption(std::make_unique<WithoutReflection>());
  }
  builder.RegisterService(&legacy_);
  if (options_.serve_v1) {
    builder.RegisterService(&v1_);
  }
  int port = 0;
  builder.AddListeningPort(address(), MakeServerCredentials(options_.tls), &port);
  server_ = builder.BuildAndStart();
  if (server_ && port > 0) {
    options_.port = static_cast<std::uint16_t>(port);
    // Those who check know a server by the names of its services, or by none.
    auto& health = *server_->GetHealthCheckService();
    health.SetServingStatus(legacy::EmbeddingsDBService::service_full_name(), true);
    if (options_.serve_v1) {
      health.SetServingStatus(v1::EmbeddingsDB::service_full_name(), true);
    }
    return {};
  }
  server_.reset();
  const std::string why = WhyNotListen(options_.host, options_.port);
  return UnavailableError(Concat("cannot listen on ", address(), why.empty() ? "" : ": ", why));
}

Status GrpcServer::Serve(std::stop_token stop) {
  if (served_.exchange(true)) {
    return FailedPreconditionError("the server has been served before");
  }
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  int silent = 0;
  while (!never.wait_for(lock, stop, options_.watchdog_interval, [] { return false; }) &&
         !stop.stop_requested()) {
    const ProbeResult result =
        server_ ? ProbeListener(options_.host, options_.port, options_.probe_timeout, stop)
                : ProbeResult::kSilent;
    if (result == ProbeResult::kSilent) {
      ++silent;
    } else if (result == ProbeResult::kAlive) {
      silent = 0;
    }
    if (!server_ || silent >= kMaxSilentProbes) {
      Restart();
      silent = 0;
    }
  }
  Debug("Shutting down");
  Stop(options_.drain);
  const Status flushed = database_->Flush();
  const Status closed = database_->Close();
  return flushed.ok() ? closed : flushed;
}

/// Replaces a gRPC server that accepts no connections any more. Calls that still run over old
/// connections get a moment to end and are cancelled then.
void GrpcServer::Restart() {
  if (server_) {
    if (log_ != nullptr) {
      log_->Error("Server accepts no connections, restarting it");
    }
    server_->Shutdown(std::chrono::system_clock::now() + kRestartGrace);
  }
  const Status status = Listen();
  if (log_ == nullptr) {
    return;
  }
  if (status.ok()) {
    log_->Info("Server listening", {{"address", address()}});
  } else {
    log_->Error("Cannot restart the server", {{"error", status.ToString()}});
  }
}

void GrpcServer::Stop(std::chrono::milliseconds drain) {
  if (server_) {
    // For those who do not call yet; connected clients are told by gRPC.
    server_->GetHealthCheckService()->SetServingStatus(false);
  }
  imports_.Drain();
  if (server_) {
    server_->Shutdown(std::chrono::system_clock::now() + drain);
    server_.reset();
  }
  imports_.Wait();
}

}  // namespace

Result<GrpcServerOptions> GrpcServerOptions::FromUri(const Uri& uri, Env& env) {
  EDB_TRY(uri.CheckOptions(kUriOptions));
  const std::optional<std::uint16_t> port = uri.port();
  if (!port) {
    return InvalidArgumentError(Concat("no port in ", uri.Redacted()));
  }
  if (!uri.path().empty() && uri.path() != "/") {
    return InvalidArgumentError(Concat("a path makes no sense in ", uri.Redacted()));
  }
  GrpcServerOptions options;
  options.host = uri.host();
  options.port = *port;
  EDB_ASSIGN(options.token, ReadToken(uri, env));
  EDB_ASSIGN(options.tls, ReadServerTls(uri, env));
  EDB_ASSIGN(options.allow_plaintext, uri.BoolOption("allow-plaintext", false));
  EDB_ASSIGN(const std::int64_t bytes,
             uri.IntOption("max-msg-size", kMaxMessageBytes, 1, std::numeric_limits<int>::max()));
  options.max_receive_bytes = static_cast<int>(bytes);
  const bool closed = !options.token.empty() || !options.tls.client_ca.empty();
  if (!IsLoopbackHost(options.host) && !(closed && options.tls.enabled()) &&
      !options.allow_plaintext) {
    return InvalidArgumentError(
        Concat("listening on ", JoinHostPort(options.host, options.port),
               ", which is not a loopback address, needs tls-certificate, tls-key and token-uri or "
               "tls-client-ca (or allow-plaintext=true)"));
  }
  return options;
}

Result<std::unique_ptr<Server>> StartGrpcServer(const GrpcServerOptions& options,
                                                std::unique_ptr<Database> database,
                                                const Context& context) {
  auto server = std::make_unique<GrpcServer>(options, std::move(database), context);
  EDB_TRY(server->Start());
  return std::unique_ptr<Server>(std::move(server));
}

Result<std::unique_ptr<Server>> OpenGrpcServer(const Uri& uri, const Context& context) {
  EDB_ASSIGN(const GrpcServerOptions options, GrpcServerOptions::FromUri(uri, *context.env));
  const std::string database_uri = uri.Option("database-uri").value_or("");
  if (database_uri.empty()) {
    return InvalidArgumentError("Missing database URI");
  }
  EDB_ASSIGN(auto database, context.registry->OpenDatabase(database_uri, context));
  if (context.log != nullptr) {
    context.log->Debug("Set up database", {{"uri", database->uri()}});
  }
  return StartGrpcServer(options, std::move(database), context);
}

std::string JoinHostPort(const std::string& host, std::uint16_t port) {
  if (host.empty()) {
    return Concat("[::]:", port);
  }
  if (host.find(':') != std::string::npos) {
    return Concat("[", host, "]:", port);
  }
  return Concat(host, ":", port);
}

}  // namespace embeddingsdb
