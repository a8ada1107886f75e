// SPDX-License-Identifier: BSD-3-Clause
//
// The clients: over gRPC to a server with embeddingsdb.v1 and to one without, and in the process.
// All give the same answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "rpc/convert_stats.h"
#include "support/running_server.h"

namespace embeddingsdb {
namespace {

using testing::ElementsAre;

std::vector<std::string> DepictionIds(const std::vector<SimilarRecord>& records) {
  std::vector<std::string> ids;
  for (const SimilarRecord& record : records) {
    ids.push_back(record.key.depiction_id);
  }
  return ids;
}

enum class Way { kV1, kLegacy, kDatabase };

class AnyClient : public testing::TestWithParam<Way> {
 protected:
  AnyClient() {
    if (GetParam() == Way::kDatabase) {
      RegisterBuiltinClients(context_.registry);
      auto client = context_.registry.OpenClient(
          "database://?database-uri=memory%3A%2F%2F%3Fmax-distance%3D0", context_.context());
      EXPECT_OK(client);
      client_ = *std::move(client);
    } else {
      server_ =
          std::make_unique<RunningServer>(GrpcServerOptions{.serve_v1 = GetParam() == Way::kV1});
      client_ = server_->OpenClient();
    }
  }
  bool legacy() const { return GetParam() == Way::kLegacy; }

  TestContext context_;
  std::unique_ptr<RunningServer> server_;
  std::unique_ptr<Client> client_;
};

TEST_P(AnyClient, AddsGetsAndRemoves) {
  const Record record = MakeRecord("p", "d", "m", {1, -2.5F});
  EXPECT_OK(client_->Add(record));
  const Result<Record> got = client_->Get(record.key);
  ASSERT_OK(got);
  EXPECT_EQ(*got, record);
  EXPECT_OK(client_->Remove(record.key));
  EXPECT_OK(client_->Remove(record.key));
  EXPECT_FAILS(client_->Get(record.key), kNotFound, "d");
}

TEST_P(AnyClient, RefusesBadInputByName) {
  Record record = MakeRecord("p", "d", "m", {1});
  record.embedding[0] = std::numeric_limits<float>::infinity();
  EXPECT_FAILS(client_->Add(record), kInvalidArgument, "embeddings");
  EXPECT_FAILS(client_->Get({"", "d", "m"}), kInvalidArgument, "provider");
  EXPECT_FAILS(client_->Remove({"p", "", "m"}), kInvalidArgument, "depiction_id");
  EXPECT_FAILS(client_->List({.page = 0}), kInvalidArgument, "page");
  EXPECT_FAILS(client_->List({.page = 2, .cursor = "c"}), kInvalidArgument, "page is 2");
  EXPECT_FAILS(client_->List({.cursor = std::string(kMaxCursorBytes + 1, 'c')}), kInvalidArgument,
               "the limit is 4096");
  if (legacy()) {
    EXPECT_FAILS(client_->List({.cursor = "c"}), kUnimplemented, "cursors");
  } else {
    EXPECT_FAILS(client_->List({.cursor = "c"}), kInvalidArgument, "pages by page number");
  }
  EXPECT_FAILS(client_->Similar({.model = "m", .embedding = {1}, .k = 0}), kInvalidArgument, "0");
  EXPECT_FAILS(client_->SimilarById({.key = {"p", "d", "absent"}}), kNotFound, "absent");
}

TEST_P(AnyClient, ImportsAndScansEverythingOnce) {
  const std::vector<Record> records = MakeRecords(600);  // more than a page
  VectorCursor source(records);
  std::vector<std::int64_t> progress;
  const ImportReport report =
      client_->AddRecords(source, [&](std::int64_t count) { progress.push_back(count); });
  EXPECT_OK(report.status);
  EXPECT_EQ(report.acknowledged, 600);
  EXPECT_EQ(report.records.added, 600);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.back(), 600);
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));

  const auto cursor = client_->Scan({});
  ASSERT_OK(cursor);
  auto scanned = Drain(**cursor);
  ASSERT_OK(scanned);
  const auto by_key = [](const Record& a, const Record& b) { return a.key < b.key; };
  std::vector<Record> expected = records;
  std::sort(expected.begin(), expected.end(), by_key);
  std::sort(scanned->begin(), scanned->end(), by_key);
  EXPECT_TRUE(*scanned == expected);
}

