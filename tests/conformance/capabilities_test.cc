// SPDX-License-Identifier: BSD-3-Clause
//
// The capability matrix in docs/engines.md is the one the engines declare. A test that an engine
// skips for want of a capability is so in plain sight.
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <set>
#include <sstream>

#include "conformance/engines_under_test.h"

namespace embeddingsdb {
namespace {

std::string Mark(bool value) {
  return value ? "yes" : "no";
}

std::string Row(const std::string& name, const Capabilities& can, PaginationType pagination) {
  std::ostringstream row;
  row << "| " << name << " | " << Mark(can.stores) << " | " << Mark(can.persistent) << " | "
      << Mark(can.exact) << " | " << Mark(can.snapshot_scan) << " | " << Mark(can.shared_read)
      << " | " << Mark(can.exports) << " | " << PaginationTypeName(pagination) << " |";
  return row.str();
}

std::string ReadDocument(const std::string& name) {
  const std::ifstream in(EDB_SOURCE_DIR "/" + name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(CapabilityMatrix, DocumentedRowsAreWhatTheEnginesDeclare) {
  std::vector<EngineUnderTest> engines = StoresUnderTest();
  for (const EngineUnderTest& engine : ServicesUnderTest()) {
    engines.push_back(engine);
  }
  engines.push_back({.name = "null", .uri = [](const std::string&) { return "null://"; }});
  for (const EngineUnderTest& engine : engines) {
    const TempDir folder;
    TestContext test;
    RegisterExampleEngines(test.registry);
    const Result<std::unique_ptr<Database>> db = test.Open(engine.uri(folder.path()));
    ASSERT_OK(db);
    const std::string row = Row(engine.name, (*db)->capabilities(), (*db)->pagination_type());
    EXPECT_NE(ReadDocument(engine.documented_in).find(row), std::string::npos)
        << engine.documented_in << " lacks the line\n"
        << row;
  }
}

TEST(CapabilityMatrix, EveryRegisteredSchemeIsUnderTest) {
  TestContext test;
  RegisterExampleEngines(test.registry);
  const TempDir folder;
  std::set<std::string> expected = {"null", "bleve", "postgresql"};  // aliases of lmdb, postgres
  std::vector<EngineUnderTest> engines = EnginesUnderTest();
  for (const EngineUnderTest& engine : ServicesUnderTest()) {
    engines.push_back(engine);
  }
  for (const EngineUnderTest& engine : engines) {
    const std::string uri = engine.uri(folder.path());
    expected.insert(uri.substr(0, uri.find("://")));
  }
  EXPECT_THAT(test.registry.DatabaseSchemes(), testing::ElementsAreArray(expected));
}

}  // namespace
}  // namespace embeddingsdb
