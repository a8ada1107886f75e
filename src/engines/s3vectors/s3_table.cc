// SPDX-License-Identifier: BSD-3-Clause
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html. Every request comes
// out the same when it is delivered twice. Names of attributes are always placeholders, as some are
// words of the expressions' language.
#include "engines/s3vectors/s3_table.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "embeddingsdb/limits.h"

#include "aws/retries.h"
#include "core/text.h"
#include "engines/s3vectors/s3_parallel.h"

namespace embeddingsdb::s3vectors {
namespace {

using Json = nlohmann::json;

// No key of a vector is without '-' (v1) and "v2:" (v2). Without a provider and a model it is in no
// secondary index, so go-embeddingsdb's lists do not find it.
constexpr std::string_view kStateKey = "embeddingsdb:state";

constexpr std::size_t kItemsOfAWrite = 25;  // what BatchWriteItem takes
constexpr std::size_t kWritesAtOnce = 4;
constexpr int kMaxPolls = 300;
constexpr std::chrono::seconds kPoll(1);

Json StringValue(std::string_view text) {
  return {{"S", text}};
}

Json SetValue(const std::set<std::string>& texts) {
  return {{"SS", texts}};
}

Json KeyValue(std::string_view key) {
  return {{kS3TableKey, StringValue(key)}};
}

Json TableIndex(std::string_view name, std::string_view hash, std::string_view range) {
  return {{"IndexName", name},
          {"KeySchema",
           {{{"AttributeName", hash}, {"KeyType", "HASH"}},
            {{"AttributeName", range}, {"KeyType", "RANGE"}}}},
          {"Projection", {{"ProjectionType", "ALL"}}}};
}

/// An expression and what its placeholders stand for.
class Expression {
 public:
  /// "#x = :x" of an attribute, joined to what there is.
  void AddEqual(std::string& text, std::string_view attribute, std::string_view value) {
    const std::string place = Name(attribute);
    values_[":" + place] = StringValue(value);
    text += Concat(text.empty() ? "" : " AND ", "#", place, " = :", place);
  }
  void AddExists(std::string& text, std::string_view attribute) {
    text += Concat(text.empty() ? "" : " AND ", "attribute_exists(#", Name(attribute), ")");
  }
  void PutInto(Json& body) const {
    body["ExpressionAttributeNames"] = names_;
    if (!values_.empty()) {
      body["ExpressionAttributeValues"] = values_;
    }
  }

 private:
  std::string Name(std::string_view attribute) {
    std::string place = AsciiLower(attribute);
    names_["#" + place] = attribute;
    return place;
  }

  Json names_ = Json::object();
  Json values_ = Json::object();
};

std::string CreateBody(const std::string& table) {
  const auto string = [](std::string_view name) {
    return Json{{"AttributeName", name}, {"AttributeType", "S"}};
  };
  return Json{{"TableName", table},
              {"AttributeDefinitions",
               {string(kS3TableKey), string(kS3TableProvider), string(kS3TableModel)}},
              {"KeySchema", Json::array({{{"AttributeName", kS3TableKey}, {"KeyType", "HASH"}}})},
              {"GlobalSecondaryIndexes",
               {TableIndex(kS3TableByProvider, kS3TableProvider, kS3TableModel),
                TableIndex(kS3TableByModel, kS3TableModel, kS3TableProvider)}},
              {"BillingMode", "PAY_PER_REQUEST"}}
      .dump();
}

}  // namespace

std::optional<S3TableQuery> S3TableQuery::Of(const std::vector<Filter>& filters) {
  S3TableQuery query;
  for (const Filter& filter : filters) {
    std::optional<std::string>* const field = filter.column == Column::kProvider ? &query.provider
                                              : filter.column == Column::kModel  ? &query.model
                                              : filter.column == Column::kDepictionId
                                                  ? &query.depiction_id
                                                  : nullptr;
    // No attribute that indexes are made of is ever empty.
    if (field == nullptr || filter.value.empty() || field->value_or(filter.value) != filter.value) {
      return std::nullopt;
    }
    *field = filter.value;
  }
  return query;
}

std::string NewS3WriteId() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id(32, '0');
  for (char& digit : id) {
    digit = kDigits[random() % kDigits.size()];
  }
  return id;
}

S3Table::S3Table(std::unique_ptr<AwsClient> client, std::string table, std::string index,
                 AwsSurroundings surroundings)
    : client_(std::move(client)),
      table_(std::move(table)),
      index_(std::move(index)),
      surroundings_(std::move(surroundings)) {}