TEST_P(AnyClient, ImportCountsReplacedRecords) {
  VectorCursor first(MakeRecords(10));
  EXPECT_OK(client_->AddRecords(first, nullptr).status);
  VectorCursor second(MakeRecords(15));
  const ImportReport report = client_->AddRecords(second, nullptr);
  EXPECT_EQ(report.acknowledged, 15);
  EXPECT_EQ(report.records.added, legacy() ? 15 : 5);  // go-embeddingsdb's protocol does not tell
  EXPECT_EQ(report.records.replaced, legacy() ? 0 : 10);
}

TEST_P(AnyClient, ImportDoesWithTakenKeysWhatItIsTold) {
  VectorCursor first(MakeRecords(10));
  EXPECT_OK(client_->AddRecords(first, nullptr).status);
  const auto add = [&](const AddOptions& options) {
    VectorCursor source(MakeRecords(15));
    return client_->AddRecords(source, options, nullptr);
  };
  if (legacy()) {
    EXPECT_FAILS(add({.on_duplicate = OnDuplicate::kSkip}).status, kUnimplemented, "replace");
    EXPECT_FAILS(add({.dry_run = true}).status, kUnimplemented, "replace");
    return;
  }
  EXPECT_EQ(add({.dry_run = true}).records, (AddReport{.added = 5, .replaced = 10}));
  EXPECT_EQ(*client_->Count({}), 10);
  EXPECT_EQ(add({.on_duplicate = OnDuplicate::kNewest, .dry_run = true}).records,
            (AddReport{.added = 5, .replaced = 10}));
  const ImportReport failed = add({.on_duplicate = OnDuplicate::kFail});
  EXPECT_FAILS(failed.status, kAlreadyExists, "record 0 (\"provider-depiction-0-model\")");
  EXPECT_EQ(failed.acknowledged, 0);
  const ImportReport skipped = add({.on_duplicate = OnDuplicate::kSkip});
  EXPECT_OK(skipped.status);
  EXPECT_EQ(skipped.acknowledged, 15);
  EXPECT_EQ(skipped.records, (AddReport{.added = 5, .skipped = 10}));
  EXPECT_EQ(*client_->Count({}), 15);
}

TEST_P(AnyClient, ImportStopsAtABadRecordAndKeepsThoseBefore) {
  std::vector<Record> records = MakeRecords(500);
  records[432].embedding.push_back(1);  // only the database can know the model's length
  VectorCursor source(records);
  const ImportReport report = client_->AddRecords(source, nullptr);
  EXPECT_FAILS(report.status, kInvalidArgument, "record 432 (\"provider-depiction-432-model\")");
  EXPECT_EQ(report.acknowledged, 432);
  EXPECT_EQ(*client_->Count({}), 432);
}

TEST_P(AnyClient, ImportStopsAtAnErrorOfItsSource) {
  VectorCursor source(MakeRecords(100), DataLossError("the file ends early"));
  const ImportReport report = client_->AddRecords(source, nullptr);
  EXPECT_FAILS(report.status, kDataLoss, "the file ends early");
  EXPECT_EQ(report.acknowledged, 100);
  EXPECT_EQ(*client_->Count({}), 100);
}

TEST_P(AnyClient, ImportOfNothingIsFine) {
  VectorCursor source({});
  const ImportReport report = client_->AddRecords(source, nullptr);
  EXPECT_OK(report.status);
  EXPECT_EQ(report.acknowledged, 0);
}

