// SPDX-License-Identifier: BSD-3-Clause
//
// The OEmbeddings validator as a WebAssembly module: what web/oembeddings/oembeddings_validate.js
// calls. It imports nothing, so all that it can do is compute. What C++ would report on a stream,
// such as memory that is used up, is a trap, after which the instance is not to be used again.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/oembeddings.h"

#define EDB_WASM_EXPORT(name) extern "C" __attribute__((export_name(#name)))

// Where wasi-libc's streams end. C++ prints to one why it gives up: that is a trap, and no import
// of files from whoever runs the module.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the names are libc's
extern "C" std::size_t __stdio_write(FILE*, const unsigned char*, std::size_t) {
  __builtin_trap();
}
extern "C" off_t __stdio_seek(FILE*, off_t, int) {
  __builtin_trap();
}
extern "C" int __stdio_close(FILE*) {
  __builtin_trap();
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

/// More bytes than these need not be given: the answer is the same.
EDB_WASM_EXPORT(oembeddings_max_bytes)
std::size_t OEmbeddingsMaxBytes() {
  return embeddingsdb::kMaxJsonBytes;
}

/// Everything that is wrong with a document of `size` bytes, as a JSON array of problems (ToJson)
/// that ends with a NUL. The caller gives it to free(), as it does with the document. Null when
/// there is no memory for it.
EDB_WASM_EXPORT(oembeddings_problems)
char* OEmbeddingsProblems(const char* json, std::size_t size) {
  std::string out = "[";
  for (const auto& problem : embeddingsdb::ValidateOEmbeddings({json, size}).problems) {
    out += out.size() > 1 ? "," : "";
    out += ToJson(problem);
  }
  out += "]";
  // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): its owner is JavaScript
  char* const answer = static_cast<char*>(std::malloc(out.size() + 1));
  if (answer != nullptr) {
    std::memcpy(answer, out.c_str(), out.size() + 1);
  }
  return answer;
}
