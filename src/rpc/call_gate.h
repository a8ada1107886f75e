// SPDX-License-Identifier: BSD-3-Clause
//
// CallGate: what every call to the server passes first and last, whichever service it belongs to:
// the token, the limit of calls in flight, what became of exceptions, and the log.
#ifndef EMBEDDINGSDB_RPC_CALL_GATE_H_
#define EMBEDDINGSDB_RPC_CALL_GATE_H_

#include <atomic>
#include <chrono>
#include <exception>
#include <grpcpp/support/status.h>
#include <string>
#include <string_view>
#include <utility>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "core/log.h"
#include "rpc/convert.h"

namespace grpc {
class ServerContextBase;
}  // namespace grpc

namespace embeddingsdb {

/// In the trailers of each UNIMPLEMENTED of ours, which says that the engine cannot do something.
/// Without it the status means that the server does not know the method.
inline constexpr char kCapabilityTrailer[] = "embeddingsdb-capability";

/// Safe for concurrent use.
class CallGate {
 public:
  /// An empty token lets everyone in. `log` may be null.
  CallGate(std::string token, Logger* log) : token_(std::move(token)), log_(log) {}

  /// Runs `body`, a function returning Status, if the caller may make the call; `what` and `key`
  /// say in the log what it was.
  template <typename Body>
  grpc::Status Run(grpc::ServerContextBase& context, std::string_view what, const Key& key,
                   Body body) {
    const auto start = std::chrono::steady_clock::now();
    Status status = Enter(context);
    if (status.ok()) {
      try {
        status = body();
      } catch (const std::exception& error) {
        status = InternalError(error.what());
      }
      Leave();
    }
    return End(context, {.what = what, .key = &key, .start = start}, status);
  }
  template <typename Body>
  grpc::Status Run(grpc::ServerContextBase& context, std::string_view what, Body body) {
    return Run(context, what, Key{}, std::move(body));
  }

  /// The ends of Run, for calls that do not run within one function: Leave after an OK Enter, and
  /// End in any case, which logs the call and gives what the client is told.
  struct Call {
    std::string_view what;
    const Key* key = nullptr;
    std::chrono::steady_clock::time_point start;
  };
  Status Enter(const grpc::ServerContextBase& context);
  void Leave() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  grpc::Status End(grpc::ServerContextBase& context, const Call& call, const Status& status);

 private:
  const std::string token_;
  Logger* const log_;
  std::atomic<int> in_flight_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_CALL_GATE_H_
