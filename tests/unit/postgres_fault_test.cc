// SPDX-License-Identifier: BSD-3-Clause
//
// postgres:// when sessions are ended, lines are cut, transactions lose to others and the server is
// started anew; and that the password is nowhere to be seen.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "embeddingsdb/uri.h"

#include "core/text.h"
#include "engines/postgres/postgres_handle.h"
#include "engines/postgres/postgres_location.h"
#include "support/cutting_proxy.h"
#include "support/postgres_server.h"
#include "support/records.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A connection of the test's own, beside those of the database.
class Bystander {
 public:
  explicit Bystander(const PostgresServer& server)
      : connection_(PQconnectdb(("host=" + server.socket_folder() + " port=" +
                                 std::to_string(server.port()) + " user=edb dbname=postgres")
                                    .c_str())) {}
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;
  ~Bystander() { PQfinish(connection_); }

  /// The first field of the answer; what is wrong, if anything is.
  std::string Ask(const std::string& sql) {
    PGresult* const result = PQexec(connection_, sql.c_str());
    const bool rows = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
    std::string answer = rows ? PQgetvalue(result, 0, 0) : PQresultErrorMessage(result);
    PQclear(result);
    return answer;
  }

 private:
  PGconn* connection_;
};

constexpr const char* kOthers =
    " FROM pg_stat_activity WHERE application_name = 'embeddingsdb' AND pid <> pg_backend_pid()";

