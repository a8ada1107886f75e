// SPDX-License-Identifier: BSD-3-Clause
//
// The table of engines that the conformance suite and the model test run on. A new engine adds one
// row in engines_under_test.cc.
#ifndef EMBEDDINGSDB_TESTS_CONFORMANCE_ENGINES_UNDER_TEST_H_
#define EMBEDDINGSDB_TESTS_CONFORMANCE_ENGINES_UNDER_TEST_H_

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "support/records.h"
#include "support/temp_dir.h"
#include "support/test_context.h"

namespace embeddingsdb {

struct EngineUnderTest {
  std::string name;
  /// The URI of a database in an empty folder; options can be appended with '&'.
  std::function<std::string(const std::string& folder)> uri;
  bool keeps_index_files = false;                 ///< and takes index=hnsw
  bool on_a_server = false;                       ///< which keeps the files and takes many writers
  bool one_length = false;                        ///< of all vectors, whatever their model
  std::string documented_in = "docs/engines.md";  ///< where its capabilities are
  /// "Suite.Test" that it cannot pass, and why; docs/engines.md says so too.
  std::map<std::string, std::string> leaves_out = {};
};

std::ostream& operator<<(std::ostream& os, const EngineUnderTest& engine);

/// Registers what is no part of the program: the engine of docs/adding-an-engine.md.
void RegisterExampleEngines(Registry& registry);

/// Every engine that keeps records.
std::vector<EngineUnderTest> EnginesUnderTest();
/// Those, and the ones whose searches have distances of their own: they keep all promises but those
/// of the suite on searching, and have unit tests for that.
std::vector<EngineUnderTest> StoresUnderTest();
/// Engines whose records another program keeps, so that the suites on files, locks and killed
/// processes are not about them.
std::vector<EngineUnderTest> ServicesUnderTest();

/// One open database in a folder of its own.
class EngineTest : public testing::TestWithParam<EngineUnderTest> {
 protected:
  EngineTest() { RegisterExampleEngines(test_.registry); }

  void SetUp() override {
    OpenWith("");
    const testing::TestInfo& info = *testing::UnitTest::GetInstance()->current_test_info();
    const std::string suite = info.test_suite_name();
    const std::string test = info.name();
    const auto left_out = GetParam().leaves_out.find(suite.substr(suite.find('/') + 1) + "." +
                                                     test.substr(0, test.find('/')));
    if (left_out != GetParam().leaves_out.end()) {
      GTEST_SKIP() << "docs/engines.md: " << left_out->second;
    }
  }

  /// Opens with more URI options ("&max-results=3"), closing what was open.
  void OpenWith(const std::string& options) {
    Result<std::unique_ptr<Database>> opened = TryOpen(options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    db_ = *std::move(opened);
  }
  Result<std::unique_ptr<Database>> TryOpen(const std::string& options) {
    if (db_ != nullptr) {
      EXPECT_OK(db_->Close());
    }
    db_.reset();
    return test_.Open(GetParam().uri(folder_.path()) + options);
  }
  void Add(const Record& record) { ASSERT_OK(db_->Add(record)); }

  TempDir folder_;
  TestContext test_;
  std::unique_ptr<Database> db_;
};

/// Runs a suite derived from EngineTest on every engine.
#define EDB_FOR_ALL_ENGINES(Suite)                                                \
  INSTANTIATE_TEST_SUITE_P(Engines, Suite, testing::ValuesIn(EnginesUnderTest()), \
                           [](const auto& engine) { return engine.param.name; })

/// The same for a suite that does not look at distances.
#define EDB_FOR_ALL_STORES(Suite)                                               \
  INSTANTIATE_TEST_SUITE_P(Stores, Suite, testing::ValuesIn(StoresUnderTest()), \
                           [](const auto& engine) { return engine.param.name; })

/// Beside one of those, for a suite that is about records and answers only.
#define EDB_FOR_ALL_SERVICES(Suite)                                                 \
  INSTANTIATE_TEST_SUITE_P(Services, Suite, testing::ValuesIn(ServicesUnderTest()), \
                           [](const auto& engine) { return engine.param.name; })

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_CONFORMANCE_ENGINES_UNDER_TEST_H_
