// SPDX-License-Identifier: BSD-3-Clause
//
// PgliteServer: PGlite, which has pgvector, on a free port of the loopback interface. All its
// connections share one session: one waits while another is in a transaction.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_PGLITE_SERVER_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_PGLITE_SERVER_H_

#include <string>
#include <string_view>
#include <sys/types.h>

namespace embeddingsdb {

class PgliteServer {
 public:
  /// `node` runs `script`, tests/pglite/server.mjs. Takes some ten seconds; ends the program when
  /// it fails, as no test can go on.
  PgliteServer(const std::string& node, const std::string& script);
  PgliteServer(const PgliteServer&) = delete;
  PgliteServer& operator=(const PgliteServer&) = delete;
  ~PgliteServer();

  /// More options can be appended with '&'.
  std::string Uri(std::string_view schema) const;
  int port() const { return port_; }

 private:
  int port_ = 0;
  int input_ = -1;
  pid_t process_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_PGLITE_SERVER_H_
