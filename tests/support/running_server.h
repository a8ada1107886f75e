// SPDX-License-Identifier: BSD-3-Clause
//
// A gRPC server on a free loopback port, served by a thread of its own, and ways to call it.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_RUNNING_SERVER_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_RUNNING_SERVER_H_

#include <chrono>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "embeddingsdb/v1/embeddingsdb.grpc.pb.h"

#include "core/text.h"
#include "org_sfomuseum_embeddingsdb_service.grpc.pb.h"
#include "rpc/builtin_rpc.h"
#include "rpc/convert.h"
#include "rpc/grpc_server.h"
#include "support/hooked_database.h"
#include "support/records.h"
#include "support/test_context.h"

namespace embeddingsdb {

/// Serves memory://?max-distance=0 through `hooks`.
class RunningServer {
 public:
  explicit RunningServer(GrpcServerOptions options = {}) {
    RegisterBuiltinClients(context_.registry);
    context_.log.set_level(LogLevel::kDebug);
    if (options.host.empty()) {
      options.host = "127.0.0.1";
    }
    auto memory = context_.Open("memory://?max-distance=0");
    EXPECT_OK(memory);
    auto hooked = std::make_unique<HookedDatabase>(*std::move(memory), hooks);
    database = hooked.get();
    auto server = StartGrpcServer(options, std::move(hooked), context_.context());
    EXPECT_OK(server);
    server_ = *std::move(server);
    thread_ =
        std::jthread([this](std::stop_token stop) { served_ = server_->Serve(std::move(stop)); });
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;
  ~RunningServer() { Stop().IgnoreError("the test has looked when it wanted to know"); }

  /// Drains; gives what Serve gave.
  Status Stop() {
    thread_.request_stop();
    if (thread_.joinable()) {
      thread_.join();
    }
    return served_;
  }

  std::string address() const { return server_->address(); }
  const CapturingLogger& log() const { return context_.log; }

  /// A client of ours; `options` as in a URI, e.g. "token-uri=secret".
  std::unique_ptr<Client> OpenClient(std::string_view options = "") {
    auto client = context_.registry.OpenClient(Concat("grpc://", address(), "?", options),
                                               context_.context());
    EXPECT_OK(client);
    return *std::move(client);
  }
  std::shared_ptr<grpc::Channel> Channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    return grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
  }
  std::unique_ptr<legacy::EmbeddingsDBService::Stub> LegacyStub() const {
    return legacy::EmbeddingsDBService::NewStub(Channel());
  }
  std::unique_ptr<v1::EmbeddingsDB::Stub> V1Stub() const {
    return v1::EmbeddingsDB::NewStub(Channel());
  }

  Hooks hooks;
  Database* database = nullptr;  ///< what is being served

 private:
  TestContext context_;
  std::unique_ptr<Server> server_;
  Status served_;
  std::jthread thread_;
};

/// A context that no test waits for longer than ten seconds.
class CallContext : public grpc::ClientContext {
 public:
  explicit CallContext(const std::string& authorization = "") {
    set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    if (!authorization.empty()) {
      AddMetadata("authorization", authorization);
    }
  }
};

/// Gives copies of records; ends with `end`.
class VectorCursor final : public RecordCursor {
 public:
  explicit VectorCursor(std::vector<Record> records, Status end = {})
      : records_(std::move(records)), end_(std::move(end)) {}
  Result<bool> Next(Record& record) override {
    if (next_ < records_.size()) {
      record = records_[next_++];
      return true;
    }
    if (!end_.ok()) {
      return end_;
    }
    return false;
  }
  std::size_t taken() const { return next_; }

 private:
  std::vector<Record> records_;
  Status end_;
  std::size_t next_ = 0;
};

/// `count` records of one model with distinct keys.
inline std::vector<Record> MakeRecords(int count, int dimension = 4) {
  std::vector<Record> records;
  for (int i = 0; i < count; ++i) {
    std::vector<float> vector(static_cast<std::size_t>(dimension), 0.5F);
    vector[0] = static_cast<float>(i);
    records.push_back(MakeRecord("provider", Concat("depiction-", i), "model", std::move(vector)));
  }
  return records;
}

inline std::ostream& operator<<(std::ostream& os, const grpc::Status& status) {
  return os << FromGrpc(status);
}

}  // namespace embeddingsdb

#define EXPECT_GRPC(expression, code_, text)                                                     \
  do {                                                                                           \
    const grpc::Status& edb_outcome = (expression);                                              \
    EXPECT_EQ(edb_outcome.error_code(), grpc::StatusCode::code_) << edb_outcome.error_message(); \
    EXPECT_NE(edb_outcome.error_message().find(text), std::string::npos)                         \
        << edb_outcome.error_message();                                                          \
  } while (false)

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_RUNNING_SERVER_H_
