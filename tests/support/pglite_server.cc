// SPDX-License-Identifier: BSD-3-Clause
#include "support/pglite_server.h"

namespace embeddingsdb {

std::string PgliteServer::Uri(std::string_view schema) const {
  return "postgres://postgres@127.0.0.1:" + std::to_string(port()) +
         "/postgres?sslmode=disable&bulk=insert&schema=" + std::string(schema);
}

}  // namespace embeddingsdb
