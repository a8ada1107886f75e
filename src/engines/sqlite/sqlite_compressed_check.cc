// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cstring>
#include <map>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "engines/sqlite/sqlite_compressed_reader.h"

namespace embeddingsdb {
namespace {

bool Same(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// What is wrong with the row that `row` stands on; empty when nothing is. A damaged vector is not
/// this check's business: it has a checksum.
std::string ProblemOf(SqliteStatement& row, SqliteCompression compression) {
  const std::span<const std::byte> embedding = row.Blob(1);
  const std::span<const std::byte> code = row.Blob(2);
  if (code.empty()) {
    return "has no code";
  }
  std::vector<float> vector(embedding.size() / sizeof(float));
  std::memcpy(vector.data(), embedding.data(), vector.size() * sizeof(float));
  return Same(MakeCode(compression, vector), code) ? "" : "has the code of another vector";
}

/// One check of a database.
class Check {
 public:
  Check(const SqliteConnection& connection, SqliteCompression compression,
        std::vector<std::string>& problems)
      : connection_(connection), compression_(compression), problems_(problems) {}

  Status Model(std::int64_t id, const std::string& model) {
    const std::string table = CompressedTable(id);
    EDB_ASSIGN(const std::int64_t coded, Records(table, model));
    EDB_ASSIGN(const std::int64_t codes, connection_.QueryInteger("SELECT count(*) FROM " + table));
    if (codes != coded) {
      problems_.push_back(Concat("table ", table, " of model ", Quote(model), " has ",
                                 codes - coded, " codes without a record"));
    }
    return {};
  }

 private:
  /// Compares the model's records with their codes; the number of those that have one.
  Result<std::int64_t> Records(const std::string& table, const std::string& model) {
    EDB_ASSIGN(SqliteStatement rows,
               connection_.Prepare(Concat("SELECT r.id, r.embedding, c.code FROM records AS r"
                                          " LEFT JOIN ",
                                          table,
                                          " AS c ON c.rowid = r.id WHERE r.id IN"
                                          " (SELECT id FROM records WHERE model = ?)"
                                          " ORDER BY r.id")));
    rows.Bind(1, model);
    std::int64_t coded = 0;
    while (true) {
      EDB_ASSIGN(const bool more, rows.Step());
      if (!more) {
        return coded;
      }
      coded += rows.Blob(2).empty() ? 0 : 1;
      const std::string problem = ProblemOf(rows, compression_);
      EDB_TRY(rows.Check());
      if (!problem.empty() && problems_.size() < kMaxVerifyProblems) {
        problems_.push_back(Concat("row ", rows.Integer(0), " of model ", Quote(model), " ",
                                   problem, " in ", table));
      }
    }
  }

  const SqliteConnection& connection_;
  const SqliteCompression compression_;
  std::vector<std::string>& problems_;
};

}  // namespace

Status CheckCompressed(const SqliteConnection& connection, SqliteCompression compression,
                       std::vector<std::string>& problems) {
  std::map<std::int64_t, std::string> models;
  EDB_ASSIGN(SqliteStatement rows, connection.Prepare("SELECT id, model FROM compressed_models"));
  while (true) {
    EDB_ASSIGN(const bool more, rows.Step());
    if (!more) {
      break;
    }
    models.emplace(rows.Integer(0), rows.Text(1));
  }
  Check check(connection, compression, problems);
  for (const auto& [id, model] : models) {
    if (const Status checked = check.Model(id, model); !checked.ok()) {
      problems.push_back(Concat("table ", CompressedTable(id), " of model ", Quote(model),
                                " cannot be read: ", checked.message()));
    }
  }
  EDB_ASSIGN(const std::int64_t without,
             connection.QueryInteger("SELECT count(*) FROM records WHERE model NOT IN"
                                     " (SELECT model FROM compressed_models)"));
  if (without != 0) {
    problems.push_back(Concat(without, " records are of models without codes"));
  }
  return {};
}

}  // namespace embeddingsdb