class PostgresFault : public testing::Test {
 protected:
  static PostgresServer& Server() { return SharedPostgresServer(); }
  std::string Schema() const { return SchemaFor(folder_.path()); }
  void Open(const std::string& options = "") { db_ = Opened(Server().Uri(Schema()) + options); }
  /// Through the proxy, and so with a password.
  std::string ProxyUri(const CuttingProxy& proxy) const {
    return "postgres://edb:" + std::string(PostgresServer::kPassword) +
           "@127.0.0.1:" + std::to_string(proxy.port()) +
           "/postgres?sslmode=disable&schema=" + Schema();
  }
  std::unique_ptr<Database> Opened(const std::string& uri) {
    Result<std::unique_ptr<Database>> opened = test_.Open(uri);
    EXPECT_OK(opened);
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  static Record Numbered(int number, float value = 1) {
    return MakeRecord("p", "d" + std::to_string(number), "m", {value, 2, 3});
  }
  static std::vector<Record> Many(int count) {
    std::vector<Record> records;
    for (int i = 0; i < count; ++i) {
      records.push_back(Numbered(i));
    }
    return records;
  }

  TempDir folder_;
  TestContext test_;
  std::unique_ptr<Database> db_;
};

TEST_F(PostgresFault, EndedSessionsAreReplaced) {
  Open();
  ASSERT_OK(db_->AddBatch(Many(10)));
  Bystander other(Server());
  for (int round = 0; round < 3; ++round) {
    ASSERT_NE(other.Ask(std::string("SELECT count(pg_terminate_backend(pid, 5000))") + kOthers),
              "0");
    EXPECT_EQ(*db_->Count({}), 10);
    ASSERT_NE(other.Ask(std::string("SELECT count(pg_terminate_backend(pid, 5000))") + kOthers),
              "0");
    EXPECT_OK(db_->Add(Numbered(round, 7)));
  }
  EXPECT_EQ(*db_->Count({}), 10);
}

TEST_F(PostgresFault, AProcessOfTheServerThatIsKilledTakesAllSessionsAndNoRecord) {
  Open();
  ASSERT_OK(db_->AddBatch(Many(10)));
  Bystander other(Server());
  const int pid = std::stoi(other.Ask(std::string("SELECT min(pid)") + kOthers));
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  // The server ends all its other sessions and recovers; until then it can be asked again.
  Status status = db_->Count({}).status();
  while (!status.ok()) {
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status;
    status = db_->Count({}).status();
  }
  EXPECT_EQ(*db_->Count({}), 10);
  EXPECT_OK(db_->Add(Numbered(11)));
  EXPECT_TRUE(db_->Verify()->problems.empty());
}

TEST_F(PostgresFault, AServerThatIsStartedAnewGoesOnWithEveryRecord) {
  for (const int signal : {SIGINT, SIGQUIT}) {
    Open();
    ASSERT_OK(db_->AddBatch(Many(40)));
    Server().Stop(signal);
    EXPECT_FAILS(db_->Count({}), kUnavailable, "PostgreSQL");
    EXPECT_FAILS(db_->Add(Numbered(1)), kUnavailable, "PostgreSQL");
    EXPECT_FAILS(test_.Open(Server().Uri(Schema())), kUnavailable, "PostgreSQL");
    Server().Start();
    EXPECT_EQ(*db_->Count({}), 40);
    EXPECT_OK(db_->Add(Numbered(1, 5)));
  }
}

class PostgresPrepared : public PostgresFault {
 protected:
  void SetUp() override {
    Open();  // makes the schema
    const Uri uri = *Uri::Parse(Server().Uri(Schema()));
    const Result<PostgresLocation> location = PostgresLocation::FromUri(uri, *test_.env);
    ASSERT_OK(location);
    Result<std::unique_ptr<PostgresConnection>> session = PostgresConnection::Open(*location);
    ASSERT_OK(session);
    session_ = *std::move(session);
  }
  static std::string Numbers(int number) { return Concat("SELECT $1 + ", number, "::bigint"); }
  void ExpectSum(int number) {
    PostgresParams params;
    params.Integer(1'000);
    const auto sum = session_->Prepared(Numbers(number), params);
    ASSERT_OK(sum);
    EXPECT_EQ(*sum->Integer(0, 0), 1'000 + number);
  }
  /// How many statements are prepared whose text is like that.
  std::int64_t Prepared(const std::string& text) {
    PostgresParams params;
    params.Text(text);
    const auto count = session_->Query(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE $1", params);
    EXPECT_OK(count);
    return count.ok() ? *count->Integer(0, 0) : -1;
  }

  std::unique_ptr<PostgresConnection> session_;
};

TEST_F(PostgresPrepared, ASessionKeepsTheHundredThatWereUsedLast) {
  for (int number = 0; number < 150; ++number) {
    ExpectSum(number);
    ExpectSum(0);
  }
  EXPECT_EQ(Prepared("SELECT $1 +%"), 100);
  EXPECT_EQ(Prepared(Numbers(0)), 1);
  EXPECT_EQ(Prepared(Numbers(1)), 0);
  EXPECT_EQ(Prepared(Numbers(149)), 1);
  ExpectSum(1);
  EXPECT_EQ(Prepared(Numbers(1)), 1);
  EXPECT_EQ(Prepared("SELECT $1 +%"), 100);
  // One that cannot be prepared takes no place for good.
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(session_->Prepared("SELECT nothing", {}).ok());
    ExpectSum(149);
  }
}

TEST_F(PostgresPrepared, ASessionThatForgotThemIsLost) {
  ExpectSum(1);
  ASSERT_OK(session_->Execute("DISCARD ALL"));
  PostgresParams params;
  params.Integer(1);
  EXPECT_FAILS(session_->Prepared(Numbers(1), params), kUnavailable, "prepared statement");
  EXPECT_TRUE(session_->lost());
}

TEST_F(PostgresPrepared, AColumnOfAnotherTypeIsPreparedAnew) {
  ASSERT_OK(db_->Add(Numbered(0)));
  Bystander other(Server());
  for (const std::string type : {"character varying", "text"}) {
    EXPECT_OK(db_->Get(Numbered(0).key));
    EXPECT_EQ(other.Ask("ALTER TABLE \"" + Schema() + "\".records ALTER COLUMN subject_id TYPE " +
                        type + " COLLATE \"C\""),
              "");
    EXPECT_OK(db_->Get(Numbered(0).key));
  }
}

// Where the line is cut while a batch is stored.
struct Cutting {
  std::string name;
  std::string text;  ///< of what is sent
  bool after = false;
  int taken = 0;  ///< of the batch's 40 keys; -1: a batch of one, which is new
};
class PostgresCut : public PostgresFault, public testing::WithParamInterface<Cutting> {};

std::vector<Cutting> Cuttings() {
  std::vector<Cutting> cuttings;
  for (const bool after : {false, true}) {
    const std::string when = after ? "After" : "Before";
    for (const int taken : {-1, 0, 1}) {
      const std::string what = taken < 0 ? "One" : taken == 0 ? "New" : "Taken";
      const std::string store = taken == 0 ? "COPY records" : "INSERT INTO records";
      cuttings.push_back({Concat(when, "Begin", what), "BEGIN", after, taken});
      cuttings.push_back({Concat(when, "Store", what), store, after, taken});
      cuttings.push_back({Concat(when, "Commit", what), "COMMIT", after, taken});
    }
  }
  cuttings.push_back({"BeforeRollback", "ROLLBACK TO", false, 1});
  cuttings.push_back({"AfterRollback", "ROLLBACK TO", true, 1});
  return cuttings;
}

INSTANTIATE_TEST_SUITE_P(Lines, PostgresCut, testing::ValuesIn(Cuttings()),
                         [](const auto& cutting) { return cutting.param.name; });

// Nothing is stored twice, nothing acknowledged is missing, and the answer is of what was stored.
TEST_P(PostgresCut, AWriteIsMadeOnceWhereverTheLineIsCut) {
  Open();
  ASSERT_OK(db_->Add(Numbered(1'000)));
  const int taken = std::max(GetParam().taken, 0);
  ASSERT_OK(db_->AddBatch(Many(taken)));
  CuttingProxy proxy(Server().port());
  db_ = Opened(ProxyUri(proxy));
  ASSERT_NE(db_, nullptr);
  GetParam().after ? proxy.CutAfter(GetParam().text) : proxy.CutBefore(GetParam().text);
  const int count = GetParam().taken < 0 ? 1 : 40;
  const auto report = db_->AddBatch(Many(count));
  ASSERT_OK(report);
  EXPECT_EQ(proxy.cuts(), 1) << "the line was not cut";
  EXPECT_EQ(report->added, count - taken);
  EXPECT_EQ(report->replaced, taken);
  EXPECT_EQ(*db_->Count({}), count + 1);
}

TEST_F(PostgresFault, ARemovalWhoseCommitWasCutAnswersForWhatItDid) {
  CuttingProxy proxy(Server().port());
  db_ = Opened(ProxyUri(proxy));
  ASSERT_NE(db_, nullptr);
  ASSERT_OK(db_->AddBatch(Many(2)));
  proxy.CutAfter("COMMIT");
  EXPECT_TRUE(*db_->Remove(Numbered(0).key));
  EXPECT_EQ(proxy.cuts(), 1);
  EXPECT_FALSE(*db_->Remove(Numbered(0).key));
}

TEST_F(PostgresFault, ACommitThatNobodyCanBeAskedAboutIsUnknown) {
  CuttingProxy proxy(Server().port());
  db_ = Opened(ProxyUri(proxy));
  ASSERT_NE(db_, nullptr);
  ASSERT_OK(db_->Add(Numbered(0)));
  proxy.CutAfter("COMMIT");
  proxy.Refuse(true);
  EXPECT_FAILS(db_->Add(Numbered(1)), kUnknown, "was committed");
  proxy.Refuse(false);
  EXPECT_EQ(*db_->Count({}), 2);
}

// The proxy's own canary: without asking what became of the transaction, one of these would be
// wrong. A cut before the server has it leaves nothing, one after it leaves the row.
TEST_F(PostgresFault, TheProxyCutsWhereItSays) {
  CuttingProxy proxy(Server().port());
  const std::string address = "host=127.0.0.1 sslmode=disable user=edb dbname=postgres password=" +
                              std::string(PostgresServer::kPassword) +
                              " port=" + std::to_string(proxy.port());
  Bystander other(Server());
  other.Ask("CREATE TABLE IF NOT EXISTS cut(value integer); TRUNCATE cut");
  for (const bool after : {false, true}) {
    PGconn* const connection = PQconnectdb(address.c_str());
    ASSERT_EQ(PQstatus(connection), CONNECTION_OK) << PQerrorMessage(connection);
    after ? proxy.CutAfter("VALUES") : proxy.CutBefore("VALUES");
    PGresult* const result = PQexec(connection, "INSERT INTO cut VALUES (1)");
    EXPECT_EQ(PQresultStatus(result), PGRES_FATAL_ERROR);
    EXPECT_EQ(PQstatus(connection), CONNECTION_BAD);
    PQclear(result);
    PQfinish(connection);
    EXPECT_EQ(other.Ask("SELECT count(*) FROM cut"), after ? "1" : "0");
  }
}

TEST_F(PostgresFault, ATransactionThatLosesIsMadeAgain) {
  Open();
  ASSERT_OK(db_->AddBatch(Many(2)));
  // Loses twice to what the server calls a serialization failure, then wins.
  Bystander other(Server());
  const std::string schema = "\"" + Schema() + "\"";
  other.Ask("CREATE SEQUENCE " + schema + ".losses; CREATE FUNCTION " + schema +
            ".lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('" + schema +
            ".losses') <= 2 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF;"
            " RETURN NEW; END $$; CREATE TRIGGER lose BEFORE INSERT ON " +
            schema + ".records FOR EACH ROW EXECUTE FUNCTION " + schema + ".lose()");
  const auto report = db_->Add(Numbered(5));
  ASSERT_OK(report);
  EXPECT_EQ(report->added, 1);
  EXPECT_EQ(other.Ask("SELECT last_value FROM " + schema + ".losses"), "3");
  other.Ask("ALTER SEQUENCE " + schema + ".losses INCREMENT BY -1 MINVALUE -1000 RESTART WITH 0");
  EXPECT_FAILS(db_->Add(Numbered(6)), kUnavailable, "given up after 5 attempts");
  EXPECT_EQ(*db_->Count({}), 3);
}

TEST_F(PostgresFault, TwoWhoTakeEachOthersKeysBothGetThrough) {
  Open();
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < 6; ++writer) {
    writers.emplace_back([&, writer] {
      std::mt19937_64 random(TestSeed() + static_cast<std::uint64_t>(writer));
      for (int turn = 0; turn < 8; ++turn) {
        std::vector<Record> batch = Many(40);
        std::shuffle(batch.begin(), batch.end(), random);
        batch.resize(20 + random() % 20);
        EXPECT_OK(db_->AddBatch(batch));
      }
    });
  }
  writers.clear();
  EXPECT_EQ(*db_->Count({}), 40);
}

TEST_F(PostgresFault, AStatementThatTakesTooLongIsCutShort) {
  Open();
  ASSERT_OK(db_->Add(Numbered(0)));
  Open("&statement-timeout=1");
  Bystander other(Server());
  other.Ask("BEGIN; LOCK TABLE \"" + Schema() + "\".records");
  EXPECT_FAILS(db_->Count({}), kDeadlineExceeded, "statement timeout");
  EXPECT_FAILS(db_->Add(Numbered(1)), kDeadlineExceeded, "statement timeout");
  other.Ask("ROLLBACK");
  EXPECT_EQ(*db_->Count({}), 1);
}

TEST_F(PostgresFault, ReadOnlyHoldsOnTheServerToo) {
  Open();
  ASSERT_OK(db_->Add(Numbered(0)));
  Open("&read-only=true");
  EXPECT_EQ(*db_->Count({}), 1);
  Bystander other(Server());
  EXPECT_EQ(other.Ask(std::string("SELECT count(*) > 0") + kOthers), "t");
  EXPECT_FAILS(db_->Add(Numbered(1)), kFailedPrecondition, "read-only");
}

TEST_F(PostgresFault, ASchemaIsNotTakenForAnother) {
  db_ = Opened(Server().Uri("public"));
  ASSERT_NE(db_, nullptr);
  ASSERT_OK(db_->Add(Numbered(0)));
  EXPECT_FAILS(test_.Open(Server().Uri(Schema()) + "&read-only=true"), kNotFound, Schema());
  Open();
  EXPECT_EQ(*db_->Count({}), 0);
}

TEST_F(PostgresFault, AnotherFormatIsRefusedByNumber) {
  Open();
  Bystander other(Server());
  other.Ask("UPDATE \"" + Schema() + "\".meta SET value = 99 WHERE name = 'format'");
  EXPECT_FAILS(test_.Open(Server().Uri(Schema())), kFailedPrecondition, "format 99");
}

TEST_F(PostgresFault, WhatOthersWroteIsFoundByVerify) {
  Open();
  ASSERT_OK(db_->AddBatch(Many(3)));
  Bystander other(Server());
  const std::string records = "\"" + Schema() + "\".records";
  other.Ask("UPDATE " + records + " SET embedding = '{1,2}' WHERE depiction_id = 'd0'");
  other.Ask("UPDATE " + records + " SET embedding = '{1,NaN,2}' WHERE depiction_id = 'd1'");
  other.Ask("UPDATE " + records + " SET attributes = '{\"a\":1}' WHERE depiction_id = 'd2'");
  const auto report = db_->Verify();
  ASSERT_OK(report);
  EXPECT_THAT(report->problems, testing::UnorderedElementsAre(HasSubstr("d0"), HasSubstr("d1"),
                                                              HasSubstr("attributes")));
  EXPECT_FAILS(db_->Get(Numbered(2).key), kDataLoss, "attributes");
}

TEST_F(PostgresFault, ManyCallersShareFewSessions) {
  Open();
  ASSERT_OK(db_->AddBatch(Many(5)));
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 30; ++caller) {
    callers.emplace_back([&] {
      for (int turn = 0; turn < 5; ++turn) {
        EXPECT_EQ(*db_->Count({}), 5);
      }
    });
  }
  callers.clear();
  Bystander other(Server());
  EXPECT_LE(std::stoi(other.Ask(std::string("SELECT count(*)") + kOthers)), 8);
}

TEST_F(PostgresFault, AddsOfManyCallersAreCommittedTogether) {
  Open();
  std::atomic<int> added = 0;
  std::atomic<int> refused = 0;
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 30; ++caller) {
    callers.emplace_back([&, caller] {
      for (int turn = 0; turn < 20; ++turn) {
        if (turn % 10 == 9) {  // of another length, which is nobody else's trouble
          const Record wrong = MakeRecord("p", Concat("w", caller), "m", {1, 2});
          EXPECT_FAILS(db_->Add(wrong), kInvalidArgument, Concat("w", caller));
          ++refused;
          continue;
        }
        // One in five has everybody's key.
        const auto report = db_->Add(Numbered(turn % 5 == 0 ? 0 : caller * 100 + turn));
        ASSERT_OK(report);
        EXPECT_EQ(report->added + report->replaced, 1);
        added += static_cast<int>(report->added);
      }
    });
  }
  callers.clear();
  EXPECT_EQ(refused, 60);
  EXPECT_EQ(added, 30 * 14 + 1);
  EXPECT_EQ(*db_->Count({}), 30 * 14 + 1);
  Bystander other(Server());
  EXPECT_LT(
      std::stoi(other.Ask("SELECT count(DISTINCT xmin::text) FROM \"" + Schema() + "\".records")),
      30 * 14 + 1);
}

TEST_F(PostgresFault, OnlyKeysThatAreTakenMakeABatchGoThroughATableOfTheSession) {
  Bystander other(Server());
  const auto staging_tables = [&] {
    return other.Ask("SELECT count(*) FROM pg_class WHERE relname = 'embeddingsdb_staging'");
  };
  while (staging_tables() != "0") {  // of sessions of other tests, which end
    std::this_thread::yield();
  }
  Open();
  EXPECT_EQ(db_->AddBatch(Many(100))->added, 100);
  EXPECT_EQ(staging_tables(), "0");
  const auto report = db_->AddBatch(Many(150));
  ASSERT_OK(report);
  EXPECT_EQ(*report, (AddReport{.added = 50, .replaced = 100}));
  EXPECT_EQ(staging_tables(), "1");
}

TEST_F(PostgresFault, AVectorThatFitsAPageIsInTheRow) {
  Open();
  const std::string records = "'\"" + Schema() + "\".records'::regclass";
  Bystander other(Server());
  const auto beside = [&] {
    return other.Ask("SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = " + records);
  };
  std::vector<Record> batch;
  for (int i = 0; i < 50; ++i) {
    batch.push_back(MakeRecord("p", Concat("d", i), "m", std::vector<float>(1'536, 0.5F)));
  }
  ASSERT_OK(db_->AddBatch(batch));                      // straight
  ASSERT_OK(db_->AddBatch(batch));                      // through a table of the session
  ASSERT_OK(db_->AddBatch(std::span(batch).first(3)));  // by INSERT
  ASSERT_OK(db_->Add(batch[4]));
  EXPECT_EQ(beside(), "0");
  ASSERT_OK(db_->Add(MakeRecord("p", "long", "n", std::vector<float>(3'000, 0.5F))));
  EXPECT_NE(beside(), "0");
}

TEST_F(PostgresFault, ThePasswordIsNowhereToBeSeen) {
  const std::string password(PostgresServer::kPassword);
  const std::string port = std::to_string(Server().port());
  const std::string good = "postgres://edb:" + password + "@127.0.0.1:" + port +
                           "/postgres?sslmode=disable&schema=" + Schema();
  db_ = Opened(good);
  ASSERT_NE(db_, nullptr);
  EXPECT_THAT(db_->uri(), Not(HasSubstr(password)));
  EXPECT_THAT(db_->Stats()->uri, Not(HasSubstr(password)));
  EXPECT_THAT(db_->Compact()->uri, Not(HasSubstr(password)));
  std::string told = db_->uri();
  const std::string bare = good.substr(0, good.find('?') + 1);
  for (const std::string options :
       {"schema=%01", "nonsense=1", "sslmode=nonsense", "password-uri=constant%3A%2F%2F%3Fval%3Dx",
        "host=/tmp", "connect-timeout=x", "sslrootcert=/nowhere&sslmode=verify-full",
        "schema=absent&read-only=true", "schema=a#b"}) {
    const auto opened = test_.Open(bare + options);
    EXPECT_FALSE(opened.ok()) << options;
    told += opened.status().ToString();
  }
  const std::string wrong = "postgres://edb:" + password + "-wrong@127.0.0.1:" + port;
  for (const std::string place : {"/postgres", "/absent", "/postgres?sslmode=require"}) {
    const auto opened = test_.Open(wrong + place);
    EXPECT_FALSE(opened.ok());
    told += opened.status().ToString();
  }
  EXPECT_FAILS(test_.Open(wrong + "/postgres"), kUnauthenticated, "");
  Server().Stop(SIGINT);
  told += db_->Count({}).status().ToString() + test_.Open(good).status().ToString();
  Server().Start();
  for (const std::string& line : test_.log.lines()) {
    told += line;
  }
  EXPECT_THAT(told, Not(HasSubstr(password)));
  EXPECT_THAT(told, HasSubstr("***"));
}

TEST_F(PostgresFault, APasswordComesFromAFile) {
  const std::string port = std::to_string(Server().port());
  ASSERT_OK(test_.env->WriteFile(folder_.File("password"),
                                 std::string(PostgresServer::kPassword) + "\n"));
  const std::string uri = "postgres://edb@127.0.0.1:" + port + "/postgres?schema=" + Schema() +
                          "&password-uri=" + PercentEncode("file://" + folder_.File("password"));
  db_ = Opened(uri);
  ASSERT_NE(db_, nullptr);
  EXPECT_OK(db_->Add(Numbered(0)));
  EXPECT_FAILS(test_.Open(uri + "-absent"), kNotFound, "password-uri");
  EXPECT_FAILS(test_.Open("postgres://edb@127.0.0.1:" + port + "/postgres"), kUnauthenticated,
               "password");
}

}  // namespace
}  // namespace embeddingsdb
