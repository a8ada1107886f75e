// SPDX-License-Identifier: BSD-3-Clause
//
// Everything that is asked of the tables but searching for what is near.
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_READER_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_READER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_handle.h"

namespace embeddingsdb {

/// kNotFound names the record.
Result<Record> PostgresGet(PostgresConnection& connection, const Key& key);

/// These four expect a transaction that sees one moment.
Result<std::int64_t> PostgresCount(PostgresConnection& connection,
                                   const std::vector<Filter>& filters);
Status PostgresList(PostgresConnection& connection, const ListQuery& query, RecordPage& page);
/// `query` has no filter by words.
Result<FacetCounts> PostgresFacets(PostgresConnection& connection, const FacetQuery& query);

/// The length of the model's vectors; nothing when it has no records.
Result<std::optional<int>> PostgresDimension(PostgresConnection& connection,
                                             const std::string& model);
Result<std::vector<int>> PostgresDimensions(PostgresConnection& connection);
Result<std::vector<std::string>> PostgresModels(PostgresConnection& connection,
                                                std::span<const std::string> providers);
Result<std::vector<std::string>> PostgresProviders(PostgresConnection& connection,
                                                   std::span<const std::string> models);
Result<std::int64_t> PostgresLastUpdate(PostgresConnection& connection);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_READER_H_
