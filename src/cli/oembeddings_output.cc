// SPDX-License-Identifier: BSD-3-Clause
#include "cli/oembeddings_output.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "cli/table.h"
#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

void AppendField(std::string& out, std::string_view name, std::string_view text) {
  AppendJsonString(out, name);
  out += ':';
  AppendJsonString(out, text);
  out += ',';
}

/// `line 3: ` or `row 3, record "p" "d" "m": `; nothing for a document that is all there is.
std::string PlaceAsText(const DocumentPlace& place) {
  std::string out = place.unit.empty() ? "" : Concat(place.unit, " ", place.number);
  if (place.key != nullptr) {
    out += Concat(out.empty() ? "" : ", ", "record ", Quote(place.key->provider), " ",
                  Quote(place.key->depiction_id), " ", Quote(place.key->model));
  }
  return out.empty() ? out : out + ": ";
}

/// The same as the first fields of a JSON object.
std::string PlaceAsJson(const DocumentPlace& place) {
  std::string out = "{";
  if (!place.unit.empty()) {
    AppendJsonString(out, place.unit);
    out += Concat(":", place.number, ",");
  }
  if (place.key != nullptr) {
    AppendField(out, "provider", place.key->provider);
    AppendField(out, "depiction_id", place.key->depiction_id);
    AppendField(out, "model", place.key->model);
  }
  return out;
}

std::string TallyAsJson(const OEmbeddingsTally& tally) {
  std::string out = Concat("{\"documents\":", tally.documents, ",\"valid\":", tally.valid,
                           ",\"invalid\":", tally.invalid(),
                           ",\"with_warnings\":", tally.with_warnings, ",\"fields\":{");
  for (std::size_t i = 0; i < tally.fields.size(); ++i) {
    const OEmbeddingsTally::Field& field = tally.fields[i];
    AppendJsonString(out, kOEmbeddingsFields[i].name);
    out += Concat(":{\"missing\":", field.missing, ",\"empty\":", field.empty,
                  ",\"errors\":", field.errors, ",\"warnings\":", field.warnings, "},");
  }
  out.back() = '}';
  return out + "}";
}

}  // namespace

void OEmbeddingsTally::Add(const OEmbeddingsReport& report) {
  ++documents;
  valid += report.valid() ? 1 : 0;
  with_warnings += report.has_warnings() ? 1 : 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    fields[i].missing += report.presence[i] == OEmbeddingsPresence::kMissing ? 1 : 0;
    fields[i].empty += report.presence[i] == OEmbeddingsPresence::kEmpty ? 1 : 0;
  }
  for (const OEmbeddingsProblem& problem : report.problems) {
    const auto found =
        std::ranges::find(kOEmbeddingsFields, problem.field, &OEmbeddingsField::name);
    if (found != kOEmbeddingsFields.end()) {
      Field& field = fields[static_cast<std::size_t>(found - kOEmbeddingsFields.begin())];
      ++(problem.severity == Severity::kError ? field.errors : field.warnings);
    }
  }
}

void PrintProblems(std::ostream& out, OutputFormat format, const DocumentPlace& place,
                   const OEmbeddingsReport& report) {
  for (const OEmbeddingsProblem& problem : report.problems) {
    if (format == OutputFormat::kJson) {
      out << PlaceAsJson(place) << ToJson(problem).substr(1) << "\n";
    } else {
      out << PlaceAsText(place) << SeverityName(problem.severity) << ": " << problem.message
          << "\n";
    }
  }
}

void PrintTally(std::ostream& out, OutputFormat format, const OEmbeddingsTally& tally) {
  if (format == OutputFormat::kJson) {
    out << TallyAsJson(tally) << "\n";
    return;
  }
  Table totals({"documents", std::to_string(tally.documents)});
  totals.AddRow({"valid", std::to_string(tally.valid)});
  totals.AddRow({"invalid", std::to_string(tally.invalid())});
  totals.AddRow({"with warnings", std::to_string(tally.with_warnings)});
  totals.Print(out);

  out << "\n";
  Table table({"FIELD", "", "MISSING", "EMPTY", "ERRORS", "WARNINGS"});
  for (std::size_t i = 0; i < tally.fields.size(); ++i) {
    const OEmbeddingsTally::Field& field = tally.fields[i];
    table.AddRow({std::string(kOEmbeddingsFields[i].name),
                  kOEmbeddingsFields[i].required ? "required" : "optional",
                  std::to_string(field.missing), std::to_string(field.empty),
                  std::to_string(field.errors), std::to_string(field.warnings)});
  }
  table.Print(out);
}

}  // namespace embeddingsdb
