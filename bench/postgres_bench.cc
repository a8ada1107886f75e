// SPDX-License-Identifier: BSD-3-Clause
//
// What postgres:// costs beside the same done by hand through libpq: on a PostgreSQL of Debian's
// without pgvector, and on PGlite with it, which is one process of WebAssembly and so tells what we
// add, not how fast pgvector is. Both ways take turns, so whatever else the machine does slows
// both.
//
//   postgres_bench [rows [rows-of-pglite [calls]]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <libpq-fe.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/registry.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "engines/postgres/postgres_schema.h"
#include "engines/postgres/postgres_values.h"
#include "fashion_mnist.h"
#include "measure.h"
#include "support/pglite_server.h"
#include "support/postgres_server.h"

namespace embeddingsdb {
namespace {

using Call = std::function<void(std::size_t)>;

constexpr std::size_t kDimension = 512;
constexpr std::size_t kBatch = 2'000;
constexpr std::string_view kModel = "images";
constexpr std::string_view kColumns =
    "provider, depiction_id, subject_id, model, embedding, created, attributes, lastmodified";

/// What somebody writes who needs no engine: prepared statements on one session.
class ByHand {
 public:
  ByHand(const std::string& address, std::string_view schema)
      : connection_(PQconnectdb(address.c_str()), PQfinish) {
    Run(Concat("SET search_path = \"", schema, "\", public"));
  }

  int Run(const std::string& sql) { return Take(PQexec(connection_.get(), sql.c_str())); }
  /// How many rows it gave; `sql` is prepared when it is new.
  int Ask(const std::string& sql, const PostgresParams& params) {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
    std::vector<Oid> types;
    for (std::size_t i = 0; i < params.size(); ++i) {
      values.push_back(params.bytes(i).data());
      lengths.push_back(static_cast<int>(params.bytes(i).size()));
      formats.push_back(1);
      types.push_back(params.type(i));
    }
    const int count = static_cast<int>(values.size());
    if (prepared_ != sql) {
      name_ = Concat("by_hand_", ++statements_);
      Take(PQprepare(connection_.get(), name_.c_str(), sql.c_str(), count, types.data()));
      prepared_ = sql;
    }
    return Take(PQexecPrepared(connection_.get(), name_.c_str(), count, values.data(),
                               lengths.data(), formats.data(), 1));
  }
  void Copy(const std::string& sql, const std::string& rows) {
    Run(sql);
    PQputCopyData(connection_.get(), rows.data(), static_cast<int>(rows.size()));
    PQputCopyEnd(connection_.get(), nullptr);
    Take(PQgetResult(connection_.get()));
    PQclear(PQgetResult(connection_.get()));
  }

 private:
  int Take(PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) {
      Must(InternalError(PQerrorMessage(connection_.get())));
    }
    const int rows = PQntuples(result);
    PQclear(result);
    return rows;
  }

  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  std::string prepared_;  // the newest one's text
  std::string name_;
  int statements_ = 0;
};

/// Calls one and the other in turns, and prints the medians and their ratio.
void Compare(const char* what, std::size_t calls, const Call& ours, const Call& by_hand) {
  Times times[2];
  for (std::size_t i = 0; i < calls + 5; ++i) {
    for (std::size_t turn = 0; turn < 2; ++turn) {
      const std::size_t who = (i + turn) % 2;
      const auto start = Clock::now();
      (who == 0 ? ours : by_hand)(i);
      if (i >= 5) {  // the first ones connect and prepare
        times[who].Add(SecondsSince(start) * 1e3);
      }
    }
  }
  const double engine = times[0].p50() * 1e3;
  const double hand = times[1].p50() * 1e3;
  std::printf("%-42s p50 %8.0f us, by hand %8.0f us, ratio %.2f\n", what, engine, hand,
              engine / hand);
  (void)std::fflush(stdout);
}

class Bench {
 public:
  Bench(std::size_t rows, std::size_t pglite_rows, std::size_t calls)
      : data_(Must(LoadFashionMnist(rows, kDimension))),
        rows_(data_.rows.size()),
        queries_(std::max<std::size_t>(data_.queries.size(), 1)),
        pglite_rows_(std::min(pglite_rows, rows_)),
        calls_(calls) {
    RegisterBuiltinEngines(registry_);
    log_.set_level(LogLevel::kError);
  }

  void OnPostgres();
  void OnPglite();

