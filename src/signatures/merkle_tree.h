// SPDX-License-Identifier: BSD-3-Clause
//
// MerkleTree: the tree of hashes of RFC 6962, section 2.1, over leaves that come one by one.
#ifndef EMBEDDINGSDB_SIGNATURES_MERKLE_TREE_H_
#define EMBEDDINGSDB_SIGNATURES_MERKLE_TREE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/sha256.h"

namespace embeddingsdb {

/// What is hashed begins with one of these, so that no leaf can pass for a node.
inline constexpr std::string_view kLeafPrefix{"\x00", 1};
inline constexpr std::string_view kNodePrefix{"\x01", 1};

/// A block is this many rows: a complete subtree, whatever comes after it. Row groups would not do,
/// because they change when a file is written anew though no record does.
inline constexpr std::int64_t kManifestBlockRows = 4'096;
inline constexpr unsigned kManifestBlockHeight = 12;

/// Memory: a hash for each height, and one for each block. One thread at a time.
class MerkleTree {
 public:
  /// Adds the hash of the next leaf.
  void Add(const Digest& leaf);
  /// The root of all leaves so far; of none the hash of nothing.
  Digest Root();
  /// The nodes of all blocks, the last of which may be shorter.
  std::vector<Digest> Blocks();
  std::int64_t leaves() const { return leaves_; }

 private:
  Digest Node(const Digest& left, const Digest& right);
  /// Joins the subtrees from the lowest to below `height`; false when there is none.
  bool Join(unsigned height, Digest& joined);

  Sha256 sha256_;
  std::vector<Digest> heights_;  ///< those are in use whose bit is set in `leaves_`
  std::vector<Digest> blocks_;   ///< complete ones
  std::int64_t leaves_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_MERKLE_TREE_H_
