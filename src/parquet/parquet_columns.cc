// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/parquet_columns.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {

namespace {

using duckdb_c::Column;
using ColumnTypes = std::map<std::string, std::string>;

// The order of the select list.
enum Selected : std::size_t {
  kProvider,
  kDepictionId,
  kModel,
  kEmbeddings,
  kSubjectId,
  kCreated,
  kAttributes,
};

constexpr std::array<std::string_view, 4> kRequired = {"provider", "depiction_id", "model",
                                                       "embeddings"};
constexpr std::array<std::string_view, 8> kIntegers = {
    "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT"};

Status WrongType(std::string_view column, std::string_view type, std::string_view wanted) {
  return InvalidArgumentError(
      Concat("column ", column, " has the type ", type, ", it must be ", wanted));
}

Status CheckText(const ColumnTypes& columns, const std::string& name) {
  const auto found = columns.find(name);
  if (found == columns.end() || found->second == "VARCHAR") {
    return Status();
  }
  return WrongType(name, found->second, "a string");
}

Status Missing(std::string_view column) {
  return InvalidArgumentError(Concat(column, " is NULL"));
}

Status ReadText(const duckdb_c::Chunk& chunk, Selected column, std::size_t row, std::string& text) {
  constexpr std::array<std::string_view, 3> kNames = {"provider", "depiction_id", "model"};
  const Column cells = chunk.column(column);
  if (cells.IsNull(row)) {
    return Missing(kNames[column]);
  }
  text.assign(cells.Text(row));
  return Status();
}

}  // namespace

Result<ColumnPlan> ColumnPlan::Make(const ColumnTypes& columns) {
  for (const std::string_view name : kRequired) {
    if (!columns.contains(std::string(name))) {
      return InvalidArgumentError(Concat("there is no column ", name));
    }
  }
  for (const char* name : {"provider", "depiction_id", "model", "subject_id"}) {
    EDB_TRY(CheckText(columns, name));
  }
  ColumnPlan plan;
  plan.select_list_ = "provider, depiction_id, model, embeddings";

  const std::string& embeddings = columns.at("embeddings");
  if (embeddings == "DOUBLE[]") {
    plan.element_ = Element::kDouble;
  } else if (embeddings != "FLOAT[]") {
    return WrongType("embeddings", embeddings, "a list of FLOAT or DOUBLE");
  }

  plan.select_list_ += columns.contains("subject_id") ? ", subject_id" : ", NULL::VARCHAR";

  if (const auto created = columns.find("created"); created == columns.end()) {
    plan.select_list_ += ", NULL::BIGINT";
  } else if (std::find(kIntegers.begin(), kIntegers.end(), created->second) == kIntegers.end()) {
    return WrongType("created", created->second, "an integer, in seconds since 1970");
  } else {
    plan.select_list_ += ", created::BIGINT";
  }

  if (const auto attributes = columns.find("attributes"); attributes == columns.end()) {
    plan.select_list_ += ", NULL::VARCHAR";
  } else if (attributes->second == "MAP(VARCHAR, VARCHAR)") {
    plan.attributes_as_ = AttributesAs::kMap;
    plan.select_list_ += ", attributes";
  } else if (attributes->second == "VARCHAR" || attributes->second == "JSON") {
    plan.attributes_as_ = AttributesAs::kJson;
    plan.select_list_ += ", attributes::VARCHAR";
  } else {
    return WrongType("attributes", attributes->second,
                     "a map of strings, or a string that holds a JSON object of strings");
  }
  return plan;
}

Status ColumnPlan::ReadRow(const duckdb_c::Chunk& chunk, std::size_t row, Record& record) const {
  EDB_TRY(ReadText(chunk, kProvider, row, record.key.provider));
  EDB_TRY(ReadText(chunk, kDepictionId, row, record.key.depiction_id));
  EDB_TRY(ReadText(chunk, kModel, row, record.key.model));
  EDB_TRY(ReadEmbedding(chunk.column(kEmbeddings), row, record));
  const Column subjects = chunk.column(kSubjectId);
  record.subject_id.clear();
  if (!subjects.IsNull(row)) {
    record.subject_id.assign(subjects.Text(row));
  }
  const Column created = chunk.column(kCreated);
  record.created = created.IsNull(row) ? 0 : created.Values<std::int64_t>()[row];
  return ReadAttributes(chunk.column(kAttributes), row, record);
}

Status ColumnPlan::ReadEmbedding(const Column& lists, std::size_t row, Record& record) const {
  if (lists.IsNull(row)) {
    return Missing("embeddings");
  }
  const auto [first, count] = lists.List(row);
  const Column elements = lists.Child();
  for (std::size_t i = 0; i < count; ++i) {
    if (elements.IsNull(first + i)) {
      return Missing(Concat("embeddings[", i, "]"));
    }
  }
  if (element_ == Element::kFloat) {
    const float* values = elements.Values<float>() + first;
    record.embedding.assign(values, values + count);
    return Status();
  }
  // What overflows becomes infinite, which Validate refuses by name.
  const double* values = elements.Values<double>() + first;
  record.embedding.resize(count);
  std::transform(values, values + count, record.embedding.begin(),
                 [](double value) { return static_cast<float>(value); });
  return Status();
}

Status ColumnPlan::ReadAttributes(const Column& column, std::size_t row, Record& record) const {
  record.attributes.clear();
  if (attributes_as_ == AttributesAs::kAbsent || column.IsNull(row)) {
    return Status();
  }
  if (attributes_as_ == AttributesAs::kJson) {
    Result<Attributes> parsed = AttributesFromJson(column.Text(row));
    if (!parsed.ok()) {
      return parsed.status().WithContext("attributes");
    }
    record.attributes = *std::move(parsed);
    return Status();
  }
  const auto [first, count] = column.List(row);
  const Column keys = column.Child().Field(0);
  const Column values = column.Child().Field(1);
  for (std::size_t i = first; i < first + count; ++i) {
    if (keys.IsNull(i)) {
      return Missing("an attribute name");
    }
    const std::string_view key = keys.Text(i);
    if (values.IsNull(i)) {
      return Missing(Concat("attributes[", Quote(key), "]"));
    }
    if (!record.attributes.emplace(key, values.Text(i)).second) {
      return InvalidArgumentError(Concat("attributes has ", Quote(key), " twice"));
    }
  }
  return Status();
}

}  // namespace embeddingsdb
