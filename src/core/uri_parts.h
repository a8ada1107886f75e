// SPDX-License-Identifier: BSD-3-Clause
//
// What Uri's source files share: the pieces of a URI, read and written without any messages, so
// that redacting can use the parser and the parser's errors can be redacted.
#ifndef EMBEDDINGSDB_CORE_URI_PARTS_H_
#define EMBEDDINGSDB_CORE_URI_PARTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace embeddingsdb::uri_internal {

struct Parts {
  std::string scheme;
  std::string userinfo;  ///< with its escapes
  std::string host;
  std::optional<std::uint16_t> port;
  std::string path;
  std::vector<std::pair<std::string, std::string>> options;
};

/// Fills `parts`. Returns an empty text, or what is wrong, which never quotes the input.
std::string_view ParseParts(std::string_view text, Parts& parts);

/// Appends decoded text to `out`; false when an escape is no escape.
bool PercentDecode(std::string_view text, bool plus_is_space, std::string& out);

/// host[:port] with the brackets and escapes that another parser needs.
std::string Authority(const Parts& parts);

/// True for options whose values no one may see, in any scheme.
bool IsSecretOption(std::string_view name);

/// Redacts what has been parsed, and what cannot be.
std::string RedactParts(const Parts& parts, int depth = 0);
std::string RedactUnparsable(std::string_view text, int depth = 0);

}  // namespace embeddingsdb::uri_internal

#endif  // EMBEDDINGSDB_CORE_URI_PARTS_H_