 private:
  std::unique_ptr<Database> Open(const std::string& uri) {
    return Must(registry_.OpenDatabase(
        uri + "&max-distance=0", Context{.env = env_.get(), .log = &log_, .registry = &registry_}));
  }
  Record Numbered(std::size_t i, std::string_view provider = "bench") const {
    const auto row = data_.rows.row(i % rows_);
    return {.key = {std::string(provider), Concat("d", i), std::string(kModel)},
            .subject_id = Concat("s", i / 4),
            .embedding = std::vector<float>(row.begin(), row.end()),
            .created = 1,
            .attributes = {{"title", Concat("Picture number ", i)}}};
  }
  std::vector<Record> Batch(std::size_t begin, std::size_t end,
                            std::string_view provider = "bench") const {
    std::vector<Record> records;
    for (std::size_t i = begin; i < end; ++i) {
      records.push_back(Numbered(i, provider));
    }
    return records;
  }
  SimilarQuery Query(std::size_t i) const {
    const auto row = data_.queries.row(i % queries_);
    return {.model = std::string(kModel), .embedding = {row.begin(), row.end()}, .k = 10};
  }
  void Import(Database& database, ByHand& hand);
  void Reads(Database& database, ByHand& hand);
  void Adds(Database& database, ByHand& hand);
  void ManyCallers(Database& database, const std::string& address, int callers);
  void AddByHand(const std::string& address, const std::string& provider) const;
  void AddByEngine(Database& database, const std::string& provider) const;

