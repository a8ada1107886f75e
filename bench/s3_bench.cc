// SPDX-License-Identifier: BSD-3-Clause
//
// What the protocol of S3 Vectors costs: copies of one lmdb:// database behind our s3vectors
// server, behind our gRPC server and in the process, asked for the same ten neighbours on loopback,
// with the filter that our client sends and without one. All in turn, query after query, so that
// what else the machine does meets all of them alike. And what our client adds to the exchange
// itself: the same signed request, sent by libcurl from a prepared body, its answer read but not
// parsed.
//
//   s3_bench [rows [queries [folder]]]
//
// A folder is kept, and its database used again.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <curl/curl.h>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/registry.h"
#include "embeddingsdb/server.h"
#include "embeddingsdb/uri.h"

#include "aws/aws_client.h"
#include "aws/sigv4.h"
#include "core/curl_handles.h"
#include "core/env.h"
#include "core/json.h"
#include "core/log.h"
#include "core/sha256.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "engines/s3vectors/s3_index.h"
#include "fashion_mnist.h"
#include "measure.h"
#include "rpc/builtin_rpc.h"
#include "s3server/s3_server.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDimension = 512;
constexpr std::size_t kBatch = 10'000;
constexpr std::string_view kModel = "images";
constexpr std::string_view kStoredModel = "bench/vectors";  // of the server's records

/// A server of this process while it lives.
class Serving {
 public:
  Serving(const Registry& registry, const Context& context, const std::string& uri)
      : server_(Must(registry.OpenServer(uri, context))),
        thread_([this](const std::stop_token& stop) { Must(server_->Serve(stop)); }) {}
  std::string address() const { return server_->address(); }

 private:
  std::unique_ptr<Server> server_;
  std::jthread thread_;
};

/// One way to ask, and how long it took.
struct Way {
  std::string name;
  std::function<void(std::size_t)> prepare;  ///< not measured; may be empty
  std::function<void(std::size_t)> ask;
  std::vector<double> microseconds = {};

  double p50() const { return microseconds[microseconds.size() / 2]; }
};

/// Asks every query in every way, one way after the other, but each another one: who asks second
/// would find the vectors in the processor's caches. Sorts the times.
void MeasureInTurn(std::vector<Way>& ways, std::size_t queries) {
  for (std::size_t i = 0; i < queries; ++i) {
    for (std::size_t w = 0; w < ways.size(); ++w) {
      Way& way = ways[w];
      const std::size_t query = (i + (w * queries / ways.size())) % queries;
      if (way.prepare) {
        way.prepare(query);
      }
      const auto start = Clock::now();
      way.ask(query);
      way.microseconds.push_back(SecondsSince(start) * 1e6);
    }
  }
  for (Way& way : ways) {
    std::ranges::sort(way.microseconds);
    std::printf("%-48s p50 %7.0f us, p99 %7.0f us\n", way.name.c_str(), way.p50(),
                way.microseconds[way.microseconds.size() * 99 / 100]);
  }
}

void PrintRatio(const char* what, const Way& way, const Way& to) {
  std::printf("%-48s %.2f\n", what, way.p50() / to.p50());
}

/// Requests of libcurl with nothing around them.
class BareClient {
 public:
  BareClient(std::string url, std::string host)
      : url_(std::move(url)), host_(std::move(host)), curl_(curl_easy_init()) {}

