// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/oembeddings.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "embeddingsdb/uri.h"

#include "core/json.h"
#include "core/oembeddings_parse.h"
#include "core/text.h"
#include "core/uri_format.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kFields = kOEmbeddingsFields.size();

/// The members of the struct, in the order of kOEmbeddingsFields.
constexpr std::array<std::string OEmbeddings::*, kFields> kMembers = {
    &OEmbeddings::type,          &OEmbeddings::preview,       &OEmbeddings::depiction_url,
    &OEmbeddings::subject_url,   &OEmbeddings::subject_title, &OEmbeddings::subject_creditline,
    &OEmbeddings::provider_name, &OEmbeddings::provider_url,
};

/// What a document has in the place of a field, whatever kind of document it is. Borrows.
struct Value {
  bool given = false;
  std::string_view other;  // not empty: what it is instead of a string
  std::string_view text;
};
using Values = std::array<Value, kFields>;

/// Collects the problems of one document.
class Checker {
 public:
  Checker(const Values& values, std::span<const std::string_view> other_names,
          const OEmbeddingsOptions& options, OEmbeddingsReport& report)
      : values_(values), other_names_(other_names), options_(options), report_(report) {}

  void Check() {
    for (std::size_t i = 0; i < kFields; ++i) {
      CheckField(i);
    }
  }

 private:
  void CheckField(std::size_t i);
  std::string_view Misspelt(std::string_view field) const;
  void CheckText(const OEmbeddingsField& field, std::string_view text);
  void CheckUri(const OEmbeddingsField& field, std::string_view text);
  void Add(OEmbeddingsRule rule, Severity severity, std::string_view field, std::string message) {
    report_.problems.push_back({.rule = rule,
                                .severity = severity,
                                .field = std::string(field),
                                .message = std::move(message)});
  }

  const Values& values_;
  std::span<const std::string_view> other_names_;
  const OEmbeddingsOptions& options_;
  OEmbeddingsReport& report_;
};

/// A name that is none of ours and is likely to mean this field rather than another, or empty.
std::string_view Checker::Misspelt(std::string_view field) const {
  std::array<std::string_view, kFields> names;
  std::ranges::transform(kOEmbeddingsFields, names.begin(), &OEmbeddingsField::name);
  for (const std::string_view other : other_names_) {
    if (NearestName(other, names) == field) {
      return other;
    }
  }
  return {};
}

void Checker::CheckField(std::size_t i) {
  const OEmbeddingsField& field = kOEmbeddingsFields[i];
  const Value& value = values_[i];
  if (!value.given) {
    report_.presence[i] = OEmbeddingsPresence::kMissing;
    if (field.required) {
      const std::string_view misspelt = Misspelt(field.name);
      Add(OEmbeddingsRule::kRequired, Severity::kError, field.name,
          misspelt.empty() ? Concat(field.name, " is missing")
                           : Concat(field.name, " is missing (is it ", Quote(misspelt), "?)"));
    }
    return;
  }
  const bool is_empty = value.other.empty() && value.text.empty();
  report_.presence[i] = is_empty ? OEmbeddingsPresence::kEmpty : OEmbeddingsPresence::kGiven;
  if (!value.other.empty()) {
    Add(OEmbeddingsRule::kString, Severity::kError, field.name,
        Concat(field.name, " is ", value.other, ", it must be a string"));
    return;
  }
  CheckText(field, value.text);
}

void Checker::CheckText(const OEmbeddingsField& field, std::string_view text) {
  if (text.empty()) {
    if (!field.may_be_empty) {
      Add(OEmbeddingsRule::kNotEmpty, Severity::kError, field.name,
          Concat(field.name, " is empty, it must have at least 1 character"));
    }
    return;
  }
  const bool is_type = &field == kOEmbeddingsFields.data();
  if (is_type && std::ranges::find(kOEmbeddingsTypes, text) == kOEmbeddingsTypes.end()) {
    Add(OEmbeddingsRule::kType, Severity::kError, field.name,
        Concat(field.name, " is ", Quote(text), ", it must be ", Quote(kOEmbeddingsTypes[0]),
               " or ", Quote(kOEmbeddingsTypes[1])));
  }
  CheckUri(field, text);
  if (const Status storable = ValidateAttributeValue(field.name, text); !storable.ok()) {
    Add(OEmbeddingsRule::kStorable, Severity::kWarning, field.name,
        Concat("no record can hold this ", field.name, ": ", storable.message()));
  }
}

void Checker::CheckUri(const OEmbeddingsField& field, std::string_view text) {
  const bool is_image = values_[0].text == kOEmbeddingsTypes[0];
  const bool wanted =
      field.uri == OEmbeddingsUri::kYes || (field.uri == OEmbeddingsUri::kIfImage && is_image);
  if (!wanted || options_.uri_format == UriFormat::kIgnore) {
    return;
  }
  if (const std::string fault = UriFault(text); !fault.empty()) {
    Add(OEmbeddingsRule::kUri,
        options_.uri_format == UriFormat::kError ? Severity::kError : Severity::kWarning,
        field.name, Concat(field.name, " ", Quote(text), " is no URI: it ", fault));
  }
}

/// The fields among attributes, and the names of the others. Both borrow.
Values ValuesOf(const Attributes& attributes, std::vector<std::string_view>& other_names) {
  Values values;
  for (const auto& [name, text] : attributes) {
    const auto found = std::ranges::find(kOEmbeddingsFields, name, &OEmbeddingsField::name);
    if (found == kOEmbeddingsFields.end()) {
      other_names.push_back(name);
      continue;
    }
    values[static_cast<std::size_t>(found - kOEmbeddingsFields.begin())] = {
        .given = true, .other = {}, .text = text};
  }
  return values;
}

