// SPDX-License-Identifier: BSD-3-Clause
#include "core/secret.h"

#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/limits.h"

#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Secret : public ::testing::Test {
 protected:
  Result<std::string> Read(std::string_view uri) { return ReadSecret(uri, *env_); }
  std::string Write(std::string_view name, std::string_view content) {
    std::ofstream(dir_.File(name), std::ios::binary) << content;
    return dir_.File(name);
  }

  TempDir dir_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
};

TEST_F(Secret, IsTheTextItselfWithoutAScheme) {
  EXPECT_EQ(Read("s3kret").value(), "s3kret");
  EXPECT_EQ(Read("").value(), "");
  EXPECT_EQ(Read("a:b%20c+d").value(), "a:b%20c+d");
}

TEST_F(Secret, IsTheValueOfAConstant) {
  EXPECT_EQ(Read("constant://?val=s3kret").value(), "s3kret");
  EXPECT_EQ(Read("CONSTANT://?val=a%26b+c&decoder=string").value(), "a&b c");
  EXPECT_EQ(Read("constant://?val=").value(), "");
}

TEST_F(Secret, IsReadFromTheEnvironment) {
  ASSERT_EQ(::setenv("EDB_SECRET_TEST", " from the environment\n", 1), 0);
  EXPECT_EQ(Read("constant://?envvar=EDB_SECRET_TEST&val=other").value(),
            " from the environment\n");
  ASSERT_EQ(::unsetenv("EDB_SECRET_TEST"), 0);
  EXPECT_EQ(Read("constant://?envvar=EDB_SECRET_TEST").status(),
            NotFoundError(R"(environment variable "EDB_SECRET_TEST" is not set)"));
}

TEST_F(Secret, FailsOnRequest) {
  EXPECT_EQ(Read("constant://?err=not+today&val=x&envvar=HOME").status(),
            FailedPreconditionError("not today"));
}

TEST_F(Secret, IsTheContentOfAFileUntrimmed) {
  EXPECT_EQ(Read("file://" + Write("token", " s3kret\n")).value(), " s3kret\n");
  EXPECT_EQ(Read("file://" + Write("a b", "x") + "?decoder=string&wait=5s").value(), "x");
}

TEST_F(Secret, LimitsTheFile) {
  EXPECT_EQ(Read("file://" + Write("at", std::string(kMaxTokenBytes, 'x')))->size(),
            kMaxTokenBytes);
  EXPECT_EQ(Read("file://" + Write("over", std::string(kMaxTokenBytes + 1, 'x'))).status().code(),
            StatusCode::kResourceExhausted);
}

TEST_F(Secret, NamesAMissingFile) {
  const Status status = Read("file://" + dir_.File("absent")).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("absent"));
  EXPECT_EQ(Read("file://").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Read("file:///x?mode=1").status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Secret, NeverStandsInAnError) {
  for (const char* uri :
       {"constant://s3kret", "constant:///s3kret", "constant://?value=s3kret",
        "constant://?val=a&s3kret", "constant://?val=s3kret%zz", "constant://?val=s3kret#x",
        "constant://s3kret@", "constant://[s3kret", "constant://?val=s3kret&decoder=bytes",
        "constant://?val=%00s3kret", "s3kret://x", "x s3kret://y", "vault://s3kret", "://s3kret",
        "constant://?", "constant://?decoder=string"}) {
    const Result<std::string> result = Read(uri);
    ASSERT_FALSE(result.ok()) << uri;
    EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument) << uri;
    EXPECT_THAT(result.status().message(), Not(HasSubstr("s3kret"))) << uri;
  }
}

TEST(EqualsConstantTime, ComparesWholeTexts) {
  EXPECT_TRUE(EqualsConstantTime("", ""));
  EXPECT_TRUE(EqualsConstantTime("s3kret", "s3kret"));
  EXPECT_FALSE(EqualsConstantTime("s3kret", "s3kre"));
  EXPECT_FALSE(EqualsConstantTime("s3kret", "s3kret "));
  EXPECT_FALSE(EqualsConstantTime("s3kret", "S3kret"));
  EXPECT_FALSE(EqualsConstantTime("s3kret", std::string_view("s3kret\0", 7)));
  EXPECT_FALSE(EqualsConstantTime("s3kret", ""));
}

}  // namespace
}  // namespace embeddingsdb
