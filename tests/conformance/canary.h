// SPDX-License-Identifier: BSD-3-Clause
//
// Runs a test of the suite on a database with a planted fault, which it must notice.
#ifndef EMBEDDINGSDB_TESTS_CONFORMANCE_CANARY_H_
#define EMBEDDINGSDB_TESTS_CONFORMANCE_CANARY_H_

#include <exception>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <memory>
#include <utility>

#include "conformance/engines_under_test.h"
#include "support/faulty_database.h"

namespace embeddingsdb {

/// For suites of canaries: the database below the fault is a sound one.
class Canary : public testing::TestWithParam<EngineUnderTest> {};

/// Runs them on one engine, which has everything that the tests of the suite look at.
#define EDB_FOR_ONE_ENGINE(Suite)                                                    \
  INSTANTIATE_TEST_SUITE_P(Engine, Suite, testing::Values(EnginesUnderTest().at(1)), \
                           [](const auto& engine) { return engine.param.name; })

/// Whether the test fails when the fault is planted after its SetUp. `OneTest` is the class that
/// TEST_P makes: Suite_Name_Test. The engine is that of the canary.
template <typename OneTest>
bool Notices(Fault fault) {
  class Planted final : public OneTest {
   public:
    void Run(Fault fault) {
      this->SetUp();
      this->db_ = std::make_unique<FaultyDatabase>(std::move(this->db_), fault);
      this->TestBody();
    }
  };
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    try {
      Planted().Run(fault);
    } catch (const std::exception&) {  // as of a Result's missing value: the runner's failure too
      return true;
    }
  }
  for (int i = 0; i < results.size(); ++i) {
    if (results.GetTestPartResult(i).failed()) {  // others tell of a test that was skipped
      return true;
    }
  }
  return false;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_CONFORMANCE_CANARY_H_
