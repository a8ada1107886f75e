// SPDX-License-Identifier: BSD-3-Clause
//
// That `embeddingsdb copy` finds out when not everything arrived. tests/e2e/copy_test.py has the
// rest.
#include <gtest/gtest.h>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "rpc/builtin_rpc.h"
#include "support/faulty_database.h"
#include "support/records.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

class CopyTest : public ::testing::Test {
 protected:
  CopyTest() {
    RegisterBuiltinClients(test_.registry);
    test_.registry.AddDatabase("source", [](const Uri&, const Context& context) {
      // Without the option read-only, or nothing could be put into it.
      auto database = OpenMemoryDatabase(*Uri::Parse("memory://"), context);
      for (int i = 0; i < 3; ++i) {
        EXPECT_OK((*database)->Add(MakeRecord("p", "d" + std::to_string(i), "m", {1, 2})));
      }
      return database;
    });
  }

  /// Makes `faulty://` a database with the fault, which holds another "d1".
  void Plant(Fault fault) {
    test_.registry.AddDatabase(
        "faulty",
        [fault](const Uri& uri, const Context& context) -> Result<std::unique_ptr<Database>> {
          EDB_ASSIGN(auto database, OpenMemoryDatabase(uri, context));
          Record old = MakeRecord("p", "d1", "m", {3, 4});
          old.subject_id = "another";
          EDB_TRY(database->Add(old).status());
          return std::unique_ptr<Database>(
              std::make_unique<FaultyDatabase>(std::move(database), fault));
        });
  }

  int Copy(std::vector<std::string> args) {
    Session session = {.io = {.in = in_, .out = out_, .err = err_}, .context = test_.context()};
    return RunCopy({.program = "copy", .args = args}, session);
  }

  TestContext test_;
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CopyTest, IsComparedWithWhatArrived) {
  Plant(Fault::kRemoveForgets);  // of no consequence here
  EXPECT_EQ(Copy({"source://", "faulty://"}), kExitOk);
  EXPECT_TRUE(test_.log.Contains("Verified all records identical=3 different=0 hash="));
}

TEST_F(CopyTest, FindsWhatArrivedDifferently) {
  Plant(Fault::kReplaceKeepsSubject);
  EXPECT_EQ(Copy({"source://", "faulty://"}), ExitCodeOf(DataLossError("")));
  EXPECT_TRUE(test_.log.Contains("0 of 3 records are missing and 1 differ, the first is \"p-d1-m"));
}

TEST_F(CopyTest, FindsWhatDidNotArrive) {
  Plant(Fault::kScanDropsLast);
  EXPECT_EQ(Copy({"source://", "faulty://"}), ExitCodeOf(DataLossError("")));
  EXPECT_TRUE(test_.log.Contains("1 of 3 records are missing and 0 differ"));
  EXPECT_EQ(Copy({"-verify=false", "source://", "faulty://"}), kExitOk);
}

TEST_F(CopyTest, WhatWasToStayMayDiffer) {
  Plant(Fault::kRemoveForgets);
  EXPECT_EQ(Copy({"-on-duplicate", "skip", "source://", "faulty://"}), kExitOk);
  EXPECT_TRUE(test_.log.Contains("Verified all records identical=2 different=1 hash="));
}

}  // namespace
}  // namespace embeddingsdb
