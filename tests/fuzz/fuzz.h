// SPDX-License-Identifier: BSD-3-Clause
//
// What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput: it feeds bytes
// from anywhere to a parser of ours and requires what the parser promises of all input. libFuzzer
// runs it in the preset `fuzz`; elsewhere replay.cc runs it over the seeds, so that it cannot rot.
//
// Threads: one. Errors: a broken promise ends the program, as a sanitizer's finding does.
#ifndef EMBEDDINGSDB_TESTS_FUZZ_FUZZ_H_
#define EMBEDDINGSDB_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "core/text.h"

/// Tries one input; always returns 0. libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace embeddingsdb::fuzz {

/// True in the twin of a target that has a fault planted, so that its promise must be broken.
#ifdef EDB_FUZZ_CANARY
inline constexpr bool kCanary = true;
#else
inline constexpr bool kCanary = false;
#endif

/// The input as text; borrows it.
inline std::string_view Text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the program unless the promise is kept. `shown` is what to print beside it, in full.
inline void Require(bool kept, std::string_view promise, std::string_view shown = {}) {
  if (!kept) {
    std::cerr << "broken: " << promise << ": " << QuoteWhole(shown) << '\n';
    std::abort();
  }
}

}  // namespace embeddingsdb::fuzz

#endif  // EMBEDDINGSDB_TESTS_FUZZ_FUZZ_H_