  /// Signs the body as our client does.
  void Prepare(std::string body, std::int64_t now) {
    body_ = std::move(body);
    const SigV4Request request{.method = "POST",
                               .target = "/QueryVectors",
                               .headers = {{"content-type", "application/json"}, {"host", host_}},
                               .body_sha256 = Sha256Hex(body_)};
    headers_.reset(curl_slist_append(nullptr, "Expect:"));
    Add("content-type", "application/json");
    for (const auto& [name, value] :
         SignRequest(request, {std::string(kKeyId), std::string(kSecret), ""},
                     {"us-east-1", "s3vectors"}, now)) {
      Add(name, value);
    }
    curl_easy_setopt(curl_.get(), CURLOPT_URL, url_.c_str());
    curl_easy_setopt(curl_.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body_.size()));
    curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDS, body_.data());
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEFUNCTION, &Keep);
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEDATA, &answer_);
    answer_.clear();
  }
  void Send() {
    const CURLcode code = curl_easy_perform(curl_.get());
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200 || answer_.empty()) {
      Must(InternalError(Concat("status ", status, " ", answer_)));
    }
  }

  static constexpr std::string_view kKeyId = "AKIDBENCH";
  static constexpr std::string_view kSecret = "secret-of-the-bench";

 private:
  static std::size_t Keep(char* data, std::size_t, std::size_t size, void* answer) {
    static_cast<std::string*>(answer)->append(data, size);
    return size;
  }
  void Add(std::string_view name, std::string_view value) {
    headers_.reset(curl_slist_append(headers_.release(), Concat(name, ": ", value).c_str()));
  }

  const std::string url_;
  const std::string host_;
  std::string body_;
  std::string answer_;
  CurlListPtr headers_;
  CurlPtr curl_;
};

class Bench {
 public:
  Bench(std::size_t rows, std::size_t queries, std::string folder)
      : data_(Must(LoadFashionMnist(rows, kDimension))),
        queries_(std::clamp<std::size_t>(queries, 1, data_.queries.size())),
        folder_(std::move(folder)),
        keep_(!folder_.empty()) {
    if (keep_) {
      fs::create_directories(folder_);
    } else {
      folder_ = (fs::temp_directory_path() / "s3_bench.XXXXXX").string();
      if (::mkdtemp(folder_.data()) == nullptr) {
        Must(InternalError("mkdtemp"));
      }
    }
    RegisterBuiltinEngines(registry_);
    RegisterBuiltinClients(registry_);
    RegisterBuiltinServers(registry_);
    RegisterS3Server(registry_);
    log_.set_level(LogLevel::kError);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() {
    if (!keep_) {
      fs::remove_all(folder_);
    }
  }

  void Run();

 private:
  Context context() { return {.env = env_.get(), .log = &log_, .registry = &registry_}; }
  std::string PathOf(std::string_view name) const { return Concat(folder_, "/", name); }
  /// Of the database that was filled, or of a copy.
  std::string DatabaseUri(std::string_view name) const {
    return Concat("lmdb://", PathOf(name), "?metric=cosine&max-distance=0");
  }
  std::string S3ServerUri() const {
    return Concat("s3vectors://127.0.0.1:0?database-uri=", PercentEncode(DatabaseUri("db")),
                  "&keys-uri=", PercentEncode(Concat("file://", folder_, "/keys")));
  }
  SimilarQuery Query(const std::string& model, std::size_t i) const {
    const auto row = data_.queries.row(i);
    return {.model = model, .embedding = {row.begin(), row.end()}, .k = 10};
  }
  std::string Body(std::size_t i) const {
    return Concat("{\"topK\":12,\"queryVector\":{\"float32\":", FloatsToJson(data_.queries.row(i)),
                  "},\"vectorBucketName\":\"bench\",\"indexName\":\"vectors\",\"filter\":{",
                  "\"x-model\":{\"$eq\":\"", kModel,
                  "\"}},\"returnMetadata\":true,\"returnDistance\":true}");
  }
  std::unique_ptr<Database> OpenS3(const Serving& server);
  std::unique_ptr<s3vectors::S3Index> OpenIndex(const Serving& server);
  void Fill();
  void BuildIndex();
  void Measure();

  const FashionMnist data_;
  const std::size_t queries_;
  std::string folder_;
  const bool keep_;
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
      context()));
}

/// The index without the engine around it: searches without a filter.
std::unique_ptr<s3vectors::S3Index> Bench::OpenIndex(const Serving& server) {
  AwsClientOptions options{.endpoint = Must(Uri::Parse("http://" + server.address())),
                           .service = "s3vectors",
                           .region = "us-east-1",
                           .credentials_label = PathOf("profiles:default")};
  auto client = Must(AwsClient::Open(std::move(options), RealSurroundings(*env_)));
  return std::make_unique<s3vectors::S3Index>(std::move(client), "bench", "vectors");
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
      Must(database->AddBatch(batch).status());
      batch.clear();
    }
  }
  const double seconds = SecondsSince(start);
  std::printf("put %zu vectors: %.1f s, %.0f a second\n", data_.rows.size(), seconds,
              static_cast<double>(data_.rows.size()) / seconds);
}

