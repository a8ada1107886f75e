// SPDX-License-Identifier: BSD-3-Clause
//
// Zstandard compression of pages with one reused context.
#ifndef EMBEDDINGSDB_PARQUET_ZSTD_COMPRESSOR_H_
#define EMBEDDINGSDB_PARQUET_ZSTD_COMPRESSOR_H_

#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"

struct ZSTD_CCtx_s;

namespace embeddingsdb {

/// One thread at a time.
class ZstdCompressor {
 public:
  ZstdCompressor();

  /// Replaces `out` by the compressed form of `data`.
  Status Compress(std::string_view data, std::string& out);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_ZSTD_COMPRESSOR_H_
