// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_SIGNATURES_SIGNING_LIMITS_H_
#define EMBEDDINGSDB_SIGNATURES_SIGNING_LIMITS_H_
#include <cstddef>
namespace embeddingsdb {
inline constexpr std::size_t kMaxKeyBytes = 1'024 * 1'024;
inline constexpr std::size_t kMaxSignatureBytes = 64 * 1'024;
inline constexpr int kMaxSigningWorkers = 256;
}  // namespace embeddingsdb
#endif  // EMBEDDINGSDB_SIGNATURES_SIGNING_LIMITS_H_
