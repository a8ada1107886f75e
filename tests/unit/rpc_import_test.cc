// SPDX-License-Identifier: BSD-3-Clause
//
// AddRecords of embeddingsdb.v1 on the wire: what is acknowledged, and how it ends.
#include <condition_variable>
#include <gmock/gmock.h>
#include <grpcpp/server_context.h>
#include <gtest/gtest.h>
#include <mutex>

#include "embeddingsdb/limits.h"

#include "rpc/bulk_adder.h"
#include "rpc/call_gate.h"
#include "support/running_server.h"

namespace embeddingsdb {
namespace {

v1::AddRecordsRequest MessageOf(const std::vector<Record>& records) {
  v1::AddRecordsRequest message;
  for (const Record& record : records) {
    FillRecord(record, *message.add_records());
  }
  return message;
}

class ImportCall : public testing::Test {
 protected:
  void Start() {
    stub_ = server_.V1Stub();
    call_ = stub_->AddRecords(&context_);
    v1::AddRecordsResponse hello;
    ASSERT_TRUE(call_->Read(&hello));
    EXPECT_EQ(hello.acknowledged(), 0);
  }
  /// Reads acknowledgements until the one for `count` records.
  void AwaitAcknowledged(std::int64_t count) {
    v1::AddRecordsResponse totals;
    while (totals.acknowledged() < count) {
      ASSERT_TRUE(call_->Read(&totals));
    }
    EXPECT_EQ(totals.acknowledged(), count);
  }

  RunningServer server_;
  CallContext context_;
  std::unique_ptr<v1::EmbeddingsDB::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AddRecordsRequest, v1::AddRecordsResponse>> call_;
};

TEST_F(ImportCall, AcknowledgesWithoutWaitingForMore) {
  Start();
  const std::vector<Record> records = MakeRecords(30);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(
        call_->Write(MessageOf({records.begin() + 10 * static_cast<std::ptrdiff_t>(i),
                                records.begin() + 10 * static_cast<std::ptrdiff_t>(i + 1)})));
    AwaitAcknowledged(10 * static_cast<std::int64_t>(i + 1));
    EXPECT_EQ(server_.hooks.stored, 10 * static_cast<std::int64_t>(i + 1));
  }
  call_->WritesDone();
  EXPECT_GRPC(call_->Finish(), OK, "");
}

TEST_F(ImportCall, EndsAtABadRecordWhileTheClientIsSilent) {
  Start();
  std::vector<Record> records = MakeRecords(20);
  records[13].key.model.clear();
  ASSERT_TRUE(call_->Write(MessageOf(records)));
  AwaitAcknowledged(13);
  v1::AddRecordsResponse none;
  EXPECT_FALSE(call_->Read(&none));  // the server hangs up although the client says nothing
  EXPECT_GRPC(call_->Finish(), INVALID_ARGUMENT, "record 13 (\"provider-depiction-13-\")");
  EXPECT_EQ(server_.hooks.stored, 13);
}

TEST_F(ImportCall, AMessageOfMoreRecordsThanABatchTakesIsCommittedInBatches) {
  Start();
  const auto count = static_cast<int>(2 * kMaxBatchRecords + 1);
  ASSERT_TRUE(call_->Write(MessageOf(MakeRecords(count, 1))));
  AwaitAcknowledged(count);
  EXPECT_EQ(server_.hooks.batches, 3);
  call_->WritesDone();
  EXPECT_GRPC(call_->Finish(), OK, "");
}

TEST_F(ImportCall, MessagesThatGatherBecomeOneCommit) {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  server_.hooks.set_before_add([&](std::span<const Record>) -> Status {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return open; });
    return {};
  });
  Start();
  const std::vector<Record> records = MakeRecords(100);
  for (const Record& record : records) {
    ASSERT_TRUE(call_->Write(MessageOf({record})));
  }
  call_->WritesDone();
  {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  AwaitAcknowledged(100);
  EXPECT_GRPC(call_->Finish(), OK, "");
  EXPECT_LT(server_.hooks.batches, 20);
}

TEST_F(ImportCall, ADatabaseErrorEndsTheStreamWithItsCode) {
  server_.hooks.set_before_add([&](std::span<const Record>) -> Status {
    if (server_.hooks.stored == 0) {
      return {};
    }
    return ResourceExhaustedError("the disk is full");
  });
  Start();
  ASSERT_TRUE(call_->Write(MessageOf(MakeRecords(5))));
  AwaitAcknowledged(5);
  ASSERT_TRUE(call_->Write(MessageOf(MakeRecords(5))));
  v1::AddRecordsResponse none;
  EXPECT_FALSE(call_->Read(&none));
  EXPECT_GRPC(call_->Finish(), RESOURCE_EXHAUSTED, "the disk is full");
}

