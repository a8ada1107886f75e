// SPDX-License-Identifier: BSD-3-Clause
#include "core/json.h"

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "embeddingsdb/query.h"

#include "core/text.h"
#include "core/utf8.h"

namespace embeddingsdb {
namespace {

void AppendUnicodeEscape(std::string& out, char32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.append("\\u");
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    out.push_back(kDigits[(value >> shift) & 0xFU]);
  }
}

/// Escapes one ASCII character when it needs it; false when it stands for itself.
bool AppendAsciiEscape(std::string& out, char c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      return true;
    case '\\':
      out.append("\\\\");
      return true;
    case '\b':
      out.append("\\b");
      return true;
    case '\f':
      out.append("\\f");
      return true;
    case '\n':
      out.append("\\n");
      return true;
    case '\r':
      out.append("\\r");
      return true;
    case '\t':
      out.append("\\t");
      return true;
    case '<':
    case '>':
    case '&':
      AppendUnicodeEscape(out, static_cast<unsigned char>(c));
      return true;
    default:
      if (c >= ' ') {
        return false;
      }
      AppendUnicodeEscape(out, static_cast<unsigned char>(c));
      return true;
  }
}

void AppendFloat(std::string& out, float value) {
  // Valid records hold finite numbers only; JSON has no word for the others.
  out.append(std::isfinite(value) ? FormatFloat(value) : "null");
}

template <typename T, typename Append>
void AppendArray(std::string& out, std::span<const T> values, const Append& append) {
  out.push_back('[');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) {
      out.push_back(',');
    }
    append(out, values[i]);
  }
  out.push_back(']');
}

void AppendAttributes(std::string& out, const Attributes& attributes) {
  out.push_back('{');
  bool first = true;
  for (const auto& [key, value] : attributes) {
    if (!first) {
      out.push_back(',');
    }
    first = false;
    AppendJsonString(out, key);
    out.push_back(':');
    AppendJsonString(out, value);
  }
  out.push_back('}');
}

/// The last field of both kinds of record, and the brace that closes them.
void AppendAttributesField(std::string& out, const Attributes& attributes, EmptyAs empty) {
  out.append(",\"attributes\":");
  if (attributes.empty() && empty == EmptyAs::kNull) {
    out.append("null");
  } else {
    AppendAttributes(out, attributes);
  }
  out.push_back('}');
}

/// {"provider":...,"depiction_id":...,"subject_id":... without an end.
void AppendNames(std::string& out, const Key& key, std::string_view subject_id) {
  out.append("{\"provider\":");
  AppendJsonString(out, key.provider);
  out.append(",\"depiction_id\":");
  AppendJsonString(out, key.depiction_id);
  out.append(",\"subject_id\":");
  AppendJsonString(out, subject_id);
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t plain = 0;  // where the run of bytes that need no escape began
  std::size_t i = 0;
  std::string escape;
  while (i < text.size()) {
    escape.clear();
    const Rune rune = DecodeRune(text.substr(i));
    if (!rune.valid) {
      escape = "\\ufffd";
    } else if (rune.value < 0x80) {
      AppendAsciiEscape(escape, text[i]);
    } else if (rune.value == 0x2028 || rune.value == 0x2029) {
      AppendUnicodeEscape(escape, rune.value);
    }
    if (!escape.empty()) {
      out.append(text.substr(plain, i - plain)).append(escape);
      plain = i + rune.length;
    }
    i += rune.length;
  }
  out.append(text.substr(plain)).push_back('"');
}

std::string RecordToJson(const Record& record, EmptyAs empty) {
  std::string out;
  out.reserve(256 + record.embedding.size() * 14);
  AppendNames(out, record.key, record.subject_id);
  out.append(",\"model\":");
  AppendJsonString(out, record.key.model);
  out.append(",\"embeddings\":");
  if (record.embedding.empty() && empty == EmptyAs::kNull) {
    out.append("null");
  } else {
    AppendArray(out, std::span<const float>(record.embedding), AppendFloat);
  }
  out.append(",\"created\":").append(std::to_string(record.created));
  AppendAttributesField(out, record.attributes, empty);
  return out;
}

std::string SimilarRecordToJson(const SimilarRecord& record, EmptyAs empty) {
  std::string out;
  AppendNames(out, record.key, record.subject_id);
  out.append(",\"similarity\":");
  AppendFloat(out, record.distance);
  AppendAttributesField(out, record.attributes, empty);
  return out;
}

std::string StringsToJson(std::span<const std::string> values, EmptyAs empty) {
  if (values.empty() && empty == EmptyAs::kNull) {
    return "null";
  }
  std::string out;
  AppendArray(out, values, AppendJsonString);
  return out;
}

std::string FloatsToJson(std::span<const float> values) {
  std::string out;
  AppendArray(out, values, AppendFloat);
  return out;
}

std::string IntsToJson(std::span<const int> values) {
  std::string out;
  AppendArray(out, values, [](std::string& to, int value) { to.append(std::to_string(value)); });
  return out;
}

std::string FacetCountsToJson(const FacetCounts& counts) {
  std::string out = "{\"facets\":";
  AppendArray(out, std::span<const Facet>(counts.facets), [](std::string& to, const Facet& facet) {
    to += "{\"value\":";
    AppendJsonString(to, facet.value);
    to += Concat(",\"count\":", facet.count, "}");
  });
  out += Concat(",\"distinct\":", counts.distinct, ",\"records\":", counts.records, "}");
  return out;
}

std::string AttributesToJson(const Attributes& attributes) {
  std::string out;
  AppendAttributes(out, attributes);
  return out;
}

}  // namespace embeddingsdb
