// SPDX-License-Identifier: BSD-3-Clause
//
// PgliteServer: PGlite, which has pgvector, on a free port of the loopback interface. All its
// connections share one session: one waits while another is in a transaction.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_PGLITE_SERVER_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_PGLITE_SERVER_H_

#include <string>
#include <string_view>

#include "support/node_server.h"

namespace embeddingsdb {

class PgliteServer {
 public:
  /// `node` runs `script`, tests/pglite/server.mjs. Takes some ten seconds.
  PgliteServer(const std::string& node, const std::string& script) : server_(node, script) {}

  /// More options can be appended with '&'.
  std::string Uri(std::string_view schema) const;
  int port() const { return server_.port(); }

 private:
  NodeServer server_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_PGLITE_SERVER_H_
