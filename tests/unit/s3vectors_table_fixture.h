// SPDX-License-Identifier: BSD-3-Clause
//
// s3vectors:// with a side table, and proxies with faults before the index and the table.
#ifndef EMBEDDINGSDB_TESTS_UNIT_S3VECTORS_TABLE_FIXTURE_H_
#define EMBEDDINGSDB_TESTS_UNIT_S3VECTORS_TABLE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "aws/sigv4.h"
#include "core/sha256.h"
#include "engines/s3vectors/s3_database.h"
#include "support/between.h"
#include "support/fake_surroundings.h"
#include "support/node_server.h"
#include "support/records.h"
#include "support/running_s3_server.h"
#include "support/s3_keys_file.h"
#include "support/test_context.h"

namespace embeddingsdb::s3vectors {

/// One for all tests of the program.
inline const NodeServer& DynamoDb() {
  static const NodeServer server(EDB_NODE, EDB_DYNAMODB_SERVER);
  return server;
}

class S3TableTest : public testing::Test {
 protected:
  S3TableTest()
      : server_("memory://?metric=cosine", keys_.server_options()),
        index_(server_.endpoint()),
        dynamo_(Concat("http://127.0.0.1:", DynamoDb().port())) {
    world_.now = test_.env->NowUnixSeconds();
    world_.variables = {{"AWS_ACCESS_KEY_ID", std::string(RunningS3Server::kAccessKeyId)},
                        {"AWS_SECRET_ACCESS_KEY", std::string(RunningS3Server::kSecretAccessKey)}};
    table_ =
        Sha256Hex(testing::UnitTest::GetInstance()->current_test_info()->test_suite_name() +
                  std::string("/") + testing::UnitTest::GetInstance()->current_test_info()->name());
  }

  std::string Plain() const {
    return Concat("s3vectors://collection?index=clip&region=", RunningS3Server::kRegion,
                  "&credentials=env:&dimensions=2&endpoint=", PercentEncode(index_.url()));
  }
  std::string WithTable() const {
    return Concat(Plain(), "&with-dynamodb=true&dynamodb-table=", table_,
                  "&dynamodb-endpoint=", PercentEncode(dynamo_.url()));
  }
  Result<std::unique_ptr<Database>> TryOpen(const std::string& text) {
    EDB_ASSIGN(const Uri uri, Uri::Parse(text));
    EDB_ASSIGN(S3Options options, S3Options::FromUri(uri, world_.get()));
    return S3VectorsDatabase::Open(std::move(options), test_.context(), world_.get());
  }
  std::unique_ptr<Database> MustOpen(const std::string& text) {
    Result<std::unique_ptr<Database>> opened = TryOpen(text);
    EXPECT_OK(opened);
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  void Open(const std::string& more = "") {
    db_ = MustOpen(WithTable() + more);
    ASSERT_NE(db_, nullptr);
  }
  /// Asks DynamoDB itself.
  nlohmann::json Ask(const std::string& operation, nlohmann::json body) {
    const auto client =
        AwsClient::Open({.endpoint = *Uri::Parse(Concat("http://127.0.0.1:", DynamoDb().port())),
                         .service = "dynamodb",
                         .region = std::string(RunningS3Server::kRegion),
                         .credentials_label = "env:",
                         .json_target = "DynamoDB_20120810"},
                        world_.get());
    EXPECT_OK(client);
    body["TableName"] = table_;
    const std::string text = body.dump();
    nlohmann::json answer;
    EXPECT_OK((*client)->Call({.operation = operation, .target = "/", .body = text},
                              [&answer](std::string_view said) {
                                answer = nlohmann::json::parse(said);
                                return Status();
                              }));
    return answer;
  }
  /// Items of records that the table has, whoever wants to know.
  std::int64_t Items() {
    return Ask("Scan", {{"Select", "COUNT"},
                        {"FilterExpression", "attribute_exists(#p)"},
                        {"ExpressionAttributeNames", {{"#p", "Provider"}}}})["Count"];
  }
  static FakeReply Refusal(const std::string& type, int status = 400) {
    return {.status = status, .body = Concat(R"({"__type":"x#)", type, R"(","message":"m"})")};
  }
  /// All pages.
  std::vector<Record> ListAll(Database& database, const std::vector<Filter>& filters,
                              std::int64_t per_page) {
    std::vector<Record> records;
    ListQuery query{.per_page = per_page, .filters = filters};
    do {
      const Result<RecordPage> page = database.List(query);
      EXPECT_OK(page);
      if (!page.ok()) {
        break;
      }
      EXPECT_LE(page->records.size(), static_cast<std::size_t>(per_page));
      records.insert(records.end(), page->records.begin(), page->records.end());
      query.cursor = page->next_cursor;
    } while (!query.cursor.empty());
    std::ranges::sort(records, {}, &Record::key);
    return records;
  }

  TestContext test_;
  FakeSurroundings world_;
  S3KeysFile keys_;
  RunningS3Server server_;
  Between index_;
  Between dynamo_;
  std::string table_;
  std::unique_ptr<Database> db_;
};

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_TESTS_UNIT_S3VECTORS_TABLE_FIXTURE_H_
