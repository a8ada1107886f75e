// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_WRITER_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_WRITER_H_

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/adding.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_handle.h"
#include "engines/postgres/postgres_transaction.h"

namespace embeddingsdb {

/// What came of a batch.
struct PostgresAdded {
  AddReport report;
  std::vector<std::string> new_models;  ///< that had no records before
  std::set<Key> replaced;               ///< of records that were there, if asked for
};

/// What adding records with distinct keys would do, in a transaction that sees one moment.
Result<AddReport> PlanPostgresAdd(PostgresConnection& connection,
                                  std::span<const Record* const> records, OnDuplicate on_duplicate);

struct PostgresAdd {
  std::span<const Record* const> records;  ///< distinct keys
  OnDuplicate on_duplicate = OnDuplicate::kOverwrite;
  PostgresBulk bulk = PostgresBulk::kCopy;
  bool expect_new = true;      ///< most likely no key is taken: tries what is fastest then
  bool tell_replaced = false;  ///< of each record, not only how many
  std::int64_t now = 0;
};

/// Begins the transaction and stores the records; the caller commits. Others may write the same
/// keys at the same time: one of them waits for the other.
Result<PostgresAdded> AddToPostgres(PostgresTransaction& transaction, const PostgresAdd& add);

/// Begins the transaction; the caller commits. How many of these records (distinct keys) there
/// were.
Result<std::int64_t> RemoveFromPostgres(PostgresTransaction& transaction, std::span<const Key> keys,
                                        std::int64_t now);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_WRITER_H_
