// SPDX-License-Identifier: BSD-3-Clause
//
// The side table: made as go-embeddingsdb makes it, asked in the place of the index, and right
// whatever breaks off between the two.
#include "unit/s3vectors_table_fixture.h"

namespace embeddingsdb::s3vectors {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Json = nlohmann::json;

TEST_F(S3TableTest, IsMadeAsGoMakesIt) {
  Open();
  const Json table = Ask("DescribeTable", Json::object())["Table"];
  const auto key = [](const char* name, const char* type) {
    return Json{{"AttributeName", name}, {"KeyType", type}};
  };
  EXPECT_EQ(table["KeySchema"], Json::array({key("Key", "HASH")}));
  EXPECT_EQ(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
  EXPECT_EQ(table["AttributeDefinitions"].size(), 3U);
  ASSERT_EQ(table["GlobalSecondaryIndexes"].size(), 2U);
  for (const Json& index : table["GlobalSecondaryIndexes"]) {
    const bool by_provider = index["IndexName"] == "by_provider_model";
    EXPECT_TRUE(by_provider || index["IndexName"] == "by_model_provider");
    EXPECT_EQ(index["KeySchema"], Json::array({key(by_provider ? "Provider" : "Model", "HASH"),
                                               key(by_provider ? "Model" : "Provider", "RANGE")}));
    EXPECT_EQ(index["Projection"]["ProjectionType"], "ALL");
  }
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "m", {1, 0})));
  EXPECT_EQ(Ask("GetItem", {{"Key", {{"Key", {{"S", "p-d-m"}}}}}})["Item"],
            (Json{{"Key", {{"S", "p-d-m"}}},
                  {"Provider", {{"S", "p"}}},
                  {"Model", {{"S", "m"}}},
                  {"DepictionId", {{"S", "d"}}},
                  {"Dimensions", {{"N", "2"}}}}));
}

TEST_F(S3TableTest, RequestsAreSignedForDynamoDb) {
  Open();
  ASSERT_FALSE(dynamo_.seen().empty());
  const AwsCredentials keys{.access_key_id = std::string(RunningS3Server::kAccessKeyId),
                            .secret_access_key = std::string(RunningS3Server::kSecretAccessKey)};
  for (const SeenRequest& request : dynamo_.seen()) {
    const SigV4Request signing{.method = request.method,
                               .target = request.target,
                               .headers = {request.headers.begin(), request.headers.end()},
                               .body_sha256 = Sha256Hex(request.body)};
    const auto verdict = [&](const char* service) {
      return VerifySigV4(signing, keys, {std::string(RunningS3Server::kRegion), service},
                         world_.now);
    };
    EXPECT_EQ(verdict("dynamodb"), SigV4Verdict::kGood);
    EXPECT_EQ(verdict("s3vectors"), SigV4Verdict::kScope);
    EXPECT_EQ(request.headers.at("content-type"), "application/x-amz-json-1.0");
    EXPECT_THAT(request.headers.at("x-amz-target"), HasSubstr("DynamoDB_20120810."));
  }
}

TEST_F(S3TableTest, ATableThatIsBeingMadeIsWaitedFor) {
  Open();
  int left = 2;
  dynamo_.Plant([&left](const SeenRequest& request, const auto& pass) {
    FakeReply reply = pass();
    const std::size_t status = reply.body.find("ACTIVE");
    if (Between::OperationOf(request) == "DescribeTable" && left-- > 0) {
      reply.body.replace(status, 6, "CREATING");
    }
    return reply;
  });
  const std::size_t slept = world_.slept().size();
  Open();
  EXPECT_EQ(world_.slept().size() - slept, 2U);
  left = 1'000;
  EXPECT_FAILS(TryOpen(WithTable()), kDeadlineExceeded, "still being made");
}

