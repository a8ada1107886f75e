// SPDX-License-Identifier: BSD-3-Clause
//
// What the protocol of S3 Vectors costs: the same lmdb:// database behind our s3vectors server and
// behind our gRPC server, asked for the same ten neighbours on loopback by our two clients, in one
// run. And what our client adds to one bare HTTP exchange with the same bytes.
//
//   s3_bench [rows [queries]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <httplib.h>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/registry.h"
#include "embeddingsdb/server.h"
#include "embeddingsdb/uri.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "fashion_mnist.h"
#include "rpc/builtin_rpc.h"
#include "s3server/s3_server.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kDimension = 512;
constexpr std::size_t kBatch = 10'000;
constexpr std::string_view kModel = "images";

/// Prints and ends the program.
void Must(const Status& status, const std::string& what) {
  if (!status.ok()) {
    (void)std::fprintf(stderr, "s3_bench: %s: %s\n", what.c_str(), status.ToString().c_str());
    std::abort();
  }
}
template <typename T>
T Must(Result<T> result, const std::string& what) {
  Must(result.status(), what);
  return *std::move(result);
}

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// A server of this process while it lives.
class Serving {
 public:
  Serving(const Registry& registry, const Context& context, const std::string& uri)
      : server_(Must(registry.OpenServer(uri, context), "start a server")),
        thread_([this](const std::stop_token& stop) { Must(server_->Serve(stop), "serve"); }) {}
  std::string address() const { return server_->address(); }

 private:
  std::unique_ptr<Server> server_;
  std::jthread thread_;
};

/// Microseconds of one call after the other, the fastest first.
std::vector<double> Measure(std::size_t calls, const std::function<void(std::size_t)>& call) {
  std::vector<double> times(calls);
  for (std::size_t i = 0; i < calls; ++i) {
    const auto start = Clock::now();
    call(i);
    times[i] = SecondsSince(start) * 1e6;
  }
  std::sort(times.begin(), times.end());
  return times;
}

double Print(const char* what, const std::vector<double>& times) {
  const double p50 = times[times.size() / 2];
  std::printf("%-44s p50 %7.0f us, p99 %7.0f us\n", what, p50, times[times.size() * 99 / 100]);
  return p50;
}

