// SPDX-License-Identifier: BSD-3-Clause
//
// s3vectors:// against our own server of the protocol, and with faults between the two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "embeddingsdb/limits.h"

#include "engines/s3vectors/s3_database.h"
#include "index/distance.h"
#include "support/between.h"
#include "support/fake_surroundings.h"
#include "support/records.h"
#include "support/running_s3_server.h"
#include "support/s3_keys_file.h"
#include "support/test_context.h"

namespace embeddingsdb::s3vectors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class S3DatabaseTest : public testing::Test {
 protected:
  explicit S3DatabaseTest(std::string_view database = "memory://?metric=cosine")
      : server_(database, keys_.server_options()), between_(server_.endpoint()) {
    world_.now = test_.env->NowUnixSeconds();
    world_.variables = {{"AWS_ACCESS_KEY_ID", std::string(RunningS3Server::kAccessKeyId)},
                        {"AWS_SECRET_ACCESS_KEY", std::string(RunningS3Server::kSecretAccessKey)}};
  }

  Result<std::unique_ptr<Database>> TryOpen(const std::string& options,
                                            const std::string& index = "clip") {
    EDB_ASSIGN(const Uri uri,
               Uri::Parse(Concat(
                   "s3vectors://collection?index=", index, "&region=", RunningS3Server::kRegion,
                   "&credentials=env:&endpoint=", PercentEncode(between_.url()), options)));
    EDB_ASSIGN(S3Options read, S3Options::FromUri(uri, world_.get()));
    return S3VectorsDatabase::Open(std::move(read), test_.context(), world_.get());
  }
  void Open(const std::string& options, const std::string& index = "clip") {
    Result<std::unique_ptr<Database>> opened = TryOpen(options, index);
    ASSERT_OK(opened);
    db_ = *std::move(opened);
  }
  /// Asks the server itself.
  void Post(const std::string& operation, const std::string& body) {
    const auto client = AwsClient::Open({.endpoint = *Uri::Parse(server_.endpoint()),
                                         .service = "s3vectors",
                                         .region = std::string(RunningS3Server::kRegion),
                                         .credentials_label = "env:"},
                                        world_.get());
    ASSERT_OK((*client)->Call({.operation = operation, .target = "/" + operation, .body = body},
                              [](std::string_view) { return Status(); }));
  }
  std::vector<std::string> Ids(const SimilarQuery& query) {
    std::vector<std::string> ids;
    const auto found = db_->Similar(query);
    EXPECT_OK(found);
    if (found.ok()) {
      for (const SimilarRecord& record : *found) {
        ids.push_back(record.key.depiction_id);
      }
    }
    return ids;
  }

  TestContext test_;
  FakeSurroundings world_;
  S3KeysFile keys_;
  RunningS3Server server_;
  Between between_;
  std::unique_ptr<Database> db_;
};

TEST_F(S3DatabaseTest, BucketAndIndexAreMadeWhenTheyAreNotThere) {
  Open("&dimensions=2");
  EXPECT_THAT(between_.operations(), ElementsAre("GetIndex", "CreateIndex", "CreateVectorBucket",
                                                 "CreateIndex", "GetIndex"));
  Open("&dimensions=2");
  EXPECT_EQ(between_.operations().size(), 6U) << "one request to find out that it is there";
  EXPECT_FAILS(TryOpen("&dimensions=3"), kFailedPrecondition, "has 2 dimensions");
  EXPECT_FAILS(TryOpen("&metric=l2"), kFailedPrecondition, "metric");
  EXPECT_FAILS(TryOpen("&read-only=true", "other"), kNotFound, "other");
}

TEST_F(S3DatabaseTest, WithoutDimensionsTheFirstRecordDecides) {
  Open("");
  EXPECT_TRUE(db_->Dimensions()->empty());
  EXPECT_TRUE(db_->Models({})->empty());
  EXPECT_EQ(db_->List({})->total, 0);
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "m", {1, 2, 3})));
  EXPECT_EQ(*db_->Dimensions(), std::vector<int>{3});
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "other", {1, 2})), kInvalidArgument, "have 3");
}

