// SPDX-License-Identifier: BSD-3-Clause
//
// THE list of embedders. Adding one is a factory in its own header and a line here.
#ifndef EMBEDDINGSDB_EMBEDDERS_BUILTIN_EMBEDDERS_H_
#define EMBEDDINGSDB_EMBEDDERS_BUILTIN_EMBEDDERS_H_

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

void RegisterBuiltinEmbedders(Registry& registry);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_BUILTIN_EMBEDDERS_H_
