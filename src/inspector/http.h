// SPDX-License-Identifier: BSD-3-Clause
//
// A request and the answer to it, as far as the inspector looks at them: no sockets, no library.
#ifndef EMBEDDINGSDB_INSPECTOR_HTTP_H_
#define EMBEDDINGSDB_INSPECTOR_HTTP_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// A field of a form that was sent as multipart/form-data: a text or the bytes of a file.
struct FormField {
  std::string name;
  std::string content;
};

/// What was asked. Everything comes from outside, as it was sent.
struct HttpRequest {
  std::string method;
  std::string target;                ///< path and query, with their escapes
  std::string host;                  ///< the Host header
  std::string accept;                ///< the Accept header
  std::vector<FormField> form = {};  ///< of a POST
};

struct HttpResponse {
  int status = 200;
  std::string content_type = {};
  std::string body = {};
  std::string location = {};                      ///< of a redirect
  std::vector<std::string> picture_origins = {};  ///< of other hosts' pictures in a page
};

/// A request's target, taken apart. Escapes are decoded after it is, so that an id may hold a "/".
class Target {
 public:
  /// kInvalidArgument, to be shown, for anything but an absolute path: escapes that are none, text
  /// that is no UTF-8, a parameter that is given twice.
  static Result<Target> Parse(std::string_view text);

  /// Adds a field of a form as if it stood in the query. kInvalidArgument as above.
  Status Add(std::string name, std::string value);

  const std::vector<std::string>& segments() const { return segments_; }  ///< "/a/b/" has two
  bool ends_with_slash() const { return ends_with_slash_; }
  /// The query with its escapes and its "?", or empty.
  const std::string& query() const { return query_; }
  /// Empty and absent are the same: forms send all their fields.
  std::optional<std::string> Parameter(std::string_view name) const;

 private:
  std::vector<std::string> segments_;
  bool ends_with_slash_ = false;
  std::string query_;
  std::vector<std::pair<std::string, std::string>> parameters_;
};

/// Parameters for a link, in their order; empty ones are left out.
using Parameters = std::vector<std::pair<std::string_view, std::string>>;
/// "?a=1&b=2", or nothing.
std::string QueryOf(const Parameters& parameters);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_HTTP_H_
