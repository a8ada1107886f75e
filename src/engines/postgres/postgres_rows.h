// SPDX-License-Identifier: BSD-3-Clause
//
// The table of records: its columns, filters as SQL, and rows as records.
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_ROWS_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_ROWS_H_

#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_handle.h"

namespace embeddingsdb {

/// Of a record without its vector, and with it; in the order that ReadPostgresRecord expects.
inline constexpr std::string_view kPostgresFields =
    "provider, depiction_id, model, subject_id, created, attributes";
inline constexpr std::string_view kPostgresRecord =
    "provider, depiction_id, model, subject_id, created, attributes, embedding";
inline constexpr int kPostgresFieldCount = 6;  ///< and so the number of the column after them

/// Whether a row has an embedding after its fields.
enum class PostgresParts : std::uint8_t { kFields, kAll };

/// Of the record, from the text that is stored; kDataLoss, naming the record, when it is not ours.
Result<Attributes> ReadPostgresAttributes(std::string_view json, const Key& key);

/// kDataLoss, naming the record, when the row holds what we would not have written.
Status ReadPostgresRecord(const PostgresResult& result, int row, PostgresParts parts,
                          Record& record);

/// "a = $1 AND ..." for filters, whose values are added to the parameters; "true" for none. Filters
/// by words are left out: SQL cannot tell.
std::string PostgresCondition(const std::vector<Filter>& filters, PostgresParams& params);

/// True when a filter is left to us.
bool AnyPostgresWords(const std::vector<Filter>& filters);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_ROWS_H_