  const FashionMnist data_;
  const std::size_t rows_;
  const std::size_t queries_;
  const std::size_t pglite_rows_;
  const std::size_t calls_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
  Logger log_;
  Registry registry_;
};

/// Of one record, as columns of kColumns.
template <typename Columns>
void Append(Columns& columns, const Record& record) {
  columns.Text(record.key.provider);
  columns.Text(record.key.depiction_id);
  columns.Text(record.subject_id);
  columns.Text(record.key.model);
  columns.Floats(record.embedding);
  columns.Integer(record.created);
  columns.Json(Concat("{\"title\":\"", record.attributes.at("title"), "\"}"));
  columns.Integer(1);
}

void Bench::Import(Database& database, ByHand& hand) {
  hand.Run(
      Concat("CREATE TABLE by_hand (LIKE records INCLUDING ALL) WITH (", kPostgresRowStorage, ")"));
  const std::string copy = Concat("COPY by_hand (", kColumns, ") FROM STDIN (FORMAT binary)");
  double seconds[2] = {0, 0};
  for (std::size_t begin = 0; begin < rows_; begin += kBatch) {
    const std::vector<Record> batch = Batch(begin, std::min(rows_, begin + kBatch));
    for (std::size_t turn = 0; turn < 2; ++turn) {
      const std::size_t who = (begin / kBatch + turn) % 2;
      const auto start = Clock::now();
      if (who == 0) {
        Must(database.AddBatch(batch).status());
      } else {
        PostgresCopy rows;
        for (const Record& record : batch) {
          rows.Row(8);
          Append(rows, record);
        }
        hand.Copy(copy, rows.Finish());
      }
      seconds[who] += SecondsSince(start);
    }
  }
  const auto rate = [&](double one) { return static_cast<double>(rows_) / one; };
  std::printf("import, %zu records a batch: %.0f a second, COPY by hand %.0f, ratio %.2f\n", kBatch,
              rate(seconds[0]), rate(seconds[1]), seconds[0] / seconds[1]);
  hand.Run("DROP TABLE by_hand; ANALYZE records");
}

void Bench::Reads(Database& database, ByHand& hand) {
  Compare(
      "get", calls_,
      [&](std::size_t i) {
        Must(database.Get({"bench", Concat("d", i * 37 % rows_), std::string(kModel)}).status());
      },
      [&](std::size_t i) {
        PostgresParams params;
        params.Text(kModel);
        params.Text(Concat("d", i * 37 % rows_));
        hand.Ask(Concat("SELECT ", kColumns,
                        " FROM records WHERE model = $1 AND provider = 'bench'"
                        " AND depiction_id = $2"),
                 params);
      });
  Compare(
      "count", calls_ / 10 + 1, [&](std::size_t) { Must(database.Count({}).status()); },
      [&](std::size_t) { hand.Ask("SELECT count(*) FROM records", {}); });
  Compare(
      "a page of 20 and the count", calls_ / 10 + 1,
      [&](std::size_t i) {
        ListQuery query;
        query.page = static_cast<std::int64_t>(i) % 50 + 1;
        query.per_page = 20;
        Must(database.List(query).status());
      },
      [&](std::size_t i) {
        hand.Ask("SELECT count(*) FROM records", {});
        hand.Run(Concat("SELECT ", kColumns,
                        " FROM records ORDER BY subject_id, depiction_id, model, provider"
                        " LIMIT 20 OFFSET ",
                        20 * (i % 50)));
      });
}

std::string InsertByHand(std::size_t rows = 1) {
  std::string values;
  for (std::size_t row = 0; row < rows; ++row) {
    values += row == 0 ? "($1" : Concat(", ($", row * 8 + 1);
    for (std::size_t column = 2; column <= 8; ++column) {
      values += Concat(", $", row * 8 + column);
    }
    values += ")";
  }
  return Concat("INSERT INTO records (", kColumns, ") VALUES ", values,
                " ON CONFLICT (model, provider, depiction_id) DO UPDATE SET"
                " subject_id = EXCLUDED.subject_id, embedding = EXCLUDED.embedding,"
                " created = EXCLUDED.created, attributes = EXCLUDED.attributes,"
                " lastmodified = EXCLUDED.lastmodified");
}

void Bench::Adds(Database& database, ByHand& hand) {
  const std::string one = InsertByHand();
  Compare(
      "add one", calls_, [&](std::size_t i) { Must(database.Add(Numbered(i, "ours")).status()); },
      [&](std::size_t i) {
        PostgresParams params;
        Append(params, Numbered(i, "hand"));
        hand.Ask(one, params);
      });
  const std::string ten = InsertByHand(10);
  Compare(
      "add ten", calls_,
      [&](std::size_t i) {
        Must(database.AddBatch(Batch(i * 10, i * 10 + 10, "ours ten")).status());
      },
      [&](std::size_t i) {
        PostgresParams params;
        for (const Record& record : Batch(i * 10, i * 10 + 10, "hand ten")) {
          Append(params, record);
        }
        hand.Ask(ten, params);
      });
}

void Bench::AddByHand(const std::string& address, const std::string& provider) const {
  ByHand hand(address, "bench");
  const std::string insert = InsertByHand();
  for (std::size_t i = 0; i < calls_; ++i) {
    PostgresParams params;
    Append(params, Numbered(i, provider));
    hand.Ask(insert, params);
  }
}

void Bench::AddByEngine(Database& database, const std::string& provider) const {
  for (std::size_t i = 0; i < calls_; ++i) {
    Must(database.Add(Numbered(i, provider)).status());
  }
}

void Bench::ManyCallers(Database& database, const std::string& address, int callers) {
  double rates[2] = {0, 0};
  for (std::size_t who = 0; who < 2; ++who) {
    const auto start = Clock::now();
    {
      std::vector<std::jthread> threads;
      threads.reserve(static_cast<std::size_t>(callers));
      for (int caller = 0; caller < callers; ++caller) {
        threads.emplace_back([&, caller] {
          const std::string provider = Concat("c", who, "-", callers, "-", caller);
          who == 0 ? AddByEngine(database, provider) : AddByHand(address, provider);
        });
      }
    }
    rates[who] = static_cast<double>(calls_) * callers / SecondsSince(start);
  }
  std::printf("%2d callers add one each: %6.0f a second, by hand with a session each %6.0f\n",
              callers, rates[0], rates[1]);
  (void)std::fflush(stdout);
}

void Bench::OnPostgres() {
  const PostgresServer server;
  const std::string address =
      Concat("host=", server.socket_folder(), " port=", server.port(), " user=edb dbname=postgres");
  std::printf("PostgreSQL without pgvector, %zu x %zu\n", rows_, kDimension);
  const auto database = Open(server.Uri("bench"));
  ByHand hand(address, "bench");
  Import(*database, hand);
  Reads(*database, hand);
  Adds(*database, hand);
  for (const int callers : {1, 8, 32}) {
    ManyCallers(*database, address, callers);
  }
}

void Bench::OnPglite() {
  const PgliteServer server(EDB_NODE, EDB_PGLITE_SERVER);
  std::printf("PGlite with pgvector, %zu x %zu\n", pglite_rows_, kDimension);
  {
    const auto database = Open(server.Uri("bench") + "&index=hnsw");
    for (std::size_t begin = 0; begin < pglite_rows_; begin += kBatch / 4) {
      Must(database->AddBatch(Batch(begin, std::min(pglite_rows_, begin + kBatch / 4))).status());
    }
  }
  const auto database = Open(server.Uri("bench") + "&index=auto");
  ByHand hand(
      Concat("host=127.0.0.1 sslmode=disable user=postgres dbname=postgres port=", server.port()),
      "bench");
  // For both, as PGlite has one session for all: so small a model it would rather sort.
  hand.Run(
      "ANALYZE records; SET hnsw.ef_search = 100; SET hnsw.iterative_scan = strict_order;"
      " SET enable_seqscan = off; SET enable_sort = off");
  const auto search = [&](bool exact) {
    const std::string distance =
        Concat("embedding::vector(", kDimension, ") <-> $1::vector(", kDimension, ")");
    const std::string key = exact ? Concat("(", distance, ") + 0") : distance;
    const std::string sql =
        Concat("SELECT provider, depiction_id, subject_id, attributes, ", key,
               " FROM records WHERE model = 'images' ORDER BY ", key, " LIMIT 10");
    Compare(
        exact ? "ten nearest, all compared" : "ten nearest by pgvector's index",
        exact ? calls_ / 10 + 1 : calls_,
        [&](std::size_t i) {
          SimilarQuery query = Query(i);
          query.exact = exact;
          if (Must(database->Similar(query)).size() != 10) {
            Must(InternalError("not ten records"));
          }
        },
        [&](std::size_t i) {
          PostgresParams params;
          params.Floats(Query(i).embedding);
          hand.Ask(sql, params);
        });
  };
  search(false);
  search(true);
  Adds(*database, hand);
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
  };
  embeddingsdb::Bench bench(number(1, 20'000), number(2, 3'000), number(3, 300));
  bench.OnPostgres();
  bench.OnPglite();
  return 0;
}