Status S3Table::Post(std::string_view operation, const std::string& body, const AwsReader& read) {
  const Status status = client_->Call({.operation = operation, .target = "/", .body = body}, read)
                            .WithContext(Concat("the DynamoDB table ", Quote(table_)));
  // What is not found is the table; callers may have asked for a record.
  return status.code() == StatusCode::kNotFound ? FailedPreconditionError(status.message())
                                                : status;
}

Result<bool> S3Table::Check() {
  const std::string body = Json{{"TableName", table_}}.dump();
  for (int i = 0; i < kMaxPolls; ++i) {
    bool ready = false;
    Status wrong;
    const Status status =
        client_->Call({.operation = "DescribeTable", .target = "/", .body = body},
                      [&](std::string_view text) -> Status {
                        const Result<bool> read = ParseS3TableReady(text);
                        if (read.status().code() == StatusCode::kFailedPrecondition) {
                          wrong = read.status();
                          return {};
                        }
                        EDB_ASSIGN(ready, read);
                        return {};
                      });
    if (status.code() == StatusCode::kNotFound) {
      return false;
    }
    EDB_TRY(status);
    EDB_TRY(wrong.WithContext(Concat("the DynamoDB table ", Quote(table_))));
    if (ready) {
      return true;
    }
    surroundings_.sleep(kPoll);
  }
  return DeadlineExceededError(Concat("the DynamoDB table ", Quote(table_),
                                      " is still being made after ", kMaxPolls, " seconds"));
}

Status S3Table::Create() {
  const Status created =
      client_->Call({.operation = "CreateTable", .target = "/", .body = CreateBody(table_)},
                    [](std::string_view) { return Status(); });
  if (created.code() != StatusCode::kAlreadyExists) {
    EDB_TRY(created);
  }
  // A table that was just made may not be known everywhere.
  for (int i = 0; i < kMaxPolls; ++i) {
    EDB_ASSIGN(const bool found, Check());
    if (found) {
      return {};
    }
    surroundings_.sleep(kPoll);
  }
  return DeadlineExceededError(
      Concat("the DynamoDB table ", Quote(table_), " that was just made is not there"));
}

Result<S3TableState> S3Table::State() {
  const Json body = {{"TableName", table_}, {"Key", KeyValue(kStateKey)}, {"ConsistentRead", true}};
  S3TableState state;
  EDB_TRY(Post("GetItem", body.dump(), [&state](std::string_view text) -> Status {
    EDB_ASSIGN(state, ParseS3TableState(text));
    return {};
  }));
  if (!state.index.empty() && state.index != index_) {
    return FailedPreconditionError(Concat("the DynamoDB table ", Quote(table_), " is that of ",
                                          Quote(state.index), " and not of ", Quote(index_),
                                          "; dynamodb-table names another"));
  }
  return state;
}

/// Changes the state, unless it is that of another index. `values` is JSON of the update's.
Status S3Table::Update(std::string_view operation, const std::string& update,
                       const std::string& values) {
  Json body = {{"TableName", table_},
               {"Key", KeyValue(kStateKey)},
               {"UpdateExpression", update},
               {"ConditionExpression", "attribute_not_exists(#index) OR #index = :index"},
               {"ExpressionAttributeNames", {{"#index", "Index"}}},
               {"ExpressionAttributeValues", Json::parse(values)}};
  body["ExpressionAttributeValues"][":index"] = StringValue(index_);
  for (const auto* const name : {"Complete", "Writes", "Models", "Providers"}) {
    const std::string place = "#" + AsciiLower(name);
    if (update.find(place) != std::string::npos) {
      body["ExpressionAttributeNames"][place] = name;
    }
  }
  const Status status = Post("UpdateItem", body.dump(), [](std::string_view) { return Status(); });
  if (status.code() == StatusCode::kFailedPrecondition) {
    EDB_TRY(State().status());  // says it better, if that is why
  }
  return status.WithContext(operation);
}

Status S3Table::SetComplete(const S3TableNames& names) {
  Json values = {{":true", {{"BOOL", true}}}};
  std::string add;
  if (!names.models.empty()) {
    add = " ADD #models :models, #providers :providers";
    values[":models"] = SetValue(names.models);
    values[":providers"] = SetValue(names.providers);
  }
  return Update("to say that the table is complete",
                Concat("SET #index = :index, #complete = :true", add), values.dump());
}

Status S3Table::Begin(const std::string& write, const S3TableNames& names) {
  Json values = {{":write", SetValue({write})}};
  std::string add = "ADD #writes :write";
  if (!names.models.empty()) {
    add += ", #models :models, #providers :providers";
    values[":models"] = SetValue(names.models);
    values[":providers"] = SetValue(names.providers);
  }
  return Update("to begin a write", add, values.dump());
}

