// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/status.h"

#include <gtest/gtest.h>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

namespace embeddingsdb {
namespace {

TEST(Status, DefaultIsOk) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.ToString(), "OK");
}

TEST(Status, CodesAreTheCanonicalNumbersOfGrpc) {
  EXPECT_EQ(static_cast<int>(StatusCode::kInvalidArgument), 3);
  EXPECT_EQ(static_cast<int>(StatusCode::kNotFound), 5);
  EXPECT_EQ(static_cast<int>(StatusCode::kUnauthenticated), 16);
}

TEST(Status, EveryConstructorGivesItsCode) {
  EXPECT_EQ(CancelledError("m").ToString(), "CANCELLED: m");
  EXPECT_EQ(UnknownError("m").ToString(), "UNKNOWN: m");
  EXPECT_EQ(InvalidArgumentError("m").ToString(), "INVALID_ARGUMENT: m");
  EXPECT_EQ(DeadlineExceededError("m").ToString(), "DEADLINE_EXCEEDED: m");
  EXPECT_EQ(NotFoundError("m").ToString(), "NOT_FOUND: m");
  EXPECT_EQ(PermissionDeniedError("m").ToString(), "PERMISSION_DENIED: m");
  EXPECT_EQ(ResourceExhaustedError("m").ToString(), "RESOURCE_EXHAUSTED: m");
  EXPECT_EQ(FailedPreconditionError("m").ToString(), "FAILED_PRECONDITION: m");
  EXPECT_EQ(UnimplementedError("m").ToString(), "UNIMPLEMENTED: m");
  EXPECT_EQ(InternalError("m").ToString(), "INTERNAL: m");
  EXPECT_EQ(UnavailableError("m").ToString(), "UNAVAILABLE: m");
  EXPECT_EQ(DataLossError("m").ToString(), "DATA_LOSS: m");
  EXPECT_EQ(UnauthenticatedError("m").ToString(), "UNAUTHENTICATED: m");
}

TEST(Status, EveryCodeHasADistinctName) {
  for (int a = 0; a <= 16; ++a) {
    for (int b = 0; b < a; ++b) {
      EXPECT_NE(StatusCodeName(static_cast<StatusCode>(a)),
                StatusCodeName(static_cast<StatusCode>(b)));
    }
  }
  EXPECT_EQ(StatusCodeName(static_cast<StatusCode>(200)), "UNKNOWN");
}

TEST(Status, ContextStandsBeforeTheMessageAndLeavesOkAlone) {
  const Status status = NotFoundError("no such file").WithContext("opening x");
  EXPECT_EQ(status.ToString(), "NOT_FOUND: opening x: no such file");
  EXPECT_EQ(Status().WithContext("opening x"), Status());
}

TEST(Status, OnlyUnavailableIsRetryable) {
  EXPECT_TRUE(UnavailableError("").retryable());
  EXPECT_FALSE(UnknownError("").retryable());
  EXPECT_FALSE(Status().retryable());
}

TEST(Status, PrintsItself) {
  std::ostringstream out;
  out << DataLossError("bad checksum");
  EXPECT_EQ(out.str(), "DATA_LOSS: bad checksum");
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> value = 7;
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, 7);
  EXPECT_EQ(value.status(), Status());

  const Result<int> error = NotFoundError("gone");
  EXPECT_FALSE(error.ok());
  EXPECT_EQ(error.status(), NotFoundError("gone"));
}

TEST(Result, RefusesOkAsAnError) {
  const Result<int> result = Status();
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInternal);
}

Result<std::unique_ptr<int>> Make(bool good) {
  if (!good) {
    return DataLossError("broken");
  }
  return std::make_unique<int>(3);
}

Status Use(bool good, int& seen) {
  EDB_ASSIGN(const std::unique_ptr<int> value, Make(good));
  seen = *value;
  return {};
}

Status Chain(bool good, int& seen) {
  EDB_TRY(Use(good, seen));
  return UnimplementedError("the end");
}

TEST(Result, MacrosMoveValuesAndPassErrorsOn) {
  int seen = 0;
  EXPECT_EQ(Chain(false, seen), DataLossError("broken"));
  EXPECT_EQ(seen, 0);
  EXPECT_EQ(Chain(true, seen), UnimplementedError("the end"));
  EXPECT_EQ(seen, 3);
}

}  // namespace
}  // namespace embeddingsdb
