// SPDX-License-Identifier: BSD-3-Clause
#include "cli/progress.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kEraseLine = "\r\x1b[K";
constexpr auto kRedrawInterval = std::chrono::milliseconds(100);
constexpr std::int64_t kBarWidth = 24;

// With a comma between thousands.
std::string Grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3;) {
    text.insert(i -= 3, ",");
  }
  return text;
}

std::string Bar(std::int64_t count, std::int64_t total) {
  const auto filled =
      static_cast<std::size_t>(std::clamp<std::int64_t>(count * kBarWidth / total, 0, kBarWidth));
  return Concat("[", std::string(filled, '#'),
                std::string(static_cast<std::size_t>(kBarWidth) - filled, '.'), "] ");
}

}  // namespace

std::string ProgressLine(std::int64_t count, std::int64_t total, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(count) / seconds : 0;
  const std::string speed = Concat(Grouped(static_cast<std::int64_t>(rate)), " a second");
  if (total <= 0) {
    return Concat(Grouped(count), " records, ", speed);
  }
  std::string line =
      Concat(Bar(count, total), Grouped(count), " of ", Grouped(total), " records, ", speed);
  if (rate > 0) {
    const double left = static_cast<double>(std::max<std::int64_t>(total - count, 0)) / rate;
    line += Concat(", ", Grouped(std::llround(left)), " s left");
  }
  return line;
}

Progress::Progress(Session& session, std::int64_t total)
    : err_(session.io.err), total_(total), enabled_(Wanted(session)) {}

bool Progress::Wanted(Session& session) {
  return session.io.err_is_terminal && !session.log().enabled(LogLevel::kDebug);
}

Progress::~Progress() {
  if (enabled_) {
    err_ << kEraseLine << std::flush;
  }
}

void Progress::Update(std::int64_t count) {
  const Clock::time_point now = Clock::now();
  if (!enabled_ || now - drawn_ < kRedrawInterval) {
    return;
  }
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  err_ << kEraseLine << ProgressLine(count, total_, seconds) << std::flush;
}

}  // namespace embeddingsdb
