// SPDX-License-Identifier: BSD-3-Clause
//
// What a test needs to open a database, a client or a server: a registry with everything in it, the
// real environment and a log that is kept instead of printed.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_TEST_CONTEXT_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_TEST_CONTEXT_H_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/registry.h"

#include "core/env.h"
#include "core/log.h"
#include "engines/builtin_engines.h"

namespace embeddingsdb {

/// Keeps the lines it is given.
class CapturingLogger final : public Logger {
 public:
  std::vector<std::string> lines() const {
    const std::lock_guard lock(lines_mutex_);
    return lines_;
  }
  bool Contains(std::string_view text) const {
    for (const std::string& line : lines()) {
      if (line.find(text) != std::string::npos) {
        return true;
      }
    }
    return false;
  }

 protected:
  void Write(std::string_view line) override {
    const std::lock_guard lock(lines_mutex_);
    lines_.emplace_back(line);
  }

 private:
  mutable std::mutex lines_mutex_;
  std::vector<std::string> lines_;
};

/// Owns what a Context borrows.
struct TestContext {
  TestContext() { RegisterBuiltinEngines(registry); }

  Context context() { return {.env = env.get(), .log = &log, .registry = &registry}; }
  Result<std::unique_ptr<Database>> Open(std::string_view uri) {
    return registry.OpenDatabase(uri, context());
  }

  std::unique_ptr<Env> env = NewPosixEnv();
  CapturingLogger log;
  Registry registry;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_TEST_CONTEXT_H_
