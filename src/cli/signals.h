// SPDX-License-Identifier: BSD-3-Clause
//
// StopSignals: turns SIGINT and SIGTERM into a stop request.
#ifndef EMBEDDINGSDB_CLI_SIGNALS_H_
#define EMBEDDINGSDB_CLI_SIGNALS_H_

#include <atomic>
#include <stop_token>
#include <thread>

namespace embeddingsdb {

/// From construction to destruction the first SIGINT or SIGTERM requests a stop; a second one ends
/// the process at once with the exit code shells use (128 + signal). Make it before any other
/// thread is started, so that all of them inherit the blocked signals; they stay blocked
/// afterwards.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  void Wait();

  std::stop_source source_;
  std::atomic<bool> done_ = false;
  std::thread waiter_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_SIGNALS_H_
