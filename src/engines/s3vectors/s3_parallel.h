// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_PARALLEL_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_PARALLEL_H_

#include <cstddef>
#include <functional>

#include "embeddingsdb/status.h"

namespace embeddingsdb::s3vectors {

/// Calls `call` for 0 to count - 1, several at once; after an error no further ones are begun. The
/// error of the smallest number.
Status InParallel(std::size_t count, std::size_t at_once,
                  const std::function<Status(std::size_t)>& call);

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_PARALLEL_H_
