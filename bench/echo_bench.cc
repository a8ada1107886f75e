// SPDX-License-Identifier: BSD-3-Clause
//
// What the server adds to a search: SimilarRecords of our server less the search itself, against a
// bare gRPC server that answers the same request with the same prepared bytes, in the same run. The
// three take turns call by call, so that all see the same machine.
//
//   echo_bench [calls [callers]]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <grpcpp/create_channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/registry.h"
#include "embeddingsdb/server.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "org_sfomuseum_embeddingsdb_service.grpc.pb.h"
#include "rpc/convert.h"
#include "rpc/grpc_server.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Stub = legacy::EmbeddingsDBService::Stub;

constexpr int kDimension = 512;
constexpr int kRows = 1'000;

/// Prints and ends the program.
void Must(bool ok, const std::string& why) {
  if (!ok) {
    (void)std::fprintf(stderr, "echo_bench: %s\n", why.c_str());
    std::exit(1);
  }
}

/// Gives everybody the same answer.
class EchoService final : public legacy::EmbeddingsDBService::Service {
 public:
  explicit EchoService(legacy::SimilarRecordsResponse answer) : answer_(std::move(answer)) {}
  grpc::Status SimilarRecords(grpc::ServerContext* /*context*/,
                              const legacy::SimilarRecordsRequest* /*request*/,
                              legacy::SimilarRecordsResponse* response) override {
    *response = answer_;
    return grpc::Status::OK;
  }

 private:
  const legacy::SimilarRecordsResponse answer_;
};

std::unique_ptr<Stub> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return legacy::EmbeddingsDBService::NewStub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

legacy::SimilarRecordsResponse Call(Stub& stub, const legacy::SimilarRecordsRequest& request) {
  grpc::ClientContext context;
  legacy::SimilarRecordsResponse response;
  const grpc::Status status = stub.SimilarRecords(&context, request, &response);
  Must(status.ok(), status.error_message());
  return response;
}

std::vector<float> RandomVector(std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(kDimension);
  std::generate(vector.begin(), vector.end(), [&] { return normal(random); });
  return vector;
}

void Fill(Database& database, std::mt19937& random) {
  std::vector<Record> records;
  for (int i = 0; i < kRows; ++i) {
    records.push_back({.key = {"provider", Concat("depiction-", i), "bench/512"},
                       .subject_id = Concat("subject-", i / 4),
                       .embedding = RandomVector(random),
                       .created = 1,
                       .attributes = {{"title", Concat("Picture number ", i)},
                                      {"creditline", "Made up for a benchmark"},
                                      {"label", Concat("label ", i % 10)}}});
  }
  Must(database.AddBatch(records).ok(), "cannot add");
}

/// Microseconds of many calls.
class Times {
 public:
  void Measure(const std::function<void()>& call) {
    const auto start = Clock::now();
    call();
    const double time = std::chrono::duration<double, std::micro>(Clock::now() - start).count();
    const std::lock_guard lock(mutex_);
    times_.push_back(time);
  }
  double Percentile(int percent) {
    std::sort(times_.begin(), times_.end());
    return times_[(times_.size() - 1) * static_cast<std::size_t>(percent) / 100];
  }

 private:
  std::mutex mutex_;
  std::vector<double> times_;
};

/// One caller's turns: each asks the database itself, the echo and the server.
struct Round {
  Database& database;
  std::string server;
  std::string echo;
  legacy::SimilarRecordsRequest request;
  Times search;
  Times served;
  Times echoed;

  void Run(int calls) {
    const std::unique_ptr<Stub> to_server = Connect(server);
    const std::unique_ptr<Stub> to_echo = Connect(echo);
    const SimilarQuery query = SimilarQueryFrom(request);
    for (int i = 0; i < calls; ++i) {
      search.Measure([&] { Must(database.Similar(query).ok(), "cannot search"); });
      echoed.Measure([&] { Call(*to_echo, request); });
      served.Measure([&] { Call(*to_server, request); });
    }
  }
};

int Main(int argc, char** argv) {
  const int calls = argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 5'000;
  const int callers = argc > 2 ? static_cast<int>(std::strtol(argv[2], nullptr, 10)) : 1;

  std::string folder = (fs::temp_directory_path() / "echo_bench.XXXXXX").string();
  Must(::mkdtemp(folder.data()) != nullptr, "cannot make a folder");
  Registry registry;
  RegisterBuiltinEngines(registry);
  const std::unique_ptr<Env> env = NewPosixEnv();
  Logger log;
  log.set_level(LogLevel::kError);
  const Context context = {.env = env.get(), .log = &log, .registry = &registry};
  auto opened =
      registry.OpenDatabase(Concat("lmdb://", folder, "/db?metric=cosine&max-distance=0"), context);
  Must(opened.ok(), "cannot open");
  Database& database = **opened;
  std::mt19937 random(1);
  Fill(database, random);
  auto server = StartGrpcServer({.host = "127.0.0.1"}, *std::move(opened), context);
  Must(server.ok(), "cannot start the server");
  std::jthread serving(
      [&](const std::stop_token& stop) { Must((*server)->Serve(stop).ok(), "cannot stop"); });

  legacy::SimilarRecordsRequest request;
  const std::vector<float> vector = RandomVector(random);
  request.set_model("bench/512");
  request.mutable_embeddings()->Add(vector.begin(), vector.end());
  const legacy::SimilarRecordsResponse answer = Call(*Connect((*server)->address()), request);
  Must(answer.records_size() == 10, "not ten records");
  EchoService echo(answer);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&echo);
  const std::unique_ptr<grpc::Server> echo_server = builder.BuildAndStart();
  Must(echo_server != nullptr, "cannot start the echo");

  Round round{.database = database,
              .server = (*server)->address(),
              .echo = Concat("127.0.0.1:", port),
              .request = request};
  {
    std::vector<std::jthread> threads;
    for (int caller = 0; caller < callers; ++caller) {
      threads.emplace_back([&] { round.Run(calls); });
    }
  }
  std::printf("%d callers, request %zu bytes, answer %zu bytes\n", callers, request.ByteSizeLong(),
              answer.ByteSizeLong());
  for (const int percent : {50, 90, 99}) {
    const double search = round.search.Percentile(percent);
    const double echoed = round.echoed.Percentile(percent);
    const double served = round.served.Percentile(percent);
    std::printf(
        "p%d: search %.0f us, server %.0f us, echo %.0f us; (server - search) / echo %.2f\n",
        percent, search, served, echoed, (served - search) / echoed);
  }
  serving.request_stop();
  serving.join();
  fs::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  return embeddingsdb::Main(argc, argv);
}
