// SPDX-License-Identifier: BSD-3-Clause
#include "support/dying_process.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace embeddingsdb {

constinit Plan plan;

namespace {

[[noreturn]] void Die() {
  (void)::kill(::getpid(), SIGKILL);
  std::abort();  // not reached
}

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

/// Makes the call, or dies at it; `half` does a part of it.
template <typename Call, typename Half>
auto Make(const char* name, const Call& call, const Half& half) {
  const auto number = static_cast<std::size_t>(plan.calls++);
  if (number < plan.names.size()) {
    plan.names[number] = name;
  }
  const int left = plan.countdown > 0 ? --plan.countdown : -1;
  if (left != 0) {
    return call();
  }
  if (plan.moment == Moment::kMiddle) {
    half();
  } else if (plan.moment == Moment::kAfter) {
    call();
  }
  Die();
}
template <typename Call>
auto Make(const char* name, const Call& call) {
  return Make(name, call, [] {});
}

}  // namespace
}  // namespace embeddingsdb

// NOLINTBEGIN(readability-identifier-naming): the C library's names
extern "C" {
ssize_t write(int file, const void* data, size_t size) {
  static auto* const next = embeddingsdb::Next<decltype(write)>("write");
  return embeddingsdb::Make(
      __func__, [&] { return next(file, data, size); }, [&] { next(file, data, size / 2); });
}
ssize_t pwrite(int file, const void* data, size_t size, off_t offset) {
  static auto* const next = embeddingsdb::Next<decltype(pwrite)>("pwrite");
  return embeddingsdb::Make(
      __func__, [&] { return next(file, data, size, offset); },
      [&] { next(file, data, size / 2, offset); });
}
ssize_t pwrite64(int file, const void* data, size_t size, off64_t offset) {
  static auto* const next = embeddingsdb::Next<decltype(pwrite64)>("pwrite64");
  return embeddingsdb::Make(
      __func__, [&] { return next(file, data, size, offset); },
      [&] { next(file, data, size / 2, offset); });
}
ssize_t writev(int file, const iovec* pieces, int count) {
  static auto* const next = embeddingsdb::Next<decltype(writev)>("writev");
  return embeddingsdb::Make(
      __func__, [&] { return next(file, pieces, count); },
      [&] { next(file, pieces, (count + 1) / 2); });
}
// Syncs are counted but not made: no test here cuts the power.
int fdatasync(int /*file*/) {
  return embeddingsdb::Make(__func__, [] { return 0; });
}
int fsync(int /*file*/) {
  return embeddingsdb::Make(__func__, [] { return 0; });
}
int ftruncate(int file, off_t size) noexcept {
  static auto* const next = embeddingsdb::Next<int(int, off_t)>("ftruncate");
  return embeddingsdb::Make(__func__, [&] { return next(file, size); });
}
int rename(const char* from, const char* to) noexcept {
  static auto* const next = embeddingsdb::Next<int(const char*, const char*)>("rename");
  return embeddingsdb::Make(__func__, [&] { return next(from, to); });
}
int unlink(const char* path) noexcept {
  static auto* const next = embeddingsdb::Next<int(const char*)>("unlink");
  return embeddingsdb::Make(__func__, [&] { return next(path); });
}
int link(const char* from, const char* to) noexcept {
  static auto* const next = embeddingsdb::Next<int(const char*, const char*)>("link");
  return embeddingsdb::Make(__func__, [&] { return next(from, to); });
}
}
// NOLINTEND(readability-identifier-naming)

namespace embeddingsdb {

Death RunDyingProcess(int nth, Moment moment, const std::function<void(int)>& work) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    plan.moment = moment;
    plan.countdown = nth;
    work(pipe[1]);
    ::_exit(0);
  }
  (void)::close(pipe[1]);
  Death death;
  for (char byte = 0; ::read(pipe[0], &byte, 1) == 1;) {
    ++death.acknowledged;
  }
  (void)::close(pipe[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  death.killed = WIFSIGNALED(status);
  EXPECT_TRUE(death.killed ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
  return death;
}

}  // namespace embeddingsdb
