// SPDX-License-Identifier: BSD-3-Clause
//
// Logger: one line is one event, in the format of Go's default slog handler, which users of
// go-embeddingsdb know:  2026/03/30 12:04:30 INFO Server listening address=localhost:8081
#ifndef EMBEDDINGSDB_CORE_LOG_H_
#define EMBEDDINGSDB_CORE_LOG_H_

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>

namespace embeddingsdb {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

/// One key=value of a line. Values with spaces, quotes, '=' or non-printables are quoted.
struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <typename Int>
    requires std::is_integral_v<Int>
  LogField(std::string_view k, Int v) : key(k), value(std::to_string(v)) {}

  std::string_view key;
  std::string value;
};

/// Safe for concurrent use; a line is written whole. Callers never pass secrets: URIs go through
/// Uri::Redacted first.
class Logger {
 public:
  explicit Logger(std::FILE* sink = stderr) : sink_(sink) {}
  virtual ~Logger() = default;
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  bool enabled(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }

  void Debug(std::string_view message, std::initializer_list<LogField> fields = {});
  void Info(std::string_view message, std::initializer_list<LogField> fields = {});
  void Warn(std::string_view message, std::initializer_list<LogField> fields = {});
  void Error(std::string_view message, std::initializer_list<LogField> fields = {});

 protected:
  /// Receives complete lines without their newline; overridden by tests.
  virtual void Write(std::string_view line);

 private:
  void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);

  std::FILE* sink_;
  std::mutex mutex_;
  std::atomic<LogLevel> level_ = LogLevel::kInfo;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_LOG_H_
