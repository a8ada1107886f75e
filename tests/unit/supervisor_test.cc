// SPDX-License-Identifier: BSD-3-Clause
#include "cli/supervisor.h"

#include <array>
#include <csignal>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <new>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "embeddingsdb/limits.h"

#include "cli/exit_code.h"
#include "support/temp_dir.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;

/// What Supervise returned to the parent, and what it said there.
struct Outcome {
  int exit_code;
  std::string log;
};

Outcome Watch(const ChildLimits& limits, const std::function<int()>& work) {
  const pid_t parent = ::getpid();
  CapturingLogger log;
  const int exit_code = Supervise(limits, log, work);
  if (::getpid() != parent) {
    ::_exit(exit_code);
  }
  const std::vector<std::string> lines = log.lines();
  return {.exit_code = exit_code, .log = lines.empty() ? "" : lines.front()};
}

TEST(Supervisor, TheChildsExitCodeIsTheParents) {
  const pid_t parent = ::getpid();
  const Outcome outcome = Watch({}, [parent] { return ::getpid() == parent ? 1 : 42; });
  EXPECT_EQ(outcome.exit_code, 42);
  EXPECT_EQ(outcome.log, "");
}

TEST(Supervisor, ACrashIsDamagedData) {
  // What a bad pointer does where no sanitizer catches it first.
  const Outcome outcome = Watch({}, [] {
    static_cast<void>(std::signal(SIGSEGV, SIG_DFL));
    return ::raise(SIGSEGV);
  });
  EXPECT_EQ(outcome.exit_code, kExitDataLoss);
  EXPECT_THAT(outcome.log, HasSubstr("ERROR The command crashed"));
  EXPECT_THAT(outcome.log, HasSubstr("signal=\"Segmentation fault\""));
}

TEST(Supervisor, MemoryThatRunsOutIsALimit) {
  constexpr std::size_t kAllowed = 256 * 1024 * 1024;
  const auto take = [](std::size_t bytes) {
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      throw std::bad_alloc();
    }
    return 0;
  };
  EXPECT_EQ(Watch({.memory_bytes = kAllowed}, [&] { return take(kAllowed / 2); }).exit_code, 0);
  EXPECT_EQ(Watch({.memory_bytes = kAllowed}, [&] { return take(2 * kAllowed); }).exit_code,
            kExitLimit);
}

TEST(Supervisor, AnEndlessLoopIsALimit) {
  const Outcome outcome = Watch({.cpu_seconds = 1}, [] {
    volatile bool go_on = true;
    while (go_on) {
    }
    return 0;
  });
  EXPECT_EQ(outcome.exit_code, kExitLimit);
  EXPECT_THAT(outcome.log, HasSubstr("limit_seconds=1"));
}

TEST(Supervisor, LimitsAreTheChilds) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const Outcome outcome = Watch({.open_files = 17}, [] {
    rlimit files{};
    rlimit core{};
    static_cast<void>(::getrlimit(RLIMIT_NOFILE, &files));
    static_cast<void>(::getrlimit(RLIMIT_CORE, &core));
    return files.rlim_cur == 17 && core.rlim_cur == 0 ? 0 : 1;
  });
  EXPECT_EQ(outcome.exit_code, 0);
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_cur);
}

TEST(Supervisor, ALowerLimitOfTheUserStays) {
  const Outcome outcome = Watch({.open_files = 99}, [] {
    CapturingLogger log;
    const pid_t parent = ::getpid();
    const int files = Supervise({.open_files = 1'000'000}, log, [] {
      rlimit limit{};
      static_cast<void>(::getrlimit(RLIMIT_NOFILE, &limit));
      return static_cast<int>(limit.rlim_cur);
    });
    return ::getpid() == parent ? files : (::_exit(files), 0);
  });
  EXPECT_EQ(outcome.exit_code, 99);
}

TEST(Supervisor, SignalsThatEndProgramsEndBoth) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    const pid_t parent = ::fork();
    if (parent == 0) {
      static_cast<void>(std::signal(signal, SIG_DFL));
      ::_exit(Watch({}, [signal] { return ::raise(signal); }).exit_code);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(parent, &status, 0), parent);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << signal;
  }
}

TEST(Supervisor, ASignalIsPassedOnOnce) {
  const Outcome outcome = Watch({}, [] {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    static_cast<void>(::sigprocmask(SIG_BLOCK, &signals, nullptr));
    static_cast<void>(::kill(::getppid(), SIGTERM));
    int signal = 0;
    static_cast<void>(::sigwait(&signals, &signal));
    const timespec moment{.tv_sec = 0, .tv_nsec = 50'000'000};
    return ::sigtimedwait(&signals, nullptr, &moment) == -1 ? signal : 1;
  });
  EXPECT_EQ(outcome.exit_code, SIGTERM);
}

TEST(Supervisor, TimeIsForTheFilesAmongTheArguments) {
  const TempDir dir;
  const std::string file = dir.File("a.parquet");
  std::ofstream(file) << std::string(3 * kToolBytesPerCpuSecond, 'x');
  const std::array<std::string, 3> args = {"-output", "absent", file};
  EXPECT_EQ(LimitsOf(Supervision::kAll, args).cpu_seconds, kToolCpuSeconds + 3);
  EXPECT_EQ(LimitsOf(Supervision::kAll, args).memory_bytes, kToolMemoryBytes);
  EXPECT_EQ(LimitsOf(Supervision::kMemory, args).cpu_seconds, 0U);
  EXPECT_GE(LimitsOf(Supervision::kMemory, args).memory_bytes, kToolMemoryBytes);
}

}  // namespace
}  // namespace embeddingsdb
