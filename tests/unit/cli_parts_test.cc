// SPDX-License-Identifier: BSD-3-Clause
//
// The parts of the command line that can be tested without a process.
#include <chrono>
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/oembeddings.h"
#include "embeddingsdb/uri.h"

#include "cli/commands.h"
#include "cli/database_uris.h"
#include "cli/download.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/oembeddings_documents.h"
#include "cli/oembeddings_output.h"
#include "cli/progress.h"
#include "cli/server_uri.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "core/json.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kServer =
    "grpc://localhost:8081?database-uri={database}&token-uri={token}";

std::string Filled(std::string_view uri, std::vector<std::string> databases,
                   std::string_view token = "") {
  const Result<std::string> filled = FillServerUri(uri, databases, token);
  return filled.ok() ? *filled : filled.status().ToString();
}

TEST(ServerUri, EscapesDatabaseAndToken) {
  EXPECT_EQ(Filled(kServer, {"sqlite://?dsn=a b&max-results=3"}, "constant://?val=x"),
            "grpc://localhost:8081?database-uri=sqlite%3A%2F%2F%3Fdsn%3Da%20b%26max-results%3D3"
            "&token-uri=constant%3A%2F%2F%3Fval%3Dx");
}

TEST(ServerUri, LeavesOutAnAbsentToken) {
  EXPECT_EQ(Filled(kServer, {"null://"}), "grpc://localhost:8081?database-uri=null%3A%2F%2F");
}

TEST(ServerUri, ReplacesTheWholeParameterAndKeepsTheOthers) {
  EXPECT_EQ(Filled("grpc://h:1?tls-key=k&database-uri=a{database}b&tls-certificate=c", {"null://"}),
            "grpc://h:1?tls-key=k&database-uri=null%3A%2F%2F&tls-certificate=c");
}

TEST(ServerUri, WithoutPlaceholdersIsTakenAsItIs) {
  EXPECT_EQ(Filled("grpc://h:1?database-uri=null://", {}), "grpc://h:1?database-uri=null://");
}

TEST(ServerUri, RefusesWhatItWouldHaveToIgnore) {
  EXPECT_THAT(Filled(kServer, {}), HasSubstr("-database-uri is required"));
  EXPECT_THAT(Filled("grpc://h:1?database-uri=null://", {"null://"}), HasSubstr("no {database}"));
  const std::string refused = Filled("grpc://h:1?database-uri=null://", {}, "s3cret");
  EXPECT_THAT(refused, HasSubstr("no {token}"));
  EXPECT_EQ(refused.find("s3cret"), std::string::npos);
  EXPECT_THAT(Filled(kServer, {""}), HasSubstr("-database-uri is required"));
}

TEST(ServerUri, JoinsSeveralDatabases) {
  EXPECT_EQ(
      Filled("grpc://h:1?database-uri={database}", {"memory://", "sqlite://?dsn=a&metric=ip"}),
      "grpc://h:1?database-uri=" + PercentEncode("multi://?database=memory%3A%2F%2F&database="
                                                 "sqlite%3A%2F%2F%3Fdsn%3Da%26metric%3Dip"));
}

TEST(DatabaseUris, OneIsTakenAsItIsAndSeveralKeepTheirOrder) {
  const auto joined = [](std::vector<std::string> uris) { return JoinDatabaseUris(uris); };
  EXPECT_EQ(joined({}), "");
  EXPECT_EQ(joined({"sqlite://?dsn=a&b"}), "sqlite://?dsn=a&b");
  EXPECT_EQ(joined({"b://", "a://?x=%20"}),
            "multi://?database=b%3A%2F%2F&database="
            "a%3A%2F%2F%3Fx%3D%2520");
}

