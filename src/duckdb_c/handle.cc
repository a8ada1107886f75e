// SPDX-License-Identifier: BSD-3-Clause
#include "duckdb_c/handle.h"

#include <memory>

#include "core/text.h"

namespace embeddingsdb::duckdb_c {
namespace {

// DuckDB appends "See also https://..." and a stack of causes; the first line says what happened.
std::string_view FirstLine(std::string_view message) {
  return message.substr(0, message.find('\n'));
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Status SetOption(duckdb_config config, const char* name, const std::string& value) {
  if (duckdb_set_config(config, name, value.c_str()) == DuckDBSuccess) {
    return {};
  }
  return InternalError(Concat("DuckDB has no setting ", name, "=", Quote(value)));
}

Status Configure(duckdb_config raw, const Config& config) {
  EDB_TRY(SetOption(raw, "autoinstall_known_extensions", "false"));
  EDB_TRY(SetOption(raw, "autoload_known_extensions", "false"));
  EDB_TRY(SetOption(raw, "allow_community_extensions", "false"));
  EDB_TRY(SetOption(raw, "temp_directory", config.temp_directory));  // refused after the next one
  EDB_TRY(SetOption(raw, "enable_external_access", config.external_access ? "true" : "false"));
  if (config.read_only) {
    EDB_TRY(SetOption(raw, "access_mode", "READ_ONLY"));
  }
  if (config.threads > 0) {
    EDB_TRY(SetOption(raw, "threads", std::to_string(config.threads)));
  }
  if (config.memory_limit_bytes > 0) {
    EDB_TRY(SetOption(raw, "memory_limit", Concat(config.memory_limit_bytes, "B")));
  }
  return {};
}

StatusCode IoCode(std::string_view message) {
  if (Contains(message, "Could not set lock")) {
    return StatusCode::kFailedPrecondition;
  }
  if (Contains(message, "not a valid DuckDB") || Contains(message, "newer version") ||
      Contains(message, "Read-only file system")) {
    return StatusCode::kFailedPrecondition;
  }
  if (Contains(message, "No space left") || Contains(message, "File too large") ||
      Contains(message, "Disk quota")) {
    return StatusCode::kResourceExhausted;
  }
  if (Contains(message, "checksum") || Contains(message, "orrupt")) {
    return StatusCode::kDataLoss;
  }
  if (Contains(message, "No files found") || Contains(message, "No such file")) {
    return StatusCode::kNotFound;
  }
  if (Contains(message, "Permission denied")) {
    return StatusCode::kPermissionDenied;
  }
  return StatusCode::kInternal;
}

StatusCode CodeOf(duckdb_error_type type, std::string_view message) {
  switch (type) {
    case DUCKDB_ERROR_IO:
      return IoCode(message);
    case DUCKDB_ERROR_OUT_OF_MEMORY:
      return StatusCode::kResourceExhausted;
    case DUCKDB_ERROR_SERIALIZATION:
      return StatusCode::kDataLoss;
    case DUCKDB_ERROR_CONSTRAINT:
      return StatusCode::kAlreadyExists;
    case DUCKDB_ERROR_INTERRUPT:
      return StatusCode::kCancelled;
    case DUCKDB_ERROR_PERMISSION:
      return StatusCode::kPermissionDenied;
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_INVALID_INPUT:
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_MISMATCH_TYPE:
    case DUCKDB_ERROR_BINDER:
      return StatusCode::kInvalidArgument;
    default:
      return StatusCode::kInternal;
  }
}

// DuckDB reports some errors, such as those of opening, as text only.
duckdb_error_type TypeOf(std::string_view message) {
  constexpr std::pair<std::string_view, duckdb_error_type> kPrefixes[] = {
      {"IO Error", DUCKDB_ERROR_IO},
      {"Out of Memory", DUCKDB_ERROR_OUT_OF_MEMORY},
      {"Serialization Error", DUCKDB_ERROR_SERIALIZATION},
      {"Permission Error", DUCKDB_ERROR_PERMISSION},
      {"Invalid Input Error", DUCKDB_ERROR_INVALID_INPUT},
      {"Conversion Error", DUCKDB_ERROR_CONVERSION},
      {"Binder Error", DUCKDB_ERROR_BINDER},
      {"Constraint Error", DUCKDB_ERROR_CONSTRAINT},
  };
  for (const auto& [prefix, type] : kPrefixes) {
    if (message.starts_with(prefix)) {
      return type;
    }
  }
  return DUCKDB_ERROR_INVALID;
}

Status ErrorOf(duckdb_error_type type, const char* message) {
  return ToStatus(type, message == nullptr ? "unknown error" : message);
}

}  // namespace

Status ToStatus(duckdb_error_type type, std::string_view message) {
  if (type == DUCKDB_ERROR_INVALID) {
    type = TypeOf(message);
  }
  return Status(CodeOf(type, message), Concat("DuckDB: ", FirstLine(message)));
}

std::string QuoteLiteral(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += '\'';
    }
    out += c;
  }
  return out + "'";
}

