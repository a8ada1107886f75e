// SPDX-License-Identifier: BSD-3-Clause
#include "cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// One flag of each type, as a command would declare them.
struct Flags : FlagSet {
  Flags()
      : FlagSet({.summary = "Does it.", .synopsis = "tool [flags]", .examples = "  tool -n 1"}) {
    Add("model", model, "The `name` of the model.");
    Add("n", n, "How many.");
    Add("big", big, "How big.");
    Add("far", far, "How far.");
    Add("verbose", verbose, "Talk.");
    Add("exclude", exclude, "Not this.\nNor that.");
    Add("attribute", attributes, "A pair.");
  }

  Status ParseAll(std::vector<std::string> args) { return Parse(args); }
  std::string ErrorOf(std::vector<std::string> args) {
    const Status status = Parse(args);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  }

  std::string model = "m0";
  int n = 10;
  std::int64_t big = 0;
  float far = 1.5F;
  bool verbose = false;
  std::vector<std::string> exclude;
  KeyValues attributes;
};

TEST(Flags, KeepDefaultsWithoutArguments) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({}).ok());
  EXPECT_EQ(flags.model, "m0");
  EXPECT_EQ(flags.n, 10);
  EXPECT_FALSE(flags.given("model"));
}

TEST(Flags, TakeValuesInAllFourSpellings) {
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"-model", "x"}, {"--model", "x"}, {"-model=x"}, {"--model=x"}}) {
    Flags flags;
    ASSERT_TRUE(flags.ParseAll(args).ok()) << args.front();
    EXPECT_EQ(flags.model, "x");
    EXPECT_TRUE(flags.given("model"));
  }
}

TEST(Flags, LastOfARepeatedFlagWins) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-n", "1", "-n", "2"}).ok());
  EXPECT_EQ(flags.n, 2);
}

TEST(Flags, ValueMayLookLikeAFlagOrHoldEqualSigns) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-model", "-n", "-far", "-2.5", "-exclude=a=b"}).ok());
  EXPECT_EQ(flags.model, "-n");
  EXPECT_EQ(flags.far, -2.5F);
  EXPECT_THAT(flags.exclude, ElementsAre("a=b"));
}

TEST(Flags, EmptyValueIsAValue) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-model="}).ok());
  EXPECT_EQ(flags.model, "");
}

TEST(Flags, BooleansTakeNoNextArgument) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-verbose", "false"}).ok());
  EXPECT_TRUE(flags.verbose);
  EXPECT_THAT(flags.rest(), ElementsAre("false"));
}

TEST(Flags, BooleansTakeGoSpellings) {
  for (const std::string text : {"1", "t", "T", "TRUE", "true", "True"}) {
    Flags flags;
    ASSERT_TRUE(flags.ParseAll({"-verbose=" + text}).ok()) << text;
    EXPECT_TRUE(flags.verbose) << text;
  }
  for (const std::string text : {"0", "f", "F", "FALSE", "false", "False"}) {
    Flags flags;
    flags.verbose = true;
    ASSERT_TRUE(flags.ParseAll({"-verbose=" + text}).ok()) << text;
    EXPECT_FALSE(flags.verbose) << text;
  }
  EXPECT_EQ(Flags().ErrorOf({"-verbose=yes"}),
            "invalid value \"yes\" for flag -verbose: not a boolean (true or false)");
}

TEST(Flags, StopAtTheFirstArgumentThatIsNoFlag) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-n", "1", "file", "-n", "2"}).ok());
  EXPECT_EQ(flags.n, 1);
  EXPECT_THAT(flags.rest(), ElementsAre("file", "-n", "2"));
}

TEST(Flags, SingleDashIsNoFlag) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-", "-n", "2"}).ok());
  EXPECT_THAT(flags.rest(), ElementsAre("-", "-n", "2"));
}

TEST(Flags, StopAfterTwoDashes) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-n", "1", "--", "-n", "2"}).ok());
  EXPECT_EQ(flags.n, 1);
  EXPECT_THAT(flags.rest(), ElementsAre("-n", "2"));
}

TEST(Flags, RepeatedFlagsAccumulateWithoutSplitting) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-exclude", "a,b", "--exclude=c"}).ok());
  EXPECT_THAT(flags.exclude, ElementsAre("a,b", "c"));
}

