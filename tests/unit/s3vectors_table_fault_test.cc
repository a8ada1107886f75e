// SPDX-License-Identifier: BSD-3-Clause
//
// Index and table when they do not agree: whatever broke off, whoever wrote without the table.
#include "unit/s3vectors_table_fixture.h"

namespace embeddingsdb::s3vectors {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Filter> kOfModel = {{Column::kModel, "m"}};

class S3TableFaults : public S3TableTest {
 protected:
  /// From now on nothing of this operation gets through, as when the process had died before it.
  static Between::Fault Without(std::string operation) {
    return [operation = std::move(operation)](const SeenRequest& request, const auto& pass) {
      return Between::OperationOf(request) == operation ? FakeReply{.reset = true} : pass();
    };
  }
  /// What somebody finds who opens it afterwards, and after repairing it.
  void ExpectRightAndRepairable(std::vector<Record> records) {
    std::ranges::sort(records, {}, &Record::key);
    for (const bool repaired : {false, true}) {
      Open();
      const auto count = static_cast<std::int64_t>(records.size());
      EXPECT_EQ(ListAll(*db_, kOfModel, 4), records);
      EXPECT_EQ(*db_->Count({}), count);
      EXPECT_EQ(*db_->Count(kOfModel), count);
      EXPECT_EQ(db_->Facets({.by = Column::kProvider})->records, count);
      EXPECT_EQ(db_->Stats()->records, count);
      EXPECT_EQ(db_->Models({})->size(), records.empty() ? 0U : 1U);
      if (!repaired) {
        EXPECT_THAT(db_->Verify()->problems, Contains(HasSubstr("under way or broke off")));
        ASSERT_OK(db_->Reindex("", nullptr));
      }
      if (repaired) {
        EXPECT_EQ(Items(), count);
      }
    }
    EXPECT_THAT(db_->Verify()->problems, IsEmpty());
    const std::int64_t before = index_.count("GetVectors") + index_.count("ListVectors");
    EXPECT_EQ(*db_->Count(kOfModel), static_cast<std::int64_t>(records.size()));
    EXPECT_EQ(index_.count("GetVectors") + index_.count("ListVectors"), before)
        << "a table that is right is believed again";
  }
};

TEST_F(S3TableFaults, AnAddThatDiesBetweenTheWrites) {
  Open();
  index_.Plant(Without("PutVectors"));
  EXPECT_FALSE(db_->AddBatch(Fan(9)).ok());
  index_.Plant(nullptr);
  ASSERT_EQ(Items(), 9) << "which a count that believed the table would give";
  ExpectRightAndRepairable({});
}

TEST_F(S3TableFaults, AnAddThatDiesBeforeItsEndIsNoted) {
  Open();
  dynamo_.Plant([updates = 0](const SeenRequest& request, const auto& pass) mutable {
    const bool last = Between::OperationOf(request) == "UpdateItem" && ++updates > 1;
    return last ? FakeReply{.reset = true} : pass();
  });
  ASSERT_OK(db_->AddBatch(Fan(9)));  // all is stored
  EXPECT_TRUE(test_.log.Contains("goes on to list as begun"));
  dynamo_.Plant(nullptr);
  ExpectRightAndRepairable(Fan(9));
}

TEST_F(S3TableFaults, AnAddOfWhichThePartIsStored) {
  Open("&check-keys=false");
  // Two requests of vectors; one gets through.
  int puts = 0;
  index_.Plant([&puts](const SeenRequest& request, const auto& pass) {
    return Between::OperationOf(request) == "PutVectors" && ++puts > 1 ? FakeReply{.reset = true}
                                                                       : pass();
  });
  EXPECT_FALSE(db_->AddBatch(Fan(600)).ok());
  index_.Plant(nullptr);
  ASSERT_EQ(Items(), 600);
  const std::unique_ptr<Database> plain = MustOpen(Plain());
  std::vector<Record> stored = *ScanAll(*plain);
  EXPECT_LT(stored.size(), 600U);
  EXPECT_GT(stored.size(), 0U);
  std::ranges::sort(stored, {}, &Record::key);
  Open();
  EXPECT_EQ(*db_->Count(kOfModel), static_cast<std::int64_t>(stored.size()));
  EXPECT_EQ(ListAll(*db_, kOfModel, 100), stored);
  ASSERT_OK(db_->AddBatch(Fan(600)));  // which puts it right
  EXPECT_EQ(*db_->Count(kOfModel), 600);
}

TEST_F(S3TableFaults, ARemovalThatDiesBetweenTheWrites) {
  Open();
  ASSERT_OK(db_->AddBatch(Fan(9)));
  dynamo_.Plant(Without("BatchWriteItem"));
  EXPECT_TRUE(*db_->Remove(Fan(9)[4].key)) << "the record is gone";
  EXPECT_TRUE(test_.log.Contains("reindex helps"));
  dynamo_.Plant(nullptr);
  ASSERT_EQ(Items(), 9);
  std::vector<Record> records = Fan(9);
  records.erase(records.begin() + 4);
  ExpectRightAndRepairable(records);
}

TEST_F(S3TableFaults, RecordsWrittenWithoutTheTableAreFoundAndPutIn) {
  Open();
  ASSERT_OK(db_->AddBatch(Fan(4)));
  const std::unique_ptr<Database> plain = MustOpen(Plain());
  ASSERT_OK(plain->AddBatch(Fan(8)));
  ASSERT_TRUE(*plain->Remove(Fan(8)[1].key));
  EXPECT_EQ(*db_->Count({}), 4) << "nobody could know; docs/engines.md says so";
  const VerifyReport report = *db_->Verify();
  EXPECT_EQ(report.records, 7);
  EXPECT_EQ(report.problems.size(), 5U);
  EXPECT_THAT(report.problems, Contains(HasSubstr("the table does not have it")));
  EXPECT_THAT(report.problems, Contains(HasSubstr("the index does not")));
  const Result<std::vector<ReindexedModel>> done = db_->Reindex("", nullptr);
  ASSERT_OK(done);
  ASSERT_EQ(done->size(), 1U);
  EXPECT_EQ(done->front().rows, 7);
  EXPECT_EQ(*db_->Count({}), 7);
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
}

TEST_F(S3TableFaults, ATableMadeBesideAFilledIndexIsNotBelievedBeforeItIsFilled) {
  const std::unique_ptr<Database> plain = MustOpen(Plain());
  ASSERT_OK(plain->AddBatch(Fan(6)));
  Open();
  EXPECT_TRUE(test_.log.Contains("reindex fills it"));
  EXPECT_EQ(*db_->Count(kOfModel), 6);
  EXPECT_EQ(ListAll(*db_, kOfModel, 4).size(), 6U);
  ASSERT_OK(db_->AddBatch(Fan(7)));
  EXPECT_EQ(*db_->Count(kOfModel), 7) << "a part of the records is in the table now";
  EXPECT_THAT(db_->Verify()->problems, Contains(HasSubstr("not known to have all records")));
  ASSERT_OK(db_->Reindex("m", nullptr));
  EXPECT_THAT(db_->Verify()->problems, ElementsAre(HasSubstr("not known to have all records")))
      << "one model is not all";
  ASSERT_OK(db_->Reindex("", nullptr));
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
  const std::int64_t lists = index_.count("ListVectors");
  EXPECT_EQ(*db_->Count(kOfModel), 7);
  EXPECT_EQ(index_.count("ListVectors"), lists);
}

TEST_F(S3TableFaults, ATableOfGoIsTakenOverUnlessItIsFullOfOthersRecords) {
  Open();
  ASSERT_OK(db_->AddBatch(Fan(6)));
  db_.reset();
  // As go-embeddingsdb leaves it: without a state.
  Ask("DeleteItem", {{"Key", {{"Key", {{"S", "embeddingsdb:state"}}}}}});
  const auto item = [](const std::string& name) {
    return nlohmann::json{{"Item",
                           {{"Key", {{"S", name}}},
                            {"Provider", {{"S", "p"}}},
                            {"Model", {{"S", "m"}}},
                            {"DepictionId", {{"S", "d"}}},
                            {"Dimensions", {{"N", "2"}}}}}};
  };
  for (int i = 0; i < 7; ++i) {
    Ask("PutItem", item(Concat("p-", i, "-m")));
  }
  Open();
  EXPECT_EQ(*db_->Count({}), 6) << "by the index";
  EXPECT_FAILS(db_->Reindex("", nullptr), kFailedPrecondition, "it looks like another's");
  EXPECT_EQ(Items(), 13) << "nothing is taken away";
  for (int i = 0; i < 4; ++i) {
    Ask("DeleteItem", {{"Key", {{"Key", {{"S", Concat("p-", i, "-m")}}}}}});
  }
  ASSERT_OK(db_->Reindex("", nullptr));
  EXPECT_EQ(Items(), 6);
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
}

TEST_F(S3TableFaults, ManyWritersLeaveIndexAndTableAlike) {
  Open();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int j = 0; j < 12; ++j) {
        const Record record = Fan(8)[static_cast<std::size_t>((i + j) % 8)];
        if (i % 2 == 0) {
          EXPECT_OK(db_->Add(record));
        } else {
          EXPECT_OK(db_->Remove(record.key));
        }
      }
    });
  }
  threads.clear();
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
}

