// SPDX-License-Identifier: BSD-3-Clause
#include "cli/copy_ledger.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "signatures/merkle_tree.h"

namespace embeddingsdb {

CopyLedger::Entry CopyLedger::EntryOf(const Record& record) {
  hasher_.Fill(record, row_);
  Entry entry;
  entry.leaf = hasher_.Leaf(row_);
  // No part of a key holds a NUL.
  const Digest key = sha256_.Of(std::initializer_list<std::string_view>{
      row_.key.provider, std::string_view("\0", 1), row_.key.depiction_id,
      std::string_view("\0", 1), row_.key.model});
  std::memcpy(entry.key.data(), key.bytes.data(), sizeof(entry.key));
  return entry;
}

void CopyLedger::Add(const Record& record) {
  entries_.push_back(EntryOf(record));
  chain_ = sha256_.Of(
      std::initializer_list<std::string_view>{BytesOf(chain_), BytesOf(entries_.back().leaf)});
}

Result<CopyComparison> CopyLedger::Compare(RecordCursor& there) {
  std::ranges::sort(entries_);
  CopyComparison comparison;
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, there.Next(record));
    if (!more) {
      break;
    }
    const Entry entry = EntryOf(record);
    const auto sent = std::ranges::lower_bound(entries_, entry.key, {}, &Entry::key);
    if (sent == entries_.end() || sent->key != entry.key) {
      continue;
    }
    if (sent->leaf == entry.leaf) {
      ++comparison.identical;
    } else if (++comparison.different == 1) {
      comparison.first_different = DisplayKey(record.key);
    }
  }
  comparison.missing = records() - comparison.identical - comparison.different;
  return comparison;
}

Digest CopyLedger::SetHash() {
  std::ranges::sort(entries_, {}, &Entry::leaf);
  MerkleTree tree;
  for (const Entry& entry : entries_) {
    tree.Add(entry.leaf);
  }
  return tree.Root();
}

}  // namespace embeddingsdb
