// SPDX-License-Identifier: BSD-3-Clause
//
// Between: a proxy for the AWS protocols into which a test plants faults.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_BETWEEN_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_BETWEEN_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "aws/http_client.h"
#include "support/loopback_http.h"
#include "support/records.h"

namespace embeddingsdb {

/// Stands between a client and a server and passes on what `fault` does not answer itself.
class Between {
 public:
  /// Called with each request; `pass` sends it on and gives the answer.
  using Fault =
      std::function<FakeReply(const SeenRequest&, const std::function<FakeReply()>& pass)>;

  /// `endpoint` is the server's, "http://127.0.0.1:40000".
  explicit Between(std::string endpoint)
      : proxy_([this, endpoint = std::move(endpoint)](const SeenRequest& request) {
          const auto pass = [&] { return Pass(endpoint, request); };
          return fault_ ? fault_(request, pass) : pass();
        }) {}

  void Plant(Fault fault) { fault_ = std::move(fault); }
  std::string url() const { return proxy_.url(); }
  /// The operations that were asked for, in order.
  std::vector<std::string> operations() const {
    std::vector<std::string> names;
    for (const SeenRequest& request : proxy_.seen()) {
      names.push_back(OperationOf(request));
    }
    return names;
  }
  std::int64_t count(const std::string& operation) const {
    const std::vector<std::string> names = operations();
    return std::count(names.begin(), names.end(), operation);
  }
  static std::string OperationOf(const SeenRequest& request) {
    if (const auto target = request.headers.find("x-amz-target"); target != request.headers.end()) {
      return target->second.substr(target->second.find('.') + 1);
    }
    return request.target.starts_with("/tags/") ? request.method + " tags"
                                                : request.target.substr(1);
  }
  std::vector<SeenRequest> seen() const { return proxy_.seen(); }
  std::string last_body() const { return proxy_.seen().back().body; }

 private:
  FakeReply Pass(const std::string& endpoint, const SeenRequest& request) {
    OutgoingRequest forwarded{.method = request.method,
                              .url = endpoint + request.target,
                              .headers = {request.headers.begin(), request.headers.end()},
                              .body = request.body,
                              .connect_seconds = 10,
                              .seconds = 60};
    std::erase_if(forwarded.headers, [](const auto& header) {
      return header.first == "content-length" || header.first == "expect";
    });
    const Result<HttpAnswer> answer = http_.Send(forwarded);
    EXPECT_OK(answer);
    if (!answer.ok()) {
      return {.reset = true};
    }
    FakeReply reply{.status = static_cast<int>(answer->status), .body = answer->body};
    for (const auto& [name, value] : answer->headers) {
      if (name.starts_with("x-amz")) {
        reply.headers.emplace_back(name, value);
      }
    }
    return reply;
  }

  HttpClient http_{{.connections = 8, .max_answer_bytes = kMaxS3AnswerBytes}};
  Fault fault_;
  LoopbackHttp proxy_;
};

/// What goes wrong with some requests and then passes.
struct PassingFault {
  const char* name;
  FakeReply reply;
  bool delivered;  // the server did what it was asked all the same
};
inline std::ostream& operator<<(std::ostream& os, const PassingFault& fault) {
  return os << fault.name;
}

/// Records of two providers and one model at growing angles from (1, 0).
inline std::vector<Record> Fan(int count, const std::string& model = "m") {
  std::vector<Record> records;
  for (int i = 0; i < count; ++i) {
    const double angle = 1.5 * i / count;
    records.push_back(
        MakeRecord("p" + std::to_string(i % 2), "d" + std::to_string(1'000 + i), model,
                   {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))}));
  }
  return records;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_BETWEEN_H_
