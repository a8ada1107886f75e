// SPDX-License-Identifier: BSD-3-Clause
//
// Uri: how databases, servers and clients are named, e.g.
//   sqlite://?dsn=/srv/collection.db&max-results=20
//   grpc://localhost:8081?database-uri=duckdb%3A%2F%2F%2Fsrv%2Fcollection
// A subset of RFC 3986 that reads what Go's net/url reads in go-embeddingsdb.
#ifndef EMBEDDINGSDB_URI_H_
#define EMBEDDINGSDB_URI_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// A parsed URI: scheme://host[:port]/path?name=value&... Percent escapes are decoded in path and
/// query ('+' is a space in the query). A value type.
///
/// There is deliberately no way to print it with its secrets: use Redacted() for people and
/// Serialize() only to hand the URI to another parser.
class Uri {
 public:
  Uri() = default;

  /// kInvalidArgument, naming what is wrong, for: no scheme, more than kMaxUriBytes, control
  /// characters, bad percent escapes, invalid UTF-8 after decoding, a port that is not 0 to 65535.
  /// The message shows the text redacted.
  static Result<Uri> Parse(std::string_view text);

  const std::string& scheme() const { return scheme_; }  ///< lower case
  const std::string& host() const { return host_; }      ///< without brackets for IPv6
  std::optional<std::uint16_t> port() const { return port_; }
  const std::string& path() const { return path_; }  ///< with its leading slash, or empty

  /// The file path the URI names: `duckdb:///a/b` is /a/b, `duckdb://a/b` is a/b (relative to the
  /// working directory; go-embeddingsdb cannot do that), `duckdb://` is empty.
  std::string FilePath() const;

  /// Options in the order given; Option returns the first of a name.
  const std::vector<std::pair<std::string, std::string>>& options() const { return options_; }
  std::optional<std::string> Option(std::string_view name) const;
  std::vector<std::string> Options(std::string_view name) const;

  /// Typed options: `fallback` when absent; kInvalidArgument naming option, value and range when it
  /// does not parse or is out of range. Booleans are 1, t, true, 0, f, false in any case.
  Result<std::int64_t> IntOption(std::string_view name, std::int64_t fallback, std::int64_t min,
                                 std::int64_t max) const;
  Result<double> FloatOption(std::string_view name, double fallback) const;
  Result<bool> BoolOption(std::string_view name, bool fallback) const;
  /// The index of the value within `allowed`, or `fallback` when the option is absent.
  Result<std::size_t> EnumOption(std::string_view name, std::span<const std::string_view> allowed,
                                 std::size_t fallback) const;

  /// kInvalidArgument naming an option that is not in `known`, and the nearest one that is; or one
  /// that is given more than once and not in `repeatable`, because only its first value would
  /// count.
  Status CheckOptions(std::span<const std::string_view> known,
                      std::span<const std::string_view> repeatable = {}) const;

  /// Replaces every value of an option by one, or adds it.
  void SetOption(std::string_view name, std::string_view value);
  /// Adds an option even if there is one of that name.
  void AddOption(std::string_view name, std::string_view value);

  /// The URI as text for another parser, escapes included. May hold secrets: never log or print it.
  std::string Serialize() const;

  /// The URI for logs, errors and people: secrets (user info, token-uri, credentials, passwords and
  /// keys) are `***`, also inside nested database URIs.
  std::string Redacted() const;

  bool operator==(const Uri&) const = default;

 private:
  std::string scheme_;
  std::string userinfo_;
  std::string host_;
  std::optional<std::uint16_t> port_;
  std::string path_;
  std::vector<std::pair<std::string, std::string>> options_;
};

/// Redacts a URI that may not even parse; a text without "://" comes back as "***".
std::string RedactUri(std::string_view text);

/// Percent-encodes everything but RFC 3986's unreserved characters.
std::string PercentEncode(std::string_view text);

/// The element of `known` with the smallest edit distance to `name`, when that is small enough to
/// be a likely misspelling; else empty. For "did you mean" messages.
std::string_view NearestName(std::string_view name, std::span<const std::string_view> known);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_URI_H_
