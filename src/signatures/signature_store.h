// SPDX-License-Identifier: BSD-3-Clause
//
// SignatureStore: the signatures of any number of files, found by the hash of their record.
#ifndef EMBEDDINGSDB_SIGNATURES_SIGNATURE_STORE_H_
#define EMBEDDINGSDB_SIGNATURES_SIGNATURE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

#include "core/sha256.h"

namespace embeddingsdb {

/// Memory: 48 bytes a signature. Their texts are kept in a file without a name in $TMPDIR (or
/// /tmp), because Parquet cannot be read in just any order. Safe for concurrent use.
class SignatureStore {
 public:
  /// Reads all of the files. kInvalidArgument for one that is no signature file;
  /// kResourceExhausted when the disk is full.
  static Result<SignatureStore> Load(std::span<const std::string> paths);

  SignatureStore(const SignatureStore&) = delete;
  SignatureStore& operator=(const SignatureStore&) = delete;
  SignatureStore(SignatureStore&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        size_(other.size_),
        entries_(std::move(other.entries_)),
        buffer_(std::move(other.buffer_)) {}
  SignatureStore& operator=(SignatureStore&&) = delete;
  ~SignatureStore();

  std::size_t size() const { return entries_.size(); }
  /// Which signatures are of a record with this hash: the numbers from first to before second.
  std::pair<std::size_t, std::size_t> Find(const Digest& record_hash) const;
  /// The text of a signature.
  Result<std::string> Read(std::size_t number) const;

 private:
  struct Entry {
    Digest hash;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
  };

  SignatureStore() = default;
  Status OpenFile();
  Status LoadFile(const std::string& path);
  Status Flush();

  int fd_ = -1;
  std::uint64_t size_ = 0;      ///< of the file with what is still in the buffer
  std::vector<Entry> entries_;  ///< by hash, when loaded
  std::string buffer_;          ///< not in the file yet
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_SIGNATURE_STORE_H_
