// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_CORE_UTC_TIME_H_
#define EMBEDDINGSDB_CORE_UTC_TIME_H_

#include <cstdint>
#include <string>

namespace embeddingsdb {

/// Seconds since 1970 as "2026-03-30 12:04:30 UTC"; as a number when no calendar has that day.
std::string FormatUtc(std::int64_t seconds);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_UTC_TIME_H_