Result<Database> Database::Open(const std::string& path, const Config& config) {
  Handle<duckdb_config, duckdb_destroy_config> raw;
  if (duckdb_create_config(raw.out()) != DuckDBSuccess) {
    return ResourceExhaustedError("DuckDB: no memory for a configuration");
  }
  EDB_TRY(Configure(raw.get(), config));
  Database database;
  char* message = nullptr;
  const duckdb_state state = duckdb_open_ext(path.empty() ? nullptr : path.c_str(),
                                             database.database_.out(), raw.get(), &message);
  const std::unique_ptr<char, void (*)(void*)> owned(message, duckdb_free);
  if (state != DuckDBSuccess) {
    return ErrorOf(DUCKDB_ERROR_INVALID, message);
  }
  if (config.lock_configuration) {
    EDB_ASSIGN(const Connection connection, database.Connect());
    EDB_TRY(connection.LockConfiguration());
  }
  return database;
}

Result<Connection> Database::Connect() const {
  Connection connection;
  if (duckdb_connect(database_.get(), connection.raw_.out()) != DuckDBSuccess) {
    return ResourceExhaustedError("DuckDB: cannot connect");
  }
  return connection;
}

std::string LogicalType::StructName(std::size_t i) const {
  const std::unique_ptr<char, void (*)(void*)> name(duckdb_struct_type_child_name(raw_.get(), i),
                                                    duckdb_free);
  return name == nullptr ? std::string() : std::string(name.get());
}

Chunk Chunk::Create(std::span<const LogicalType> types) {
  std::vector<duckdb_logical_type> raw;
  raw.reserve(types.size());
  for (const LogicalType& type : types) {
    raw.push_back(type.get());
  }
  return Chunk(duckdb_create_data_chunk(raw.data(), raw.size()));
}

Status ResizeList(duckdb_vector list, std::size_t n) {
  if (duckdb_list_vector_reserve(list, n) != DuckDBSuccess ||
      duckdb_list_vector_set_size(list, n) != DuckDBSuccess) {
    return ResourceExhaustedError(Concat("DuckDB: no memory for a list of ", n, " elements"));
  }
  return {};
}

ResultSet::ResultSet(ResultSet&& other) noexcept
    : raw_(std::exchange(other.raw_, duckdb_result{})), chunk_(std::move(other.chunk_)) {}

ResultSet& ResultSet::operator=(ResultSet&& other) noexcept {
  if (this != &other) {
    Reset();
    raw_ = std::exchange(other.raw_, duckdb_result{});
    chunk_ = std::move(other.chunk_);
  }
  return *this;
}

ResultSet::~ResultSet() {
  Reset();
}

void ResultSet::Reset() {
  chunk_ = Chunk();
  if (raw_.internal_data != nullptr) {
    duckdb_destroy_result(&raw_);
  }
  raw_ = duckdb_result{};
}

std::string ResultSet::column_name(std::size_t i) {
  const char* name = duckdb_column_name(&raw_, i);
  return name == nullptr ? std::string() : std::string(name);
}

Result<bool> ResultSet::Next() {
  for (;;) {
    chunk_ = Chunk(duckdb_fetch_chunk(raw_));
    if (chunk_.get() == nullptr) {
      const char* message = duckdb_result_error(&raw_);
      if (message == nullptr || *message == '\0') {
        return false;
      }
      return ToStatus(duckdb_result_error_type(&raw_), message);
    }
    if (chunk_.rows() > 0) {
      return true;
    }
  }
}

