// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/protocol.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "core/hex.h"
#include "core/sha256.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

/// An error of the request itself, before it is one of any operation.
constexpr std::string_view kUnknownOperation = "UnknownOperationException";
constexpr std::string_view kSerialization = "SerializationException";

struct ErrorShape {
  std::string_view type;
  int status;
};

ErrorShape ShapeOf(StatusCode code) {
  switch (code) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kOutOfRange:
      return {.type = "ValidationException", .status = 400};
    case StatusCode::kNotFound:
      return {.type = "NotFoundException", .status = 404};
    case StatusCode::kAlreadyExists:
      return {.type = "ConflictException", .status = 409};
    case StatusCode::kPermissionDenied:
      return {.type = "AccessDeniedException", .status = 403};
    case StatusCode::kResourceExhausted:
      return {.type = "ServiceQuotaExceededException", .status = 402};
    case StatusCode::kDeadlineExceeded:
      return {.type = "RequestTimeoutException", .status = 408};
    case StatusCode::kUnavailable:
    case StatusCode::kAborted:
    case StatusCode::kFailedPrecondition:
      return {.type = "ServiceUnavailableException", .status = 503};
    default:
      return {.type = "InternalServerException", .status = 500};
  }
}

std::string ErrorBody(std::string_view message, const FieldList& fields) {
  Document body = Document::Object({{"message", Document::String(message)}});
  if (!fields.empty()) {
    Document list = Document::Array();
    for (const FieldProblem& problem : fields) {
      list.items.push_back(Document::Object({{"path", Document::String(problem.path)},
                                             {"message", Document::String(problem.message)}}));
    }
    body.Set("fieldList", std::move(list));
  }
  return ToJson(body);
}

/// Escapes decoded; nothing when one is malformed or the text is no UTF-8.
std::optional<std::string> Decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out += static_cast<char>((high * 16) + low);
    i += 2;
  }
  return IsValidUtf8(out) ? std::optional(std::move(out)) : std::nullopt;
}

/// The values of `tagKeys`, in their order.
Result<std::vector<std::string>> TagKeys(std::string_view query) {
  std::vector<std::string> keys;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const auto name = Decode(one.substr(0, one.find('=')));
    const std::size_t equals = one.find('=');
    const auto value = Decode(equals == std::string_view::npos ? "" : one.substr(equals + 1));
    if (!name || !value) {
      return InvalidArgumentError("the query of the request has a malformed escape");
    }
    if (*name == "tagKeys") {
      keys.push_back(*value);
    }
  }
  if (keys.empty()) {
    return InvalidArgumentError(
        "1 validation error detected. Value at '/tagKeys' failed to satisfy constraint: Member "
        "must not be null");
  }
  return keys;
}

/// The last segment of a path, since an endpoint may have a path of its own and a "/" too much.
std::string_view LastSegment(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool IsTags(std::string_view path) {
  const std::string_view before = path.substr(0, path.rfind('/'));
  return before == "/tags" || before.ends_with("/tags");
}

}  // namespace

std::string S3Protocol::NextId() {
  return Concat(FormatAmzDate(env_.NowUnixSeconds()), "-", ++requests_);
}

S3Response S3Protocol::Refuse(int status, std::string_view type, std::string_view message) {
  return {.status = status,
          .error_type = std::string(type),
          .body = ErrorBody(message, {}),
          .request_id = NextId()};
}

S3Response S3Protocol::ErrorOf(const Status& status, const FieldList& fields) {
  const ErrorShape shape = ShapeOf(status.code());
  if (shape.status >= 500 && log_ != nullptr) {
    log_->Error("Request failed", {{"error", status.ToString()}});
  }
  return {.status = shape.status,
          .error_type = std::string(shape.type),
          .body = ErrorBody(status.message(), fields),
          .request_id = NextId()};
}

S3Response S3Protocol::Answer(const S3Request& request) {
  const auto start = std::chrono::steady_clock::now();
  if (!keys_.empty()) {
    const SigV4Request to_check{.method = request.method,
                                .target = request.target,
                                .headers = request.headers,
                                .body_sha256 = Sha256Hex(request.body)};
    if (const auto refusal = keys_.Check(to_check, scope_, env_.NowUnixSeconds())) {
      return Refuse(refusal->status, refusal->type, refusal->message);
    }
  }
  FieldList fields;
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  S3Response response;
  if (!IsTags(path) &&
      (request.method != "POST" || S3Operations::Find(LastSegment(path)) == nullptr)) {
    response = Refuse(404, kUnknownOperation,
                      Concat("There is no operation ", request.method, " ", Quote(path)));
  } else if (const Result<Document> body = ParseBody(request.body); !body.ok()) {
    response = Refuse(400, kSerialization, body.status().message());
  } else {
    const Result<Document> answer =
        IsTags(path) ? RunTags(request, LastSegment(path), *body, fields)
                     : (operations_.*S3Operations::Find(LastSegment(path)))(*body, fields);
    response = answer.ok() ? S3Response{.body = ToJson(*answer), .request_id = NextId()}
                           : ErrorOf(answer.status(), fields);
  }
  if (log_ != nullptr && log_->enabled(LogLevel::kDebug)) {
    const auto took = std::chrono::steady_clock::now() - start;
    log_->Debug("Answered",
                {{"method", request.method},
                 {"path", path},
                 {"status", response.status},
                 {"error", response.error_type},
                 {"us", std::chrono::duration_cast<std::chrono::microseconds>(took).count()}});
  }
  return response;
}

Result<Document> S3Protocol::RunTags(const S3Request& request, std::string_view segment,
                                     const Document& body, FieldList& fields) {
  const auto arn = Decode(segment);
  if (!arn) {
    return InvalidArgumentError("Invalid ARN");
  }
  if (request.method == "GET") {
    return operations_.ListTags(*arn);
  }
  if (request.method == "DELETE") {
    const std::size_t question = request.target.find('?');
    const std::string_view query = question == std::string::npos
                                       ? std::string_view()
                                       : std::string_view(request.target).substr(question + 1);
    EDB_ASSIGN(const std::vector<std::string> keys, TagKeys(query));
    return operations_.UntagResource(*arn, keys);
  }
  return operations_.TagResource(*arn, body, fields);
}

}  // namespace embeddingsdb
