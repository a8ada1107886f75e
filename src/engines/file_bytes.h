// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_FILE_BYTES_H_
#define EMBEDDINGSDB_ENGINES_FILE_BYTES_H_

#include <cstdint>
#include <string>

namespace embeddingsdb {

/// The length of a file; 0 when it is not there or cannot be looked at.
std::int64_t FileBytes(const std::string& path);
/// The lengths of the files in a folder, without those in folders below it.
std::int64_t FolderBytes(const std::string& path);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_FILE_BYTES_H_