TEST_F(S3TableTest, TablesThatAreOtherwiseOrOfAnotherIndexAreRefused) {
  Ask("CreateTable",
      {{"AttributeDefinitions", Json::array({{{"AttributeName", "Key"}, {"AttributeType", "S"}}})},
       {"KeySchema", Json::array({{{"AttributeName", "Key"}, {"KeyType", "HASH"}}})},
       {"BillingMode", "PAY_PER_REQUEST"}});
  EXPECT_FAILS(TryOpen(WithTable()), kFailedPrecondition, "by_provider_model is not there");
  table_ += "2";
  Open();
  std::string other = WithTable();
  other.replace(other.find("index=clip"), 10, "index=else");
  EXPECT_FAILS(TryOpen(other), kFailedPrecondition, "is that of \"collection/clip\"");
  table_ = "missing";
  EXPECT_FAILS(TryOpen(WithTable() + "&read-only=true"), kNotFound, "no DynamoDB table");
}

TEST_F(S3TableTest, OptionsAreReadAndRefusedByName) {
  for (const auto& [options, named] : std::vector<std::pair<std::string, std::string>>{
           {"&with-dynamodb=maybe", "with-dynamodb"},
           {"&with-dynamodb=true&dynamodb-table=a%20b", "dynamodb-table"},
           {"&with-dynamodb=true&dynamodb-table=ab", "dynamodb-table"},
           {"&with-dynamodb=true&dynamodb-endpoint=http://example.org", "dynamodb-endpoint"}}) {
    EXPECT_FAILS(TryOpen(Plain() + options), kInvalidArgument, named);
  }
  const auto endpoint = [&](const std::string& region, const std::string& more = "") {
    const Result<Uri> uri =
        Uri::Parse("s3vectors://bucket?index=clip&with-dynamodb=true&region=" + region + more);
    return S3Options::FromUri(*uri, world_.get())->table_client.endpoint.Serialize();
  };
  EXPECT_EQ(endpoint("eu-west-1"), "https://dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(endpoint("cn-north-1"), "https://dynamodb.cn-north-1.amazonaws.com.cn");
  world_.variables["AWS_ENDPOINT_URL_DYNAMODB"] = "http://localhost:4567";
  EXPECT_EQ(endpoint("eu-west-1"), "http://localhost:4567");
}

TEST_F(S3TableTest, AnswersAreThoseOfTheIndexWithoutReadingIt) {
  Open();
  ASSERT_OK(db_->AddBatch(Fan(30)));
  ASSERT_OK(db_->AddBatch(Fan(7, "n")));
  const std::unique_ptr<Database> plain = MustOpen(Plain());
  const std::int64_t lists = index_.count("ListVectors");
  const std::vector<std::vector<Filter>> filters = {
      {},
      {{Column::kProvider, "p1"}},
      {{Column::kModel, "n"}},
      {{Column::kProvider, "p0"}, {Column::kModel, "m"}},
      {{Column::kModel, "m"}, {Column::kDepictionId, "d1004"}},
      {{Column::kDepictionId, "d1004"}},
      {{Column::kModel, "x"}},
  };
  std::vector<std::int64_t> counts;
  std::vector<FacetCounts> facets;
  for (const std::vector<Filter>& some : filters) {
    counts.push_back(*db_->Count(some));
    facets.push_back(*db_->Facets({.by = Column::kModel, .filters = some}));
  }
  const DatabaseStats stats = *db_->Stats();
  EXPECT_THAT(*db_->Models({}), ElementsAre("m", "n"));
  EXPECT_THAT(*db_->Providers({}), ElementsAre("p0", "p1"));
  const std::vector<std::string> p1 = {"p1"};
  EXPECT_THAT(*db_->Models(p1), ElementsAre("m", "n"));
  const std::vector<std::string> nobody = {"p2"};
  EXPECT_THAT(*db_->Models(nobody), IsEmpty());
  std::vector<std::vector<Record>> lists_of_filters;
  for (const std::vector<Filter>& some : filters) {
    lists_of_filters.push_back(some.empty() ? std::vector<Record>() : ListAll(*db_, some, 4));
  }
  EXPECT_EQ(index_.count("ListVectors"), lists) << "the index was read";

  for (std::size_t i = 0; i < filters.size(); ++i) {
    EXPECT_EQ(counts[i], *plain->Count(filters[i]));
    EXPECT_EQ(facets[i], *plain->Facets({.by = Column::kModel, .filters = filters[i]}));
    if (!filters[i].empty()) {
      EXPECT_EQ(lists_of_filters[i], ListAll(*plain, filters[i], 100));
    }
  }
  EXPECT_EQ(stats.records, 37);
  EXPECT_EQ(stats.models.size(), 2U);
  EXPECT_EQ(ListAll(*db_, {}, 10).size(), 37U) << "without filters the index is the quicker";
  EXPECT_GT(index_.count("ListVectors"), lists);
}

TEST_F(S3TableTest, FiltersThatTheTableDoesNotKnowAreAnsweredByTheIndex) {
  Open();
  std::vector<Record> records = Fan(6);
  records[2].attributes = {{"colour", "red"}};
  ASSERT_OK(db_->AddBatch(records));
  const std::vector<Filter> red = {{Column::kModel, "m"}, {Column::kAttribute, "red", "colour"}};
  EXPECT_EQ(*db_->Count(red), 1);
  EXPECT_THAT(ListAll(*db_, red, 5), ElementsAre(records[2]));
  const std::vector<Filter> both = {{Column::kProvider, "p0"}, {Column::kProvider, "p1"}};
  EXPECT_EQ(*db_->Count(both), 0);
  EXPECT_THAT(ListAll(*db_, both, 5), IsEmpty());
}

TEST_F(S3TableTest, PagesEndWhereTheyShouldAndCursorsAreChecked) {
  Open();
  ASSERT_OK(db_->AddBatch(Fan(23)));
  const std::vector<Filter> filters = {{Column::kProvider, "p0"}};
  for (std::int64_t page = 1; page <= 5; ++page) {
    const Result<RecordPage> got = db_->List({.page = page, .per_page = 5, .filters = filters});
    ASSERT_OK(got);
    EXPECT_EQ(got->total, kTotalUnknown);
    EXPECT_EQ(got->records.size(), page < 3 ? 5U : page == 3 ? 2U : 0U);
  }
  const std::string cursor = db_->List({.per_page = 5, .filters = filters})->next_cursor;
  ASSERT_THAT(cursor, testing::StartsWith("t"));
  const std::unique_ptr<Database> plain = MustOpen(Plain());
  EXPECT_FAILS(plain->List({.filters = filters, .cursor = cursor}), kInvalidArgument, "cursor");
  for (const std::string& bad :
       {cursor + "0", std::string("t"), std::string("tzz"), cursor.substr(0, 9)}) {
    EXPECT_FAILS(db_->List({.filters = filters, .cursor = bad}), kInvalidArgument, "cursor");
  }
  EXPECT_FAILS(db_->List({.filters = {{Column::kProvider, "p1"}}, .cursor = cursor}),
               kInvalidArgument, "cursor");
  const std::string of_index = plain->List({.per_page = 5, .filters = filters})->next_cursor;
  EXPECT_EQ(db_->List({.per_page = 20, .filters = filters, .cursor = of_index})->records.size(), 7U)
      << "a list that began in the index ends there";
}

TEST_F(S3TableTest, AnswersOfManyPagesAreReadToTheEnd) {
  Open();
  ASSERT_OK(db_->AddBatch(Fan(40)));
  dynamo_.Plant([&](const SeenRequest& request, const auto& pass) {
    const std::string operation = Between::OperationOf(request);
    if (operation != "Query" && operation != "Scan") {
      return pass();
    }
    Json body = Json::parse(request.body);
    body["Limit"] = 7;  // a page may end anywhere
    body.erase("TableName");
    return FakeReply{.body = Ask(operation, body).dump()};
  });
  EXPECT_EQ(*db_->Count({}), 40);
  EXPECT_EQ(*db_->Count({{Column::kModel, "m"}}), 40);
  EXPECT_EQ(*db_->Count({{Column::kModel, "m"}, {Column::kDepictionId, "d1039"}}), 1);
  EXPECT_EQ(db_->Stats()->records, 40);
  EXPECT_EQ(ListAll(*db_, {{Column::kModel, "m"}}, 9).size(), 40U);
  EXPECT_EQ(ListAll(*db_, {{Column::kDepictionId, "d1039"}}, 9).size(), 1U);
  EXPECT_THAT(db_->Verify()->problems, IsEmpty());
}

TEST_F(S3TableTest, BatchesAreOf25AndWhatIsLeftUndoneIsAskedForAgain) {
  Open();
  ASSERT_OK(db_->AddBatch(Fan(110)));
  EXPECT_EQ(dynamo_.count("BatchWriteItem"), 5);
  const std::size_t before = world_.slept().size();
  dynamo_.Plant([&](const SeenRequest& request, const auto& pass) {
    Json body = Json::parse(request.body);
    if (Between::OperationOf(request) != "BatchWriteItem" ||
        body["RequestItems"][table_].size() < 2) {
      return pass();
    }
    // All but the first is left undone.
    Json& requests = body["RequestItems"][table_];
    const Json first = requests[0]["PutRequest"]["Item"];
    Ask("PutItem", {{"Item", first}});
    requests.erase(0);
    return FakeReply{.body = Json{{"UnprocessedItems", {{table_, requests}}}}.dump()};
  });
  ASSERT_OK(db_->AddBatch(Fan(10, "n")));
  EXPECT_EQ(*db_->Count({{Column::kModel, "n"}}), 10);
  EXPECT_EQ(world_.slept().size() - before, 9U);
  EXPECT_THAT(world_.slept(), Each(1'000)) << "it gets further each time";
}

TEST_F(S3TableTest, WhatStaysUndoneIsAnErrorAndNoRecordIsStored) {
  Open();
  dynamo_.Plant([&](const SeenRequest& request, const auto& pass) {
    return Between::OperationOf(request) != "BatchWriteItem"
               ? pass()
               : FakeReply{.body =
                               Json{{"UnprocessedItems", Json::parse(request.body)["RequestItems"]}}
                                   .dump()};
  });
  const std::size_t before = world_.slept().size();
  const Status status = db_->AddBatch(Fan(3)).status();
  EXPECT_FAILS(status, kUnavailable, "left 3 of 3 items undone (5 attempts)");
  EXPECT_THAT(status.message(), HasSubstr("no record is stored"));
  std::vector<std::int64_t> slept = world_.slept();
  slept.erase(slept.begin(), slept.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_THAT(slept, ElementsAre(2'000, 4'000, 8'000, 16'000));
  EXPECT_EQ(index_.count("PutVectors"), 0);
  dynamo_.Plant(nullptr);
  ASSERT_OK(db_->AddBatch(Fan(3)));
  EXPECT_EQ(*db_->Count({}), 3);
}

TEST_F(S3TableTest, ThrottlingIsWaitedForLongerThanBrokenLines) {
  Open();
  const std::size_t before = world_.slept().size();
  int left = 2;
  dynamo_.Plant([&left](const SeenRequest&, const auto& pass) {
    return left-- > 0 ? Refusal("ProvisionedThroughputExceededException") : pass();
  });
  ASSERT_OK(db_->Add(Fan(1)[0]));
  std::vector<std::int64_t> slept = world_.slept();
  slept.erase(slept.begin(), slept.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_THAT(slept, ElementsAre(1'000, 2'000));
}

TEST_F(S3TableTest, ATableThatIsGoneIsNamed) {
  Open();
  ASSERT_OK(db_->AddBatch(Fan(3)));
  Ask("DeleteTable", Json::object());
  EXPECT_FAILS(db_->Count({}), kFailedPrecondition, table_.substr(0, 20));
  EXPECT_FAILS(db_->Add(Fan(1)[0]), kFailedPrecondition, "ResourceNotFoundException");
  EXPECT_OK(db_->Get(Fan(3)[0].key));  // the index is the truth
}

TEST_F(S3TableTest, NoSecretIsInAnyMessage) {
  Open();
  const std::string secret(RunningS3Server::kSecretAccessKey);
  for (const int status : {400, 401, 403, 404, 429, 500}) {
    dynamo_.Plant([&](const SeenRequest&, const auto&) {
      return FakeReply{.status = status, .body = Concat(R"({"message":")", secret, R"("})")};
    });
    for (const Status& failed :
         {db_->Add(Fan(1)[0]).status(), db_->Count({}).status(), db_->Models({}).status(),
          db_->Verify().status(), db_->Reindex("", nullptr).status(),
          TryOpen(WithTable()).status()}) {
      EXPECT_FALSE(failed.ok());
      EXPECT_THAT(failed.ToString(), Not(HasSubstr(secret)));
    }
  }
  EXPECT_THAT(test_.log.lines(), Each(Not(HasSubstr(secret))));
}

}  // namespace
}  // namespace embeddingsdb::s3vectors