void Bench::BuildIndex() {
  const auto database = Must(registry_.OpenDatabase(DatabaseUri("db"), context()));
  Must(database->Reindex(std::string(kStoredModel), nullptr).status());
  Must(database->Close());
}

void Bench::Measure() {
  const std::string model(kStoredModel);
  const Serving s3_server(registry_, context(), S3ServerUri());
  const auto s3 = OpenS3(s3_server);
  const auto index = OpenIndex(s3_server);
  BareClient bare(Concat("http://", s3_server.address(), "/QueryVectors"), s3_server.address());
  const Serving grpc_server(
      registry_, context(),
      Concat("grpc://127.0.0.1:0?database-uri=", PercentEncode(DatabaseUri("grpc"))));
  const auto grpc = Must(registry_.OpenClient("grpc://" + grpc_server.address(), context()));
  const auto own = Must(registry_.OpenDatabase(DatabaseUri("own"), context()));
  const auto filtered = [&](std::size_t i) {
    SimilarQuery query = Query(model, i);
    query.filters.push_back(
        {.column = Column::kAttribute, .value = std::string(kModel), .attribute = "x-model"});
    return query;
  };
  const auto ten = [](std::size_t found) {
    Must(found == 10 ? Status() : InternalError(Concat(found, " records")));
  };
  std::vector<Way> ways = {
      {"QueryVectors with a filter: our client",
       {},
       [&](std::size_t i) { ten(Must(s3->Similar(Query(std::string(kModel), i))).size()); }},
      {"  bare, by libcurl", [&](std::size_t i) { bare.Prepare(Body(i), env_->NowUnixSeconds()); },
       [&](std::size_t) { bare.Send(); }},
      {"  gRPC", {}, [&](std::size_t i) { ten(Must(grpc->Similar(filtered(i))).size()); }},
      {"  in the process", {}, [&](std::size_t i) { ten(Must(own->Similar(filtered(i))).size()); }},
      {"QueryVectors without a filter: our client",
       {},
       [&](std::size_t i) { ten(Must(index->Query(data_.queries.row(i), 10, "")).size()); }},
      {"  gRPC", {}, [&](std::size_t i) { ten(Must(grpc->Similar(Query(model, i))).size()); }},
      {"  in the process", {}, [&](std::size_t i) {
         ten(Must(own->Similar(Query(model, i))).size());
       }}};
  for (Way& way : ways) {  // loads the indexes
    if (way.prepare) {
      way.prepare(0);
    }
    way.ask(0);
  }
  MeasureInTurn(ways, queries_);
  PrintRatio("with a filter, to gRPC", ways[0], ways[2]);
  PrintRatio("without a filter, to gRPC", ways[4], ways[5]);
  PrintRatio("with a filter, to gRPC without one", ways[0], ways[5]);
  PrintRatio("our client, to the bare request", ways[0], ways[1]);
}

void Bench::Run() {
  Must(env_->WriteFile(PathOf("keys"), Concat(BareClient::kKeyId, ":", BareClient::kSecret, "\n")));
  Must(env_->WriteFile(PathOf("profiles"),
                       Concat("[default]\naws_access_key_id = ", BareClient::kKeyId,
                              "\naws_secret_access_key = ", BareClient::kSecret, "\n")));
  if (!fs::exists(PathOf("own"))) {
    Fill();
    BuildIndex();
  }
  for (const std::string_view copy : {"grpc", "own"}) {
    fs::copy(PathOf("db"), PathOf(copy),
             fs::copy_options::recursive | fs::copy_options::skip_existing);
  }
  Measure();
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
  };
  embeddingsdb::Bench bench(number(1, 235'200), number(2, 1'000), argc > 3 ? argv[3] : "");
  bench.Run();
  return 0;
}
