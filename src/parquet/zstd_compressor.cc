// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/zstd_compressor.h"

#include <zstd.h>

#include "core/text.h"

namespace embeddingsdb {

namespace {

constexpr int kLevel = 1;  // ids, URLs and base64 pictures: higher levels cost more than they save

}  // namespace

void ZstdCompressor::Free::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}

ZstdCompressor::ZstdCompressor() : context_(ZSTD_createCCtx()) {}

Status ZstdCompressor::Compress(std::string_view data, std::string& out) {
  if (context_ == nullptr) {
    return ResourceExhaustedError("no memory for a zstd context");
  }
  out.resize(ZSTD_compressBound(data.size()));
  const std::size_t size =
      ZSTD_compressCCtx(context_.get(), out.data(), out.size(), data.data(), data.size(), kLevel);
  if (ZSTD_isError(size) != 0) {
    return InternalError(Concat("zstd: ", ZSTD_getErrorName(size)));
  }
  out.resize(size);
  return Status();
}

}  // namespace embeddingsdb
