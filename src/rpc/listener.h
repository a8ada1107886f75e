// SPDX-License-Identifier: BSD-3-Clause
//
// What gRPC does not say about a listening socket: whether connections are still accepted, and why
// it could not be opened.
#ifndef EMBEDDINGSDB_RPC_LISTENER_H_
#define EMBEDDINGSDB_RPC_LISTENER_H_

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

namespace embeddingsdb {

enum class ProbeResult : std::uint8_t {
  kAlive,    ///< the server answered
  kSilent,   ///< the kernel took the connection, the server did not
  kUnknown,  ///< cannot be said: no descriptor left, nothing listens, too busy, told to stop
};

/// Connects to host:port (an empty host is the loopback address) and says that nothing will follow;
/// a server that accepts, with TLS or without, hangs up in turn and has nothing to complain of.
ProbeResult ProbeListener(const std::string& host, std::uint16_t port,
                          std::chrono::milliseconds timeout, const std::stop_token& stop);

/// Why nothing can listen on host:port (an empty host is all interfaces), e.g. "Address already in
/// use"; empty when something could.
std::string WhyNotListen(const std::string& host, std::uint16_t port);

/// Lets this process have as many file descriptors as it may. Returns the limit.
std::uint64_t RaiseFileLimit();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_LISTENER_H_
