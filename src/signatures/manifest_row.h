// SPDX-License-Identifier: BSD-3-Clause
//
// ManifestRow: what a manifest says of one record, and its leaf in the tree of hashes
// (docs/formats.md).
#ifndef EMBEDDINGSDB_SIGNATURES_MANIFEST_ROW_H_
#define EMBEDDINGSDB_SIGNATURES_MANIFEST_ROW_H_

#include <string>

#include "embeddingsdb/record.h"

#include "core/sha256.h"

namespace embeddingsdb {

struct ManifestRow {
  Key key;
  Digest vector;  ///< of the embedding
  Digest facts;   ///< of subject, time and attributes

  bool operator==(const ManifestRow&) const = default;
};

/// Hashes records, with buffers that are used again. The bytes are hashed as they are: to write
/// numbers as JSON takes ten times as long as all of this. One thread at a time.
class ManifestHasher {
 public:
  /// Fills `row` with what is to be said of `record`.
  void Fill(const Record& record, ManifestRow& row);
  /// The leaf of a row: everything in it is below the root, so a manifest cannot be changed either.
  Digest Leaf(const ManifestRow& row);

 private:
  Sha256 sha256_;
  std::string buffer_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_MANIFEST_ROW_H_