TEST(Flags, KeyValuesAreTrimmedAndSplitAtTheFirstEqualSign) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-attribute", " k = v ", "-attribute=u=http://x/?a=b"}).ok());
  EXPECT_THAT(flags.attributes, ElementsAre(Pair("k", "v"), Pair("u", "http://x/?a=b")));
  EXPECT_THAT(Flags().ErrorOf({"-attribute", "k"}), HasSubstr("not KEY=VALUE"));
  EXPECT_THAT(Flags().ErrorOf({"-attribute", " =v"}), HasSubstr("key before '=' is empty"));
}

TEST(Flags, IntegersTakeGoLiterals) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {
      {"0", 0},
      {"-7", -7},
      {"+7", 7},
      {"0x1F", 31},
      {"0b101", 5},
      {"0o17", 15},
      {"017", 15},
      {"0x_ff", 255},
      {"0_7", 7},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN}};
  for (const auto& [text, value] : cases) {
    Flags flags;
    ASSERT_TRUE(flags.ParseAll({"-big", text}).ok()) << text;
    EXPECT_EQ(flags.big, value) << text;
  }
}

TEST(Flags, IntegersRefuseEverythingElse) {
  for (const std::string text :
       {"", "x", "1x", "1.0", " 1", "1 ", "--1", "08", "0x", "1_000", "0x1_", "0x1__2", "_1"}) {
    EXPECT_THAT(Flags().ErrorOf({"-n", text}), HasSubstr("for flag -n: not an integer")) << text;
  }
}

TEST(Flags, IntegersOutOfRangeNameTheRange) {
  EXPECT_EQ(Flags().ErrorOf({"-n", "2147483648"}),
            "invalid value \"2147483648\" for flag -n: out of range (-2147483648 to 2147483647)");
  EXPECT_THAT(Flags().ErrorOf({"-n=-2147483649"}), HasSubstr("out of range"));
  EXPECT_THAT(Flags().ErrorOf({"-big=99999999999999999999"}), HasSubstr("out of range"));
}

TEST(Flags, FloatsAreFiniteDecimalNumbers) {
  Flags flags;
  ASSERT_TRUE(flags.ParseAll({"-far", "1e-3"}).ok());
  EXPECT_EQ(flags.far, 0.001F);
  ASSERT_TRUE(flags.ParseAll({"-far", "+.5"}).ok());
  EXPECT_EQ(flags.far, 0.5F);
  for (const std::string text : {"", "x", "1,5", "NaN", "inf", "-Inf", "1e99"}) {
    EXPECT_THAT(Flags().ErrorOf({"-far", text}), HasSubstr("for flag -far: ")) << text;
  }
}

TEST(Flags, UnknownFlagNamesTheNearestOne) {
  EXPECT_EQ(Flags().ErrorOf({"-modl", "x"}),
            "flag provided but not defined: -modl (did you mean -model?)");
  EXPECT_EQ(Flags().ErrorOf({"--zzzzzzzz"}), "flag provided but not defined: -zzzzzzzz");
}

TEST(Flags, MalformedFlagsAreRefused) {
  EXPECT_THAT(Flags().ErrorOf({"---n"}), HasSubstr("bad flag syntax"));
  EXPECT_THAT(Flags().ErrorOf({"-=1"}), HasSubstr("bad flag syntax"));
  EXPECT_THAT(Flags().ErrorOf({"-model"}), HasSubstr("flag needs an argument: -model"));
}

TEST(Flags, HelpIsAskedForInFourSpellings) {
  for (const std::string text : {"-h", "--h", "-help", "--help"}) {
    Flags flags;
    EXPECT_EQ(flags.ParseAll({"-n", "1", text}).code(), StatusCode::kCancelled) << text;
  }
}

TEST(Flags, UsageListsFlagsAlphabeticallyWithTypesAndDefaults) {
  std::ostringstream out;
  Flags().PrintUsage(out);
  EXPECT_EQ(out.str(),
            "Does it.\n\nUsage:\n  tool [flags]\n\nFlags:\n"
            "  -attribute value\n    \tA pair.\n"
            "  -big int\n    \tHow big.\n"
            "  -exclude value\n    \tNot this.\n    \tNor that.\n"
            "  -far float\n    \tHow far. (default 1.5)\n"
            "  -model name\n    \tThe name of the model. (default \"m0\")\n"
            "  -n int\n    \tHow many. (default 10)\n"
            "  -verbose\n    \tTalk.\n"
            "\nExamples:\n  tool -n 1\n");
}

}  // namespace
}  // namespace embeddingsdb