TEST_P(AnyClient, FiltersListScanAndCount) {
  EXPECT_OK(client_->Add(MakeRecord("p", "d", "m", {1})));
  EXPECT_OK(client_->Add(MakeRecord("q", "e", "m", {2})));
  const std::vector<Filter> filters = {{.column = Column::kProvider, .value = "q"}};
  EXPECT_EQ(*client_->Count({}), 2);
  EXPECT_EQ(*client_->Count(filters), 1);
  const auto page = client_->List({.page = 1, .per_page = 7, .filters = filters});
  ASSERT_OK(page);
  ASSERT_EQ(page->records.size(), 1U);
  EXPECT_EQ(page->records[0].key.depiction_id, "e");
  EXPECT_EQ(page->total, 1);
  EXPECT_EQ(page->per_page, 7);
  EXPECT_EQ(page->pages, 1);
  auto cursor = client_->Scan(filters);
  ASSERT_OK(cursor);
  const auto scanned = Drain(**cursor);
  ASSERT_OK(scanned);
  ASSERT_EQ(scanned->size(), 1U);
  EXPECT_EQ(scanned->front(), page->records[0]);
}

TEST_P(AnyClient, TellsWhatIsThereButNotWhere) {
  VectorCursor records(MakeRecords(10));
  ASSERT_OK(client_->AddRecords(records, nullptr).status);
  const Result<DatabaseStats> stats = client_->Stats();
  if (legacy()) {
    EXPECT_FAILS(stats, kUnimplemented, "statistics");
    return;
  }
  ASSERT_OK(stats);
  EXPECT_EQ(stats->records, 10);
  ASSERT_FALSE(stats->models.empty());
  EXPECT_EQ(stats->models[0].search, SearchKind::kExact);
  EXPECT_EQ(stats->models[0].dimension, 4);
  EXPECT_GT(stats->last_update, 0);
}

TEST(ConvertStats, KeepsAllButWhereTheFilesAre) {
  const DatabaseStats stats = {.uri = "sqlite:///secret/place.db",
                               .records = 1,
                               .last_update = 2,
                               .models = {{.name = "m",
                                           .dimension = 3,
                                           .records = 4,
                                           .providers = 5,
                                           .metric = Metric::kCosine,
                                           .search = SearchKind::kHnsw,
                                           .precision = Precision::kI8,
                                           .loaded = true,
                                           .graph_rows = 6,
                                           .file_rows = 7,
                                           .tail_rows = 8,
                                           .file_bytes = 9,
                                           .memory_bytes = 10}},
                               .files = {.records = 11, .log = 12, .index = 13, .other = 14},
                               .index_memory_bytes = 15,
                               .facts = {{"pages", 16}},
                               .members = {}};
  v1::GetStatsResponse response;
  FillStats(stats, response);
  EXPECT_EQ(response.SerializeAsString().find("secret"), std::string::npos);
  const Result<DatabaseStats> back = StatsFrom(response);
  ASSERT_OK(back);
  v1::GetStatsResponse again;
  FillStats(*back, again);
  EXPECT_EQ(again.SerializeAsString(), response.SerializeAsString());
  EXPECT_EQ(back->models[0].metric, Metric::kCosine);
  EXPECT_EQ(back->models[0].search, SearchKind::kHnsw);
  EXPECT_EQ(back->models[0].precision, Precision::kI8);
  EXPECT_EQ(back->models[0].tail_rows, 8);
  EXPECT_EQ(back->files.total(), 50);

  response.mutable_models(0)->set_search(static_cast<v1::SearchKind>(9));
  EXPECT_FAILS(StatsFrom(response), kUnimplemented, "search 9");
  response.mutable_models(0)->set_search(v1::SEARCH_KIND_EXACT);
  response.mutable_models(0)->set_metric(static_cast<v1::Metric>(8));
  EXPECT_FAILS(StatsFrom(response), kUnimplemented, "metric 8");
  response.mutable_models(0)->set_metric(v1::METRIC_UNSPECIFIED);
  EXPECT_EQ(StatsFrom(response)->models[0].metric, std::nullopt);
}

