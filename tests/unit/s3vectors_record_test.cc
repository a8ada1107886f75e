// SPDX-License-Identifier: BSD-3-Clause
//
// Records as vectors of S3 Vectors and back, requests byte for byte, answers, options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "embeddingsdb/limits.h"

#include "engines/s3vectors/s3_answers.h"
#include "engines/s3vectors/s3_index.h"
#include "engines/s3vectors/s3_options.h"
#include "engines/s3vectors/s3_record.h"
#include "support/fake_surroundings.h"
#include "support/loopback_http.h"
#include "support/records.h"

namespace embeddingsdb::s3vectors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const S3Layout kOurs = {.non_filterable = {std::string(kS3MoreKey)}};
const S3Layout kGo = {};

Record Example() {
  Record record = MakeRecord("museum", "d-1", "clip", {0.1F, -2, 3e-9F, -0.0F});
  record.subject_id = "s";
  record.created = 1'234;
  record.attributes = {{"title", "A \"fish\""}};
  return record;
}

/// As it comes back from the service.
S3Vector Returned(const Record& record, const S3Metadata& metadata) {
  const S3Metadata& m = metadata;
  S3Vector vector{.key = "k", .data = record.embedding, .metadata = m.values};
  if (!m.more_names.empty()) {
    vector.metadata[std::string(kS3MoreNamesKey)] = "[]";
  }
  return vector;
}

TEST(S3Record, KeysAreThoseOfGoOrUnambiguous) {
  EXPECT_EQ(*S3KeyOf({"p", "d", "m"}, S3KeyForm::kV1), "p-d-m");
  EXPECT_EQ(*S3KeyOf({"p", "d", "m"}, S3KeyForm::kV2), "v2:1:1:pdm");
  EXPECT_NE(*S3KeyOf({"p", "d1", "m"}, S3KeyForm::kV2), *S3KeyOf({"pd", "1", "m"}, S3KeyForm::kV2));
  const Key longest = {std::string(kMaxProviderBytes, 'p'), std::string(kMaxDepictionIdBytes, 'd'),
                       std::string(kMaxModelBytes, 'm')};
  EXPECT_FAILS(S3KeyOf(longest, S3KeyForm::kV1), kInvalidArgument, "the limit is 1024");
  EXPECT_THAT(*S3KeyOf(longest, S3KeyForm::kV2), testing::StartsWith("v2:sha256:"));
}

TEST(S3Record, ThePutEntryIsThatOfGo) {
  const Record record = Example();
  const Result<S3Metadata> metadata = S3MetadataOf(record, kGo);
  ASSERT_OK(metadata);
  EXPECT_EQ(S3PutEntry("museum-d-1-clip", record, *metadata),
            R"({"key":"museum-d-1-clip","data":{"float32":[0.1,-2,3e-09,-0.0]},"metadata":)"
            R"({"title":"A \"fish\"","x-created":"1234","x-depiction-id":"d-1","x-model":"clip",)"
            R"("x-provider":"museum","x-subject-id":"s"}})");
  EXPECT_EQ(*RecordOf(Returned(record, *metadata)), record);
}

TEST(S3Record, SizesAreCountedAsTheServiceDoes) {
  const S3Metadata metadata = {.values = {{"ab", "cde"}, {"x-more", "1234567890"}},
                               .more_names = {"n", "mm"}};
  EXPECT_EQ(S3MetadataBytes(metadata, kOurs, true), 4U + (8 + 5) + (8 + 12 + 5 + 6));
  EXPECT_EQ(S3MetadataBytes(metadata, kOurs, false), 4U + (8 + 5) + (8 + 12 + 5 + 6) + (8 + 16));
}

