// SPDX-License-Identifier: BSD-3-Clause
//
// CopyLedger: hashes of all records that a copy has read, by which it goes on after it was
// interrupted, and by which what arrived is compared with what was sent.
#ifndef EMBEDDINGSDB_CLI_COPY_LEDGER_H_
#define EMBEDDINGSDB_CLI_COPY_LEDGER_H_

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "core/sha256.h"
#include "signatures/manifest_row.h"

namespace embeddingsdb {

/// What became of the records of a ledger in another database.
struct CopyComparison {
  std::int64_t identical = 0;
  std::int64_t different = 0;   ///< there, but with another vector, subject, time or attribute
  std::int64_t missing = 0;     ///< not there
  std::string first_different;  ///< a key for people; empty when there is none
};

/// Takes 48 bytes of memory a record. Used by one thread.
class CopyLedger {
 public:
  void Add(const Record& record);
  std::int64_t records() const { return static_cast<std::int64_t>(entries_.size()); }
  /// Of the records so far, in their order.
  const Digest& chain() const { return chain_; }

  /// Reads all of `there` and looks for the records of this ledger. Records of others are ignored.
  /// Puts the ledger into an order of its own: nothing can be added any more.
  Result<CopyComparison> Compare(RecordCursor& there);
  /// Of the set of records, whatever their order: databases with the same records have the same.
  /// The root of a manifest's tree (docs/formats.md) whose leaves are in ascending order. After
  /// Compare.
  Digest SetHash();

 private:
  struct Entry {
    std::array<std::uint64_t, 2> key{};  ///< a hash of it
    Digest leaf;

    auto operator<=>(const Entry&) const = default;
  };
  Entry EntryOf(const Record& record);

  ManifestHasher hasher_;
  Sha256 sha256_;
  ManifestRow row_;
  std::vector<Entry> entries_;
  Digest chain_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_COPY_LEDGER_H_