/// Every other request to the table goes wrong.
class S3TablePassing : public S3TableTest, public testing::WithParamInterface<PassingFault> {};
INSTANTIATE_TEST_SUITE_P(
    All, S3TablePassing,
    testing::Values(PassingFault{"throttled",
                                 {.status = 400, .body = R"({"__type":"x#ThrottlingException"})"},
                                 false},
                    PassingFault{"broken",
                                 {.status = 500, .body = R"({"__type":"x#InternalServerError"})"},
                                 false},
                    PassingFault{"busy", {.status = 503, .body = "<html>"}, false},
                    PassingFault{"reset", {.reset = true}, false},
                    PassingFault{"lost_answer", {.reset = true}, true},
                    PassingFault{"cut_short", {.body = "{", .cut = 9}, true}),
    [](const auto& fault) { return fault.param.name; });

TEST_P(S3TablePassing, NothingIsLostAndNothingIsThereTwice) {
  table_ = Sha256Hex(GetParam().name);
  dynamo_.Plant([asked = 0](const SeenRequest&, const auto& pass) mutable {
    if (++asked % 2 == 0) {
      return pass();
    }
    if (GetParam().delivered) {
      pass();
    }
    return GetParam().reply;
  });
  Open();
  EXPECT_EQ(*db_->AddBatch(Fan(60)), (AddReport{.added = 60}));
  EXPECT_EQ(*db_->Count(kOfModel), 60);
  EXPECT_TRUE(*db_->Remove(Fan(60)[3].key));
  EXPECT_EQ(*db_->Count({}), 59);
  EXPECT_EQ(ListAll(*db_, kOfModel, 25).size(), 59U);
  EXPECT_THAT(*db_->Models({}), ElementsAre("m"));
  ASSERT_OK(db_->Reindex("", nullptr));
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
}

TEST_F(S3TableFaults, TheFaultsAreNoticedByAClientThatGivesUp) {
  // The canary of the suite above: with more faults than attempts it has to fail.
  Open();
  dynamo_.Plant([](const SeenRequest&, const auto&) { return FakeReply{.status = 503}; });
  EXPECT_FAILS(db_->Count({}), kUnavailable, "5 attempts");
  EXPECT_FAILS(db_->Add(Fan(1)[0]), kUnavailable, "5 attempts");
}

}  // namespace
}  // namespace embeddingsdb::s3vectors
