// SPDX-License-Identifier: BSD-3-Clause
//
// How the numbers of a database are shown.
#ifndef EMBEDDINGSDB_CLI_STATS_OUTPUT_H_
#define EMBEDDINGSDB_CLI_STATS_OUTPUT_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "embeddingsdb/care.h"

namespace embeddingsdb {

/// One JSON object, without a newline; docs/operating.md has its fields.
std::string StatsToJson(const DatabaseStats& stats);
/// A few lines and a table of the models, for each member of several databases too.
void PrintStats(std::ostream& out, const DatabaseStats& stats);

/// One JSON object, without a newline.
std::string CompactReportToJson(const CompactReport& report);

/// "999 B", "1.5 KiB", "12.3 MiB"...
std::string FormatBytes(std::int64_t bytes);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_STATS_OUTPUT_H_
