// SPDX-License-Identifier: BSD-3-Clause
//
// A server that speaks the HTTP formats of all embedders on a free loopback port, and complains
// about every request that is not exactly as documented (docs/embedders.md).
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_FAKE_EMBEDDER_SERVICE_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_FAKE_EMBEDDER_SERVICE_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <httplib.h>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace embeddingsdb {

inline constexpr std::size_t kFakeDimension = 3;

/// A vector that depends on every byte, of numbers that JSON and floats have exactly.
inline std::vector<float> FakeVector(std::string_view body) {
  std::vector<float> vector;
  unsigned state = 7;
  for (std::size_t i = 0; i < kFakeDimension; ++i) {
    for (const char c : body) {
      state = (state * 31 + static_cast<unsigned char>(c)) % 65'521;
    }
    vector.push_back(static_cast<float>(state % 64 + 1) / 64);
  }
  return vector;
}

/// One picture of each kind, as far as anybody here looks: the first bytes.
inline const std::string kFakePng = "\x89PNG\r\n\x1a\n and more";
inline constexpr std::string_view kFakePngBase64 = "iVBORw0KGgogYW5kIG1vcmU=";

class FakeEmbedderService {
 public:
  using Json = nlohmann::json;
  /// What is wrong with a request, or empty; fills in the text or picture of a right one.
  using Check = std::string (*)(const Json& request, std::string& input);
  using Answer = Json (*)(const std::vector<float>& vector, const Json& request);

  struct Seen {
    std::string path;
    std::string body;
    std::string content_type;
    std::string authorization;
    std::string complaint;
  };

  explicit FakeEmbedderService(std::unique_ptr<httplib::Server> server = nullptr)
      : server_(server != nullptr ? std::move(server) : std::make_unique<httplib::Server>()) {
    Serve("/embedding", CheckLlamafile, AnswerEmbedding);
    Serve("/embeddings", CheckContent, AnswerModel);
    Serve("/embeddings/image", CheckPicture, AnswerModel);
    Serve("/api/embed", CheckOllama, AnswerOllama);
    Serve("/predict", CheckEncoderfile, AnswerEncoderfile);
    Serve("/v1/embeddings", CheckOpenAi, AnswerOpenAi);
    port_ = server_->bind_to_any_port("127.0.0.1");
    thread_ = std::jthread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) {
      std::this_thread::yield();  // it cannot be stopped before
    }
  }
  FakeEmbedderService(const FakeEmbedderService&) = delete;
  FakeEmbedderService& operator=(const FakeEmbedderService&) = delete;
  ~FakeEmbedderService() { Stop(); }

  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    end_.notify_all();
    server_->stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// Every later request is answered by this and not looked at.
  void AnswerAll(std::function<void(httplib::Response&)> how) {
    const std::lock_guard lock(mutex_);
    override_ = std::move(how);
  }
  void AnswerAll(int status, std::string body) {
    AnswerAll([status, body = std::move(body)](httplib::Response& response) {
      response.status = status;
      response.set_content(body, "application/json");
    });
  }
  /// Blocks until Stop: an answer that never comes.
  void WaitForEnd() {
    std::unique_lock lock(mutex_);
    end_.wait(lock, [this] { return ended_; });
  }

  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void Serve(const std::string& path, Check check, Answer answer) {
    server_->Post(
        path, [this, check, answer](const httplib::Request& request, httplib::Response& response) {
          Seen seen{.path = request.path,
                    .body = request.body,
                    .content_type = request.get_header_value("Content-Type"),
                    .authorization = request.get_header_value("Authorization"),
                    .complaint = {}};
          const std::function<void(httplib::Response&)> other = Override();
          const Json json = Json::parse(request.body, nullptr, false);
          std::string input;
          seen.complaint = seen.content_type != "application/json" ? "wrong content type"
                           : !json.is_object()                     ? "no JSON object"
                                                                   : check(json, input);
          const std::string complaint = seen.complaint;
          Keep(std::move(seen));
          if (other) {
            other(response);
            return;
          }
          response.status = complaint.empty() ? 200 : 400;
          response.set_content(complaint.empty() ? answer(FakeVector(input), json).dump()
                                                 : Json{{"error", complaint}}.dump(),
                               "application/json");
        });
  }
  std::function<void(httplib::Response&)> Override() const {
    const std::lock_guard lock(mutex_);
    return override_;
  }
  void Keep(Seen seen) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(std::move(seen));
  }

  /// True when the object has exactly these fields.
  static bool HasOnly(const Json& object, const std::vector<std::string>& names) {
    if (!object.is_object() || object.size() != names.size()) {
      return false;
    }
    for (const std::string& name : names) {
      if (!object.contains(name)) {
        return false;
      }
    }
    return true;
  }
  static std::string TakeText(const Json& text, std::string& input) {
    if (!text.is_string()) {
      return "the text is no string";
    }
    input = text.get<std::string>();
    return {};
  }

  static std::string CheckContent(const Json& request, std::string& input) {
    return HasOnly(request, {"content"}) ? TakeText(request["content"], input)
                                         : "not exactly content";
  }
  static std::string CheckPicture(const Json& request, std::string& input) {
    if (!HasOnly(request, {"image_data"}) || !request["image_data"].is_array() ||
        request["image_data"].size() != 1) {
      return "not exactly image_data with one picture";
    }
    const Json& picture = request["image_data"][0];
    if (!HasOnly(picture, {"id", "data"}) || !picture["id"].is_number_integer()) {
      return "a picture has not exactly id, a number, and data";
    }
    return TakeText(picture["data"], input);
  }
  static std::string CheckLlamafile(const Json& request, std::string& input) {
    return request.contains("content") ? CheckContent(request, input)
                                       : CheckPicture(request, input);
  }
  static std::string CheckOllama(const Json& request, std::string& input) {
    if (!HasOnly(request, {"model", "input"}) || !request["model"].is_string()) {
      return "not exactly model and input";
    }
    return TakeText(request["input"], input);
  }
  static std::string CheckEncoderfile(const Json& request, std::string& input) {
    if (!HasOnly(request, {"inputs", "normalize"}) || request["normalize"] != true ||
        !request["inputs"].is_array() || request["inputs"].size() != 1) {
      return "not exactly one of inputs and normalize, true";
    }
    return TakeText(request["inputs"][0], input);
  }
  static std::string CheckOpenAi(const Json& request, std::string& input) {
    if (!HasOnly(request, {"model", "input", "encoding_format"}) ||
        request["encoding_format"] != "float" || !request["model"].is_string()) {
      return "not exactly model, input and encoding_format, float";
    }
    return TakeText(request["input"], input);
  }

  static Json AnswerEmbedding(const std::vector<float>& vector, const Json& /*request*/) {
    return {{"embedding", vector}};
  }
  static Json AnswerModel(const std::vector<float>& vector, const Json& /*request*/) {
    return {{"embedding", vector}, {"model", "fake/clip"}};
  }
  static Json AnswerOllama(const std::vector<float>& vector, const Json& request) {
    return {{"model", request["model"]},
            {"embeddings", Json::array({vector})},
            {"total_duration", 14'143'917},
            {"load_duration", 1'019'500},
            {"prompt_eval_count", 8}};
  }
  /// Two tokens, whose mean is in the direction of the vector.
  static Json AnswerEncoderfile(const std::vector<float>& vector, const Json& /*request*/) {
    const auto token = [&vector](const char* text, int number, float shift) {
      std::vector<float> shifted = vector;
      shifted.front() += shift;
      return Json{
          {"embedding", shifted},
          {"token_info", {{"token", text}, {"token_id", number}, {"start", 0}, {"end", number}}}};
    };
    const Json tokens = Json::array({token("a", 1, 0.5F), token("b", 2, -0.5F)});
    return {{"results", Json::array({Json{{"embeddings", tokens}}})},
            {"model_id", "fake/encoder"},
            {"metadata", nullptr}};
  }
  static Json AnswerOpenAi(const std::vector<float>& vector, const Json& request) {
    const Json data = {{"object", "embedding"}, {"index", 0}, {"embedding", vector}};
    return {{"object", "list"},
            {"data", Json::array({data})},
            {"model", request["model"]},
            {"usage", {{"prompt_tokens", 2}, {"total_tokens", 2}}}};
  }

  const std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable end_;
  bool ended_ = false;
  std::function<void(httplib::Response&)> override_;
  std::vector<Seen> seen_;
  std::jthread thread_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_FAKE_EMBEDDER_SERVICE_H_
