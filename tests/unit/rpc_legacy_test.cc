// SPDX-License-Identifier: BSD-3-Clause
//
// The service of go-embeddingsdb, called as a client of go-embeddingsdb calls it.
#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <thread>

#include "support/running_server.h"

namespace embeddingsdb {
namespace {

using testing::ElementsAre;

class LegacyService : public testing::Test {
 protected:
  grpc::Status Add(const Record& record) {
    legacy::AddRecordRequest request;
    FillRecord(record, *request.mutable_record());
    legacy::AddRecordResponse response;
    CallContext context;
    return stub_->AddRecord(&context, request, &response);
  }
  grpc::Status List(const legacy::ListRecordsRequest& request,
                    legacy::ListRecordsResponse& response) {
    CallContext context;
    return stub_->ListRecords(&context, request, &response);
  }
  grpc::Status Similar(const legacy::SimilarRecordsRequest& request,
                       legacy::SimilarRecordsResponse& response) {
    CallContext context;
    return stub_->SimilarRecords(&context, request, &response);
  }

  RunningServer server_;
  std::unique_ptr<legacy::EmbeddingsDBService::Stub> stub_ = server_.LegacyStub();
};

std::vector<std::string> DepictionIds(const legacy::SimilarRecordsResponse& response) {
  std::vector<std::string> ids;
  for (const auto& record : response.records()) {
    ids.push_back(record.depiction_id());
  }
  return ids;
}

TEST_F(LegacyService, AddsGetsAndRemovesARecord) {
  const Record record = MakeRecord("p", "d", "m", {1, -2.5F});
  EXPECT_GRPC(Add(record), OK, "");
  legacy::GetRecordRequest get;
  FillKey(record.key, get);
  legacy::GetRecordResponse got;
  {
    CallContext context;
    EXPECT_GRPC(stub_->GetRecord(&context, get, &got), OK, "");
  }
  EXPECT_EQ(RecordFrom(got.record()), record);

  legacy::RemoveRecordRequest remove;
  FillKey(record.key, remove);
  legacy::RemoveRecordResponse removed;
  for (int i = 0; i < 2; ++i) {  // removing what is not there is no error
    CallContext context;
    EXPECT_GRPC(stub_->RemoveRecord(&context, remove, &removed), OK, "");
  }
  CallContext context;
  EXPECT_GRPC(stub_->GetRecord(&context, get, &got), NOT_FOUND, "");
}

TEST_F(LegacyService, RefusesAMissingRecord) {
  legacy::AddRecordResponse response;
  CallContext context;
  EXPECT_GRPC(stub_->AddRecord(&context, {}, &response), INVALID_ARGUMENT, "record is required");
}

TEST_F(LegacyService, RefusesBadRecordsByName) {
  Record record = MakeRecord("p", "d", "m", {1, 2});
  record.embedding[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_GRPC(Add(record), INVALID_ARGUMENT, "embeddings");
  record = MakeRecord("", "d", "m", {1, 2});
  EXPECT_GRPC(Add(record), INVALID_ARGUMENT, "provider");
  EXPECT_EQ(server_.hooks.stored, 0);
}

TEST_F(LegacyService, RefusesAnotherDimensionOfAModel) {
  EXPECT_GRPC(Add(MakeRecord("p", "d", "m", {1, 2})), OK, "");
  EXPECT_GRPC(Add(MakeRecord("p", "e", "m", {1, 2, 3})), INVALID_ARGUMENT, "3");
}

TEST_F(LegacyService, ListNeedsPagination) {
  legacy::ListRecordsResponse response;
  EXPECT_GRPC(List({}, response), INVALID_ARGUMENT, "pagination is required");
}

TEST_F(LegacyService, ListTakesZeroAsTheDefault) {
  for (const Record& record : MakeRecords(11)) {
    EXPECT_GRPC(Add(record), OK, "");
  }
  legacy::ListRecordsRequest request;
  request.mutable_pagination();
  legacy::ListRecordsResponse response;
  EXPECT_GRPC(List(request, response), OK, "");
  EXPECT_EQ(response.records_size(), 10);
  EXPECT_EQ(response.pagination().total(), 11);
  EXPECT_EQ(response.pagination().page(), 1);
  EXPECT_EQ(response.pagination().pages(), 2);
  EXPECT_EQ(response.pagination().per_page(), 10);
}

TEST_F(LegacyService, ListPastTheEndIsEmpty) {
  EXPECT_GRPC(Add(MakeRecord("p", "d", "m", {1})), OK, "");
  legacy::ListRecordsRequest request;
  request.mutable_pagination()->set_page(9);
  legacy::ListRecordsResponse response;
  EXPECT_GRPC(List(request, response), OK, "");
  EXPECT_EQ(response.records_size(), 0);
  EXPECT_EQ(response.pagination().total(), 1);
}

TEST_F(LegacyService, ListRefusesNegativeNumbersAndHugePages) {
  legacy::ListRecordsResponse response;
  legacy::ListRecordsRequest request;
  request.mutable_pagination()->set_page(-1);
  EXPECT_GRPC(List(request, response), INVALID_ARGUMENT, "page");
  request.mutable_pagination()->set_page(1);
  request.mutable_pagination()->set_per_page(-1);
  EXPECT_GRPC(List(request, response), INVALID_ARGUMENT, "per_page");
  request.mutable_pagination()->set_per_page(1'001);
  EXPECT_GRPC(List(request, response), INVALID_ARGUMENT, "1000");
}

TEST_F(LegacyService, ListFiltersByKnownColumnsOnly) {
  EXPECT_GRPC(Add(MakeRecord("p", "d", "m", {1})), OK, "");
  EXPECT_GRPC(Add(MakeRecord("q", "e", "m", {1})), OK, "");
  legacy::ListRecordsRequest request;
  request.mutable_pagination();
  legacy::ListRecordsFilter& filter = *request.add_filters();
  filter.set_column("provider");
  filter.set_value("q");
  legacy::ListRecordsResponse response;
  EXPECT_GRPC(List(request, response), OK, "");
  ASSERT_EQ(response.records_size(), 1);
  EXPECT_EQ(response.records(0).depiction_id(), "e");
  filter.set_column("1=1; DROP TABLE embeddings; --");
  EXPECT_GRPC(List(request, response), INVALID_ARGUMENT, "DROP TABLE");
}

TEST_F(LegacyService, ListsAPageOfAThousandRecordsOf1152Floats) {
  const std::vector<Record> records = MakeRecords(1'000, 1'152);
  ASSERT_OK(server_.database->AddBatch(records));
  legacy::ListRecordsRequest request;
  request.mutable_pagination()->set_per_page(1'000);
  legacy::ListRecordsResponse response;
  EXPECT_GRPC(List(request, response), OK, "");
  EXPECT_EQ(response.records_size(), 1'000);
  EXPECT_GT(response.ByteSizeLong(), 4'600'000U);
}

TEST(LegacyServiceLimits, AnAnswerOverTheLimitSaysWhatToDo) {
  RunningServer server({.max_answer_bytes = 10'000});
  ASSERT_OK(server.database->AddBatch(MakeRecords(100, 32)));
  legacy::ListRecordsRequest request;
  request.mutable_pagination()->set_per_page(100);
  legacy::ListRecordsResponse response;
  CallContext context;
  const grpc::Status status = server.LegacyStub()->ListRecords(&context, request, &response);
  EXPECT_GRPC(status, RESOURCE_EXHAUSTED, "the limit is 10000: ask for fewer records per page");
}

TEST(LegacyServiceLimits, AMessageOverMaxMsgSizeIsRefused) {
  const RunningServer server({.max_receive_bytes = 1'000});
  legacy::AddRecordRequest request;
  FillRecord(MakeRecords(1, 512).front(), *request.mutable_record());
  legacy::AddRecordResponse response;
  CallContext context;
  EXPECT_GRPC(server.LegacyStub()->AddRecord(&context, request, &response), RESOURCE_EXHAUSTED,
              "1000");
  EXPECT_EQ(server.hooks.stored, 0);
}

TEST(LegacyServiceLimits, ACompressedMessageIsRefused) {
  const RunningServer server;
  CallContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  legacy::AddRecordRequest request;
  FillRecord(MakeRecords(1, 512).front(), *request.mutable_record());
  legacy::AddRecordResponse response;
  EXPECT_GRPC(server.LegacyStub()->AddRecord(&context, request, &response), UNIMPLEMENTED, "");
  EXPECT_EQ(server.hooks.stored, 0);
}

TEST_F(LegacyService, SimilarHonoursEveryField) {
  for (int i = 0; i < 5; ++i) {
    const Record record =
        MakeRecord(i % 2 == 0 ? "even" : "odd", Concat("d", i), "m", {static_cast<float>(i), 0});
    EXPECT_GRPC(Add(record), OK, "");
  }
  legacy::SimilarRecordsRequest request;
  request.set_model("m");
  request.add_embeddings(0);
  request.add_embeddings(0);
  legacy::SimilarRecordsResponse response;
  EXPECT_GRPC(Similar(request, response), OK, "");
  EXPECT_THAT(DepictionIds(response), ElementsAre("d0", "d1", "d2", "d3", "d4"));
  EXPECT_EQ(response.records(3).distance(), 3.0F);
  EXPECT_EQ(response.records(3).provider(), "odd");
  EXPECT_EQ(response.records(3).subject_id(), "subject-of-d3");
  EXPECT_EQ(response.records(3).attributes().at("subject_title"), "d3");

  request.set_max_results(2);
  EXPECT_GRPC(Similar(request, response), OK, "");
  EXPECT_THAT(DepictionIds(response), ElementsAre("d0", "d1"));
  request.add_exclude("d0");
  EXPECT_GRPC(Similar(request, response), OK, "");
  EXPECT_THAT(DepictionIds(response), ElementsAre("d1", "d2"));
  request.set_similar_provider("even");
  EXPECT_GRPC(Similar(request, response), OK, "");
  EXPECT_THAT(DepictionIds(response), ElementsAre("d2", "d4"));
  request.set_max_distance(2);
  EXPECT_GRPC(Similar(request, response), OK, "");
  EXPECT_THAT(DepictionIds(response), ElementsAre("d2"));
  request.set_max_distance(0);  // present, and means no limit
  EXPECT_GRPC(Similar(request, response), OK, "");
  EXPECT_THAT(DepictionIds(response), ElementsAre("d2", "d4"));
}

TEST_F(LegacyService, SimilarRefusesBadValues) {
  legacy::SimilarRecordsRequest request;
  legacy::SimilarRecordsResponse response;
  request.add_embeddings(1);
  EXPECT_GRPC(Similar(request, response), INVALID_ARGUMENT, "model");
  request.set_model("m");
  request.set_max_results(0);  // present: not the default
  EXPECT_GRPC(Similar(request, response), INVALID_ARGUMENT, "0");
  request.set_max_results(1'001);
  EXPECT_GRPC(Similar(request, response), INVALID_ARGUMENT, "1000");
}

TEST_F(LegacyService, SimilarByIdLeavesTheRecordItselfOut) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_GRPC(Add(MakeRecord("p", Concat("d", i), "m", {static_cast<float>(i)})), OK, "");
  }
  legacy::SimilarRecordsByIdRequest request;
  FillKey(Key{"p", "d1", "m"}, request);
  request.set_max_results(2);
  legacy::SimilarRecordsResponse response;
  {
    CallContext context;
    EXPECT_GRPC(stub_->SimilarRecordsById(&context, request, &response), OK, "");
  }
  EXPECT_THAT(DepictionIds(response), ElementsAre("d0", "d2"));
  request.set_depiction_id("absent");
  CallContext context;
  EXPECT_GRPC(stub_->SimilarRecordsById(&context, request, &response), NOT_FOUND, "absent");
}

TEST_F(LegacyService, ListsModelsProvidersDimensionsAndPaginationType) {
  EXPECT_GRPC(Add(MakeRecord("p", "d", "m1", {1})), OK, "");
  EXPECT_GRPC(Add(MakeRecord("q", "d", "m2", {1, 2})), OK, "");
  {
    legacy::GetModelsRequest request;
    legacy::GetModelsResponse response;
    CallContext all;
    EXPECT_GRPC(stub_->GetModels(&all, request, &response), OK, "");
    EXPECT_THAT(response.model(), ElementsAre("m1", "m2"));
    request.add_provider("q");
    CallContext one;
    EXPECT_GRPC(stub_->GetModels(&one, request, &response), OK, "");
    EXPECT_THAT(response.model(), ElementsAre("m2"));
  }
  {
    legacy::GetProvidersResponse response;
    CallContext context;
    EXPECT_GRPC(stub_->GetProviders(&context, {}, &response), OK, "");
    EXPECT_THAT(response.provider(), ElementsAre("p", "q"));
  }
  {
    legacy::GetDimensionsResponse response;
    CallContext context;
    EXPECT_GRPC(stub_->GetDimensions(&context, {}, &response), OK, "");
    EXPECT_THAT(response.dimensions(), ElementsAre(1, 2));
  }
  legacy::GetPaginationTypeResponse response;
  CallContext context;
  EXPECT_GRPC(stub_->GetPaginationType(&context, {}, &response), OK, "");
  EXPECT_EQ(response.pagination_type(), "countable");
}

TEST_F(LegacyService, LogsEachCallWithItsKeyAndOutcome) {
  EXPECT_GRPC(Add(MakeRecord("", "d", "m", {1})), INVALID_ARGUMENT, "");
  const std::vector<std::string> lines = server_.log().lines();
  const auto line = std::find_if(lines.begin(), lines.end(), [](const std::string& one) {
    return one.find("Time to add record") != std::string::npos;
  });
  ASSERT_NE(line, lines.end());
  EXPECT_THAT(*line, testing::HasSubstr("depiction_id=d"));
  EXPECT_THAT(*line, testing::HasSubstr("\"remote address\"="));
  EXPECT_THAT(*line, testing::HasSubstr("INVALID_ARGUMENT"));
}

TEST_F(LegacyService, ThirtyTwoCallsAreInFlightTogether) {
  constexpr int kCalls = 32;
  std::atomic<int> inside = 0;
  server_.hooks.set_before_add([&](std::span<const Record>) -> Status {
    ++inside;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(9);
    while (inside < kCalls) {
      if (std::chrono::steady_clock::now() > end) {
        return UnavailableError("the others have not come");
      }
      std::this_thread::yield();
    }
    return {};
  });
  std::vector<std::jthread> callers;
  for (int i = 0; i < kCalls; ++i) {
    callers.emplace_back(
        [&, i] { EXPECT_GRPC(Add(MakeRecord("p", std::to_string(i), "m", {1, 2})), OK, ""); });
  }
  callers.clear();
  EXPECT_EQ(server_.hooks.stored, kCalls);
}

TEST_F(LegacyService, AnExceptionOfAnEngineIsAnInternalError) {
  server_.hooks.set_before_add(
      [](std::span<const Record>) -> Status { throw std::runtime_error("the library broke"); });
  EXPECT_GRPC(Add(MakeRecord("p", "d", "m", {1})), INTERNAL, "the library broke");
}

}  // namespace
}  // namespace embeddingsdb
