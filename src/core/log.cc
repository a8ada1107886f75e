// SPDX-License-Identifier: BSD-3-Clause
#include "core/log.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>

#include "core/text.h"
#include "core/utf8.h"

namespace embeddingsdb {
namespace {

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      break;
  }
  return "ERROR";
}

/// Local time, as Go's log package prints it.
std::string TimeStamp() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  if (localtime_r(&now, &local) == nullptr) {
    return "0000/00/00 00:00:00";
  }
  std::array<char, 32> buffer{};
  const std::size_t length =
      std::strftime(buffer.data(), buffer.size(), "%Y/%m/%d %H:%M:%S", &local);
  return {buffer.data(), length};
}

/// True when the text would break the line apart or show something else than it is.
bool HasUnprintable(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const Rune rune = DecodeRune(text.substr(i));
    if (!rune.valid || !IsPrintable(rune.value)) {
      return true;
    }
    i += rune.length;
  }
  return false;
}

/// A key or a value, quoted where slog's text form quotes it.
void AppendText(std::string& line, std::string_view text) {
  const bool quote =
      text.empty() || text.find_first_of(" =\"") != std::string_view::npos || HasUnprintable(text);
  line.append(quote ? QuoteWhole(text) : std::string(text));
}

}  // namespace

void Logger::Debug(std::string_view message, std::initializer_list<LogField> fields) {
  Log(LogLevel::kDebug, message, fields);
}

void Logger::Info(std::string_view message, std::initializer_list<LogField> fields) {
  Log(LogLevel::kInfo, message, fields);
}

void Logger::Warn(std::string_view message, std::initializer_list<LogField> fields) {
  Log(LogLevel::kWarn, message, fields);
}

void Logger::Error(std::string_view message, std::initializer_list<LogField> fields) {
  Log(LogLevel::kError, message, fields);
}

void Logger::Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!enabled(level)) {
    return;
  }
  std::string line = Concat(TimeStamp(), " ", LevelName(level), " ");
  // slog writes messages as they are; ours may quote input, and one event must stay one line.
  line.append(HasUnprintable(message) ? QuoteWhole(message) : std::string(message));
  for (const LogField& field : fields) {
    line.push_back(' ');
    AppendText(line, field.key);
    line.push_back('=');
    AppendText(line, field.value);
  }
  const std::lock_guard lock(mutex_);
  Write(line);
}

void Logger::Write(std::string_view line) {
  // One call, so that lines of several processes on one terminal or file do not mix either.
  const std::string whole = Concat(line, "\n");
  // When that fails there is no one left to tell.
  static_cast<void>(std::fwrite(whole.data(), 1, whole.size(), sink_));
  static_cast<void>(std::fflush(sink_));
}

}  // namespace embeddingsdb
