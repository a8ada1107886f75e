// SPDX-License-Identifier: BSD-3-Clause
//
// Status and Result<T>: how every function of embeddingsdb says what happened.
//
// The code numbers are gRPC's canonical ones, so one vocabulary serves the C++ API, the wire, the
// logs and the exit codes of the tools. No function of ours throws; libraries that do are caught
// at the boundary and turned into a Status.
#ifndef EMBEDDINGSDB_STATUS_H_
#define EMBEDDINGSDB_STATUS_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace embeddingsdb {

/// What kind of outcome it is. Values are those of google.rpc.Code.
enum class StatusCode : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,          ///< outcome unknown, e.g. the connection broke after a commit was sent
  kInvalidArgument = 3,  ///< the caller's input is wrong; says field, value and limit
  kDeadlineExceeded = 4,
  kNotFound = 5,  ///< no such record, file or model
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,   ///< a limit, a quota or the disk is full
  kFailedPrecondition = 9,  ///< locked by another process, or a format this version cannot open
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,  ///< outside this engine's capabilities; names the capability
  kInternal = 13,       ///< a bug here
  kUnavailable = 14,    ///< safe to retry
  kDataLoss = 15,       ///< a checksum or a cross-check failed
  kUnauthenticated = 16,
};

/// The canonical upper-case name, e.g. "INVALID_ARGUMENT".
std::string_view StatusCodeName(StatusCode code);

/// A code and a message for a person. The message never holds a secret.
/// A value type: copy and move freely; as safe for threads as std::string.
class [[nodiscard]] Status {
 public:
  /// Success.
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  /// True when repeating the same call may succeed without anyone changing anything.
  bool retryable() const { return code_ == StatusCode::kUnavailable; }
  /// "OK" or "INVALID_ARGUMENT: message".
  std::string ToString() const;
  /// The same status with `context` and ": " in front of its message.
  Status WithContext(std::string_view context) const;
  /// Deliberately drops an error. `why` documents the reason at the call.
  void IgnoreError([[maybe_unused]] std::string_view why) const {}

  bool operator==(const Status&) const = default;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

std::ostream& operator<<(std::ostream& os, const Status& status);

/// One constructor a code, for readable call sites: `return InvalidArgumentError("...")`.
Status CancelledError(std::string message);
Status UnknownError(std::string message);
Status InvalidArgumentError(std::string message);
Status DeadlineExceededError(std::string message);
Status NotFoundError(std::string message);
Status PermissionDeniedError(std::string message);
Status ResourceExhaustedError(std::string message);
Status AlreadyExistsError(std::string message);
Status FailedPreconditionError(std::string message);
Status UnimplementedError(std::string message);
Status InternalError(std::string message);
Status UnavailableError(std::string message);
Status DataLossError(std::string message);
Status UnauthenticatedError(std::string message);

/// Either a T or the Status that says why there is none. Never holds an OK status.
///
/// Example:
///   Result<Record> record = db->Get(key);
///   if (!record.ok()) return record.status();
///   Use(record->subject_id);
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}        // NOLINT(google-explicit-constructor)
  Result(Status status) : value_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (std::get<Status>(value_).ok()) {
      value_ = Status(StatusCode::kInternal, "OK used as an error");
    }
  }

  bool ok() const { return std::holds_alternative<T>(value_); }
  explicit operator bool() const { return ok(); }
  /// The error, or OK when there is a value.
  Status status() const { return ok() ? Status() : std::get<Status>(value_); }

  /// The value. Only when ok(); otherwise std::get's own failure ends the program.
  T& value() & { return std::get<T>(value_); }
  const T& value() const& { return std::get<T>(value_); }
  T&& value() && { return std::get<T>(std::move(value_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Status> value_;
};

}  // namespace embeddingsdb

#define EDB_CONCAT_INNER_(a, b) a##b
#define EDB_CONCAT_(a, b) EDB_CONCAT_INNER_(a, b)

/// Evaluates an expression of type Status and returns it from the function when it is an error.
#define EDB_TRY(expression)                                                   \
  do {                                                                        \
    if (::embeddingsdb::Status edb_status = (expression); !edb_status.ok()) { \
      return edb_status;                                                      \
    }                                                                         \
  } while (false)

/// `EDB_ASSIGN(auto x, F());` declares x from a Result or returns its error.
#define EDB_ASSIGN(declaration, expression) \
  EDB_ASSIGN_INNER_(EDB_CONCAT_(edb_result_, __LINE__), declaration, expression)
#define EDB_ASSIGN_INNER_(result, declaration, expression) \
  auto result = (expression);                              \
  if (!result.ok()) {                                      \
    return result.status();                                \
  }                                                        \
  declaration = *std::move(result)

#endif  // EMBEDDINGSDB_STATUS_H_