TEST_F(ImportCall, AnExceptionEndsTheStream) {
  server_.hooks.set_before_add(
      [](std::span<const Record>) -> Status { throw std::runtime_error("the library broke"); });
  Start();
  ASSERT_TRUE(call_->Write(MessageOf(MakeRecords(5))));
  v1::AddRecordsResponse none;
  EXPECT_FALSE(call_->Read(&none));
  EXPECT_GRPC(call_->Finish(), INTERNAL, "the library broke");
}

TEST_F(ImportCall, ACancelledCallLeavesTheServerWell) {
  Start();
  ASSERT_TRUE(call_->Write(MessageOf(MakeRecords(5))));
  AwaitAcknowledged(5);
  context_.TryCancel();
  EXPECT_GRPC(call_->Finish(), CANCELLED, "");
  EXPECT_EQ(*server_.OpenClient()->Count({}), 5);
  EXPECT_OK(server_.Stop());
}

TEST_F(ImportCall, StopEndsASilentStreamAtOnceAndClosesTheDatabase) {
  Start();
  ASSERT_TRUE(call_->Write(MessageOf(MakeRecords(5))));
  AwaitAcknowledged(5);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_OK(server_.Stop());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_GRPC(call_->Finish(), UNAVAILABLE, "shutting down");
  EXPECT_TRUE(server_.hooks.flushed);
  EXPECT_TRUE(server_.hooks.closed);
}

/// Records without end.
class EndlessCursor final : public RecordCursor {
 public:
  Result<bool> Next(Record& record) override {
    record = MakeRecord("p", Concat("d", next_++), "m", std::vector<float>(64, 1.0F));
    return true;
  }

 private:
  int next_ = 0;
};

TEST(Drain, WhatWasAcknowledgedIsStoredAndTheRestIsReported) {
  RunningServer server;
  const auto client = server.OpenClient();
  EndlessCursor source;
  std::jthread stopper;
  bool stopping = false;
  const ImportReport report = client->AddRecords(source, [&](std::int64_t) {
    if (!std::exchange(stopping, true)) {
      stopper = std::jthread([&] { EXPECT_OK(server.Stop()); });
    }
  });
  stopper = {};
  EXPECT_EQ(report.status.code(), StatusCode::kUnavailable) << report.status;
  EXPECT_GT(report.acknowledged, 0);
  EXPECT_EQ(report.acknowledged, server.hooks.stored);
  EXPECT_EQ(report.records.added, report.acknowledged);
  EXPECT_TRUE(server.hooks.closed);
}

TEST(Drain, ACallThatDoesNotEndIsCancelledAtTheDeadline) {
  RunningServer server({.drain = std::chrono::milliseconds(200)});
  ASSERT_OK(server.database->AddBatch(MakeRecords(10'000, 1'024)));
  const auto cursor = server.OpenClient()->Scan({});  // which nobody reads on
  ASSERT_OK(cursor);
  EXPECT_OK(server.Stop());
  EXPECT_TRUE(server.hooks.closed);
  EXPECT_FALSE(Drain(**cursor).ok());
}

TEST(Drain, ServingTwiceIsRefused) {
  TestContext context;
  auto database = context.Open("memory://");
  ASSERT_OK(database);
  const auto server =
      StartGrpcServer({.host = "127.0.0.1"}, *std::move(database), context.context());
  ASSERT_OK(server);
  const std::stop_source stop;
  stop.request_stop();
  EXPECT_OK((*server)->Serve(stop.get_token()));
  EXPECT_FAILS((*server)->Serve(stop.get_token()), kFailedPrecondition, "before");
}

TEST(CallGate, RefusesCallsOverTheLimitUntilOthersLeave) {
  CallGate gate("", nullptr);
  const grpc::ServerContext context;
  for (int i = 0; i < kMaxCallsInFlight; ++i) {
    ASSERT_OK(gate.Enter(context));
  }
  EXPECT_FAILS(gate.Enter(context), kResourceExhausted, "256");
  EXPECT_FAILS(gate.Enter(context), kResourceExhausted, "256");
  gate.Leave();
  EXPECT_OK(gate.Enter(context));
}

TEST(BulkAdder, StoresTheRecordsBeforeABadOneWhereverItIs) {
  for (const std::size_t bad : {0U, 1U, 4'095U, 4'096U, 4'999U}) {
    TestContext context;
    const auto database = context.Open("memory://");
    ASSERT_OK(database);
    std::vector<Record> records = MakeRecords(5'000, 1);
    records[bad].key.provider.clear();
    BulkAdder adder(**database);
    EXPECT_FAILS(adder.Add(records), kInvalidArgument, Concat("record ", bad, " ("));
    EXPECT_EQ(adder.report().acknowledged, static_cast<std::int64_t>(bad));
    EXPECT_EQ(*(*database)->Count({}), static_cast<std::int64_t>(bad));
  }
}

}  // namespace
}  // namespace embeddingsdb