Status S3Table::End(const std::set<std::string>& writes) {
  if (writes.empty()) {
    return {};
  }
  return Update("to end a write", "DELETE #writes :writes",
                Json{{":writes", SetValue(writes)}}.dump());
}

Status S3Table::Put(std::span<const S3TableItem> items, int dimensions) {
  std::vector<std::string> requests;
  requests.reserve(items.size());
  for (const S3TableItem& item : items) {
    const Json put = {{kS3TableKey, StringValue(item.key)},
                      {kS3TableProvider, StringValue(item.record.provider)},
                      {kS3TableModel, StringValue(item.record.model)},
                      {kS3TableDepictionId, StringValue(item.record.depiction_id)},
                      {kS3TableDimensions, {{"N", std::to_string(dimensions)}}}};
    requests.push_back(Json{{"PutRequest", {{"Item", put}}}}.dump());
  }
  return Write(std::move(requests));
}

Status S3Table::Delete(std::span<const std::string> keys) {
  std::vector<std::string> requests;
  requests.reserve(keys.size());
  for (const std::string& key : keys) {
    requests.push_back(Json{{"DeleteRequest", {{"Key", KeyValue(key)}}}}.dump());
  }
  return Write(std::move(requests));
}

Status S3Table::Write(std::vector<std::string> requests) {
  const std::span<const std::string> all = requests;
  const std::size_t writes = (all.size() + kItemsOfAWrite - 1) / kItemsOfAWrite;
  return InParallel(writes, kWritesAtOnce, [&](std::size_t i) {
    const std::size_t begin = i * kItemsOfAWrite;
    return WriteSome(all.subspan(begin, std::min(kItemsOfAWrite, all.size() - begin)));
  });
}

/// What the service leaves undone is asked for again, as often as that gets further.
Status S3Table::WriteSome(std::span<const std::string> requests) {
  std::vector<std::string> left(requests.begin(), requests.end());
  for (int attempt = 1; !left.empty();) {
    std::string body;
    for (const std::string& request : left) {
      body += Concat(body.empty() ? "" : ",", request);
    }
    std::vector<std::string> undone;
    EDB_TRY(Post("BatchWriteItem",
                 Concat("{\"RequestItems\":{", Json(table_).dump(), ":[", body, "]}}"),
                 [&undone](std::string_view text) -> Status {
                   EDB_ASSIGN(undone, ParseS3TableUndone(text));
                   return {};
                 }));
    if (undone.empty()) {
      return {};
    }
    attempt = undone.size() < left.size() ? 1 : attempt + 1;
    if (attempt > kMaxS3Attempts) {
      return UnavailableError(Concat("the DynamoDB table ", Quote(table_), ": BatchWriteItem left ",
                                     undone.size(), " of ", requests.size(), " items undone (",
                                     kMaxS3Attempts, " attempts)"));
    }
    left = std::move(undone);
    surroundings_.sleep(DelayBefore(attempt, true, std::nullopt, surroundings_));
  }
  return {};
}

Result<S3TablePage> S3Table::Page(const S3TablePageRequest& request) {
  const S3TableQuery& query = request.query;
  Json body = {{"TableName", table_}};
  Expression expression;
  std::string keys;
  std::string filter;
  if (query.provider) {
    expression.AddEqual(keys, kS3TableProvider, *query.provider);
  }
  if (query.model) {
    expression.AddEqual(keys, kS3TableModel, *query.model);
  }
  if (query.has_index()) {
    body["IndexName"] = query.provider ? kS3TableByProvider : kS3TableByModel;
    body["KeyConditionExpression"] = keys;
  } else {
    expression.AddExists(filter, kS3TableProvider);  // the state is no record
    body["ConsistentRead"] = true;
  }
  if (query.depiction_id) {
    expression.AddEqual(filter, kS3TableDepictionId, *query.depiction_id);
  }
  if (!filter.empty()) {
    body["FilterExpression"] = filter;
  }
  expression.PutInto(body);
  if (request.after) {
    Json after = KeyValue(request.after->key);
    if (query.has_index()) {
      after[kS3TableProvider] = StringValue(request.after->record.provider);
      after[kS3TableModel] = StringValue(request.after->record.model);
    }
    body["ExclusiveStartKey"] = std::move(after);
  }
  if (request.limit > 0) {
    body["Limit"] = request.limit;
  }
  if (request.count_only) {
    body["Select"] = "COUNT";
  }
  S3TablePage page;
  EDB_TRY(Post(query.has_index() ? "Query" : "Scan", body.dump(),
               [&page](std::string_view text) -> Status {
                 EDB_ASSIGN(page, ParseS3TablePage(text));
                 return {};
               }));
  return page;
}

}  // namespace embeddingsdb::s3vectors
