// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/file_query.h"

#include <utility>

#include "core/text.h"
#include "parquet/parquet_layout.h"

namespace embeddingsdb {

namespace {

using duckdb_c::Chunk;
using duckdb_c::Connection;
using duckdb_c::Database;
using duckdb_c::Fetch;
using duckdb_c::ResultSet;

constexpr std::int64_t kMemoryLimitBytes = 512LL * 1024 * 1024;

// Files of old writers lack the UTF8 annotation; a path like a=b/ must not become a column.
constexpr std::string_view kFrom =
    " FROM read_parquet(?, binary_as_string = true, hive_partitioning = false)";

/// An in-memory DuckDB that can open one file and nothing else. One thread: a second one gains
/// nothing on this task and costs memory.
Result<Connection> ConnectFor(const ParquetFile& file) {
  EDB_ASSIGN(const Database database,
             Database::Open("", {.external_access = true,
                                 .lock_configuration = false,
                                 .threads = 1,
                                 .memory_limit_bytes = kMemoryLimitBytes}));
  EDB_ASSIGN(Connection connection, database.Connect());
  // The literal holds a number of ours; the user's path never reaches a statement.
  EDB_TRY(connection.Execute(
      Concat("SET allowed_paths = [", duckdb_c::QuoteLiteral(file.handle_path()), "]")));
  EDB_TRY(connection.Execute("SET enable_external_access = false"));
  // Its cache of file contents is of no use for reading once.
  EDB_TRY(connection.Execute("SET enable_external_file_cache = false"));
  EDB_TRY(connection.LockConfiguration());
  return connection;
}

std::string ReplaceAll(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<FileQuery>> FileQuery::Open(ParquetFile file) {
  std::unique_ptr<FileQuery> query(new FileQuery(std::move(file)));
  EDB_TRY(query->Connect());
  return query;
}

Status FileQuery::Connect() {
  EDB_TRY(ReadFooter());
  EDB_ASSIGN(connection_, ConnectFor(file_));
  if (const Status status = Describe(file_.handle_path()); !status.ok()) {
    return Explain(status);
  }
  return Status();
}

Status FileQuery::Start(std::string_view select_list) {
  Result<ResultSet> result = connection_.Run(Concat("SELECT ", select_list, kFrom),
                                             {file_.handle_path()}, Fetch::kStreaming);
  if (!result.ok()) {
    return Explain(result.status(), " at row 0 or later");
  }
  result_ = *std::move(result);
  return Status();
}

Result<bool> FileQuery::Next() {
  if (chunk_row_ >= result_.chunk().rows()) {
    EDB_ASSIGN(const bool more, NextChunk());
    if (!more) {
      return false;
    }
  }
  ++chunk_row_;
  ++row_;
  return true;
}

Status FileQuery::AtRow(const Status& status) const {
  return status.WithContext(Concat(file_.name(), ", row ", row(), " (counting from 0)"));
}

Status FileQuery::ReadFooter() {
  EDB_ASSIGN(ParquetLayout layout, ReadLayout(file_));
  // DuckDB believes a footer, and follows its schema as deep as that goes.
  if (!layout.problems.empty()) {
    return InvalidArgumentError(
        Concat(file_.name(), " is a damaged Parquet file: ", layout.problems.front()));
  }
  rows_ = layout.rows;
  for (auto& [key, value] : layout.metadata) {
    metadata_.emplace(std::move(key), std::move(value));
  }
  return Status();
}

Status FileQuery::Describe(const std::string& path) {
  EDB_ASSIGN(
      ResultSet rows,
      connection_.Run(Concat("SELECT column_name, column_type FROM (DESCRIBE SELECT *", kFrom, ")"),
                      {path}));
  return ForEachRow(rows, [this](const Chunk& chunk, std::size_t row) {
    columns_.emplace(chunk.column(0).Text(row), chunk.column(1).Text(row));
    return Status();
  });
}

Result<bool> FileQuery::NextChunk() {
  chunk_row_ = 0;
  Result<bool> more = result_.Next();
  if (!more.ok()) {
    return Explain(more.status(), Concat(" at row ", row_, " or later"));
  }
  if (*more) {
    return true;
  }
  if (row_ == rows_) {
    return false;
  }
  return InvalidArgumentError(Concat(file_.name(),
                                     " is a damaged Parquet file: its footer promises ", rows_,
                                     " rows, it has ", row_));
}

/// DuckDB knows the file by the path of our handle, and has several codes for a bad file.
Status FileQuery::Explain(const Status& status, std::string_view where) const {
  const std::string message = ReplaceAll(status.message(), file_.handle_path(), file_.name());
  const StatusCode code = status.code() == StatusCode::kResourceExhausted
                              ? StatusCode::kResourceExhausted
                              : StatusCode::kInvalidArgument;
  return Status(code, Concat(file_.name(), " cannot be read", where, ": ", message));
}

}  // namespace embeddingsdb
