// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_FREE_PORT_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_FREE_PORT_H_

#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace embeddingsdb {

/// A port of the loopback interface that nobody had a moment ago, for servers that must be told.
inline int FreePort() {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (handle < 0 || ::bind(handle, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::getsockname(handle, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();  // no test can go on without
  }
  ::close(handle);
  return ntohs(address.sin_port);
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_FREE_PORT_H_
