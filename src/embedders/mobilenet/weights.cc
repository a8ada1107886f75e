// SPDX-License-Identifier: BSD-3-Clause
//
// The weights become a part of the executable, where the kernel reads them when they are needed: no
// file to miss, to take along or to mistrust. The build has checked their SHA-256.
#include <string_view>

#include "embedders/mobilenet/network.h"

__asm__(
    ".pushsection .rodata\n"
    ".globl edb_mobilenet_weights\n"
    ".globl edb_mobilenet_weights_end\n"
    "edb_mobilenet_weights:\n"
    ".incbin \"" EDB_MOBILENET_WEIGHTS
    "\"\n"
    "edb_mobilenet_weights_end:\n"
    ".popsection\n");

// Names of the assembler's.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" {
extern const char edb_mobilenet_weights[];
extern const char edb_mobilenet_weights_end[];
}
// NOLINTEND(readability-identifier-naming)

namespace embeddingsdb::mobilenet {

std::string_view BuiltinWeights() {
  return {edb_mobilenet_weights, edb_mobilenet_weights_end};
}

}  // namespace embeddingsdb::mobilenet
