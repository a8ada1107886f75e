// SPDX-License-Identifier: BSD-3-Clause
//
// OEmbeddings: the few facts with which somebody else can show a record, say whose it is and link
// back to it. They are attributes of a record, under these names and without a prefix, or a JSON
// object of their own, whose schema is schema/oembeddings.schema.json (docs/oembeddings.md).
//
// Threads: everything here is a value or a function of its arguments only. No file is read and no
// clock asked, so that it also runs where there are none, as in a browser.
// Errors: nothing throws. What is wrong with a document is told in its report, whatever it is.
#ifndef EMBEDDINGSDB_OEMBEDDINGS_H_
#define EMBEDDINGSDB_OEMBEDDINGS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// What go-embeddingsdb's struct of this name holds. Text is UTF-8.
struct OEmbeddings {
  std::string type;                ///< what the preview is: "image" or "text"
  std::string preview;             ///< URI of a small picture, also data:, or the text itself
  std::string depiction_url;       ///< where the depiction is; empty: there is no such place
  std::string subject_url;         ///< where the subject is: the link back
  std::string subject_title;       ///< may be empty
  std::string subject_creditline;  ///< whom to thank; may be empty
  std::string provider_name;       ///< who provides it, for people
  std::string provider_url;        ///< where they are

  bool operator==(const OEmbeddings&) const = default;
};

/// Which values of a field are URIs.
enum class OEmbeddingsUri : std::uint8_t { kNo, kYes, kIfImage };

/// The rules of one field. All fields are strings.
struct OEmbeddingsField {
  std::string_view name;
  bool required = true;
  bool may_be_empty = false;
  OEmbeddingsUri uri = OEmbeddingsUri::kNo;
};

/// All fields, in the order in which JSON is written. Other fields may stand beside them and mean
/// nothing here.
inline constexpr std::array kOEmbeddingsFields = std::to_array<OEmbeddingsField>({
    {.name = "type"},
    {.name = "preview", .uri = OEmbeddingsUri::kIfImage},
    {.name = "depiction_url", .required = false, .uri = OEmbeddingsUri::kYes},
    {.name = "subject_url", .uri = OEmbeddingsUri::kYes},
    {.name = "subject_title", .may_be_empty = true},
    {.name = "subject_creditline", .may_be_empty = true},
    {.name = "provider_name"},
    {.name = "provider_url", .uri = OEmbeddingsUri::kYes},
});

/// The values that `type` may have.
inline constexpr std::array kOEmbeddingsTypes = std::to_array<std::string_view>({"image", "text"});

/// What can be wrong with a document.
enum class OEmbeddingsRule : std::uint8_t {
  kJson,      ///< well-formed JSON of at most kMaxJsonBytes and kMaxJsonDepth levels
  kObject,    ///< the whole is a JSON object
  kRequired,  ///< a field that must be there is there
  kString,    ///< the value of a field is a string
  kNotEmpty,  ///< of at least one character, but for subject_title and subject_creditline
  kType,      ///< `type` is one of kOEmbeddingsTypes
  kUri,       ///< a URI by RFC 3986; go-embeddingsdb does not look
  kOnce,      ///< no field is given twice; the last one counts, as in Go
  kUnicode,   ///< UTF-8 without halves of surrogate pairs; the rest counts as U+FFFD, as in Go
  kStorable,  ///< a record's attribute may hold the value (see ValidateAttributeValue)
};

/// Its name for programs: "json", "object", "required", "string", "not-empty", "type", "uri",
/// "once", "unicode", "storable".
std::string_view OEmbeddingsRuleName(OEmbeddingsRule rule);

/// An error makes a document invalid, here and for go-embeddingsdb; a warning does not.
/// kOnce, kUnicode and kStorable are always warnings, kUri is what the options say, the rest are
/// errors.
enum class Severity : std::uint8_t { kWarning, kError };

/// Its name for programs and people: "warning" or "error".
std::string_view SeverityName(Severity severity);

/// One rule that is broken by one field.
struct OEmbeddingsProblem {
  OEmbeddingsRule rule = OEmbeddingsRule::kJson;
  Severity severity = Severity::kError;
  std::string field;    ///< empty when it is the document as a whole
  std::string message;  ///< a sentence that names the field, its value and what it must be

  bool operator==(const OEmbeddingsProblem&) const = default;
};

/// For programs: {"severity":"error","rule":"type","field":"type","message":"..."}.
std::string ToJson(const OEmbeddingsProblem& problem);

/// Whether a field is there. kUnknown when the document is no JSON object.
enum class OEmbeddingsPresence : std::uint8_t { kUnknown, kMissing, kEmpty, kGiven };

/// Everything that is wrong with one document, and what it has.
struct OEmbeddingsReport {
  /// First those of the document as a whole, then in the order of the fields. Bounded: a field can
  /// break a few rules only, and of JSON that cannot be read just that is said.
  std::vector<OEmbeddingsProblem> problems;
  /// Of each of kOEmbeddingsFields.
  std::array<OEmbeddingsPresence, kOEmbeddingsFields.size()> presence{};

  /// True when there is no error; there may be warnings.
  bool valid() const;
  /// True when there is at least one warning.
  bool has_warnings() const;
  /// OK when valid, else kInvalidArgument with the messages of all errors.
  Status ToStatus() const;
};

/// What is done about a value that should be a URI and is none.
enum class UriFormat : std::uint8_t { kIgnore, kWarn, kError };

struct OEmbeddingsOptions {
  /// Only with kError is anything refused that go-embeddingsdb accepts: it ignores `format: uri`.
  UriFormat uri_format = UriFormat::kWarn;
};

/// Checks a document that is JSON text from anywhere. Of everything that go-embeddingsdb accepts
/// it refuses only what is over kMaxJsonBytes or kMaxJsonDepth.
OEmbeddingsReport ValidateOEmbeddings(std::string_view json,
                                      const OEmbeddingsOptions& options = {});
/// Checks the attributes of a record.
OEmbeddingsReport ValidateOEmbeddings(const Attributes& attributes,
                                      const OEmbeddingsOptions& options = {});

/// The fields of a valid document, or of a record with valid attributes. kInvalidArgument with
/// everything that is wrong.
Result<OEmbeddings> OEmbeddingsFromJson(std::string_view json,
                                        const OEmbeddingsOptions& options = {});
Result<OEmbeddings> OEmbeddingsFromAttributes(const Attributes& attributes,
                                              const OEmbeddingsOptions& options = {});

/// As attributes of a record, without depiction_url when it is empty. Checks nothing.
Attributes ToAttributes(const OEmbeddings& oembeddings);
/// As a JSON object, byte for byte as go-embeddingsdb writes it: in the order of the fields,
/// without depiction_url when it is empty, without a newline. Checks nothing.
std::string OEmbeddingsToJson(const OEmbeddings& oembeddings);

/// The JSON Schema (draft-07) of a document: the text of schema/oembeddings.schema.json.
std::string_view OEmbeddingsSchema();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_OEMBEDDINGS_H_
