// SPDX-License-Identifier: BSD-3-Clause
//
// A process that dies at a chosen call to the disk: before it, in its middle, after it.
//
// The engines and our own code call the C library by name, and find the functions of the test
// program, which is linked with dying_process.cc, before those of the library. Nothing of this is
// in the program that is shipped.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_DYING_PROCESS_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_DYING_PROCESS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace embeddingsdb {

enum class Moment : std::uint8_t { kBefore, kMiddle, kAfter };
inline constexpr auto kMoments = std::to_array({Moment::kBefore, Moment::kMiddle, Moment::kAfter});

/// The process dies at the call that brings `countdown` to 0. Calls come from several threads.
struct Plan {
  std::atomic<int> countdown = 0;  ///< 0 or less: it lives
  Moment moment = Moment::kBefore;
  std::atomic<int> calls = 0;
  std::array<std::atomic<const char*>, 4096> names{};  ///< of the first calls
};
/// The C library's functions have no other way to what they must know.
extern Plan plan;

struct Death {
  std::size_t acknowledged = 0;  ///< bytes that came through the pipe
  bool killed = false;           ///< or it lived to its end
};

/// Does the work in a process of its own that dies at its `nth` call to the disk. The work writes a
/// byte to the pipe it is given for each step that was acknowledged, by syscall(SYS_write), which
/// is not counted.
Death RunDyingProcess(int nth, Moment moment, const std::function<void(int)>& work);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_DYING_PROCESS_H_
