// SPDX-License-Identifier: BSD-3-Clause
//
// A server of the S3 Vectors protocol on a free loopback port, served by a thread of its own.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_RUNNING_S3_SERVER_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_RUNNING_S3_SERVER_H_

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "embeddingsdb/uri.h"

#include "core/text.h"
#include "s3server/s3_server.h"
#include "support/records.h"
#include "support/test_context.h"

namespace embeddingsdb {

/// Serves `database_uri`; `options` as in the server's URI, e.g. "region=eu-west-1". Without
/// "keys-uri" among them it takes the pair of keys below, so that clients have something to sign
/// with.
class RunningS3Server {
 public:
  static constexpr std::string_view kAccessKeyId = "AKIDEXAMPLE";
  static constexpr std::string_view kSecretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  static constexpr std::string_view kRegion = "us-east-1";

  explicit RunningS3Server(std::string_view database_uri = "memory://",
                           std::string_view options = {}) {
    RegisterS3Server(context_.registry);
    std::string uri = Concat("s3vectors://127.0.0.1:0?database-uri=", PercentEncode(database_uri),
                             "&idle-timeout=1&", options);
    if (options.find("keys-uri") == std::string_view::npos) {
      const std::string keys = PercentEncode(Concat(kAccessKeyId, ":", kSecretAccessKey));
      uri += Concat("&keys-uri=", PercentEncode(Concat("constant://?val=", keys)));
    }
    auto server = context_.registry.OpenServer(uri, context_.context());
    EXPECT_OK(server);
    server_ = *std::move(server);
    thread_ =
        std::jthread([this](std::stop_token stop) { served_ = server_->Serve(std::move(stop)); });
  }
  RunningS3Server(const RunningS3Server&) = delete;
  RunningS3Server& operator=(const RunningS3Server&) = delete;
  ~RunningS3Server() { Stop().IgnoreError("the test has looked when it wanted to know"); }

  /// Drains and closes the database; gives what Serve gave.
  Status Stop() {
    thread_.request_stop();
    if (thread_.joinable()) {
      thread_.join();
    }
    return served_;
  }

  std::string address() const { return server_->address(); }  ///< "127.0.0.1:40000"
  std::string endpoint() const { return Concat("http://", address()); }
  const CapturingLogger& log() const { return context_.log; }

 private:
  TestContext context_;
  std::unique_ptr<Server> server_;
  Status served_;
  std::jthread thread_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_RUNNING_S3_SERVER_H_