TEST_P(AnyClient, FiltersByAttributesAndWordsAndCountsFacets) {
  for (int i = 0; i < 5; ++i) {
    Record record = MakeRecord("p", Concat("d", i), "m", {static_cast<float>(i)});
    record.attributes = {{"kind", i % 2 == 0 ? "even" : "odd"}, {"title", Concat("No ", i)}};
    record.subject_id = i < 2 ? "first" : "";
    EXPECT_OK(client_->Add(record));
  }
  const std::vector<Filter> even = {{Column::kAttribute, "even", "kind"}};
  const std::vector<Filter> no = {{Column::kWords, "NO"}, {Column::kAttribute, "odd", "kind"}};
  const SimilarQuery similar = {
      .model = "m", .embedding = {0}, .k = 2, .max_distance = 0, .filters = no};
  const SimilarByIdQuery by_id = {
      .key = {"p", "d4", "m"}, .max_distance = 0, .group_by = GroupBy::kSubject};
  if (legacy()) {
    EXPECT_FAILS(client_->Count(even), kUnimplemented, "attributes or words");
    EXPECT_FAILS(client_->List({.filters = even}), kUnimplemented, "attributes or words");
    EXPECT_FAILS(client_->Scan(even), kUnimplemented, "attributes or words");
    EXPECT_FAILS(client_->Facets({}), kUnimplemented, "facets");
    EXPECT_FAILS(client_->Similar(similar), kUnimplemented, "filters or groups");
    EXPECT_FAILS(client_->SimilarById(by_id), kUnimplemented, "filters or groups");
    return;
  }
  EXPECT_EQ(client_->Count(even).value(), 3);
  const auto page = client_->List({.page = 2, .per_page = 2, .filters = even});
  ASSERT_OK(page);
  EXPECT_EQ(page->total, 3);
  EXPECT_EQ(page->pages, 2);
  EXPECT_EQ(page->page, 2);
  EXPECT_EQ(page->per_page, 2);
  ASSERT_EQ(page->records.size(), 1U);
  EXPECT_EQ(page->records[0], client_->Get(page->records[0].key).value());
  EXPECT_EQ(Drain(**client_->Scan(no)).value().size(), 2U);
  EXPECT_EQ(client_->Facets({.by = Column::kAttribute, .attribute = "kind", .limit = 1}).value(),
            (FacetCounts{{{"even", 3}}, 2, 5}));
  EXPECT_EQ(client_->Facets({.by = Column::kSubjectId, .filters = no}).value(),
            (FacetCounts{{{"", 1}, {"first", 1}}, 2, 2}));
  EXPECT_THAT(DepictionIds(client_->Similar(similar).value()), ElementsAre("d1", "d3"));
  EXPECT_THAT(DepictionIds(client_->SimilarById(by_id).value()), ElementsAre("d3", "d2", "d1"));
}

TEST_P(AnyClient, SimilarCarriesEveryField) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_OK(client_->Add(
        MakeRecord(i % 2 == 0 ? "even" : "odd", Concat("d", i), "m", {static_cast<float>(i)})));
  }
  EXPECT_OK(client_->Add(MakeRecord("other", "d1", "m", {1.5F})));
  const auto ids = [&](const SimilarQuery& query) {
    const auto found = client_->Similar(query);
    EXPECT_OK(found);
    return found.ok() ? DepictionIds(*found) : std::vector<std::string>();
  };
  EXPECT_THAT(ids({.model = "m", .embedding = {0}, .k = 2}), ElementsAre("d0", "d1"));
  EXPECT_THAT(ids({.model = "m", .embedding = {0}, .max_distance = 1}), ElementsAre("d0", "d1"));
  EXPECT_THAT(ids({.model = "m", .embedding = {0}, .provider = "odd"}), ElementsAre("d1", "d3"));
  EXPECT_THAT(ids({.model = "m", .embedding = {0}, .k = 2, .exclude = {"d0", "d1"}}),
              ElementsAre("d2", "d3"));
  // One record is left out, not its namesake of another provider, and k still come back.
  EXPECT_THAT(
      ids({.model = "m", .embedding = {0}, .k = 3, .exclude_record = Key{"odd", "d1", "m"}}),
      ElementsAre("d0", "d1", "d2"));
  const auto found = client_->Similar({.model = "m", .embedding = {3}, .k = 1});
  ASSERT_OK(found);
  EXPECT_EQ(found->front().key, (Key{"odd", "d3", "m"}));
  EXPECT_EQ(found->front().attributes.at("subject_title"), "d3");
}

