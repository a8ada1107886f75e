// SPDX-License-Identifier: BSD-3-Clause
//
// Whether a text is a URI by the grammar of RFC 3986: what "format": "uri" of JSON Schema asks. For
// addresses that are kept and shown but not opened; class Uri reads those of databases and servers.
#ifndef EMBEDDINGSDB_CORE_URI_FORMAT_H_
#define EMBEDDINGSDB_CORE_URI_FORMAT_H_

#include <string>
#include <string_view>

namespace embeddingsdb {

/// Why the text is no URI, to be put after its name ("has no scheme, ..."), or empty when it is
/// one. http and https must have a host (RFC 3986, 3.2.2); of other schemes only the grammar is
/// looked at, so urn-like ones pass.
std::string UriFault(std::string_view text);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_URI_FORMAT_H_
