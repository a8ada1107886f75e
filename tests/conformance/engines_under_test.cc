// SPDX-License-Identifier: BSD-3-Clause
#include "conformance/engines_under_test.h"

#include "embeddingsdb/uri.h"

#include "core/sha256.h"
#include "example_engine/journal_database.h"
#include "support/node_server.h"
#include "support/postgres_server.h"
#include "support/running_s3_server.h"
#include "support/s3_keys_file.h"

namespace embeddingsdb {

namespace {

/// The lengths are those of the model test, so that its models live in three databases.
std::string MultiUri(const std::string& dir) {
  return "multi://?database=" + PercentEncode("sqlite://?dsn=" + dir + "/one.db&dimensions=3") +
         "&database=" + PercentEncode("lmdb://" + dir + "/two?dimensions=17") +
         "&database=" + PercentEncode("sqlite://?dsn=" + dir + "/three.db");
}

/// An index of its own in one server for all tests.
std::string S3Uri(const std::string& dir) {
  static const S3KeysFile keys;
  static const RunningS3Server server("memory://?metric=l2", keys.server_options());
  return Concat("s3vectors://tests?index=i", Sha256Hex(dir).substr(0, 32),
                "&region=", RunningS3Server::kRegion,
                "&metric=l2&keys=v2&endpoint=", PercentEncode(server.endpoint()),
                "&credentials=", keys.label());
}

/// The same with a table of its own.
std::string S3TableUri(const std::string& dir) {
  static const NodeServer dynamodb(EDB_NODE, EDB_DYNAMODB_SERVER);
  return Concat(S3Uri(dir), "&with-dynamodb=true&dynamodb-table=", Sha256Hex(dir),
                "&dynamodb-endpoint=", PercentEncode(Concat("http://127.0.0.1:", dynamodb.port())));
}

}  // namespace

void RegisterExampleEngines(Registry& registry) {
  registry.AddDatabase("journal", OpenJournalDatabase);
}

std::ostream& operator<<(std::ostream& os, const EngineUnderTest& engine) {
  return os << engine.name;
}

std::vector<EngineUnderTest> EnginesUnderTest() {
  return {
      {.name = "memory", .uri = [](const std::string&) { return "memory://?metric=l2"; }},
      {.name = "sqlite",
       .uri = [](const auto& dir) { return "sqlite://?dsn=" + dir + "/edb.db"; },
       .keeps_index_files = true},
      {.name = "sqlite_hnsw",
       .uri = [](const auto& dir) { return "sqlite://?dsn=" + dir + "/edb.db&index=hnsw"; }},
      {.name = "duckdb",
       .uri = [](const auto& dir) { return "duckdb://" + dir + "/edb.duckdb?metric=l2"; },
       .keeps_index_files = true},
      {.name = "lmdb",
       .uri = [](const auto& dir) { return "lmdb://" + dir + "/edb?metric=l2"; },
       .keeps_index_files = true},
      {.name = "postgres",
       .uri = [](const auto& dir) { return SharedPostgresServer().Uri(SchemaFor(dir)); },
       .on_a_server = true},
      {.name = "multi", .uri = MultiUri},
      {.name = "journal",
       .uri = [](const auto& dir) { return "journal://" + dir + "/edb.journal?metric=l2"; },
       .keeps_index_files = true,
       .documented_in = "docs/adding-an-engine.md"},
  };
}

std::vector<EngineUnderTest> StoresUnderTest() {
  std::vector<EngineUnderTest> stores = EnginesUnderTest();
  stores.push_back({.name = "sqlite_quantize", .uri = [](const auto& dir) {
                      return "sqlite://?dsn=" + dir + "/edb.db&compression=quantize";
                    }});
  stores.push_back({.name = "sqlite_matroyshka", .uri = [](const auto& dir) {
                      return "sqlite://?dsn=" + dir + "/edb.db&compression=matroyshka";
                    }});
  return stores;
}

std::vector<EngineUnderTest> ServicesUnderTest() {
  const std::string lengths = "an index of s3vectors:// has vectors of one length";
  const std::string order = "s3vectors:// lists in an order of its own, without a total";
  // A table beside the index makes answers cheaper, and they are the same.
  const std::map<std::string, std::string> leaves_out = {
      {"Records.TheFirstRecordFixesTheLengthOfItsModelsVectors", lengths},
      {"Records.AnEmptiedModelMayTakeAnotherLength", lengths},
      {"Records.TakesRecordsAtEveryLimit", "vectors of up to 4,096 elements"},
      {"Lists.PagesHoldEveryRecordOnceInListOrder", order},
      {"Lists.TiesAcrossProvidersAreOrderedSoNoPageRepeatsOne", order},
      {"Lists.OrderIsBytewiseNotByLocale", order},
      {"Lists.APagePastTheEndIsEmptyAndNoError", order},
      {"Lists.FiltersAreAndedOnListScanAndCountAlike", order},
      {"Lists.ModelsAndProvidersAreDistinctSortedAndRestricted", lengths},
      {"Similar.ModelsAreSeparateSpaces", lengths},
  };
  return {
      {.name = "s3vectors", .uri = S3Uri, .one_length = true, .leaves_out = leaves_out},
      {.name = "s3vectors_table", .uri = S3TableUri, .one_length = true, .leaves_out = leaves_out},
  };
}

}  // namespace embeddingsdb