TEST_P(AnyClient, SimilarByIdCarriesEveryField) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_OK(client_->Add(
        MakeRecord(i % 2 == 0 ? "even" : "odd", Concat("d", i), "m", {static_cast<float>(i)})));
  }
  const auto found = client_->SimilarById(
      {.key = {"even", "d0", "m"}, .k = 2, .max_distance = 2, .provider = "odd"});
  ASSERT_OK(found);
  EXPECT_THAT(DepictionIds(*found), ElementsAre("d1"));
  EXPECT_EQ(found->front().key.model, "m");
}

TEST_P(AnyClient, ExactSearchIsAskedForOrRefused) {
  EXPECT_OK(client_->Add(MakeRecord("p", "d", "m", {1})));
  // Twice: the first call may be the one that finds out what the server has.
  for (int i = 0; i < 2; ++i) {
    const auto found = client_->Similar({.model = "m", .embedding = {1}, .exact = true});
    if (legacy()) {
      EXPECT_FAILS(found, kUnimplemented, "exact");
    } else {
      EXPECT_OK(found);
    }
  }
}

TEST_P(AnyClient, ListsModelsAndProvidersOfEachOther) {
  EXPECT_OK(client_->Add(MakeRecord("p", "d", "m1", {1})));
  EXPECT_OK(client_->Add(MakeRecord("q", "d", "m2", {1, 2})));
  const std::vector<std::string> p = {"p"};
  const std::vector<std::string> m2 = {"m2"};
  EXPECT_THAT(*client_->Models({}), ElementsAre("m1", "m2"));
  EXPECT_THAT(*client_->Models(p), ElementsAre("m1"));
  EXPECT_THAT(*client_->Providers({}), ElementsAre("p", "q"));
  EXPECT_THAT(*client_->Providers(m2), ElementsAre("q"));
  EXPECT_THAT(*client_->Dimensions(), ElementsAre(1, 2));
  EXPECT_EQ(*client_->Pagination(), PaginationType::kCountable);
}

