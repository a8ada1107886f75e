// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_vec.h"

#include <sqlite3.h>

#include "core/text.h"

// The library comes without a header.
extern "C" int sqlite3_vec_init(sqlite3* connection, char** error,
                                const sqlite3_api_routines* routines);

namespace embeddingsdb {

Status UseSqliteVec() {
  // SQLite knows the function under this type and calls it with its own; it keeps it once.
  const int result = sqlite3_auto_extension(reinterpret_cast<void (*)()>(sqlite3_vec_init));
  if (result != SQLITE_OK) {
    return ResourceExhaustedError(Concat("cannot register sqlite-vec (SQLite ", result, ")"));
  }
  return {};
}

}  // namespace embeddingsdb
