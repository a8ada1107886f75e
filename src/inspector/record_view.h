// SPDX-License-Identifier: BSD-3-Clause
//
// What a page may show of a record. Attributes come from strangers: a picture is one only by an
// allowed scheme, a link only to http and https, and all else is text.
#ifndef EMBEDDINGSDB_INSPECTOR_RECORD_VIEW_H_
#define EMBEDDINGSDB_INSPECTOR_RECORD_VIEW_H_

#include <optional>
#include <string>
#include <string_view>

#include "embeddingsdb/record.h"

#include "inspector/http.h"

namespace embeddingsdb {

/// "https://example.org:8443" of an absolute http or https URL with a host and without user
/// information, whose characters are those of RFC 3986; nothing for anything else.
std::optional<std::string> WebOrigin(std::string_view url);

/// A picture that a page may load.
struct PictureLink {
  std::string source;  ///< a web address, or data: of PNG, JPEG, WebP or GIF in base64
  std::string origin;  ///< that the page has to allow; empty for data:
};

/// The preview of OEmbeddings attributes that are of an image.
std::optional<PictureLink> PictureOf(const Attributes& attributes);

/// The preview when it is a text.
std::optional<std::string> TextPreviewOf(const Attributes& attributes);

/// What to call a record: its subject's title, else its depiction id.
std::string TitleOf(const Key& key, const Attributes& attributes);

/// Where a record's page is. Two ids cannot be a part of a path, "." and "..": browsers take them
/// for steps, escaped or not.
struct RecordAddress {
  std::string path;
  Parameters parameters;

  std::string ToString() const { return path + QueryOf(parameters); }
};
/// `folder` is what is shown there: "record", "compare", "api/embeddings".
RecordAddress AddressOf(std::string_view root, const Key& key, std::string_view folder = "record");

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_RECORD_VIEW_H_