TEST_P(AnyClient, AbandonedScanLetsGo) {
  VectorCursor source(MakeRecords(600, 1'024));  // several messages, or pages
  EXPECT_OK(client_->AddRecords(source, nullptr).status);
  {
    const auto cursor = client_->Scan({});
    ASSERT_OK(cursor);
    Record record;
    const auto more = (*cursor)->Next(record);
    ASSERT_OK(more);
    EXPECT_TRUE(*more);
  }
  EXPECT_OK(client_->Count({}));
}

INSTANTIATE_TEST_SUITE_P(Ways, AnyClient, testing::Values(Way::kV1, Way::kLegacy, Way::kDatabase),
                         [](const auto& param) -> std::string {
                           switch (param.param) {
                             case Way::kV1:
                               return "v1";
                             case Way::kLegacy:
                               return "legacy";
                             default:
                               return "database";
                           }
                         });

TEST(LegacyScan, HalvesPagesThatDoNotFit) {
  RunningServer server({.serve_v1 = false, .max_answer_bytes = 20'000});
  ASSERT_OK(server.database->AddBatch(MakeRecords(700, 32)));
  auto cursor = server.OpenClient()->Scan({});
  ASSERT_OK(cursor);
  const auto records = Drain(**cursor);  // the client is gone, the cursor lives
  ASSERT_OK(records);
  std::set<Key> keys;
  for (const Record& record : *records) {
    keys.insert(record.key);
  }
  EXPECT_EQ(keys.size(), 700U);
  EXPECT_EQ(records->size(), 700U);
}

TEST(GrpcClient, AServerThatIsAwayIsUnavailableAtOnce) {
  std::unique_ptr<Client> client;
  std::string address;
  {
    RunningServer server;
    client = server.OpenClient();
    address = server.address();
    EXPECT_OK(client->Count({}));
    EXPECT_OK(server.Stop());
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FAILS(client->Count({}), kUnavailable, address);
  EXPECT_FAILS(client->Get({"p", "d", "m"}), kUnavailable, address);
  EXPECT_FAILS(client->Scan({}), kUnavailable, address);
  VectorCursor source(MakeRecords(10));
  EXPECT_FAILS(client->AddRecords(source, nullptr).status, kUnavailable, address);
  EXPECT_EQ(source.taken(), 0U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(GrpcClient, PageOfAThousandRecordsOf1152Floats) {
  RunningServer server;
  ASSERT_OK(server.database->AddBatch(MakeRecords(1'000, 1'152)));
  const auto page = server.OpenClient()->List({.per_page = 1'000});
  ASSERT_OK(page);
  EXPECT_EQ(page->records.size(), 1'000U);
}

TEST(GrpcClient, MaxMsgSizeBoundsWhatIsReceived) {
  RunningServer server;
  ASSERT_OK(server.database->AddBatch(MakeRecords(100, 32)));
  EXPECT_FAILS(server.OpenClient("max-msg-size=5000")->List({.per_page = 100}), kResourceExhausted,
               "5000");
}

TEST(NullClient, ForgetsEverything) {
  TestContext context;
  RegisterBuiltinClients(context.registry);
  const auto client = context.registry.OpenClient("null://", context.context());
  ASSERT_OK(client);
  VectorCursor source(MakeRecords(10));
  EXPECT_OK((*client)->AddRecords(source, nullptr).status);
  EXPECT_EQ(*(*client)->Count({}), 0);
  EXPECT_EQ(*(*client)->Pagination(), PaginationType::kNull);
  EXPECT_FAILS((*client)->Get({"p", "d", "m"}), kNotFound, "");
}

TEST(ClientUri, RefusesByName) {
  TestContext context;
  RegisterBuiltinClients(context.registry);
  const auto open = [&](std::string_view uri) {
    return context.registry.OpenClient(uri, context.context());
  };
  EXPECT_FAILS(open("database://"), kInvalidArgument, "Missing database URI");
  EXPECT_FAILS(open("database://?database-uri="), kInvalidArgument, "Missing database URI");
  EXPECT_FAILS(open("database://?database-url=x"), kInvalidArgument, "database-uri");
  EXPECT_FAILS(open("grpc://localhost"), kInvalidArgument, "port");
  EXPECT_FAILS(open("grpc://localhost:1/path"), kInvalidArgument, "path");
  EXPECT_FAILS(open("grpc://localhost:1?tls-certifcate=x"), kInvalidArgument, "tls-certificate");
  EXPECT_FAILS(open("grpc://localhost:1?max-msg-size=0"), kInvalidArgument, "max-msg-size");
}

TEST(DatabaseClient, CloseClosesTheDatabase) {
  TestContext context;
  RegisterBuiltinClients(context.registry);
  const auto client =
      context.registry.OpenClient("database://?database-uri=memory%3A%2F%2F", context.context());
  ASSERT_OK(client);
  EXPECT_OK((*client)->Close());
  EXPECT_FAILS((*client)->Count({}), kFailedPrecondition, "closed");
}

}  // namespace
}  // namespace embeddingsdb
