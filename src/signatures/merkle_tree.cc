// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/merkle_tree.h"

#include <array>
#include <cstddef>

namespace embeddingsdb {

static_assert(kManifestBlockRows == std::int64_t{1} << kManifestBlockHeight);

Digest MerkleTree::Node(const Digest& left, const Digest& right) {
  return sha256_.Of(std::to_array<std::string_view>({kNodePrefix, BytesOf(left), BytesOf(right)}));
}

void MerkleTree::Add(const Digest& leaf) {
  // Counting in binary: two complete subtrees of one height become one of the next.
  Digest node = leaf;
  unsigned height = 0;
  for (auto rest = static_cast<std::uint64_t>(leaves_); (rest & 1U) != 0; rest >>= 1U) {
    node = Node(heights_[height], node);
    ++height;
    if (height == kManifestBlockHeight) {
      blocks_.push_back(node);
    }
  }
  if (height >= heights_.size()) {
    heights_.resize(height + 1);
  }
  heights_[height] = node;
  ++leaves_;
}

bool MerkleTree::Join(unsigned height, Digest& joined) {
  bool any = false;
  for (unsigned i = 0; i < heights_.size() && i < height; ++i) {
    if (((static_cast<std::uint64_t>(leaves_) >> i) & 1U) != 0) {
      joined = any ? Node(heights_[i], joined) : heights_[i];
      any = true;
    }
  }
  return any;
}

Digest MerkleTree::Root() {
  Digest root;
  return Join(64, root) ? root : sha256_.Of("");
}

std::vector<Digest> MerkleTree::Blocks() {
  std::vector<Digest> blocks = blocks_;
  Digest last;
  if (Join(kManifestBlockHeight, last)) {
    blocks.push_back(last);
  }
  return blocks;
}

}  // namespace embeddingsdb