/// Reads and checks JSON; `json` keeps the fields.
OEmbeddingsReport Check(std::string_view text, const OEmbeddingsOptions& options,
                        OEmbeddingsJson& json) {
  OEmbeddingsReport report;
  if (std::optional<OEmbeddingsProblem> problem = ReadOEmbeddings(text, json)) {
    report.problems.push_back(*std::move(problem));
    return report;
  }
  const auto warn = [&report](OEmbeddingsRule rule, std::string_view field, std::string message) {
    report.problems.push_back({.rule = rule,
                               .severity = Severity::kWarning,
                               .field = std::string(field),
                               .message = std::move(message)});
  };
  if (json.mended) {
    warn(OEmbeddingsRule::kUnicode, "",
         "JSON holds bytes that are not UTF-8, or half of a surrogate pair; each is taken as "
         "U+FFFD");
  }
  Values values;
  for (std::size_t i = 0; i < kFields; ++i) {
    const OEmbeddingsJson::Value& value = json.values[i];
    values[i] = {.given = value.given, .other = value.other, .text = value.text};
    if (value.repeated) {
      const std::string_view name = kOEmbeddingsFields[i].name;
      warn(OEmbeddingsRule::kOnce, name,
           Concat(name, " is given more than once, the last one counts"));
    }
  }
  const std::vector<std::string_view> other_names(json.other_names.begin(), json.other_names.end());
  Checker(values, other_names, options, report).Check();
  return report;
}

}  // namespace

std::string_view OEmbeddingsRuleName(OEmbeddingsRule rule) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"json", "object", "required", "string", "not-empty", "type",
                                       "uri", "once", "unicode", "storable"});
  return kNames.at(static_cast<std::size_t>(rule));
}

std::string_view SeverityName(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

std::string ToJson(const OEmbeddingsProblem& problem) {
  std::string out = "{";
  const auto append = [&out](std::string_view name, std::string_view text) {
    out += out.size() > 1 ? "," : "";
    AppendJsonString(out, name);
    out += ':';
    AppendJsonString(out, text);
  };
  append("severity", SeverityName(problem.severity));
  append("rule", OEmbeddingsRuleName(problem.rule));
  append("field", problem.field);
  append("message", problem.message);
  return out + "}";
}

bool OEmbeddingsReport::valid() const {
  return std::ranges::find(problems, Severity::kError, &OEmbeddingsProblem::severity) ==
         problems.end();
}

bool OEmbeddingsReport::has_warnings() const {
  return std::ranges::find(problems, Severity::kWarning, &OEmbeddingsProblem::severity) !=
         problems.end();
}

Status OEmbeddingsReport::ToStatus() const {
  std::string errors;
  for (const OEmbeddingsProblem& problem : problems) {
    if (problem.severity == Severity::kError) {
      errors += Concat(errors.empty() ? "" : "; ", problem.message);
    }
  }
  return errors.empty() ? Status() : InvalidArgumentError(std::move(errors));
}

OEmbeddingsReport ValidateOEmbeddings(std::string_view json, const OEmbeddingsOptions& options) {
  OEmbeddingsJson fields;
  return Check(json, options, fields);
}

OEmbeddingsReport ValidateOEmbeddings(const Attributes& attributes,
                                      const OEmbeddingsOptions& options) {
  OEmbeddingsReport report;
  std::vector<std::string_view> other_names;
  const Values values = ValuesOf(attributes, other_names);
  Checker(values, other_names, options, report).Check();
  return report;
}

Result<OEmbeddings> OEmbeddingsFromJson(std::string_view json, const OEmbeddingsOptions& options) {
  OEmbeddingsJson fields;
  EDB_TRY(Check(json, options, fields).ToStatus());
  OEmbeddings out;
  for (std::size_t i = 0; i < kFields; ++i) {
    out.*kMembers[i] = std::move(fields.values[i].text);
  }
  return out;
}

Result<OEmbeddings> OEmbeddingsFromAttributes(const Attributes& attributes,
                                              const OEmbeddingsOptions& options) {
  EDB_TRY(ValidateOEmbeddings(attributes, options).ToStatus());
  OEmbeddings out;
  for (std::size_t i = 0; i < kFields; ++i) {
    if (const auto found = attributes.find(kOEmbeddingsFields[i].name); found != attributes.end()) {
      out.*kMembers[i] = found->second;
    }
  }
  return out;
}

Attributes ToAttributes(const OEmbeddings& oembeddings) {
  Attributes attributes;
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::string& text = oembeddings.*kMembers[i];
    if (kOEmbeddingsFields[i].required || !text.empty()) {
      attributes.emplace(kOEmbeddingsFields[i].name, text);
    }
  }
  return attributes;
}

std::string OEmbeddingsToJson(const OEmbeddings& oembeddings) {
  std::string out = "{";
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::string& text = oembeddings.*kMembers[i];
    if (kOEmbeddingsFields[i].required || !text.empty()) {
      out += out.size() > 1 ? "," : "";
      AppendJsonString(out, kOEmbeddingsFields[i].name);
      out += ':';
      AppendJsonString(out, text);
    }
  }
  return out + "}";
}

}  // namespace embeddingsdb
