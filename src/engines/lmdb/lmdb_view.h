// SPDX-License-Identifier: BSD-3-Clause
//
// Reading single rows of the LMDB tables within one transaction, with their checksums.
#ifndef EMBEDDINGSDB_ENGINES_LMDB_LMDB_VIEW_H_
#define EMBEDDINGSDB_ENGINES_LMDB_LMDB_VIEW_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"

#include "engines/lmdb/lmdb_environment.h"
#include "engines/lmdb/lmdb_format.h"

namespace embeddingsdb {

/// Filters by column. Two different values for one column match nothing.
struct LmdbWanted {
  std::optional<std::string_view> provider;
  std::optional<std::string_view> depiction_id;
  std::optional<std::string_view> subject_id;
  std::optional<std::string_view> model;
  bool nothing = false;

  /// Borrows the filters; those about attributes are not looked at.
  static LmdbWanted Of(const std::vector<Filter>& filters);
  bool Matches(const ListKeyParts& parts) const;
};

/// "row 7: why".
Status InRow(const Status& status, RowId row);

/// Borrows the transaction and the names, which it adds to.
class LmdbView {
 public:
  LmdbView(const LmdbTransaction& txn, const LmdbTables& tables, LmdbNames& names)
      : txn_(txn), tables_(tables), names_(names) {}
  explicit LmdbView(const LmdbSnapshot& snapshot)
      : LmdbView(snapshot.txn(), snapshot.tables(), snapshot.names()) {}

  const LmdbTransaction& txn() const { return txn_; }
  const LmdbTables& tables() const { return tables_; }

  /// A number of table meta.
  Result<std::uint64_t> Meta(std::string_view name) const;
  /// The same, or nothing when there is none.
  Result<std::optional<std::uint64_t>> FindMeta(std::string_view name) const;
  /// The row that has the key, or nothing. `hash` is the key's.
  Result<std::optional<RowId>> Find(const Key& key, std::uint64_t hash) const;
  Result<std::optional<LmdbRow>> Row(RowId id) const;
  /// A row that an index names: kDataLoss when it is not there.
  Result<LmdbRow> NamedRow(RowId id) const;
  /// Everything but the vector. kDataLoss naming the row when it differs from its checksum.
  Status ReadFields(RowId id, const LmdbRow& row, Record& record) const;
  /// The same for a row whose key is known and written to the record by the caller.
  Status ReadFieldsOf(RowId id, LmdbRow row, const Key& key, Record& record) const;
  /// The row's key for list order.
  Result<std::string> JoinedKey(const LmdbRow& row) const;
  /// Model and provider.
  Result<const std::pair<std::string, std::string>*> SpaceNames(std::uint64_t id) const;
  /// The spaces that records with these filters can be in, and their numbers.
  Result<std::vector<std::pair<std::uint64_t, LmdbSpace>>> Spaces(const LmdbWanted& wanted) const;

 private:
  Result<const LmdbShape*> ShapeNames(std::uint64_t id) const;
  Status ReadAttributes(const LmdbRow& row, Record& record) const;

  const LmdbTransaction& txn_;
  const LmdbTables& tables_;
  LmdbNames& names_;
};

/// Finds vectors; quickest in the order of rows.
class LmdbVectors {
 public:
  static Result<LmdbVectors> Open(const LmdbView& view);

  /// The vector's bytes, valid as long as the transaction. kDataLoss naming the row when there is
  /// none or it differs from `checksum`.
  Result<std::string_view> Get(RowId row, std::uint32_t checksum);
  Status Read(RowId row, std::uint32_t checksum, std::vector<float>& vector);

 private:
  explicit LmdbVectors(LmdbCursor cursor) : cursor_(std::move(cursor)) {}

  LmdbCursor cursor_;
  std::optional<LmdbChunk> chunk_;
  RowId last_row_ = 0;  // of the chunk
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_LMDB_LMDB_VIEW_H_