Status Prepared::Bind(std::span<const Parameter> parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    const duckdb_state state =
        parameter.kind_ == Parameter::Kind::kText
            ? duckdb_bind_varchar_length(raw_.get(), i + 1, parameter.text_.data(),
                                         parameter.text_.size())
            : duckdb_bind_int64(raw_.get(), i + 1, parameter.number_);
    if (state != DuckDBSuccess) {
      return InternalError(Concat("DuckDB: cannot bind parameter ", i + 1));
    }
  }
  return {};
}

Status Prepared::BindValue(std::size_t index, duckdb_value value) {
  if (duckdb_bind_value(raw_.get(), index, value) == DuckDBSuccess) {
    return {};
  }
  return InternalError(Concat("DuckDB: cannot bind parameter ", index));
}

Result<ResultSet> Prepared::Execute(Fetch fetch) {
  ResultSet result;
  const duckdb_state state = fetch == Fetch::kStreaming
                                 ? duckdb_execute_prepared_streaming(raw_.get(), result.raw())
                                 : duckdb_execute_prepared(raw_.get(), result.raw());
  if (state == DuckDBSuccess) {
    return result;
  }
  return ErrorOf(duckdb_result_error_type(result.raw()), duckdb_result_error(result.raw()));
}

Result<ResultSet> Prepared::Run(std::span<const Parameter> parameters, Fetch fetch) {
  EDB_TRY(Bind(parameters));
  return Execute(fetch);
}

Result<Prepared> Connection::Prepare(const std::string& sql) const {
  Prepared prepared;
  if (duckdb_prepare(raw_.get(), sql.c_str(), prepared.raw_.out()) == DuckDBSuccess) {
    return prepared;
  }
  return ErrorOf(DUCKDB_ERROR_INVALID, duckdb_prepare_error(prepared.raw_.get()));
}

Result<ResultSet> Connection::Query(const std::string& sql) const {
  ResultSet result;
  if (duckdb_query(raw_.get(), sql.c_str(), result.raw()) == DuckDBSuccess) {
    return result;
  }
  return ErrorOf(duckdb_result_error_type(result.raw()), duckdb_result_error(result.raw()));
}

Status Connection::Execute(const std::string& sql) const {
  return Query(sql).status();
}

Result<ResultSet> Connection::Run(const std::string& sql, std::span<const Parameter> parameters,
                                  Fetch fetch) const {
  EDB_ASSIGN(Prepared prepared, Prepare(sql));
  return prepared.Run(parameters, fetch);
}

Result<Transaction> Transaction::Begin(const Connection& connection) {
  EDB_TRY(connection.Execute("BEGIN TRANSACTION"));
  return Transaction(&connection);
}

Transaction::~Transaction() {
  if (connection_ == nullptr) {
    return;
  }
  connection_->Execute("ROLLBACK").IgnoreError("a failed statement has already rolled it back");
}

Status Transaction::Commit() {
  const Status status = connection_->Execute("COMMIT");
  if (status.ok()) {
    connection_ = nullptr;
  }
  return status;
}

Result<Appender> Appender::Create(const Connection& connection, const char* catalog,
                                  const char* table) {
  Appender appender;
  if (duckdb_appender_create_ext(connection.get(), catalog, nullptr, table, appender.raw_.out()) ==
      DuckDBSuccess) {
    return appender;
  }
  return appender.Error();
}

Status Appender::Append(const Chunk& chunk) {
  if (duckdb_append_data_chunk(raw_.get(), chunk.get()) == DuckDBSuccess) {
    return {};
  }
  return Error();
}

Status Appender::Close() {
  if (duckdb_appender_close(raw_.get()) == DuckDBSuccess) {
    return {};
  }
  return Error();
}

Status Appender::Error() const {
  const Handle<duckdb_error_data, duckdb_destroy_error_data> error(
      duckdb_appender_error_data(raw_.get()));
  return ErrorOf(duckdb_error_data_error_type(error.get()), duckdb_error_data_message(error.get()));
}

}  // namespace embeddingsdb::duckdb_c
