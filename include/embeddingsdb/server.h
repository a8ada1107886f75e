// SPDX-License-Identifier: BSD-3-Clause
//
// Server: puts a Database on the network until told to stop.
#ifndef EMBEDDINGSDB_SERVER_H_
#define EMBEDDINGSDB_SERVER_H_

#include <stop_token>
#include <string>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// A server that is already listening when it is made, so its address is known.
class Server {
 public:
  Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  virtual ~Server() = default;

  /// "host:port" it listens on; the real port when the URI asked for port 0.
  virtual std::string address() const = 0;

  /// Serves until `stop` is requested, then drains: no new calls, calls in flight finish or are
  /// cancelled within kDrainSeconds, the database is flushed and closed. OK when all acknowledged
  /// data is durable. Signals are turned into `stop` by main, never here.
  virtual Status Serve(std::stop_token stop) = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SERVER_H_
