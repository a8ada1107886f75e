// SPDX-License-Identifier: BSD-3-Clause
#include "cli/stats_output.h"

#include <array>
#include <cstddef>
#include <cstdio>
#include <string_view>

#include "cli/table.h"
#include "core/json.h"
#include "core/text.h"
#include "core/utc_time.h"

namespace embeddingsdb {
namespace {

/// Writes the fields of one object.
class JsonObject {
 public:
  void Add(std::string_view name, std::string_view text) {
    Name(name);
    AppendJsonString(out_, text);
  }
  void Add(std::string_view name, std::int64_t number) { AddRaw(name, std::to_string(number)); }
  void AddFlag(std::string_view name, bool value) { AddRaw(name, value ? "true" : "false"); }
  void AddRaw(std::string_view name, std::string_view json) {
    Name(name);
    out_ += json;
  }
  std::string Finish() const { return out_ + "}"; }

 private:
  void Name(std::string_view name) {
    out_ += out_.size() > 1 ? "," : "";
    AppendJsonString(out_, name);
    out_ += ':';
  }

  std::string out_ = "{";
};

template <typename T, typename ToJson>
std::string ArrayOf(const std::vector<T>& values, const ToJson& to_json) {
  std::string out = "[";
  for (const T& value : values) {
    out += out.size() > 1 ? "," : "";
    out += to_json(value);
  }
  return out + "]";
}

std::string ToJson(const FileSizes& sizes) {
  JsonObject json;
  json.Add("records", sizes.records);
  json.Add("log", sizes.log);
  json.Add("index", sizes.index);
  json.Add("other", sizes.other);
  json.Add("total", sizes.total());
  return json.Finish();
}

std::string ToJson(const ModelStats& model) {
  JsonObject json;
  json.Add("model", model.name);
  json.Add("dimension", std::int64_t{model.dimension});
  json.Add("records", model.records);
  json.Add("providers", model.providers);
  if (model.metric) {
    json.Add("metric", MetricName(*model.metric));
  }
  json.Add("search", SearchKindName(model.search));
  json.Add("precision", PrecisionName(model.precision));
  json.AddFlag("loaded", model.loaded);
  json.Add("graph_rows", model.graph_rows);
  json.Add("file_rows", model.file_rows);
  json.Add("tail_rows", model.tail_rows);
  json.Add("file_bytes", model.file_bytes);
  json.Add("memory_bytes", model.memory_bytes);
  return json.Finish();
}

std::string FactsOf(const DatabaseStats& stats) {
  std::string text;
  for (const EngineFact& fact : stats.facts) {
    text += Concat(text.empty() ? "" : ", ", fact.name, " ", fact.value);
  }
  return text;
}

std::string MetricOf(const ModelStats& model) {
  return model.metric ? std::string(MetricName(*model.metric)) : "-";
}

void PrintModels(std::ostream& out, const std::vector<ModelStats>& models) {
  if (models.empty()) {
    return;
  }
  out << "\n";
  Table table({"MODEL", "LENGTH", "RECORDS", "PROVIDERS", "METRIC", "SEARCH", "PRECISION",
               "IN GRAPH", "IN FILE", "IN NEITHER", "FILE", "MEMORY"});
  for (const ModelStats& model : models) {
    table.AddRow({model.name, std::to_string(model.dimension), std::to_string(model.records),
                  std::to_string(model.providers), MetricOf(model),
                  std::string(SearchKindName(model.search)),
                  std::string(PrecisionName(model.precision)), std::to_string(model.graph_rows),
                  std::to_string(model.file_rows), std::to_string(model.tail_rows),
                  FormatBytes(model.file_bytes), FormatBytes(model.memory_bytes)});
  }
  table.Print(out);
}

}  // namespace

std::string FormatBytes(std::int64_t bytes) {
  constexpr auto kUnits = std::to_array<const char*>({"KiB", "MiB", "GiB", "TiB"});
  if (bytes < 1'024) {
    return Concat(bytes, " B");
  }
  double value = static_cast<double>(bytes) / 1'024;
  std::size_t unit = 0;
  while (value >= 1'023.95 && unit + 1 < kUnits.size()) {
    value /= 1'024;
    ++unit;
  }
  std::array<char, 64> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits.at(unit)));
  return text.data();
}

std::string StatsToJson(const DatabaseStats& stats) {
  JsonObject facts;
  for (const EngineFact& fact : stats.facts) {
    facts.Add(fact.name, fact.value);
  }
  JsonObject json;
  json.Add("uri", stats.uri);
  json.Add("records", stats.records);
  json.Add("last_update", stats.last_update);
  json.AddRaw("files", ToJson(stats.files));
  json.Add("index_memory", stats.index_memory_bytes);
  json.AddRaw("facts", facts.Finish());
  json.AddRaw("models", ArrayOf(stats.models, [](const ModelStats& one) { return ToJson(one); }));
  json.AddRaw("members", ArrayOf(stats.members, StatsToJson));
  return json.Finish();
}

void PrintStats(std::ostream& out, const DatabaseStats& stats) {
  const FileSizes& files = stats.files;
  Table table({"database", stats.uri});
  table.AddRow({"records", std::to_string(stats.records)});
  table.AddRow({"last update", stats.last_update == 0 ? "never" : FormatUtc(stats.last_update)});
  table.AddRow({"files", FormatBytes(files.total())});
  table.AddRow({"  records", FormatBytes(files.records)});
  table.AddRow({"  log", FormatBytes(files.log)});
  table.AddRow({"  indexes", FormatBytes(files.index)});
  table.AddRow({"  other", FormatBytes(files.other)});
  table.AddRow({"memory", FormatBytes(stats.index_memory_bytes)});
  table.Print(out);
  if (!stats.facts.empty()) {
    out << "engine       " << FactsOf(stats) << "\n";
  }
  if (stats.members.empty()) {
    PrintModels(out, stats.models);
  }
  for (const DatabaseStats& member : stats.members) {
    out << "\n";
    PrintStats(out, member);
  }
}

std::string CompactReportToJson(const CompactReport& report) {
  JsonObject json;
  json.Add("uri", report.uri);
  json.AddRaw("before", ToJson(report.before));
  json.AddRaw("after", ToJson(report.after));
  json.AddRaw("members", ArrayOf(report.members, CompactReportToJson));
  return json.Finish();
}

}  // namespace embeddingsdb
