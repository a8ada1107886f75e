// SPDX-License-Identifier: BSD-3-Clause
#include "cli/similar_output.h"

#include "cli/command_flags.h"
#include "cli/table.h"
#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

void PrintJson(std::ostream& out, std::span<const SimilarRecord> records) {
  std::string_view separator = "[";
  for (const SimilarRecord& record : records) {
    out << separator << SimilarRecordToJson(record);
    separator = ",";
  }
  out << (records.empty() ? "[]" : "]") << "\n";
}

// The title of the OEmbeddings attributes when the record has one.
std::string TitleOf(const SimilarRecord& record) {
  const auto title = record.attributes.find("subject_title");
  return title != record.attributes.end() ? title->second : record.subject_id;
}

void PrintTable(std::ostream& out, std::span<const SimilarRecord> records) {
  Table table({"distance", "title", "provider", "depiction id"});
  for (const SimilarRecord& record : records) {
    table.AddRow({FormatFixed(record.distance), TitleOf(record), record.key.provider,
                  record.key.depiction_id});
  }
  table.Print(out);
}

}  // namespace

void SimilarFlags::Declare(FlagSet& flags) {
  flags.Add("similar-provider", provider, "Only find records of this `provider`.");
  flags.Add("max-results", max_results,
            "Find at most this `number` of records; 0 is the database's default.");
  flags.Add("max-distance", max_distance,
            "Find records at most this `distance` away; 0 is the database's default, and less\n"
            "than 0 is no limit.");
  flags.Add("group-by", group_by,
            "Of each provider's `subject` only find the nearest record; -max-results counts\n"
            "subjects then.");
  AddFormatFlag(flags, format);
}

Status SimilarFlags::Check() const {
  if (max_results < 0) {
    return InvalidArgumentError(Concat("-max-results ", max_results, " is less than 0"));
  }
  if (!ParseGroupBy(group_by).ok()) {
    return InvalidArgumentError(
        Concat("-group-by ", Quote(group_by), " is neither subject nor none"));
  }
  return CheckFormat(format);
}

std::optional<std::string> SimilarFlags::ProviderOption() const {
  return provider.empty() ? std::nullopt : std::optional(provider);
}

std::optional<int> SimilarFlags::MaxResultsOption() const {
  return max_results == 0 ? std::nullopt : std::optional(max_results);
}

std::optional<float> SimilarFlags::MaxDistanceOption() const {
  return max_distance == 0 ? std::nullopt : std::optional(max_distance);
}

GroupBy SimilarFlags::GroupByOption() const {
  const Result<GroupBy> known = ParseGroupBy(group_by);
  return known.ok() ? *known : GroupBy::kNone;
}

Status PrintSimilar(const SimilarFlags& flags, const SimilarSearch& search, Session& session) {
  EDB_ASSIGN(const std::vector<SimilarRecord> records,
             search(flags.MaxResultsOption(), flags.MaxDistanceOption()));
  if (flags.format == "json") {
    PrintJson(session.io.out, records);
  }
  if (flags.format == "table") {
    PrintTable(session.io.out, records);
  }
  if (!records.empty() || flags.max_distance < 0) {
    return {};
  }

  // The default maximum of 1.0 suits unit vectors; for others it hides everything.
  EDB_ASSIGN(const std::vector<SimilarRecord> nearest, search(1, 0.0F));
  if (nearest.empty()) {
    return {};
  }
  session.io.err << "No record is within the maximum distance. The nearest is "
                 << FormatFloat(nearest.front().distance)
                 << " away; -max-distance -1 sets no limit.\n";
  return {};
}

}  // namespace embeddingsdb
