// SPDX-License-Identifier: BSD-3-Clause
#include "cli/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <optional>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "embeddingsdb/limits.h"

#include "cli/exit_code.h"

namespace embeddingsdb {
namespace {

/// The value of a line such as "VmData:   1234 kB", in bytes; 0 when there is none.
std::uint64_t KernelBytes(const char* file, std::string_view key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) {
      continue;
    }
    const std::size_t digits = std::min(line.find_first_of("0123456789"), line.size());
    std::uint64_t kib = 0;
    std::from_chars(line.data() + digits, line.data() + line.size(), kib);
    return kib * 1'024;
  }
  return 0;
}

/// Lowers what the process may take. Never raises it: the user may have set a lower one.
void LimitTo(__rlimit_resource resource, std::uint64_t value) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) == 0 && value < limit.rlim_cur) {
    limit.rlim_cur = value;
    static_cast<void>(::setrlimit(resource, &limit));
  }
}

void Limit(const ChildLimits& limits) {
  LimitTo(RLIMIT_CORE, 0);
  // Beyond what there is, because sanitizers reserve terabytes. Address space as such is no
  // limit: LMDB and indexes map files, DuckDB's allocator reserves.
  const std::uint64_t data = KernelBytes("/proc/self/status", "VmData:");
  if (limits.memory_bytes > 0 && data > 0) {
    LimitTo(RLIMIT_DATA, data + limits.memory_bytes);
  }
  if (limits.cpu_seconds > 0) {
    LimitTo(RLIMIT_CPU, limits.cpu_seconds);
  }
  if (limits.open_files > 0) {
    LimitTo(RLIMIT_NOFILE, limits.open_files);
  }
}

/// The signals the parent waits for, blocked until this is destroyed.
class AwaitedSignals {
 public:
  AwaitedSignals() {
    // Ignored, as some callers leave it, it would reap the child and lose its exit code.
    static_cast<void>(std::signal(SIGCHLD, SIG_DFL));
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) {
      sigaddset(&signals_, signal);
    }
    static_cast<void>(::pthread_sigmask(SIG_BLOCK, &signals_, &before_));
  }
  ~AwaitedSignals() { static_cast<void>(::pthread_sigmask(SIG_SETMASK, &before_, nullptr)); }
  AwaitedSignals(const AwaitedSignals&) = delete;
  AwaitedSignals& operator=(const AwaitedSignals&) = delete;

  /// Waits for the end of the child, passing signals on. Returns its wait status.
  int Wait(pid_t child) const {
    while (true) {
      siginfo_t info{};
      const int signal = ::sigwaitinfo(&signals_, &info);
      // A positive code is the kernel's: a terminal sends to the whole foreground.
      if (signal > 0 && signal != SIGCHLD && info.si_code <= 0) {
        static_cast<void>(::kill(child, signal));
      }
      int status = 0;
      if (::waitpid(child, &status, WNOHANG) == child) {
        return status;
      }
    }
  }

 private:
  sigset_t signals_{};
  sigset_t before_{};
};

int RunChild(pid_t parent, const ChildLimits& limits, Logger& log,
             const std::function<int()>& work) {
  static_cast<void>(::prctl(PR_SET_PDEATHSIG, SIGKILL));
  if (::getppid() != parent) {
    ::_exit(kExitFailure);  // it was gone before the line above
  }
  Limit(limits);
  try {
    return work();
  } catch (const std::bad_alloc&) {
    log.Error("Memory ran out", {{"limit_bytes", limits.memory_bytes}});
    return kExitLimit;
  }
}

/// The exit code for a child that a signal ended.
int Explain(int signal, const ChildLimits& limits, Logger& log) {
  switch (signal) {
    case SIGINT:
    case SIGTERM:
    case SIGHUP:
    case SIGQUIT:
    case SIGPIPE:
      static_cast<void>(std::signal(signal, SIG_DFL));
      static_cast<void>(::raise(signal));
      return 128 + signal;
    case SIGXCPU:
      log.Error("The command took more time of the processors than its files should need",
                {{"limit_seconds", limits.cpu_seconds}});
      return kExitLimit;
    case SIGKILL:
      log.Error("The command was killed, as the system does when memory runs out");
      return kExitLimit;
    default:
      log.Error("The command crashed, as files can cause that are damaged or made to do harm",
                {{"signal", ::strsignal(signal)}});  // NOLINT(concurrency-mt-unsafe): one thread
      return kExitDataLoss;
  }
}

}  // namespace

ChildLimits LimitsOf(Supervision supervision, std::span<const std::string> args) {
  ChildLimits limits{.memory_bytes = kToolMemoryBytes, .open_files = kToolOpenFiles};
  if (supervision == Supervision::kMemory) {
    limits.memory_bytes = std::max(kToolMemoryBytes, KernelBytes("/proc/meminfo", "MemAvailable:"));
    return limits;
  }
  limits.cpu_seconds = kToolCpuSeconds;
  for (const std::string& arg : args) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(arg, error);
    limits.cpu_seconds += error ? 0 : size / kToolBytesPerCpuSecond;
  }
  return limits;
}

int Supervise(const ChildLimits& limits, Logger& log, const std::function<int()>& work) {
  int status = 0;
  {
    const pid_t parent = ::getpid();
    std::optional<AwaitedSignals> signals(std::in_place);
    const pid_t child = ::fork();
    if (child <= 0) {
      signals.reset();
      return child == 0 ? RunChild(parent, limits, log, work) : work();
    }
    status = signals->Wait(child);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : Explain(WTERMSIG(status), limits, log);
}

}  // namespace embeddingsdb