class Bench {
 public:
  Bench(std::size_t rows, std::size_t queries)
      : data_(Must(LoadFashionMnist(rows, kDimension), "load Fashion-MNIST")),
        queries_(std::clamp<std::size_t>(queries, 1, data_.queries.size())) {
    folder_ = (fs::temp_directory_path() / "s3_bench.XXXXXX").string();
    if (::mkdtemp(folder_.data()) == nullptr) {
      Must(InternalError("mkdtemp"), "make a folder");
    }
    RegisterBuiltinEngines(registry_);
    RegisterBuiltinClients(registry_);
    RegisterBuiltinServers(registry_);
    RegisterS3Server(registry_);
    log_.set_level(LogLevel::kError);
    database_ = Concat("lmdb://", folder_, "/db?metric=cosine&max-distance=0");
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() { fs::remove_all(folder_); }

  void Run();

 private:
  Context context() { return {.env = env_.get(), .log = &log_, .registry = &registry_}; }
  std::string S3ServerUri() const {
    return Concat("s3vectors://127.0.0.1:0?database-uri=", PercentEncode(database_),
                  "&keys-uri=", PercentEncode(Concat("file://", folder_, "/keys")));
  }
  std::unique_ptr<Database> OpenS3(const Serving& server);
  void Fill();

  const FashionMnist data_;
  const std::size_t queries_;
  std::string folder_;
  std::string database_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
  Logger log_;
  Registry registry_;
};

std::unique_ptr<Database> Bench::OpenS3(const Serving& server) {
  return Must(registry_.OpenDatabase(
                  Concat("s3vectors://bench?index=vectors&region=us-east-1&max-distance=0"
                         "&check-keys=false&dimensions=",
                         kDimension, "&endpoint=", PercentEncode("http://" + server.address()),
                         "&credentials=", PercentEncode(folder_ + "/profiles:default")),
                  context()),
              "open the index");
}

void Bench::Fill() {
  const Serving server(registry_, context(), S3ServerUri());
  const std::unique_ptr<Database> database = OpenS3(server);
  const auto start = Clock::now();
  std::vector<Record> batch;
  for (std::size_t i = 0; i < data_.rows.size(); ++i) {
    const auto row = data_.rows.row(i);
    batch.push_back({.key = {"bench", Concat("d", i), std::string(kModel)},
                     .subject_id = Concat("s", i / 4),
                     .embedding = std::vector<float>(row.begin(), row.end()),
                     .created = 1,
                     .attributes = {{"title", Concat("Picture number ", i)}}});
    if (batch.size() == kBatch || i + 1 == data_.rows.size()) {
      Must(database->AddBatch(batch).status(), "add");
      batch.clear();
    }
  }
  const double seconds = SecondsSince(start);
  std::printf("put %zu vectors: %.1f s, %.0f a second\n", data_.rows.size(), seconds,
              static_cast<double>(data_.rows.size()) / seconds);
}

/// What one exchange costs whose request and answer are as large, with nothing behind it.
double Bare(std::size_t calls, std::size_t request_bytes, std::size_t answer_bytes) {
  httplib::Server server;
  const std::string answer(answer_bytes, 'x');
  server.Post("/", [&](const httplib::Request&, httplib::Response& out) {
    out.set_content(answer, "application/json");
  });
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(1'000'000);
  const int port = server.bind_to_any_port("127.0.0.1");
  const std::jthread thread([&] { server.listen_after_bind(); });
  httplib::Client client("127.0.0.1", port);
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  const std::string body(request_bytes, 'x');
  const auto times =
      Measure(calls, [&](std::size_t) { client.Post("/", body, "application/json"); });
  server.stop();
  return Print("bare HTTP exchange with as many bytes", times);
}

void Bench::Run() {
  Must(env_->WriteFile(folder_ + "/keys", "AKIDBENCH:secret-of-the-bench\n"), "write the keys");
  Must(env_->WriteFile(folder_ + "/profiles",
                       "[default]\naws_access_key_id = AKIDBENCH\n"
                       "aws_secret_access_key = secret-of-the-bench\n"),
       "write the keys");
  Fill();
  std::string model;
  {
    const auto database = Must(registry_.OpenDatabase(database_, context()), "open");
    for (std::string& name : Must(database->Models({}), "list models")) {
      if (!name.starts_with(".")) {
        model = std::move(name);
      }
    }
    Must(database->Reindex(model, nullptr).status(), "build the index");
    Must(database->Close(), "close");
  }
  const auto query = [&](std::size_t i) {
    const auto row = data_.queries.row(i);
    return SimilarQuery{.model = {}, .embedding = {row.begin(), row.end()}, .k = 10};
  };
  const auto ask = [&](Database& database, const std::string& name, std::size_t i) {
    SimilarQuery asked = query(i);
    asked.model = name;
    if (Must(database.Similar(asked), "search").size() != 10) {
      Must(InternalError("not ten records"), "search");
    }
  };
  double by_s3 = 0;
  {
    const Serving server(registry_, context(), S3ServerUri());
    const auto database = OpenS3(server);
    ask(*database, std::string(kModel), 0);  // loads the index
    by_s3 =
        Print("QueryVectors, our client",
              Measure(queries_, [&](std::size_t i) { ask(*database, std::string(kModel), i); }));
  }
  {
    const Serving server(registry_, context(),
                         Concat("grpc://127.0.0.1:0?database-uri=", PercentEncode(database_)));
    const auto client = Must(registry_.OpenClient("grpc://" + server.address(), context()), "open");
    const auto similar = [&](std::size_t i) {
      SimilarQuery asked = query(i);
      asked.model = model;
      Must(client->Similar(asked).status(), "search");
    };
    similar(0);
    const double by_grpc = Print("the same by gRPC", Measure(queries_, similar));
    std::printf("ratio of the p50s %.2f\n", by_s3 / by_grpc);
  }
  {
    const auto database = Must(registry_.OpenDatabase(database_, context()), "open");
    ask(*database, model, 0);
    Print("the same in the process",
          Measure(queries_, [&](std::size_t i) { ask(*database, model, i); }));
  }
  Bare(queries_, 512 * 12, 10 * 200);
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
  };
  embeddingsdb::Bench bench(number(1, 235'200), number(2, 1'000));
  bench.Run();
  return 0;
}