TEST(S3Record, WhatIsTooLargeForFiltersIsKeptElsewhereLargestFirst) {
  Record record = Example();
  record.attributes = {{"$and", "operator"},
                       {"big", std::string(3'000, 'b')},
                       {"small", "s"},
                       {"mid", std::string(1'500, 'm')}};
  const Result<S3Metadata> metadata = S3MetadataOf(record, kOurs);
  ASSERT_OK(metadata);
  EXPECT_THAT(metadata->more_names, ElementsAre("$and", "big"));
  EXPECT_LE(S3MetadataBytes(*metadata, kOurs, true), kMaxS3FilterableBytes);
  EXPECT_EQ(*RecordOf(Returned(record, *metadata)), record);
  const Status refused = S3MetadataOf(record, kGo).status();
  EXPECT_FAILS(refused, kInvalidArgument, "attributes[\"big\"] of 3000 bytes");
  EXPECT_THAT(refused.message(), HasSubstr("2048"));
}

TEST(S3Record, RecordsAtEveryLimitFit) {
  Record record = Example();
  record.key = {std::string(kMaxProviderBytes, 'p'), std::string(kMaxDepictionIdBytes, 'd'),
                std::string(kMaxModelBytes, 'm')};
  record.subject_id = std::string(kMaxSubjectIdBytes, 's');
  record.attributes.clear();
  for (std::size_t i = 0; i < kMaxAttributes; ++i) {
    record.attributes[Concat(std::string(kMaxAttributeKeyBytes - 2, 'k'), 10 + i)] =
        std::string(600, 'v');
  }
  ASSERT_OK(Validate(record));
  const Result<S3Metadata> metadata = S3MetadataOf(record, kOurs);
  ASSERT_OK(metadata);
  EXPECT_THAT(metadata->more_names, ElementsAre(std::string(kS3AnyName)));
  EXPECT_LE(S3MetadataBytes(*metadata, kOurs, true), kMaxS3FilterableBytes);
  EXPECT_EQ(*RecordOf(Returned(record, *metadata)), record);
}

TEST(S3Record, NamesThatWouldBeLostAreRefused) {
  for (const char* name : {"x-model", "x-provider", "x-subject-id", "x-depiction-id", "x-created",
                           "x-more", "x-more-names"}) {
    Record record = Example();
    record.attributes = {{name, "v"}};
    EXPECT_FAILS(S3MetadataOf(record, kOurs), kInvalidArgument, name);
  }
  Record record = Example();
  record.attributes = {{"x-other", "kept"}};
  EXPECT_EQ(*RecordOf(Returned(record, *S3MetadataOf(record, kOurs))), record);
}

TEST(S3Record, VectorsThatAreNoRecordsAreNamed) {
  EXPECT_FAILS(RecordOf({.key = "k1", .metadata = {{"a", "b"}}}), kDataLoss, "\"k1\"");
  EXPECT_FAILS(RecordOf({.key = "k1",
                         .metadata = {{"x-provider", "p"},
                                      {"x-model", "m"},
                                      {"x-depiction-id", "d"},
                                      {"x-created", "late"}}}),
               kDataLoss, "x-created");
}

TEST(S3Record, TheModelIsAlwaysInTheFilter) {
  SimilarQuery query{.model = "clip", .embedding = {1}};
  EXPECT_EQ(S3FilterOf(query, kGo), R"({"x-model":{"$eq":"clip"}})");
  query.provider = "p";
  query.exclude = {"a", "b"};
  query.filters = {{Column::kAttribute, "v", "title"},
                   {Column::kWords, "fish"},
                   {Column::kAttribute, "v", "$or"}};
  EXPECT_EQ(S3FilterOf(query, kGo),
            R"({"$and":[{"x-model":{"$eq":"clip"}},{"x-provider":{"$eq":"p"}},)"
            R"({"x-depiction-id":{"$nin":["a","b"]}},{"title":{"$eq":"v"}}]})");
  EXPECT_THAT(S3FilterOf(query, kOurs), HasSubstr(R"({"$or":[{"title":{"$eq":"v"}},)"
                                                  R"({"x-more-names":{"$in":["title","*"]}}]})"));
  query.exclude.assign(1'000, "e");
  const std::string filter = S3FilterOf(query, kGo);
  EXPECT_LE(std::count(filter.begin(), filter.end(), 'e'), 100);
}

TEST(S3Answers, VectorsAreReadWithAllTypesOfMetadata) {
  const Result<S3VectorsPage> page = ParseS3Vectors(
      R"({"new":{"vectors":[1]},"vectors":[{"key":"a","data":{"float32":[0.1,-0,1e-45,)"
      R"(3.4028235e38]},)"
      R"("metadata":{"s":"t","n":1.5,"b":true,"l":["x",2],"z":null},"distance":0.25},)"
      R"({"distance":"Infinity","key":"b"}],"nextToken":"next","more":[[{}]]})");
  ASSERT_OK(page);
  EXPECT_EQ(page->next_token, "next");
  ASSERT_EQ(page->vectors.size(), 2U);
  const S3Vector& a = page->vectors[0];
  EXPECT_EQ(a.key, "a");
  EXPECT_THAT(a.data, ElementsAre(0.1F, -0.0F, 1e-45F, 3.4028235e38F));
  EXPECT_TRUE(std::signbit(a.data[1]));
  EXPECT_EQ(a.distance, 0.25F);
  EXPECT_EQ(a.metadata, (std::map<std::string, std::string>{
                            {"s", "t"}, {"n", "1.5"}, {"b", "true"}, {"l", R"(["x",2])"}}));
  EXPECT_TRUE(std::isinf(page->vectors[1].distance));
  for (const char* bad : {"", "{", R"({"vectors":[{"key":"a")", "<html>"}) {
    EXPECT_FALSE(ParseS3Vectors(bad).ok()) << bad;
  }
}

TEST(S3Answers, AnIndexWithoutItsFactsIsRefused) {
  const Result<S3IndexFacts> facts =
      ParseS3Index(R"({"index":{"indexArn":"arn","dimension":3,"distanceMetric":"euclidean",)"
                   R"("metadataConfiguration":{"nonFilterableMetadataKeys":["x-more"]}}})");
  ASSERT_OK(facts);
  EXPECT_EQ(facts->dimension, 3);
  EXPECT_EQ(facts->metric, Metric::kL2);
  EXPECT_TRUE(facts->layout.has_more());
  EXPECT_FALSE(ParseS3Index(R"({"index":{"dimension":3,"distanceMetric":"dot"}})").ok());
  EXPECT_FALSE(ParseS3Index("[]").ok());
}

TEST(S3Requests, AreThoseOfTheSdkByteForByte) {
  FakeSurroundings world;
  const LoopbackHttp server(
      [](const SeenRequest&) { return FakeReply{.body = R"({"vectors":[]})"}; });
  S3Index index(*AwsClient::Open({.endpoint = *Uri::Parse(server.url()),
                                  .service = "s3vectors",
                                  .region = "us-west-2",
                                  .credentials_label = "anon:"},
                                 world.get()),
                "my-bucket", "my-index");
  const std::vector<std::string> keys = {"k1", "k2"};
  ASSERT_OK(index.Get(keys, true));
  ASSERT_OK(index.Delete(keys));
  ASSERT_OK(index.List({.max_results = 500, .token = "tok", .segments = 4, .data = true}));
  ASSERT_OK(index.Query(std::vector<float>{1, 2, 3}, 10, ""));
  ASSERT_OK(index.CreateIndex(3, Metric::kCosine));
  ASSERT_OK(index.Tag("arn:a/b", {{"k1", "v1"}}));
  ASSERT_OK(index.Untag("arn:a/b", std::vector<std::string>{"k1", "k 2"}));
  std::vector<std::string> sent;
  for (const SeenRequest& request : server.seen()) {
    sent.push_back(Concat(request.method, " ", request.target, " ", request.body));
  }
  const std::string names = R"("vectorBucketName":"my-bucket","indexName":"my-index")";
  EXPECT_THAT(
      sent,
      ElementsAre(
          Concat(R"(POST /GetVectors {"keys":["k1","k2"],)", names,
                 R"(,"returnData":true,"returnMetadata":true})"),
          Concat(R"(POST /DeleteVectors {"keys":["k1","k2"],)", names, "}"),
          Concat("POST /ListVectors {", names,
                 R"(,"maxResults":500,"nextToken":"tok","segmentCount":4,"segmentIndex":0,)"
                 R"("returnData":true})"),
          Concat(R"(POST /QueryVectors {"topK":10,"queryVector":{"float32":[1,2,3]},)", names,
                 R"(,"returnMetadata":true,"returnDistance":true})"),
          R"(POST /CreateIndex {"indexName":"my-index","dataType":"float32","dimension":3,)"
          R"("distanceMetric":"cosine","vectorBucketName":"my-bucket","metadataConfiguration":)"
          R"({"nonFilterableMetadataKeys":["x-more"]}})",
          R"(POST /tags/arn%3Aa%2Fb {"tags":{"k1":"v1"}})",
          "DELETE /tags/arn%3Aa%2Fb?tagKeys=k1&tagKeys=k%202 "));
}

class S3OptionsTest : public testing::Test {
 protected:
  Result<S3Options> Read(const std::string& rest) {
    EDB_ASSIGN(const Uri uri, Uri::Parse("s3vectors://" + rest));
    return S3Options::FromUri(uri, world_.get());
  }
  FakeSurroundings world_;
};

TEST_F(S3OptionsTest, AreThoseOfGoAndOurs) {
  const Result<S3Options> options = Read(
      "collection?index=clip&region=us-east-1&credentials=anon:&dimensions=512"
      "&with-dynamodb=false&dynamodb-table=t&refresh-tags=true&keys=v2");
  ASSERT_OK(options);
  EXPECT_EQ(options->bucket, "collection");
  EXPECT_EQ(options->index, "clip");
  EXPECT_EQ(options->engine.metric, Metric::kCosine);
  EXPECT_EQ(options->keys, S3KeyForm::kV2);
  EXPECT_EQ(options->client.endpoint.Serialize(), "https://s3vectors.us-east-1.api.aws");
  EXPECT_EQ(Read("abc?index=clip&region=cn-north-1")->client.endpoint.host(),
            "s3vectors.cn-north-1.api.amazonwebservices.com.cn");
}

TEST_F(S3OptionsTest, TakeRegionAndEndpointFromAwssVariables) {
  EXPECT_FAILS(Read("abc?index=clip"), kInvalidArgument, "region");
  world_.variables = {{"AWS_REGION", "eu-west-1"},
                      {"AWS_ENDPOINT_URL_S3VECTORS", "http://127.0.0.1:9001"}};
  const Result<S3Options> options = Read("abc?index=clip");
  ASSERT_OK(options);
  EXPECT_EQ(options->client.region, "eu-west-1");
  EXPECT_EQ(options->client.endpoint.host(), "127.0.0.1");
}

TEST_F(S3OptionsTest, BadOnesAreRefusedByName) {
  const std::string good = "abc?index=clip&region=us-east-1";
  EXPECT_FAILS(Read("?index=clip&region=r"), kInvalidArgument, "BUCKET");
  EXPECT_FAILS(Read("abc?region=us-east-1"), kInvalidArgument, "index");
  EXPECT_FAILS(Read("abc?index=Clip&region=r"), kInvalidArgument, "index");
  EXPECT_FAILS(Read("abc/path?index=clip&region=r"), kInvalidArgument, "path");
  EXPECT_FAILS(Read("abc?index=clip&index=clop&region=r"), kInvalidArgument, "index 2 times");
  EXPECT_FAILS(Read("abc?index=clip&region=evil.example%2Fx"), kInvalidArgument, "region");
  EXPECT_FAILS(Read(good + "&dimensions=4097"), kInvalidArgument, "4096");
  EXPECT_FAILS(Read(good + "&metric=ip"), kUnimplemented, "metric=ip");
  EXPECT_FAILS(Read(good + "&keys=v3"), kInvalidArgument, "v2");
  EXPECT_FAILS(Read(good + "&endpoint=ftp://x"), kInvalidArgument, "endpoint");
  EXPECT_FAILS(Read(good + "&endpoint=http://example.org"), kInvalidArgument, "allow-plaintext");
  EXPECT_OK(Read(good + "&endpoint=http://example.org&allow-plaintext=true"));
  EXPECT_OK(Read(good + "&endpoint=http://localhost:9001"));
}

}  // namespace
}  // namespace embeddingsdb::s3vectors
