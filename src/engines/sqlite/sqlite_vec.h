// SPDX-License-Identifier: BSD-3-Clause
//
// sqlite-vec (the vec0 tables and vec_... functions), linked into the program: SQLite loads no
// library at run time.
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_VEC_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_VEC_H_

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// Gives every connection that this process opens from now on sqlite-vec's tables and functions.
/// Costs nothing when it is called again. Any thread.
Status UseSqliteVec();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_VEC_H_
