// SPDX-License-Identifier: BSD-3-Clause
#include "core/lock_holder.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <signal.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utility>

#include "core/text.h"
#include "core/utc_time.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kMaxProgramBytes = 64;

/// A line of /proc/locks: "1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF".
struct LockLine {
  std::string number;
  std::string mark;  // "->" before one that waits, which holds nothing
  std::string advisory;
  std::string access;
  long pid = 0;
  std::string file;
};

bool Parse(const std::string& text, LockLine& line) {
  std::istringstream in(text);
  in >> line.number >> line.mark >> line.advisory >> line.access >> line.pid >> line.file;
  return !in.fail() && line.mark != "->";
}

std::uint64_t InodeOf(const std::string& file) {
  std::istringstream in(file.substr(file.rfind(':') + 1));
  std::uint64_t inode = 0;
  in >> inode;
  return inode;
}

/// The device's number, "08:01:...", in hexadecimal.
dev_t DeviceOf(const std::string& file) {
  std::istringstream in(file);
  unsigned int major_number = 0;
  unsigned int minor_number = 0;
  char colon = 0;
  in >> std::hex >> major_number >> colon >> minor_number;
  return makedev(major_number, minor_number);
}

std::string ReadLine(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

/// Seconds since 1970 when the system was started; 0: it does not tell.
std::int64_t BootTime() {
  std::ifstream in("/proc/stat");
  std::string name;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::int64_t seconds = 0;
    if (words >> name >> seconds && name == "btime") {
      return seconds;
    }
  }
  return 0;
}

/// Seconds since 1970 when the process was started; 0: the system does not tell.
std::int64_t StartOf(long pid) {
  const std::string stat = ReadLine(Concat("/proc/", pid, "/stat"));
  // The name in brackets may hold anything. The start is the 20th number behind it, in ticks.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) {
    return 0;
  }
  std::istringstream rest(stat.substr(name_end + 1));
  std::string word;
  for (int i = 0; i < 20; ++i) {
    rest >> word;
  }
  std::istringstream number(word);
  std::int64_t ticks = 0;
  const std::int64_t boot = BootTime();
  const long a_second = ::sysconf(_SC_CLK_TCK);
  return number >> ticks && boot > 0 && a_second > 0 ? boot + ticks / a_second : 0;
}

/// The name of its program as it may be shown; empty: the system does not tell.
std::string ProgramOf(long pid) {
  std::string name = ReadLine(Concat("/proc/", pid, "/comm"));
  // That one is cut. The command line has the whole, which it may have changed.
  std::string command = ReadLine(Concat("/proc/", pid, "/cmdline"));
  command.resize(std::min(command.size(), command.find('\0')));
  command.erase(0, command.rfind('/') + 1);
  if (command.starts_with(name) && command.size() <= kMaxProgramBytes) {
    name = std::move(command);
  }
  std::ranges::replace_if(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return IsValidUtf8(name) ? name : std::string();
}

}  // namespace

std::vector<LockHolder> LockHoldersOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return {};
  }
  std::vector<LockHolder> sure;
  std::vector<LockHolder> likely;  // some file systems show another device to the one and the other
  std::ifstream in("/proc/locks");
  for (std::string text; std::getline(in, text);) {
    LockLine line;
    if (Parse(text, line) && line.pid > 0 && InodeOf(line.file) == info.st_ino) {
      auto& holders = DeviceOf(line.file) == info.st_dev ? sure : likely;
      holders.push_back({.pid = line.pid, .exclusive = line.access == "WRITE"});
    }
  }
  return sure.empty() ? likely : sure;
}

std::optional<long> OtherLockHolderOf(const std::string& path) {
  std::vector<LockHolder> others = LockHoldersOf(path);
  std::erase_if(others, [](const LockHolder& one) { return one.pid == ::getpid(); });
  if (others.empty()) {
    return std::nullopt;
  }
  const auto exclusive = std::ranges::find(others, true, &LockHolder::exclusive);
  return (exclusive == others.end() ? others.front() : *exclusive).pid;
}

std::string DescribeProcess(long pid) {
  if (pid <= 0 || (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH)) {
    return "another process";
  }
  const std::string program = ProgramOf(pid);
  const std::int64_t start = StartOf(pid);
  const std::string since = start == 0 ? std::string() : Concat("since ", FormatUtc(start));
  const std::string_view between = program.empty() || since.empty() ? "" : ", ";
  const std::string told = Concat(program, between, since);
  return told.empty() ? Concat("process ", pid) : Concat("process ", pid, " (", told, ")");
}

}  // namespace embeddingsdb