TEST(ExitCode, DocumentedCodesStandForTheirStatus) {
  EXPECT_EQ(ExitCodeOf({}), 0);
  EXPECT_EQ(ExitCodeOf(InvalidArgumentError("")), 1);
  EXPECT_EQ(ExitCodeOf(NotFoundError("")), 3);
  EXPECT_EQ(ExitCodeOf(UnavailableError("")), 4);
  EXPECT_EQ(ExitCodeOf(DeadlineExceededError("")), 4);
  EXPECT_EQ(ExitCodeOf(DataLossError("")), 5);
  EXPECT_EQ(ExitCodeOf(UnauthenticatedError("")), 6);
  EXPECT_EQ(ExitCodeOf(PermissionDeniedError("")), 6);
  EXPECT_EQ(ExitCodeOf(FailedPreconditionError("")), 6);
  EXPECT_EQ(ExitCodeOf(ResourceExhaustedError("")), 7);
}

TEST(Commands, EveryLinkStandsForACommand) {
  for (const Link& link : Links()) {
    EXPECT_NE(FindCommand(Commands(), link.command), nullptr) << link.name;
  }
}

// A record as JSON, and all records of a text.
std::string RecordText(const std::string& id) {
  return RecordToJson(
      {.key = {.provider = "p", .depiction_id = id, .model = "m"}, .embedding = {1, 2}});
}
std::string IdsOf(const std::string& text) {
  std::istringstream in(text);
  JsonRecordCursor cursor(in);
  Record record;
  std::string ids;
  while (true) {
    const Result<bool> more = cursor.Next(record);
    if (!more.ok()) {
      return ids + more.status().ToString();
    }
    if (!*more) {
      return ids;
    }
    ids += record.key.depiction_id + " ";
  }
}

TEST(JsonRecords, MayStandInLinesOrSideBySideOrSpreadOut) {
  EXPECT_EQ(IdsOf(""), "");
  EXPECT_EQ(IdsOf(RecordText("a")), "a ");
  EXPECT_EQ(IdsOf(RecordText("a") + "\n" + RecordText("b") + "\r\n\n"), "a b ");
  EXPECT_EQ(IdsOf(RecordText("a") + RecordText("b")), "a b ");
  EXPECT_EQ(IdsOf("{\n \"provider\": \"p\",\n \"depiction_id\": \"a\",\n \"model\": \"m\",\n"
                  " \"embeddings\": [1,\n 2]\n}\n"),
            "a ");
}

TEST(JsonRecords, BracesAndQuotesWithinStringsDoNotCount) {
  EXPECT_EQ(IdsOf(RecordText("}{\"\\")), "}{\"\\ ");
}

TEST(JsonRecords, ErrorsNameTheRecord) {
  EXPECT_THAT(IdsOf(RecordText("a") + "\n[]"), HasSubstr("a INVALID_ARGUMENT: record 2: "));
  EXPECT_THAT(IdsOf(RecordText("a").substr(0, 20)), HasSubstr("ends within a JSON object"));
  EXPECT_THAT(IdsOf(RecordText("a") + RecordText("")), HasSubstr("record 2: "));
  EXPECT_THAT(IdsOf("{\"provider\":\"" + std::string(2'000'000, 'x')),
              HasSubstr("longer than 1048576 bytes"));
}

TEST(Lines, AreGivenWithoutTheirEndsAndOfLongOnesTheBeginning) {
  std::istringstream in("a\n\nb\r\n" + std::string(kMaxJsonBytes + 100, 'x') + "\nc");
  LineReader lines(in);
  std::string line;
  std::vector<std::size_t> lengths;
  while (lines.Next(line)) {
    lengths.push_back(line.size());
  }
  EXPECT_THAT(lengths, ::testing::ElementsAre(1, 0, 2, kMaxJsonBytes + 1, 1));
  EXPECT_EQ(line, "");
  EXPECT_EQ(lines.number(), 5);
}

