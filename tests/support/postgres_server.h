// SPDX-License-Identifier: BSD-3-Clause
//
// PostgresServer: a PostgreSQL of the test's own, in a temporary folder, on a Unix socket and on a
// free port of the loopback interface. PostgreSQL refuses to run as root: then it runs as the user
// `postgres`, which Debian's package makes.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_POSTGRES_SERVER_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_POSTGRES_SERVER_H_

#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "support/temp_dir.h"

namespace embeddingsdb {

/// The process ends with the thread that made it, at the latest. Who connects by the socket needs
/// no password, who connects by the port does.
class PostgresServer {
 public:
  static constexpr std::string_view kUser = "edb";
  static constexpr std::string_view kPassword = "s3cr3t-canary";

  /// Makes the files and starts the server. Ends the program when that fails, as no test can go on.
  PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  /// "postgres://edb@/postgres?host=...&schema=..."; more options can be appended with '&'.
  std::string Uri(std::string_view schema) const;
  const std::string& socket_folder() const { return folder_; }
  int port() const { return port_; }

  void Start();
  /// SIGTERM waits for those who are connected, SIGINT does not, SIGQUIT is as a crash.
  void Stop(int signal);

 private:
  pid_t Spawn(const std::vector<std::string>& command) const;

  TempDir temp_;
  std::string folder_;
  std::string programs_;
  int port_ = 0;
  pid_t owner_ = 0;
  pid_t process_ = 0;
};

/// A name for a schema that no other test has, made of its folder.
std::string SchemaFor(std::string_view folder);

/// The server of this process; started when it is first asked for.
PostgresServer& SharedPostgresServer();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_POSTGRES_SERVER_H_
