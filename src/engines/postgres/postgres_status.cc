// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_status.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/text.h"

namespace embeddingsdb {
namespace {

struct Meaning {
  std::string_view prefix;  ///< of the SQLSTATE; five characters are one state, two a class
  StatusCode code;
};

// The first that fits counts. https://www.postgresql.org/docs/15/errcodes-appendix.html
constexpr auto kMeanings = std::to_array<Meaning>({
    {"40", StatusCode::kAborted},              // serialization failure, deadlock
    {"23505", StatusCode::kAborted},           // another writer came first
    {"57014", StatusCode::kDeadlineExceeded},  // statement_timeout; nobody else cancels ours
    {"57P", StatusCode::kUnavailable},         // shuts down, starts up, was ended
    {"08", StatusCode::kUnavailable},          // connection
    {"26000", StatusCode::kUnavailable},       // a prepared statement that is gone
    {"53300", StatusCode::kUnavailable},       // too many connections
    {"53", StatusCode::kResourceExhausted},
    {"54", StatusCode::kResourceExhausted},
    {"55P03", StatusCode::kFailedPrecondition},  // lock not available
    {"25006", StatusCode::kFailedPrecondition},  // a standby, or read-only
    {"22003", StatusCode::kFailedPrecondition},  // halfvec's range, of an index
    {"42P01", StatusCode::kFailedPrecondition},  // the tables are gone
    {"42P07", StatusCode::kFailedPrecondition},  // a table of that name is somebody else's
    {"3F000", StatusCode::kFailedPrecondition},  // and so is their schema
    {"28", StatusCode::kUnauthenticated},
    {"42501", StatusCode::kPermissionDenied},
    {"3D000", StatusCode::kNotFound},
    {"0A", StatusCode::kUnimplemented},
    {"XX001", StatusCode::kDataLoss},
    {"XX002", StatusCode::kDataLoss},
});

}  // namespace

Status PostgresError(std::string_view sqlstate, std::string_view message) {
  const auto* const found = std::ranges::find_if(
      kMeanings, [&](const Meaning& meaning) { return sqlstate.starts_with(meaning.prefix); });
  const StatusCode code = found == kMeanings.end() ? StatusCode::kInternal : found->code;
  while (message.ends_with('\n')) {
    message.remove_suffix(1);
  }
  return {code, sqlstate.empty() ? Concat("PostgreSQL: ", message)
                                 : Concat("PostgreSQL: ", message, " (", sqlstate, ")")};
}

bool EndsConnection(std::string_view sqlstate) {
  return sqlstate.starts_with("57P") || sqlstate.starts_with("08") || sqlstate == "26000";
}

}  // namespace embeddingsdb
