// SPDX-License-Identifier: BSD-3-Clause
//
// The parts of the S3 Vectors server, and its protocol without a socket. tests/s3 drives the real
// one with the official SDK.
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "s3server/absent_marks.h"
#include "s3server/filter.h"
#include "s3server/keys.h"
#include "s3server/metadata.h"
#include "s3server/protocol.h"
#include "s3server/s3_server.h"
#include "s3server/search_pages.h"
#include "s3server/text_store.h"
#include "support/faulty_database.h"
#include "support/hooked_database.h"
#include "support/records.h"
#include "support/temp_dir.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Document Json(std::string_view text) {
  Result<Document> document = ParseDocument(text);
  EXPECT_TRUE(document.ok()) << document.status() << " " << text;
  return document.ok() ? *std::move(document) : Document();
}

TEST(S3Document, KeepsWhatItReads) {
  for (const std::string_view text :
       {R"({"a":[1,-2,1.50,1e-7,12345678901234567890],"b":{"c":null,"d":true}})", R"("x\n\"")",
        "[]", "{}", "-0"}) {
    EXPECT_EQ(ToJson(Json(text)), text);
  }
  EXPECT_EQ(ToJson(Json(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
}

TEST(S3Document, RefusesWhatIsNoJson) {
  const std::string deep(static_cast<std::size_t>(kMaxJsonDepth) + 1, '[');
  for (const std::string_view text :
       {std::string_view("{"), std::string_view(R"("\ud800")"), std::string_view("\"\xff\""),
        std::string_view("1 2"), std::string_view("NaN"), std::string_view(deep)}) {
    EXPECT_FALSE(ParseDocument(text).ok()) << text;
  }
  EXPECT_EQ(ParseBody("").value(), Document::Object());
  EXPECT_FALSE(ParseBody("[]").ok());
}

TEST(S3Document, RoundsVectorsOnce) {
  const auto floats = [](std::string_view array) {
    const Document body = ParseBody(Concat(R"({"queryVector":{"float32":)", array, "}}")).value();
    return *body.Find("queryVector")->Find("float32");
  };
  const Document good = floats("[0.1,-2,3e-9,1e-46,3.4028235e38,-0,16777217]");
  EXPECT_EQ(good.kind, Document::Kind::kFloats);
  EXPECT_FALSE(good.boolean);
  EXPECT_EQ(good.floats, (std::vector<float>{0.1F, -2, 3e-9F, 0, 3.4028235e38F, -0.0F, 16777216}));
  EXPECT_EQ(floats("[ 1.5 ,\n-2E+1,\t3e0\r]").floats, (std::vector<float>{1.5, -20, 3}));
  EXPECT_TRUE(floats("[]").floats.empty());
  for (const std::string_view bad :
       {R"(["NaN"])", R"([1,"Infinity"])", "[1e39]", "[null]", "[1,true]"}) {
    EXPECT_TRUE(floats(bad).boolean) << bad;
  }
  for (const std::string_view none :
       {"[01]", "[.5]", "[1.]", "[+1]", "[1e]", "[1,]", "[,1]", "[1 2]", "[-]", "[nan]", "[inf]",
        "[0x1]", "[1", "[1,", "[1}"}) {
    EXPECT_FALSE(ParseBody(Concat(R"({"queryVector":{"float32":)", none, "}}")).ok()) << none;
  }
  EXPECT_FAILS(ParseBody(R"({"queryVector":{"float32":[1,2,3]},x)"), kInvalidArgument, "byte 36");
  // The same names elsewhere are metadata.
  const Document body = ParseBody(R"({"a":{"float32":["x"]}})").value();
  EXPECT_TRUE(body.Find("a")->Find("float32")->IsArray());
}

TEST(S3Metadata, CountsAsTheServiceDoes) {
  const auto bytes = [](std::string_view text) { return MetadataBytes(Json(text)); };
  EXPECT_EQ(bytes("{}"), 4U);
  EXPECT_EQ(bytes(R"({"a":""})"), 4U + 9);
  EXPECT_EQ(bytes(R"({"a":"xyz"})"), 4U + 9 + 3);
  EXPECT_EQ(bytes(R"({"a":"\u00e9\ud83d\ude00"})"), 4U + 9 + 6);
  EXPECT_EQ(bytes(R"({"\u00e9":1})"), 4U + 10 + 4);
  EXPECT_EQ(bytes(R"({"a":-1.25e-300})"), 4U + 9 + 4);
  EXPECT_EQ(bytes(R"({"a":true,"b":false})"), 4U + 9 + 9);
  EXPECT_EQ(bytes(R"({"a":[]})"), 4U + 9);
  EXPECT_EQ(bytes(R"({"a":["xy",1,""]})"), 4U + 9 + (4 + 2) + (4 + 4) + 4);
  EXPECT_EQ(FilterableBytes(Json(R"({"a":"xyz","big":"0123456789"})"), {"big"}), 4U + 9 + 3);
}

TEST(S3Metadata, TakesUpToTheLimitAndNoMore) {
  const auto check = [](std::string_view key, std::size_t size) {
    return CheckMetadata(
        Document::Object({{std::string(key), Document::String(std::string(size, 'x'))}}), {"big"});
  };
  EXPECT_OK(check("a", kMaxS3FilterableBytes - 13));
  EXPECT_FAILS(check("a", kMaxS3FilterableBytes - 12), kInvalidArgument, "at most 2048 bytes");
  EXPECT_OK(check("big", kMaxS3MetadataBytes - 15));
  EXPECT_FAILS(check("big", kMaxS3MetadataBytes - 14), kInvalidArgument, "at most 40960 bytes");
}

TEST(S3Metadata, ComesBackFromAttributesUnchanged) {
  std::vector<Document> shapes = {
      Json("{}"),
      Json(R"({"a":"b","n":1.50,"t":true,"l":["x",2],"":""})"),
      Json(R"({"s3:json":"mine","s3:more":"too","a":"\u0000","k\n":"v"})"),
      Document::Object({{std::string(300, 'k'), Document::String("v")}}),
      Document::Object({{"big", Document::String(std::string(40'000, 'x'))}}),
  };
  Document many = Document::Object();
  Document numbers = Document::Array();
  for (int i = 0; i < 49; ++i) {
    many.Set(Concat("key-", i), Document::String(Concat("value-", i)));
  }
  for (int i = 0; i < 5'000; ++i) {
    numbers.items.push_back(Json("-1.2345678901234567e-300"));
  }
  many.Set("big", std::move(numbers));
  shapes.push_back(std::move(many));
  for (const Document& shape : shapes) {
    const StoredMetadata stored = StoreMetadata(shape, {"big"});
    Record record = MakeRecord("bucket", "key", "bucket/index", {1});
    record.attributes = stored.attributes;
    record.attributes.emplace(kMoreAttribute, std::string(100, 'n'));
    record.attributes.emplace(kKeyAttribute, std::string(6'000, 'k'));
    EXPECT_OK(Validate(record));
    const Result<Document> loaded = LoadMetadata(stored.attributes, stored.more);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->members.size(), shape.members.size());
    for (const auto& [key, value] : shape.members) {
      ASSERT_NE(loaded->Find(key), nullptr) << key;
      EXPECT_EQ(*loaded->Find(key), value) << key;
    }
  }
}

TEST(S3Filter, IsBounded) {
  const auto with = [](std::size_t values) {
    return Document::Object(
        {{"a",
          Document::Object({{"$in", Document::Strings(std::vector<std::string>(values, "x"))}})}});
  };
  EXPECT_OK(MetadataFilter::Parse(with(kMaxS3FilterTerms), {}));
  EXPECT_FAILS(MetadataFilter::Parse(with(kMaxS3FilterTerms + 1), {}), kInvalidArgument,
               "Invalid filter");
}

TEST(S3Filter, HandsOnWhatEveryMatchHas) {
  const auto pushed = [](std::string_view text) {
    std::string out;
    const Result<MetadataFilter> filter = MetadataFilter::Parse(Json(text), {});
    EXPECT_TRUE(filter.ok()) << filter.status();
    for (const auto& [key, value] : filter->equal_strings()) {
      out += Concat(key, "=", value, ";");
    }
    return out;
  };
  EXPECT_EQ(pushed(R"({"a":"x","b":1})"), "a=x;");
  EXPECT_EQ(pushed(R"({"$and":[{"a":{"$eq":"x"}},{"b":{"$in":["y"]}}]})"), "a=x;b=y;");
  EXPECT_EQ(pushed(R"({"$or":[{"a":"x"},{"b":"y"}]})"), "");
  EXPECT_EQ(pushed(R"({"a":{"$ne":"x"},"b":{"$in":["y","z"]}})"), "");
}

TEST(S3Keys, AreReadFromAFileOfProfiles) {
  const auto keys = S3Keys::Parse(
      "# two\n[one]\naws_access_key_id = A\naws_secret_access_key=s1\n[two]\n"
      "aws_access_key_id=B\naws_secret_access_key = s2\nregion = x\n");
  ASSERT_OK(keys);
  EXPECT_FALSE(keys->empty());
  EXPECT_OK(S3Keys::Parse("A:s=1\nB:s:2\n"));
  for (const std::string_view bad : {"", "s3kret", "s3kret:", "[a]\naws_access_key_id = s3kret\n",
                                     "aws_secret_access_key=s3kret"}) {
    const Status status = S3Keys::Parse(bad).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(status.message(), Not(HasSubstr("s3kret")));
  }
}

TEST(S3Tokens, GoBothWays) {
  for (const std::string_view place : {std::string_view(""), std::string_view("a"),
                                       std::string_view("ab"), std::string_view("abc\n\0d", 6)}) {
    EXPECT_EQ(FromToken(ToToken(place)).value(), place);
  }
  for (const std::string_view bad : {"a", "****", "abc"}) {
    EXPECT_FAILS(FromToken(bad), kInvalidArgument, "nextToken");
  }
}

TEST(S3ServerOptions, RefuseWhatIsUnsafeOrUnknown) {
  const std::unique_ptr<Env> env = NewPosixEnv();
  const auto read = [&](std::string_view uri) {
    return S3ServerOptions::FromUri(Uri::Parse(uri).value(), *env).status();
  };
  const std::string keys = "&keys-uri=constant%3A%2F%2F%3Fval%3DA%253AB";
  EXPECT_OK(read("s3vectors://localhost:0"));
  EXPECT_FAILS(read("s3vectors://0.0.0.0:0"), kInvalidArgument, "needs keys");
  EXPECT_FAILS(read("s3vectors://0.0.0.0:0?allow-plaintext=true"), kInvalidArgument, "needs keys");
  EXPECT_FAILS(read("s3vectors://0.0.0.0:0?x=1"), kInvalidArgument, "x");
  EXPECT_FAILS(read("s3vectors://0.0.0.0:0?" + keys.substr(1)), kInvalidArgument,
               "tls-certificate");
  EXPECT_OK(read("s3vectors://0.0.0.0:0?allow-plaintext=true" + keys));
  EXPECT_FAILS(read("s3vectors://localhost"), kInvalidArgument, "no port");
  EXPECT_FAILS(read("s3vectors://localhost:0?account=1"), kInvalidArgument, "12 digits");
  EXPECT_FAILS(read("s3vectors://localhost:0?region=A"), kInvalidArgument, "region");
}

/// The protocol over databases, without keys.
class Service {
 public:
  explicit Service(std::vector<S3Database> databases) : databases_(std::move(databases)) {
    auto catalog = S3Catalog::Load(databases_, *context_.env);
    EXPECT_OK(catalog);
    catalog_ = *std::move(catalog);
    operations_ = std::make_unique<S3Operations>(*catalog_, *context_.env,
                                                 S3Place{.region = "r", .account = "123456789012"});
    protocol_ =
        std::make_unique<S3Protocol>(*operations_, S3Keys(), SigV4Scope(), context_.context());
  }
  explicit Service(std::unique_ptr<Database> database)
      : Service(ListOf({.database = std::move(database), .name = "test", .dimensions = {}})) {}

  S3Response Answer(std::string_view operation, std::string_view body) {
    return protocol_->Answer({.method = "POST",
                              .target = Concat("/", operation),
                              .headers = {},
                              .body = std::string(body)});
  }
  /// The body of a success.
  std::string Call(std::string_view operation, std::string_view body) {
    const S3Response response = Answer(operation, body);
    EXPECT_EQ(response.status, 200) << operation << " " << response.body;
    return response.body;
  }
  void CreateIndex() {
    Call("CreateVectorBucket", R"({"vectorBucketName":"bucket"})");
    Call("CreateIndex", R"({"vectorBucketName":"bucket","indexName":"index","dataType":"float32",)"
                        R"("dimension":2,"distanceMetric":"cosine"})");
  }

 private:
  static std::vector<S3Database> ListOf(S3Database database) {
    std::vector<S3Database> out;
    out.push_back(std::move(database));
    return out;
  }

  TestContext context_;
  std::vector<S3Database> databases_;
  std::unique_ptr<S3Catalog> catalog_;
  std::unique_ptr<S3Operations> operations_;
  std::unique_ptr<S3Protocol> protocol_;
};

constexpr std::string_view kIndex = R"("vectorBucketName":"bucket","indexName":"index")";

std::unique_ptr<Database> Memory(TestContext& context) {
  return context.Open("memory://?metric=cosine").value();
}

/// Puts vectors of which the farthest two have each kind of what a filter by string can find. There
/// are more of the others than a search looks at beside those it was asked for.
void PutVectors(Service& service) {
  service.CreateIndex();
  constexpr int kCount = 70;
  std::string vectors;
  for (int i = 0; i < kCount; ++i) {
    const std::string metadata = i == kCount - 2   ? R"({"rare":"yes"})"
                                 : i == kCount - 1 ? R"({"rare":["yes","no"]})"
                                                   : R"({"rare":"no"})";
    vectors += Concat(vectors.empty() ? "" : ",", R"({"key":"k)", i, R"(","data":{"float32":[10,)",
                      i, R"(]},"metadata":)", metadata, "}");
  }
  service.Call("PutVectors", Concat("{", kIndex, R"(,"vectors":[)", vectors, "]}"));
}

std::string FindRare(Service& service) {
  return service.Call("QueryVectors", Concat("{", kIndex,
                                             R"(,"topK":2,"queryVector":{"float32":[10,0]},)"
                                             R"("filter":{"rare":"yes"}})"));
}
constexpr std::string_view kRare =
    R"({"vectors":[{"key":"k68"},{"key":"k69"}],"distanceMetric":"cosine"})";

TEST(S3Service, FiltersArePartOfTheSearch) {
  TestContext context;
  Service service(Memory(context));
  PutVectors(service);
  EXPECT_EQ(FindRare(service), kRare);
}

TEST(S3Service, CanaryADatabaseThatFiltersAfterwardsIsFound) {
  TestContext context;
  Service service(std::make_unique<FaultyDatabase>(Memory(context), Fault::kAttributesAfterTopK));
  PutVectors(service);
  EXPECT_NE(FindRare(service), kRare);
}

std::string DeleteAll(Service& service) {
  PutVectors(service);
  service.Call("DeleteVectors", Concat("{", kIndex, R"(,"keys":["k0","k1","k2","k3","k4","k5"]})"));
  service.Call("DeleteIndex", Concat("{", kIndex, "}"));
  service.Call("CreateIndex", Concat("{", kIndex,
                                     R"(,"dataType":"float32","dimension":2,)"
                                     R"("distanceMetric":"cosine"})"));
  return service.Call("ListVectors", Concat("{", kIndex, "}"));
}

TEST(S3Service, ADeletedIndexLeavesNothing) {
  TestContext context;
  Service service(Memory(context));
  EXPECT_EQ(DeleteAll(service), R"({"vectors":[]})");
}

TEST(S3Service, CanaryADatabaseThatForgetsRemovalsIsFound) {
  TestContext context;
  Service service(std::make_unique<FaultyDatabase>(Memory(context), Fault::kRemoveForgets));
  EXPECT_NE(DeleteAll(service), R"({"vectors":[]})");
}

/// Counts removals.
class RemovingDatabase final : public ForwardingDatabase {
 public:
  RemovingDatabase(std::unique_ptr<Database> base, std::string& removals)
      : ForwardingDatabase(std::move(base)), removals_(removals) {}
  Result<bool> Remove(const Key& key) override {
    removals_ += "1 ";
    return ForwardingDatabase::Remove(key);
  }
  Result<std::int64_t> RemoveBatch(std::span<const Key> keys) override {
    removals_ += Concat("batch of ", keys.size(), " ");
    return base().RemoveBatch(keys);
  }

 private:
  std::string& removals_;
};

TEST(S3Service, DeletesInOneCommit) {
  TestContext context;
  std::string removals;
  Service service(std::make_unique<RemovingDatabase>(Memory(context), removals));
  PutVectors(service);
  service.Call("DeleteVectors", Concat("{", kIndex, R"(,"keys":["k0","absent","k1","k2"]})"));
  EXPECT_EQ(removals, "batch of 4 ");
}

TEST(S3Service, ADatabaseWithDimensionsKeepsItsCatalogToo) {
  TestContext context;
  std::vector<S3Database> databases(1);
  databases[0].database = context.Open("memory://?metric=cosine&dimensions=2").value();
  databases[0].dimensions = 2;
  Service service(std::move(databases));
  PutVectors(service);
  EXPECT_EQ(FindRare(service), kRare);
  const S3Response other = service.Answer(
      "CreateIndex", R"({"vectorBucketName":"bucket","indexName":"other","dataType":"float32",)"
                     R"("dimension":3,"distanceMetric":"cosine"})");
  EXPECT_EQ(other.error_type, "ValidationException");
  EXPECT_THAT(other.body, HasSubstr("dimensions=3"));
}

std::string IndexMode(Service& service) {
  const Document answer = Json(service.Call("GetIndex", Concat("{", kIndex, "}")));
  return answer.Find("index")->Find("indexMode")->text;
}
std::string DefaultMode(Service& service) {
  const Document answer = Json(service.Call("GetVectorBucket", R"({"vectorBucketName":"bucket"})"));
  return answer.Find("vectorBucket")->Find("defaultIndexMode")->text;
}
std::string SetMode(std::string_view mode) {
  return Concat("{", kIndex, R"(,"indexMode":")", mode, R"("})");
}

TEST(S3IndexMode, IsTheBucketsUntilItIsChangedAndSurvivesAStart) {
  TestContext context;
  const TempDir folder;
  const std::string uri = Concat("sqlite://", folder.File("db.sqlite"), "?metric=cosine");
  {
    Service service(context.Open(uri).value());
    service.CreateIndex();
    EXPECT_EQ(DefaultMode(service), "ENHANCED");
    EXPECT_EQ(IndexMode(service), "ENHANCED");
    service.Call("PutVectorBucketDefaultIndexMode",
                 R"({"vectorBucketName":"bucket","defaultIndexMode":"CLASSIC"})");
    EXPECT_EQ(IndexMode(service), "ENHANCED");  // it was there before
    service.Call("CreateIndex", R"({"vectorBucketName":"bucket","indexName":"second",)"
                                R"("dataType":"float32","dimension":2,"distanceMetric":"cosine"})");
    EXPECT_THAT(service.Call("GetIndex", R"({"vectorBucketName":"bucket","indexName":"second"})"),
                HasSubstr(R"("indexMode":"CLASSIC")"));
    EXPECT_EQ(service.Call("UpdateIndexMode", SetMode("CLASSIC")), "{}");
    EXPECT_EQ(service.Call("UpdateIndexMode",
                           R"({"indexArn":"arn:aws:s3vectors:r:123456789012:bucket/bucket/index/)"
                           R"(second","indexMode":"ENHANCED"})"),
              "{}");
  }
  Service service(context.Open(uri).value());
  EXPECT_EQ(DefaultMode(service), "CLASSIC");
  EXPECT_EQ(IndexMode(service), "CLASSIC");
  EXPECT_THAT(service.Call("GetIndex", R"({"vectorBucketName":"bucket","indexName":"second"})"),
              HasSubstr(R"("indexMode":"ENHANCED")"));
}

TEST(S3IndexMode, WhatWasMadeBeforeThereWereModesIsClassic) {
  TestContext context;
  std::unique_ptr<Database> database = Memory(context);
  TextStore store(*database, ".s3vectors/catalog", 1);
  ASSERT_OK(store.Put("bucket/bucket", R"({"created":1,"encryption":"AES256","tags":{}})", 1));
  ASSERT_OK(store.Put("index/bucket/index",
                      R"({"created":1,"dimension":2,"metric":"cosine","tags":{}})", 1));
  Service service(std::move(database));
  EXPECT_EQ(DefaultMode(service), "CLASSIC");
  EXPECT_EQ(IndexMode(service), "CLASSIC");
}

TEST(S3IndexMode, DecidesWhatAQueryMayAskFor) {
  TestContext context;
  Service service(Memory(context));
  PutVectors(service);
  const auto query = [&](std::string_view more) {
    return service.Answer(
        "QueryVectors",
        Concat("{", kIndex, R"(,"topK":2,"queryVector":{"float32":[10,0]})", more, "}"));
  };
  const auto among = [](int count) {  // one constraint each
    std::string values = R"("yes")";
    for (int i = 1; i < count; ++i) {
      values += Concat(R"(,"v)", i, R"(")");
    }
    return Concat(R"(,"filter":{"rare":{"$in":[)", values, "]}}");
  };
  const S3Response classic = query(R"(,"queryMode":"CLASSIC")");
  EXPECT_EQ(classic.status, 400);
  EXPECT_THAT(classic.body, HasSubstr("queryMode CLASSIC is not supported"));
  EXPECT_EQ(query(R"(,"queryMode":"ENHANCED")").status, 200);
  EXPECT_EQ(query(R"(,"queryMode":"FAST")").status, 400);
  EXPECT_EQ(query(among(100)).body, kRare);
  EXPECT_THAT(query(among(101)).body, HasSubstr("more than 100 conditions and values"));
  service.Call("UpdateIndexMode", SetMode("CLASSIC"));
  EXPECT_EQ(query(among(101)).body, kRare);
  EXPECT_EQ(query(Concat(R"(,"queryMode":"CLASSIC")", among(3))).body, kRare);
  EXPECT_THAT(query(among(1'025)).body, HasSubstr("more than 1024"));
}

TEST(S3IndexMode, BadOnesAreRefusedByName) {
  TestContext context;
  Service service(Memory(context));
  service.CreateIndex();
  const std::string index(kIndex);
  for (const auto& [operation, body, wanted] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"UpdateIndexMode", "{" + index + "}", "/indexMode"},
           {"UpdateIndexMode", SetMode("classic"), "[CLASSIC, ENHANCED]"},
           {"UpdateIndexMode", R"({"indexMode":"CLASSIC"})", "indexArn"},
           {"PutVectorBucketDefaultIndexMode", R"({"vectorBucketName":"bucket"})",
            "/defaultIndexMode"},
           {"PutVectorBucketDefaultIndexMode", R"({"defaultIndexMode":"CLASSIC"})",
            "vectorBucketArn"}}) {
    const S3Response response = service.Answer(operation, body);
    EXPECT_EQ(response.status, 400) << operation << body;
    EXPECT_THAT(response.body, HasSubstr(wanted));
  }
  EXPECT_EQ(service
                .Answer("UpdateIndexMode", R"({"vectorBucketName":"bucket","indexName":"absent",)"
                                           R"("indexMode":"CLASSIC"})")
                .status,
            404);
  EXPECT_EQ(service
                .Answer("PutVectorBucketDefaultIndexMode",
                        R"({"vectorBucketName":"absent","defaultIndexMode":"CLASSIC"})")
                .status,
            404);
  EXPECT_EQ(IndexMode(service), "ENHANCED");
}

TEST(S3AbsentMarks, AreForgottenByAWriteAndNotLearntBesideOne) {
  const std::string mark = Concat(kListMark, "rare");
  const std::vector<std::string> marks = {mark};
  AbsentMarks absent;
  EXPECT_FALSE(absent.Has(mark));
  const auto before = absent.Now();
  ASSERT_TRUE(before.has_value());
  absent.Add(mark, *before);
  EXPECT_TRUE(absent.Has(mark));
  {
    const AbsentMarks::Writing unmarked(absent, {});
  }
  EXPECT_TRUE(absent.Has(mark)) << "vectors without marks change nothing";
  {
    const AbsentMarks::Writing writing(absent, marks);
    EXPECT_FALSE(absent.Has(mark));
    EXPECT_FALSE(absent.Now().has_value());
  }
  absent.Add(mark, *before);
  EXPECT_FALSE(absent.Has(mark)) << "the search began before the write";
  absent.Add(mark, absent.Now().value());
  EXPECT_TRUE(absent.Has(mark));
}

/// Counts searches.
class SearchedDatabase final : public ForwardingDatabase {
 public:
  SearchedDatabase(std::unique_ptr<Database> base, int& searches)
      : ForwardingDatabase(std::move(base)), searches_(searches) {}
  Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) override {
    ++searches_;
    return ForwardingDatabase::Similar(query);
  }

 private:
  int& searches_;
};

/// An index of 20 vectors of one value, whose database is in memory and remembers what marks are
/// absent.
class S3Marks : public testing::Test {
 protected:
  S3Marks() { Start(true); }
  void Start(bool only_writer) {
    auto base = std::make_unique<SearchedDatabase>(Memory(context_), searches_);
    database_ = base.get();
    std::vector<S3Database> databases(1);
    databases[0].database = std::make_unique<HookedDatabase>(std::move(base), hooks_);
    databases[0].only_writer = only_writer;
    service_ = std::make_unique<Service>(std::move(databases));
    service_->CreateIndex();
    for (int i = 0; i < 20; ++i) {
      Put(Concat("k", i), R"("no")");
    }
    searches_ = 0;
  }
  S3Response TryPut(std::string_view key, std::string_view value) {
    return service_->Answer(
        "PutVectors", Concat("{", kIndex, R"(,"vectors":[{"key":")", key,
                             R"(","data":{"float32":[1,2]},"metadata":{"rare":)", value, "}}]}"));
  }
  void Put(std::string_view key, std::string_view value) {
    EXPECT_EQ(TryPut(key, value).status, 200);
  }
  bool Finds(std::string_view key) {
    return FindRare(*service_).find(Concat(R"({"key":")", key, R"("})")) != std::string::npos;
  }
  int SearchesOfAQuery() {
    searches_ = 0;
    FindRare(*service_);
    return searches_;
  }

  TestContext context_;
  Hooks hooks_;
  int searches_ = 0;
  Database* database_ = nullptr;
  std::unique_ptr<Service> service_;
};

TEST_F(S3Marks, AreAskedForOnceWhileThereAreNone) {
  EXPECT_EQ(SearchesOfAQuery(), 3) << "the string, within an array, and elsewhere";
  EXPECT_EQ(SearchesOfAQuery(), 1);
  Put("s", R"("yes")");
  EXPECT_TRUE(Finds("s"));
  EXPECT_EQ(SearchesOfAQuery(), 1) << "a string has no mark";
}

TEST_F(S3Marks, TheFirstArrayIsFoundAtOnceAndTheLastIsForgotten) {
  SearchesOfAQuery();
  Put("a", R"(["yes"])");
  EXPECT_TRUE(Finds("a"));
  EXPECT_EQ(SearchesOfAQuery(), 2) << "arrays have not made others absent";
  service_->Call("DeleteVectors", Concat("{", kIndex, R"(,"keys":["a"]})"));
  EXPECT_FALSE(Finds("a"));
  EXPECT_EQ(SearchesOfAQuery(), 1);
  Put("k1", R"(["yes"])");
  EXPECT_TRUE(Finds("k1")) << "a string that became an array";
  Put("k1", R"("no")");
  EXPECT_FALSE(Finds("k1"));
  EXPECT_EQ(SearchesOfAQuery(), 1);
}

TEST_F(S3Marks, AStringThatIsNoAttributeIsFoundAtOnce) {
  SearchesOfAQuery();
  // A zero byte is in no attribute.
  Put("h", R"("yes\u0000")");
  searches_ = 0;
  EXPECT_THAT(service_->Call("QueryVectors",
                             Concat("{", kIndex, R"(,"topK":2,"queryVector":{"float32":[1,2]},)",
                                    R"("filter":{"rare":{"$eq":"yes\u0000"}}})")),
              HasSubstr(R"({"key":"h"})"));
  EXPECT_EQ(SearchesOfAQuery(), 2);
}

TEST_F(S3Marks, ASearchBesideAWriteProvesNothing) {
  hooks_.set_before_add([this](std::span<const Record>) {
    std::jthread([this] { EXPECT_FALSE(Finds("a")); }).join();
    return Status();
  });
  Put("a", R"(["yes"])");
  EXPECT_TRUE(Finds("a"));
}

TEST_F(S3Marks, AWriteThatFailedIsNoWriteAndHoldsNothingUp) {
  SearchesOfAQuery();
  hooks_.set_before_add([](std::span<const Record>) { return UnavailableError("planted"); });
  EXPECT_EQ(TryPut("a", R"(["yes"])").status, 503);
  hooks_.set_before_add(nullptr);
  EXPECT_FALSE(Finds("a"));
  EXPECT_EQ(SearchesOfAQuery(), 1) << "found out again";
  Put("a", R"(["yes"])");
  EXPECT_TRUE(Finds("a"));
}

/// A vector with an array that another process has stored.
Record OfAnotherWriter() {
  Record record = MakeRecord("bucket", "other", "bucket/index", {1, 2});
  record.attributes = StoreMetadata(Json(R"({"rare":["yes"]})"), {}).attributes;
  return record;
}

TEST_F(S3Marks, NothingIsRememberedOfADatabaseWithOtherWriters) {
  Start(false);
  EXPECT_EQ(SearchesOfAQuery(), 3);
  EXPECT_EQ(SearchesOfAQuery(), 3);
  ASSERT_OK(database_->Add(OfAnotherWriter()));
  EXPECT_TRUE(Finds("other"));
}

TEST_F(S3Marks, CanaryAnotherWriterIsMissed) {
  SearchesOfAQuery();
  ASSERT_OK(database_->Add(OfAnotherWriter()));
  EXPECT_FALSE(Finds("other"));
}

class S3Durability : public testing::TestWithParam<std::string> {};

TEST_P(S3Durability, BucketsIndexesAndVectorsAreThereAfterwards) {
  const TempDir folder;
  TestContext context;
  const std::string uri = Concat(GetParam(), folder.path(), "/vectors?metric=cosine");
  std::string before;
  {
    std::vector<S3Database> databases(1);
    databases[0].database = context.Open(uri).value();
    databases[0].only_writer = true;
    Service service(std::move(databases));
    PutVectors(service);
    service.Call("PutVectorBucketPolicy",
                 Concat(R"({"vectorBucketName":"bucket","policy":"{\"a\":\")",
                        std::string(19'000, 'p'), R"(\"}"})"));
    before = service.Call("GetVectorBucketPolicy", R"({"vectorBucketName":"bucket"})");
  }
  std::vector<S3Database> databases(1);
  databases[0].database = context.Open(uri).value();
  databases[0].only_writer = true;
  Service service(std::move(databases));
  EXPECT_EQ(service.Call("GetVectorBucketPolicy", R"({"vectorBucketName":"bucket"})"), before);
  EXPECT_EQ(FindRare(service), kRare);
  EXPECT_EQ(service.Answer("CreateVectorBucket", R"({"vectorBucketName":"bucket"})").status, 409);
}

INSTANTIATE_TEST_SUITE_P(Engines, S3Durability,
                         testing::Values("sqlite://", "duckdb://", "lmdb://"),
                         [](const auto& uri) { return uri.param.substr(0, uri.param.find(':')); });

TEST(S3Service, ErrorsHaveTheShapeOfTheService) {
  TestContext context;
  Service service(Memory(context));
  const S3Response bad = service.Answer("CreateIndex", R"({"vectorBucketName":"bucket",)"
                                                       R"("indexName":"in","dimension":0})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.error_type, "ValidationException");
  EXPECT_THAT(bad.body, HasSubstr(R"("fieldList":[{"path":"/indexName")"));
  EXPECT_THAT(bad.body, HasSubstr("4 validation errors detected."));
  EXPECT_EQ(service.Answer("GetVectorBucket", R"({"vectorBucketName":"absent"})").status, 404);
  EXPECT_EQ(service.Answer("Nonsense", "{}").error_type, "UnknownOperationException");
}

}  // namespace
}  // namespace embeddingsdb
