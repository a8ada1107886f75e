// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_CORE_LOOPBACK_H_
#define EMBEDDINGSDB_CORE_LOOPBACK_H_

#include <string_view>

namespace embeddingsdb {

/// True for `localhost`, 127.0.0.0/8 and ::1, as text: a name that merely resolves to the loopback
/// address now may not do so later.
bool IsLoopbackHost(std::string_view host);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_LOOPBACK_H_
