// SPDX-License-Identifier: BSD-3-Clause
#include "duckdb_c/row_source.h"

#include <algorithm>

#include "core/text.h"

namespace embeddingsdb::duckdb_c {

Result<std::unique_ptr<RowSource>> RowSource::Register(const Connection& connection,
                                                       const std::string& name, Columns columns) {
  std::unique_ptr<RowSource> source(new RowSource(std::move(columns)));
  const Handle<duckdb_table_function, duckdb_destroy_table_function> function(
      duckdb_create_table_function());
  duckdb_table_function_set_name(function.get(), name.c_str());
  duckdb_table_function_set_extra_info(function.get(), source.get(), nullptr);
  duckdb_table_function_set_bind(function.get(), &RowSource::Bind);
  duckdb_table_function_set_init(function.get(), &RowSource::Init);
  duckdb_table_function_set_function(function.get(), &RowSource::Next);
  if (duckdb_register_table_function(connection.get(), function.get()) != DuckDBSuccess) {
    return InternalError(Concat("DuckDB: cannot register the function ", Quote(name)));
  }
  return source;
}

Status RowSource::Insert(const Connection& connection, const std::string& insert, std::size_t rows,
                         Fill fill) {
  fill_ = std::move(fill);
  rows_ = rows;
  filled_.store(0);
  next_.store(0, std::memory_order_release);
  Result<ResultSet> result = connection.Run(insert, {});
  const std::size_t filled = filled_.load(std::memory_order_acquire);
  rows_ = 0;
  fill_ = nullptr;
  EDB_TRY(result.status());
  if (filled != rows || static_cast<std::size_t>(result->rows_changed()) != rows) {
    return InternalError(Concat("DuckDB: took ", result->rows_changed(), " of ", rows, " rows"));
  }
  return {};
}

void RowSource::Bind(duckdb_bind_info info) {
  const auto* source = static_cast<const RowSource*>(duckdb_bind_get_extra_info(info));
  for (const auto& [name, type] : source->columns_) {
    duckdb_bind_add_result_column(info, name.c_str(), type.get());
  }
  duckdb_bind_set_cardinality(info, source->rows_, true);
}

void RowSource::Init(duckdb_init_info info) {
  const auto* source = static_cast<const RowSource*>(duckdb_init_get_extra_info(info));
  duckdb_init_set_max_threads(info, source->rows_ / duckdb_vector_size() + 1);
}

void RowSource::Next(duckdb_function_info info, duckdb_data_chunk chunk) {
  auto* source = static_cast<RowSource*>(duckdb_function_get_extra_info(info));
  const std::size_t step = duckdb_vector_size();
  const std::size_t first = source->next_.fetch_add(step, std::memory_order_acq_rel);
  if (first >= source->rows_) {
    duckdb_data_chunk_set_size(chunk, 0);
    return;
  }
  const std::size_t count = std::min(step, source->rows_ - first);
  if (const Status status = source->fill_(chunk, first, count); !status.ok()) {
    duckdb_function_set_error(info, status.message().c_str());
    return;
  }
  duckdb_data_chunk_set_size(chunk, count);
  source->filled_.fetch_add(count, std::memory_order_acq_rel);
}

}  // namespace embeddingsdb::duckdb_c
