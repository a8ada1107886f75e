// SPDX-License-Identifier: BSD-3-Clause
#include "engines/s3vectors/s3_table_answers.h"

#include <nlohmann/json.hpp>

#include "core/text.h"

namespace embeddingsdb::s3vectors {
namespace {

using Json = nlohmann::json;

Status NoAnswer(std::string_view what) {
  return InvalidArgumentError(Concat("the answer is not that of ", what));
}

/// The member of an object; null when it is not there, or this is no object.
const Json& Member(const Json& object, std::string_view name) {
  static const Json null;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : null;
}

std::string Text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// An attribute of an item that is a string: {"S":"..."}.
std::string StringOf(const Json& item, std::string_view name) {
  return Text(Member(Member(item, name), "S"));
}

/// One that is a set of strings: {"SS":["...",...]}.
std::set<std::string> SetOf(const Json& item, std::string_view name) {
  std::set<std::string> values;
  for (const Json& value : Member(Member(item, name), "SS")) {
    values.insert(Text(value));
  }
  return values;
}

S3TableItem ItemOf(const Json& item) {
  return {.key = StringOf(item, kS3TableKey),
          .record = {.provider = StringOf(item, kS3TableProvider),
                     .depiction_id = StringOf(item, kS3TableDepictionId),
                     .model = StringOf(item, kS3TableModel)}};
}

/// "HASH Key, RANGE ..." of a table or an index.
std::string KeysOf(const Json& described) {
  std::string hash;
  std::string range;
  for (const Json& key : Member(described, "KeySchema")) {
    (Text(Member(key, "KeyType")) == "HASH" ? hash : range) = Text(Member(key, "AttributeName"));
  }
  return Concat(hash, range.empty() ? "" : ", ", range);
}

Status CheckKeys(std::string_view what, const Json& described, const std::string& wanted) {
  const std::string keys = KeysOf(described);
  if (keys == wanted) {
    return {};
  }
  return FailedPreconditionError(
      Concat(what, described.is_null() ? " is not there" : Concat(" has the keys ", Quote(keys)),
             ", where go-embeddingsdb's has ", Quote(wanted)));
}

}  // namespace

Result<bool> ParseS3TableReady(std::string_view json) {
  const Json answer = Json::parse(json, nullptr, false);
  const Json& table = Member(answer, "Table");
  if (!table.is_object()) {
    return NoAnswer("DescribeTable");
  }
  EDB_TRY(CheckKeys("the table", table, std::string(kS3TableKey)));
  bool ready = Text(Member(table, "TableStatus")) != "CREATING";
  const auto check = [&](std::string_view name, std::string_view hash,
                         std::string_view range) -> Status {
    Json found;
    for (const Json& index : Member(table, "GlobalSecondaryIndexes")) {
      found = Text(Member(index, "IndexName")) == name ? index : found;
    }
    const std::string what = Concat("the table's index ", name);
    EDB_TRY(CheckKeys(what, found, Concat(hash, ", ", range)));
    const std::string projection = Text(Member(Member(found, "Projection"), "ProjectionType"));
    if (projection != "ALL") {
      return FailedPreconditionError(
          Concat(what, " has the projection ", Quote(projection), ", go-embeddingsdb's has ALL"));
    }
    ready = ready && Text(Member(found, "IndexStatus")) != "CREATING";
    return {};
  };
  EDB_TRY(check(kS3TableByProvider, kS3TableProvider, kS3TableModel));
  EDB_TRY(check(kS3TableByModel, kS3TableModel, kS3TableProvider));
  return ready;
}

Result<S3TableState> ParseS3TableState(std::string_view json) {
  const Json answer = Json::parse(json, nullptr, false);
  if (!answer.is_object()) {
    return NoAnswer("GetItem");
  }
  const Json& item = Member(answer, "Item");
  const Json& complete = Member(Member(item, "Complete"), "BOOL");
  return S3TableState{.index = StringOf(item, "Index"),
                      .complete = complete.is_boolean() && complete.get<bool>(),
                      .writes = SetOf(item, "Writes"),
                      .models = SetOf(item, "Models"),
                      .providers = SetOf(item, "Providers")};
}

Result<S3TablePage> ParseS3TablePage(std::string_view json) {
  const Json answer = Json::parse(json, nullptr, false);
  const Json& count = Member(answer, "Count");
  if (!count.is_number_integer()) {
    return NoAnswer("Query or Scan");
  }
  S3TablePage page{.count = count.get<std::int64_t>()};
  for (const Json& item : Member(answer, "Items")) {
    S3TableItem read = ItemOf(item);
    if (!read.key.empty() && !read.record.provider.empty() && !read.record.model.empty()) {
      page.items.push_back(std::move(read));
    }
  }
  if (const Json& next = Member(answer, "LastEvaluatedKey"); next.is_object()) {
    page.next = ItemOf(next);
  }
  return page;
}

Result<std::vector<std::string>> ParseS3TableUndone(std::string_view json) {
  const Json answer = Json::parse(json, nullptr, false);
  if (!answer.is_object()) {
    return NoAnswer("BatchWriteItem");
  }
  std::vector<std::string> undone;
  for (const auto& [table, requests] : Member(answer, "UnprocessedItems").items()) {
    for (const Json& request : requests) {
      undone.push_back(request.dump());
    }
  }
  return undone;
}

}  // namespace embeddingsdb::s3vectors
