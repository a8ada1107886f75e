// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/call_gate.h"

#include <array>
#include <cstdio>
#include <grpcpp/server_context.h>

#include "embeddingsdb/limits.h"

#include "core/secret.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

/// True when the call's first `authorization` is the token, with or without "Bearer " before it.
bool HasToken(const grpc::ServerContextBase& context, std::string_view token) {
  const auto header = context.client_metadata().find("authorization");
  if (header == context.client_metadata().end()) {
    return false;
  }
  std::string_view given(header->second.data(), header->second.size());
  constexpr std::string_view kBearer = "Bearer ";
  if (given.starts_with(kBearer)) {
    given.remove_prefix(kBearer.size());
  }
  return EqualsConstantTime(given, token);
}

/// As Go prints a time.Duration below a minute: "831.2us" aside, "1.25ms", "41.931554s".
std::string FormatDuration(std::chrono::steady_clock::duration duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  std::array<char, 32> text{};
  if (seconds < 1) {
    (void)std::snprintf(text.data(), text.size(), "%.6gms", seconds * 1'000);
  } else {
    (void)std::snprintf(text.data(), text.size(), "%.9gs", seconds);
  }
  return text.data();
}

}  // namespace

Status CallGate::Enter(const grpc::ServerContextBase& context) {
  // One answer for no token, an empty one and a wrong one: a stranger learns nothing.
  if (!token_.empty() && !HasToken(context, token_)) {
    return UnauthenticatedError("invalid token");
  }
  if (in_flight_.fetch_add(1, std::memory_order_relaxed) < kMaxCallsInFlight) {
    return {};
  }
  Leave();
  return ResourceExhaustedError(Concat("the server is busy: ", kMaxCallsInFlight,
                                       " calls are in flight, which is the limit"));
}

grpc::Status CallGate::End(grpc::ServerContextBase& context, const Call& call,
                           const Status& status) {
  if (status.code() == StatusCode::kUnimplemented) {
    context.AddTrailingMetadata(kCapabilityTrailer, "1");
  }
  if (log_ != nullptr && log_->enabled(LogLevel::kDebug)) {
    const std::string message = Concat("Time to ", call.what);
    const LogField time("time", FormatDuration(std::chrono::steady_clock::now() - call.start));
    const LogField peer("remote address", context.peer());
    const LogField outcome("status", status.ToString());
    if (call.key == nullptr || *call.key == Key{}) {
      log_->Debug(message, {time, peer, outcome});
    } else {
      log_->Debug(message, {time, peer, LogField("provider", call.key->provider),
                            LogField("depiction_id", call.key->depiction_id),
                            LogField("model", call.key->model), outcome});
    }
  }
  return ToGrpc(status);
}

}  // namespace embeddingsdb
