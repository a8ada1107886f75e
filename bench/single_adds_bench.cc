// SPDX-License-Identifier: BSD-3-Clause
//
// Records added one by one, each acknowledged when it is durable, by 1, 8 and 32 callers at once:
// embedded, and through a server on loopback with a connection a caller. The baseline of the same
// run is what the disk does: appending a record's bytes to a file and syncing it, one after
// another.
//
//   single_adds_bench [seconds [folder [engine...]]]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <grpcpp/create_channel.h>
#include <memory>
#include <string>
#include <sys/resource.h>
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
#include "measure.h"
#include "org_sfomuseum_embeddingsdb_service.grpc.pb.h"
#include "rpc/convert.h"
#include "rpc/grpc_server.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;

constexpr int kDimension = 512;

Record RecordOf(int caller, int number) {
  std::vector<float> vector(kDimension);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    vector[i] = static_cast<float>((caller * 7 + number * 13 + static_cast<int>(i)) % 101);
  }
  return {.key = {Concat("provider-", caller), Concat("depiction-", number), "bench/512"},
          .subject_id = Concat("subject-", number / 4),
          .embedding = std::move(vector),
          .created = 1,
          .attributes = {{"title", Concat("Picture number ", number)},
                         {"creditline", "Made up for a benchmark"}}};
}

using Add = std::function<void(const Record&)>;

struct Figures {
  double rate = 0;    ///< a second
  double cpu_us = 0;  ///< of this process for each
};

double CpuSeconds() {
  rusage used{};
  (void)::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/// Adds of `callers` threads; `make` gives each of them its way to add.
Figures Measure(int callers, double seconds, const std::function<Add(int caller)>& make) {
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> added = 0;
  std::vector<std::jthread> threads;
  const auto start = Clock::now();
  const double cpu = CpuSeconds();
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      const Add add = make(caller);
      // Always anew: the second run replaces records of the first.
      for (int number = 0; !stop; ++number) {
        add(RecordOf(caller, number));
        ++added;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  threads.clear();
  const auto count = static_cast<double>(added);
  return {.rate = count / std::chrono::duration<double>(Clock::now() - start).count(),
          .cpu_us = (CpuSeconds() - cpu) * 1e6 / count};
}

/// Appends a second that are synced one by one.
Figures SyncRate(const fs::path& folder, double seconds) {
  const fs::path path = folder / "baseline";
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  Must(file >= 0, "cannot make a file");
  const std::string bytes(kDimension * sizeof(float) + 128, 'x');
  const Figures figures = Measure(1, seconds, [&](int) -> Add {
    return [&](const Record&) {
      Must(::write(file, bytes.data(), bytes.size()) == std::ssize(bytes), "cannot write");
      Must(::fdatasync(file) == 0, "cannot sync");
    };
  });
  (void)::close(file);
  fs::remove(path);
  return figures;
}

Add RemoteAdd(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else all share one connection
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const std::shared_ptr<legacy::EmbeddingsDBService::Stub> stub =
      legacy::EmbeddingsDBService::NewStub(
          grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  return [stub](const Record& record) {
    grpc::ClientContext context;
    legacy::AddRecordRequest request;
    legacy::AddRecordResponse response;
    FillRecord(record, *request.mutable_record());
    const grpc::Status status = stub->AddRecord(&context, request, &response);
    Must(status.ok(), status.error_message());
  };
}

void Run(const std::string& engine, const fs::path& folder, double seconds) {
  Registry registry;
  RegisterBuiltinEngines(registry);
  const std::unique_ptr<Env> env = NewPosixEnv();
  Logger log;
  log.set_level(LogLevel::kError);
  const Context context = {.env = env.get(), .log = &log, .registry = &registry};
  for (const int callers : {1, 8, 32}) {
    const fs::path place = folder / Concat(engine, callers);
    fs::create_directory(place);
    auto opened = registry.OpenDatabase(Concat(engine, "://", place.string(), "/db"), context);
    Must(opened.status());
    Database* const database = opened->get();
    const Figures syncs = SyncRate(folder, seconds / 3);
    const Figures embedded = Measure(callers, seconds, [&](int) -> Add {
      return [&](const Record& record) { Must(database->Add(record).status()); };
    });
    auto server = StartGrpcServer({.host = "127.0.0.1"}, *std::move(opened), context);
    Must(server.status());
    std::jthread serving([&](const std::stop_token& stop) { Must((*server)->Serve(stop)); });
    const Figures remote =
        Measure(callers, seconds, [&](int) { return RemoteAdd((*server)->address()); });
    serving.request_stop();
    serving.join();
    std::printf(
        "%-7s %2d callers: embedded %6.0f/s (%.0f us CPU each), gRPC %6.0f/s (%.0f us); syncs of "
        "the disk %.0f/s\n",
        engine.c_str(), callers, embedded.rate, embedded.cpu_us, remote.rate, remote.cpu_us,
        syncs.rate);
    (void)std::fflush(stdout);
    fs::remove_all(place);
  }
}

int Main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 3;
  fs::path folder = argc > 2 ? fs::path(argv[2]) : fs::path();
  const bool own = folder.empty();
  if (own) {
    std::string made = (fs::temp_directory_path() / "single_adds_bench.XXXXXX").string();
    Must(::mkdtemp(made.data()) != nullptr, "cannot make a folder");
    folder = made;
  }
  std::vector<std::string> engines(argv + std::min(argc, 3), argv + argc);
  if (engines.empty()) {
    engines = {"sqlite", "lmdb", "duckdb"};
  }
  for (const std::string& engine : engines) {
    Run(engine, folder, seconds);
  }
  if (own) {
    fs::remove_all(folder);
  }
  return 0;
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  return embeddingsdb::Main(argc, argv);
}