TEST_F(S3DatabaseTest, TakesFewRequestsToAddMany) {
  Open("&dimensions=2&check-keys=false");
  const std::size_t before = between_.operations().size();
  ASSERT_OK(db_->AddBatch(Fan(1'200)));
  EXPECT_EQ(between_.count("PutVectors"), 3) << "500 each";
  EXPECT_LE(between_.operations().size() - before, 4U) << "and one for the tags";
  Open("&dimensions=2");
  EXPECT_EQ(*db_->AddBatch(Fan(1'200)), (AddReport{.replaced = 1'200}));
  EXPECT_EQ(between_.count("GetVectors"), 12) << "100 each";
  EXPECT_EQ(*db_->Count({}), 1'200);
}

// The limit is 500 vectors a request: three for 1,200, and one for the tags.
TEST_F(S3DatabaseTest, WhatCannotBeThereIsNotLookedUp) {
  for (const std::string keys : {"v1", "v2"}) {
    for (const std::string dimensions : {"", "&dimensions=2"}) {
      Open(Concat("&keys=", keys, dimensions), Concat("new-", keys, "-", dimensions.size()));
      const std::size_t before = between_.operations().size();
      const std::int64_t gets = between_.count("GetVectors");
      std::vector<Record> records = Fan(1'200);
      EXPECT_EQ(*db_->AddBatch(std::span(records).first(500)), (AddReport{.added = 500}));
      EXPECT_EQ(*db_->AddBatch(std::span(records).subspan(500)), (AddReport{.added = 700}));
      EXPECT_EQ(between_.count("GetVectors") - gets, 0);
      // GetIndex, CreateIndex and GetIndex where there were no dimensions to make it with.
      EXPECT_LE(between_.operations().size() - before, 3U + 1 + (dimensions.empty() ? 3 : 0));
      // What this process has stored may be there.
      records[1'199] = MakeRecord("p", "new", "m", {1, 0});
      EXPECT_EQ(*db_->AddBatch(std::span(records).last(101)),
                (AddReport{.added = 1, .replaced = 100}));
      EXPECT_EQ(between_.count("GetVectors") - gets, 1) << "of 100 keys";
    }
  }
}

TEST_F(S3DatabaseTest, AllIsLookedUpWhereOthersMayHaveStored) {
  Open("&dimensions=2");
  ASSERT_OK(db_->AddBatch(Fan(300)));
  ASSERT_EQ(between_.count("GetVectors"), 0);
  const AddOptions skip{.on_duplicate = OnDuplicate::kSkip};
  EXPECT_EQ(*db_->AddBatch(Fan(300), skip), (AddReport{.skipped = 300}));
  EXPECT_EQ(between_.count("GetVectors"), 3) << "the answer decides what is stored";
  Open("&dimensions=2");
  EXPECT_EQ(*db_->AddBatch(Fan(300)), (AddReport{.replaced = 300}));
  EXPECT_EQ(between_.count("GetVectors"), 6) << "of an index that was there";
  Open("&dimensions=2&check-keys=true", "other");
  ASSERT_OK(db_->AddBatch(Fan(300)));
  EXPECT_EQ(between_.count("GetVectors"), 9) << "asked for";
}

TEST_F(S3DatabaseTest, AnIndexThatAnotherMadeMeanwhileIsNotOurs) {
  Open("");
  const std::unique_ptr<Database> first = std::move(db_);
  Open("");
  ASSERT_OK(db_->Add(MakeRecord("a-b", "c", "m", {1, 0})));
  EXPECT_FAILS(first->Add(MakeRecord("a", "b-c", "m", {0, 1})), kAlreadyExists, "keys=v2");
}

TEST_F(S3DatabaseTest, AnotherRecordAtAKeyOfOursIsRefusedInANewIndexToo) {
  Open("&dimensions=2");
  ASSERT_OK(db_->Add(MakeRecord("a-b", "c", "m", {1, 0})));
  EXPECT_FAILS(db_->Add(MakeRecord("a", "b-c", "m", {0, 1})), kAlreadyExists, "keys=v2");
}

TEST_F(S3DatabaseTest, ManyAreRemovedByFewRequests) {
  Open("&dimensions=2");
  ASSERT_OK(db_->AddBatch(Fan(1'200)));
  ASSERT_OK(db_->Add(MakeRecord("a-b", "c", "m", {1, 0})));
  std::vector<Key> keys = {{"a", "b-c", "m"}, {"p0", "absent", "m"}};
  for (const Record& record : Fan(1'100)) {
    keys.push_back(record.key);
  }
  EXPECT_EQ(*db_->RemoveBatch(keys), 1'100);
  EXPECT_EQ(between_.count("DeleteVectors"), 3) << "500 each";
  EXPECT_EQ(between_.count("GetVectors"), 12) << "100 each, to know what there is";
  EXPECT_EQ(*db_->Count({}), 101) << "also the one that is at the key of another";
}

TEST_F(S3DatabaseTest, BatchesStayBelowTheLimitOfARequest) {
  Open("&check-keys=false");
  std::mt19937_64 random(TestSeed());
  std::vector<Record> records;
  for (int i = 0; i < 495; ++i) {
    records.push_back(MakeRecord("p", std::to_string(i), "m", RandomVector(random, 4'096)));
  }
  between_.Plant([](const SeenRequest& request, const auto& pass) {
    EXPECT_LE(request.body.size(), kMaxS3RequestBytes);
    return request.target == "/PutVectors" ? FakeReply{} : pass();  // storing them takes long
  });
  ASSERT_OK(db_->AddBatch(records));
  EXPECT_EQ(between_.count("PutVectors"), 2);
}

TEST_F(S3DatabaseTest, KeysOfV1ThatCollideAreRefusedByName) {
  Open("");
  const Record one = MakeRecord("a-b", "c", "m", {1, 0});
  const Record other = MakeRecord("a", "b-c", "m", {0, 1});
  const std::vector<Record> both = {one, other};
  EXPECT_FAILS(db_->AddBatch(both), kAlreadyExists, "keys=v2");
  ASSERT_OK(db_->Add(one));
  EXPECT_FAILS(db_->Add(other), kAlreadyExists, "\"b-c\"");
  EXPECT_FAILS(db_->Get(other.key), kNotFound, "");
  EXPECT_EQ(*db_->Remove(other.key), false);
  EXPECT_EQ(*db_->Get(one.key), one);
  Open("&keys=v2", "second");
  ASSERT_OK(db_->AddBatch(both));
  EXPECT_EQ(*db_->Get(one.key), one);
  EXPECT_EQ(*db_->Get(other.key), other);
}

TEST_F(S3DatabaseTest, ZerosAndLongVectorsAreRefusedBeforeAnythingIsMade) {
  Open("");
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "m", {0, 0})), kInvalidArgument, "all zeros");
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "m", std::vector<float>(4'097, 1))), kInvalidArgument,
               "4096");
  EXPECT_EQ(between_.count("CreateIndex"), 0);
}

TEST_F(S3DatabaseTest, LargeAttributesComeBackAndAreFilteredBy) {
  Open("");
  std::vector<Record> records = Fan(12);
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].attributes["text"] = std::string(i % 2 == 0 ? 3'000 : 10, i % 3 == 0 ? 'a' : 'b');
  }
  ASSERT_OK(db_->AddBatch(records));
  EXPECT_EQ(*db_->Get(records[0].key), records[0]);
  const SimilarQuery query = {.model = "m",
                              .embedding = {1, 0},
                              .k = 10,
                              .max_distance = 0.0F,
                              .filters = {{Column::kAttribute, std::string(3'000, 'a'), "text"}}};
  EXPECT_THAT(Ids(query), ElementsAre("d1000", "d1006"));
  EXPECT_EQ(*db_->Count(query.filters), 2);
}

TEST_F(S3DatabaseTest, AnIndexOfGoIsReadAndWrittenAsItIs) {
  Open("&dimensions=2", "mine");
  // As the other system makes it: nothing is declared non-filterable, all metadata is strings.
  Post("CreateIndex", R"({"vectorBucketName":"collection","indexName":"clip",)"
                      R"("dataType":"float32","dimension":2,"distanceMetric":"cosine"})");
  Post("PutVectors",
       R"({"vectorBucketName":"collection","indexName":"clip","vectors":[{"key":)"
       R"("museum-1-m","data":{"float32":[1,0]},"metadata":{"title":"T","x-model":"m",)"
       R"("x-provider":"museum","x-subject-id":"s","x-depiction-id":"1",)"
       R"("x-created":"7"}}]})");
  Open("");
  Record expected = MakeRecord("museum", "1", "m", {1, 0});
  expected.subject_id = "s";
  expected.created = 7;
  expected.attributes = {{"title", "T"}};
  EXPECT_EQ(*db_->Get(expected.key), expected);
  Record large = expected;
  large.attributes["preview"] = std::string(3'000, 'p');
  EXPECT_FAILS(db_->Add(large), kInvalidArgument, "attributes[\"preview\"] of 3000 bytes");
}

TEST_F(S3DatabaseTest, TheModelIsInEveryQuery) {
  Open("");
  ASSERT_OK(db_->AddBatch(Fan(20, "one")));
  ASSERT_OK(db_->AddBatch(Fan(3, "two")));
  const auto found = db_->Similar({.model = "two", .embedding = {1, 0}, .max_distance = 0.0F});
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 3U);
  EXPECT_THAT(between_.last_body(), HasSubstr(R"("filter":{"x-model":{"$eq":"two"}})"));
}

TEST_F(S3DatabaseTest, WordsAndManyExclusionsLeaveNoHoles) {
  Open("");
  std::vector<Record> records = Fan(300);
  for (std::size_t i = 250; i < 300; ++i) {
    records[i].attributes["subject_title"] = "a red fish";
  }
  ASSERT_OK(db_->AddBatch(records));
  SimilarQuery query = {.model = "m", .embedding = {1, 0}, .k = 3, .max_distance = 0.0F};
  query.filters = {{Column::kWords, "fish"}};
  EXPECT_THAT(Ids(query), ElementsAre("d1250", "d1251", "d1252"));
  query.filters.clear();
  for (int i = 0; i < 200; ++i) {
    query.exclude.push_back("d" + std::to_string(1'000 + i));
  }
  EXPECT_THAT(Ids(query), ElementsAre("d1200", "d1201", "d1202"));
}

TEST_F(S3DatabaseTest, AnExactQueryComparesAllRecordsHere) {
  Open("");
  ASSERT_OK(db_->AddBatch(Fan(50)));
  const SimilarQuery query = {.model = "m", .embedding = {1, 0.3F}, .k = 7, .max_distance = 0.0F};
  SimilarQuery exact = query;
  exact.exact = true;
  EXPECT_EQ(Ids(query), Ids(exact));
  EXPECT_EQ(between_.count("QueryVectors"), 1);
  EXPECT_EQ(Ids({.model = "m", .embedding = {0, 0}, .k = 2}).size(), 2U)
      << "zeros are as far from everything as any direction, and no query of the service";
  EXPECT_EQ(between_.count("QueryVectors"), 1);
}

TEST_F(S3DatabaseTest, ListsGoOnByCursorWithAndWithoutFilters) {
  Open("");
  ASSERT_OK(db_->AddBatch(Fan(53)));
  EXPECT_EQ(db_->pagination_type(), PaginationType::kCursor);
  for (const std::vector<Filter>& filters :
       {std::vector<Filter>{}, std::vector<Filter>{{Column::kProvider, "p1"}}}) {
    std::set<Key> seen;
    ListQuery query{.per_page = 10, .filters = filters};
    std::vector<std::string> first_of_pages;
    do {
      const Result<RecordPage> page = db_->List(query);
      ASSERT_OK(page);
      EXPECT_EQ(page->total, kTotalUnknown);
      for (const Record& record : page->records) {
        EXPECT_TRUE(seen.insert(record.key).second) << DisplayKey(record.key);
        EXPECT_EQ(record.embedding.size(), 2U);
      }
      if (!page->records.empty()) {
        first_of_pages.push_back(page->records.front().key.depiction_id);
      }
      query.cursor = page->next_cursor;
    } while (!query.cursor.empty());
    EXPECT_EQ(seen.size(), filters.empty() ? 53U : 26U);
    for (std::size_t i = 0; i < first_of_pages.size(); ++i) {
      const Result<RecordPage> page =
          db_->List({.page = static_cast<std::int64_t>(i) + 1, .per_page = 10, .filters = filters});
      ASSERT_OK(page);
      EXPECT_EQ(page->records.front().key.depiction_id, first_of_pages[i]);
    }
    EXPECT_TRUE(db_->List({.page = 99, .per_page = 10, .filters = filters})->records.empty());
  }
  for (const char* bad : {"x", ".", "1", "-1.t", "99999.t"}) {
    EXPECT_FAILS(db_->List({.cursor = bad}), kInvalidArgument, "cursor");
  }
}

TEST_F(S3DatabaseTest, ManyRecordsAreListedInSegments) {
  Open("&check-keys=false");
  ASSERT_OK(db_->AddBatch(Fan(2'500)));
  const std::int64_t before = between_.count("ListVectors");
  EXPECT_EQ(ScanAll(*db_)->size(), 2'500U);
  EXPECT_EQ(between_.count("ListVectors") - before, 9) << "one to find out, one a segment";
  const Result<std::unique_ptr<RecordCursor>> cursor = db_->Scan({});
  Record record;
  ASSERT_TRUE(*(*cursor)->Next(record));  // and nobody reads on
}

TEST_F(S3DatabaseTest, ModelsAndProvidersAreKeptInTags) {
  Open("");
  ASSERT_OK(db_->AddBatch(Fan(4, "one")));
  EXPECT_THAT(*db_->Models({}), ElementsAre("one"));
  EXPECT_EQ(between_.count("POST tags"), 1);
  const std::int64_t lists = between_.count("ListVectors");
  EXPECT_THAT(*db_->Providers({}), ElementsAre("p0", "p1"));
  EXPECT_EQ(between_.count("ListVectors"), lists) << "the tags know";
  ASSERT_OK(db_->AddBatch(Fan(4, "two")));
  EXPECT_THAT(*db_->Models({}), ElementsAre("one", "two"));
  EXPECT_EQ(between_.count("ListVectors"), lists);
  for (const Record& record : Fan(4, "one")) {
    ASSERT_OK(db_->Remove(record.key));
  }
  EXPECT_EQ(between_.count("DELETE tags"), 1);
  EXPECT_THAT(*db_->Models({}), ElementsAre("two"));
}

TEST_F(S3DatabaseTest, NamesThatAreNoTagsAreFoundByReadingAllRecords) {
  Open("");
  ASSERT_OK(db_->AddBatch(Fan(2, "one")));
  EXPECT_THAT(*db_->Models({}), ElementsAre("one"));
  ASSERT_OK(db_->AddBatch(Fan(2, "a name")));
  EXPECT_EQ(between_.count("DELETE tags"), 1) << "lists without it would be believed";
  EXPECT_THAT(*db_->Models({}), ElementsAre("a name", "one"));
  EXPECT_TRUE(test_.log.Contains("all records are read"));
}

TEST_F(S3DatabaseTest, WhoMayNotReadTagsReadsAllRecords) {
  Open("");
  ASSERT_OK(db_->AddBatch(Fan(2, "one")));
  between_.Plant([](const SeenRequest& request, const auto& pass) {
    return request.target.starts_with("/tags/")
               ? FakeReply{.status = 403,
                           .body = "{}",
                           .headers = {{"x-amzn-errortype", "AccessDeniedException"}}}
               : pass();
  });
  EXPECT_THAT(*db_->Models({}), ElementsAre("one"));
  ASSERT_OK(db_->Remove(Fan(2, "one").front().key));
}

TEST_F(S3DatabaseTest, ABatchThatIsStoredInPartSaysSo) {
  Open("&dimensions=2&check-keys=false");
  int puts = 0;
  between_.Plant([&puts](const SeenRequest& request, const auto& pass) {
    if (request.target == "/PutVectors" && ++puts > 1) {
      return FakeReply{.status = 402,
                       .body = R"({"message":"full"})",
                       .headers = {{"x-amzn-errortype", "ServiceQuotaExceededException"}}};
    }
    return pass();
  });
  const Status full = db_->AddBatch(Fan(1'200)).status();
  EXPECT_EQ(full.code(), StatusCode::kResourceExhausted);
  // Which of the three requests comes first is chance.
  EXPECT_THAT(full.message(),
              testing::MatchesRegex("at least (500|200) of 1200 records are stored: PutVectors: "
                                    "ServiceQuotaExceededException: \"full\""));
  between_.Plant(nullptr);
  ASSERT_OK(db_->AddBatch(Fan(1'200)));
  EXPECT_EQ(*db_->Count({}), 1'200) << "adding again puts it right";
}

/// The first request of each kind goes wrong.
class S3Faults : public S3DatabaseTest, public testing::WithParamInterface<PassingFault> {};
INSTANTIATE_TEST_SUITE_P(
    All, S3Faults,
    testing::Values(PassingFault{"throttled", {.status = 429, .body = "{}"}, false},
                    PassingFault{"broken", {.status = 500, .body = "{}"}, false},
                    PassingFault{"busy", {.status = 503, .body = "<html>"}, false},
                    PassingFault{"timed_out", {.status = 408, .body = "{}"}, false},
                    PassingFault{"reset", {.reset = true}, false},
                    PassingFault{"lost_answer", {.reset = true}, true},
                    PassingFault{"error_after_the_work", {.status = 500, .body = "{}"}, true},
                    PassingFault{"cut_short", {.body = "{", .cut = 9}, true}),
    [](const auto& fault) { return fault.param.name; });

TEST_P(S3Faults, NothingIsLostAndNothingIsThereTwice) {
  std::map<std::string, int> asked;
  between_.Plant([&asked](const SeenRequest& request, const auto& pass) {
    if (++asked[request.method + request.target] % 2 == 0) {
      return pass();
    }
    if (GetParam().delivered) {
      pass();
    }
    return GetParam().reply;
  });
  Open("&dimensions=2");
  EXPECT_EQ(*db_->AddBatch(Fan(20)), (AddReport{.added = 20}));
  EXPECT_EQ(*db_->Count({}), 20);
  EXPECT_EQ(*db_->Get(Fan(20)[3].key), Fan(20)[3]);
  EXPECT_THAT(Ids({.model = "m", .embedding = {1, 0}, .k = 2}), ElementsAre("d1000", "d1001"));
  EXPECT_EQ(*db_->Remove(Fan(20)[3].key), true);
  EXPECT_EQ(*db_->Count({}), 19);
  EXPECT_THAT(*db_->Models({}), ElementsAre("m"));
}

TEST_F(S3DatabaseTest, TheFaultsAreNoticedByAClientThatDoesNotTryAgain) {
  // The canary of the suite above: with more faults than attempts it has to fail.
  Open("&dimensions=2");
  between_.Plant([](const SeenRequest&, const auto&) { return FakeReply{.status = 503}; });
  EXPECT_FAILS(db_->Add(Fan(1)[0]), kUnavailable, "5 attempts");
}

TEST_F(S3DatabaseTest, NoSecretIsInAnyMessage) {
  // The secret comes back in the message of the server, and everything fails in turn.
  Open("&dimensions=2");
  const std::string secret(RunningS3Server::kSecretAccessKey);
  for (const int status : {400, 401, 402, 403, 404, 409, 418, 429, 500}) {
    between_.Plant([&](const SeenRequest&, const auto&) {
      return FakeReply{.status = status, .body = Concat(R"({"message":")", secret, R"("})")};
    });
    for (const Status& failed :
         {db_->Add(Fan(1)[0]).status(), db_->Get(Fan(1)[0].key).status(), db_->Count({}).status(),
          db_->Similar({.model = "m", .embedding = {1, 0}}).status(), db_->Verify().status(),
          TryOpen("", "new").status()}) {
      EXPECT_FALSE(failed.ok());
      EXPECT_THAT(failed.ToString(), Not(HasSubstr(secret)));
    }
  }
  for (const std::string& line : test_.log.lines()) {
    EXPECT_THAT(line, Not(HasSubstr(secret)));
  }
  const Result<Uri> uri = Uri::Parse("s3vectors://b?credentials=AKIA:" + std::string("canary"));
  EXPECT_THAT(uri->Redacted(), Not(HasSubstr("canary")));
}

class S3Euclidean : public S3DatabaseTest {
 protected:
  S3Euclidean() : S3DatabaseTest("memory://?metric=l2") {}
};

TEST_F(S3Euclidean, DistancesAreEuclidean) {
  Open("&metric=l2");
  ASSERT_OK(db_->Add(MakeRecord("p", "east", "m", {1, 0})));
  ASSERT_OK(db_->Add(MakeRecord("p", "zero", "m", {0, 0})));
  const auto found =
      db_->Similar({.model = "m", .embedding = {0, 1}, .k = 5, .max_distance = 0.0F});
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].distance, 1.0F);
  EXPECT_EQ((*found)[1].distance, 1.4142135F);
}

TEST_F(S3DatabaseTest, VerifyNamesWhatIsNoRecordAndWhatIsAtAnotherKey) {
  Open("&dimensions=2");
  ASSERT_OK(db_->AddBatch(Fan(3)));
  EXPECT_THAT(db_->Verify()->problems, ElementsAre());
  EXPECT_EQ(db_->Verify()->records, 3);
  Open("&keys=v2");
  EXPECT_EQ(db_->Verify()->problems.size(), 3U);
}

}  // namespace
}  // namespace embeddingsdb::s3vectors