TEST(OEmbeddingsTally, CountsDocumentsAndWhatIsWrongWithTheirFields) {
  OEmbeddingsTally tally;
  tally.Add(ValidateOEmbeddings("no JSON"));
  tally.Add(ValidateOEmbeddings(R"({"type":"","preview":1,"subject_url":"x"})"));
  tally.Add(ValidateOEmbeddings(R"({"type":"text","preview":"x","subject_url":"x",)"
                                R"("subject_title":"","subject_creditline":"",)"
                                R"("provider_name":"x","provider_url":"x:y"})"));
  EXPECT_EQ(tally.documents, 3);
  EXPECT_EQ(tally.valid, 1);
  EXPECT_EQ(tally.with_warnings, 2);
  std::ostringstream out;
  PrintTally(out, OutputFormat::kJson, tally);
  EXPECT_THAT(out.str(), HasSubstr(R"({"documents":3,"valid":1,"invalid":2,"with_warnings":2,)"
                                   R"("fields":{"type":{"missing":0,"empty":1,"errors":1,)"
                                   R"("warnings":0},"preview":{"missing":0,"empty":0,)"
                                   R"("errors":1,"warnings":0},"depiction_url":{"missing":2,)"
                                   R"("empty":0,"errors":0,"warnings":0},"subject_url":{)"
                                   R"("missing":0,"empty":0,"errors":0,"warnings":2},)"));
}

TEST(Download, KnowsUrlsFromPaths) {
  EXPECT_TRUE(IsUrl("http://h/f"));
  EXPECT_TRUE(IsUrl("HTTPS://h/f"));
  EXPECT_FALSE(IsUrl("httpd.parquet"));
  EXPECT_FALSE(IsUrl("ftp://h/f"));
  EXPECT_FALSE(IsUrl(""));
}

TEST(Download, ShowsUrlsWithoutTheirSecrets) {
  EXPECT_EQ(DisplayInput("https://user:pass@h/f.parquet?signature=x#y"), "https://h/f.parquet");
  EXPECT_EQ(DisplayInput("https://h/a@b.parquet"), "https://h/a@b.parquet");
  EXPECT_EQ(DisplayInput("https://u:p@h"), "https://h");
  EXPECT_EQ(DisplayInput("a?b@c.parquet"), "a?b@c.parquet");
}

TEST(Table, AlignsColumnsByCharacters) {
  Table table({"a", "b"});
  table.AddRow({"x\xC3\xA9y", "1"});
  table.AddRow({"z", "2"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "a    b\nx\xC3\xA9y  1\nz    2\n");
}

TEST(Table, ShowsNoControlCharactersAndCutsLongCells) {
  Table table({"a"});
  table.AddRow(
      {"\x1b[2J\xC2\x9B"
       "31m\x7f"});
  table.AddRow({std::string(60, 'x')});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "a\n?[2J?31m?\n" + std::string(48, 'x') + "...\n");
}

TEST(Progress, LineSaysHowFarHowFastAndHowLong) {
  EXPECT_EQ(ProgressLine(1'234, 0, 2.0), "1,234 records, 617 a second");
  EXPECT_EQ(ProgressLine(500, 1'000, 1.0),
            "[############............] 500 of 1,000 records, 500 a second, 1 s left");
  EXPECT_EQ(ProgressLine(0, 1'000'000, 0.0),
            "[........................] 0 of 1,000,000 records, 0 a second");
}

// In a process of its own: signals are blocked for good.
void SignalAndLeave(int signals) {
  const StopSignals stop;
  for (int i = 0; i < signals; ++i) {
    kill(getpid(), SIGTERM);
    while (!stop.token().stop_requested()) {
      std::this_thread::yield();
    }
  }
  if (signals == 2) {
    std::this_thread::sleep_for(std::chrono::seconds(30));
  }
  _exit(stop.token().stop_requested() ? 7 : 8);
}

TEST(StopSignalsDeathTest, FirstSignalRequestsAStopAndTheSecondEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(SignalAndLeave(0), ::testing::ExitedWithCode(8), "");
  EXPECT_EXIT(SignalAndLeave(1), ::testing::ExitedWithCode(7), "");
  EXPECT_EXIT(SignalAndLeave(2), ::testing::ExitedWithCode(128 + SIGTERM), "");
}

}  // namespace
}  // namespace embeddingsdb
