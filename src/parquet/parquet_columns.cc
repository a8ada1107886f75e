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
constexpr std::string_view kMapType = "MAP(VARCHAR, VARCHAR)";
constexpr std::array<std::string_view, 8> kIntegers = {
    "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT"};

std::string WrongType(std::string_view column, std::string_view type, std::string_view wanted) {
  return Concat("column ", column, " has the type ", type, ", it must be ", wanted);
}

bool IsInteger(const std::string& type) {
  return std::find(kIntegers.begin(), kIntegers.end(), type) != kIntegers.end();
}

bool IsJson(const std::string& type) {
  return type == "VARCHAR" || type == "JSON";
}

/// What is wrong with the type, or nothing.
std::string TypeProblem(std::string_view column, const std::string& type) {
  if (column == "embeddings") {
    return type == "FLOAT[]" || type == "DOUBLE[]"
               ? ""
               : WrongType(column, type, "a list of FLOAT or DOUBLE");
  }
  if (column == "created") {
    return IsInteger(type) ? "" : WrongType(column, type, "an integer, in seconds since 1970");
  }
  if (column == "attributes") {
    return type == kMapType || IsJson(type)
               ? ""
               : WrongType(column, type,
                           "a map of strings, or a string that holds a JSON object of strings");
  }
  return type == "VARCHAR" ? "" : WrongType(column, type, "a string");
}

Status IsNull(std::string_view column) {
  return InvalidArgumentError(Concat(column, " is NULL"));
}

Status ReadText(const duckdb_c::Chunk& chunk, Selected column, std::size_t row, std::string& text) {
  constexpr std::array<std::string_view, 3> kNames = {"provider", "depiction_id", "model"};
  const Column cells = chunk.column(column);
  if (cells.IsNull(row)) {
    return IsNull(kNames[column]);
  }
  text.assign(cells.Text(row));
  return Status();
}

}  // namespace

std::vector<ColumnProblem> ColumnProblems(const ColumnTypes& columns) {
  std::vector<ColumnProblem> problems;
  for (const std::string_view name : kRequired) {
    if (!columns.contains(std::string(name))) {
      problems.push_back({.missing = true, .sentence = Concat("there is no column ", name)});
    }
  }
  for (const std::string_view name : kRecordColumns) {
    const auto found = columns.find(std::string(name));
    std::string sentence = found == columns.end() ? "" : TypeProblem(name, found->second);
    if (!sentence.empty()) {
      problems.push_back({.missing = false, .sentence = std::move(sentence)});
    }
  }
  return problems;
}

Result<ColumnPlan> ColumnPlan::Make(const ColumnTypes& columns) {
  if (const std::vector<ColumnProblem> problems = ColumnProblems(columns); !problems.empty()) {
    return InvalidArgumentError(problems.front().sentence);
  }
  ColumnPlan plan;
  plan.select_list_ = "provider, depiction_id, model, embeddings";
  plan.element_ = columns.at("embeddings") == "DOUBLE[]" ? Element::kDouble : Element::kFloat;
  plan.select_list_ += columns.contains("subject_id") ? ", subject_id" : ", NULL::VARCHAR";
  plan.select_list_ += columns.contains("created") ? ", created::BIGINT" : ", NULL::BIGINT";
  if (const auto attributes = columns.find("attributes"); attributes == columns.end()) {
    plan.select_list_ += ", NULL::VARCHAR";
  } else if (attributes->second == kMapType) {
    plan.attributes_as_ = AttributesAs::kMap;
    plan.select_list_ += ", attributes";
  } else {
    plan.attributes_as_ = AttributesAs::kJson;
    plan.select_list_ += ", attributes::VARCHAR";
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
    return IsNull("embeddings");
  }
  const auto [first, count] = lists.List(row);
  const Column elements = lists.Child();
  for (std::size_t i = 0; i < count; ++i) {
    if (elements.IsNull(first + i)) {
      return IsNull(Concat("embeddings[", i, "]"));
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
      return IsNull("an attribute name");
    }
    const std::string_view key = keys.Text(i);
    if (values.IsNull(i)) {
      return IsNull(Concat("attributes[", Quote(key), "]"));
    }
    if (!record.attributes.emplace(key, values.Text(i)).second) {
      return InvalidArgumentError(Concat("attributes has ", Quote(key), " twice"));
    }
  }
  return Status();
}

}  // namespace embeddingsdb
