// SPDX-License-Identifier: BSD-3-Clause
//
// Manifests: one signature for a whole Parquet file, and a row for each record, so that whatever is
// changed, added, moved or taken away afterwards can be named (docs/signing.md).
#ifndef EMBEDDINGSDB_SIGNATURES_MANIFEST_H_
#define EMBEDDINGSDB_SIGNATURES_MANIFEST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/signatures.h"

#include "core/env.h"

namespace embeddingsdb {

struct Manifest {
  std::int64_t rows = 0;
  std::string root;  ///< in hexadecimal digits
};

/// Reads the Parquet file `input` once and writes its manifest into `output`, which is committed.
/// Memory does not grow with the file. Errors are those of reading, of the signer and of the disk.
Result<Manifest> WriteManifest(const std::string& input, std::unique_ptr<AtomicFile> output,
                               const Signer& signer);

/// What happened to a record after it was signed.
enum class Change : std::uint8_t {
  kChanged,  ///< its key is there, with another vector, subject, time or attributes
  kAdded,    ///< it was not there, or not as often
  kMoved,    ///< it is as it was, but elsewhere
  kMissing,
};

/// "changed", "added", "moved" or "missing".
std::string_view ChangeName(Change change);

struct ChangedRecord {
  std::int64_t row = 0;  ///< counting from 0; of a missing record where it was
  Key key;
  Change change = Change::kChanged;
  std::string detail;
};

struct ManifestReport {
  std::int64_t count = 0;  ///< rows of the Parquet file
  std::int64_t valid = 0;  ///< of them as and where they were
  std::int64_t changed = 0;
  std::int64_t added = 0;
  std::int64_t moved = 0;  ///< as few rows as could have been moved
  std::int64_t missing = 0;
  std::vector<ChangedRecord> named;  ///< the first of them: rows that are there, then missing ones

  bool all_valid() const { return valid == count && missing == 0; }
};

/// Compares the Parquet file `input` with its manifest. Reads both once, and twice more when they
/// differ. Changes are no error. kDataLoss when the manifest itself is not by the key of `verifier`
/// or was changed; kInvalidArgument when it is no manifest.
///
/// Memory: 64 bytes a row; when rows differ about 50 more for each, and about 200 bytes for each
/// signed row that is no longer there as it was.
Result<ManifestReport> VerifyManifest(const std::string& input, const std::string& manifest,
                                      const Verifier& verifier,
                                      std::size_t max_named = kMaxFileProblems);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_MANIFEST_H_
