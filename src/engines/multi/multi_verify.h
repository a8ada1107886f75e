// SPDX-License-Identifier: BSD-3-Clause
//
// Verify for multi://: every member, and what only shows in several.
#ifndef EMBEDDINGSDB_ENGINES_MULTI_MULTI_VERIFY_H_
#define EMBEDDINGSDB_ENGINES_MULTI_MULTI_VERIFY_H_

#include <vector>

#include "embeddingsdb/query.h"

#include "engines/multi/member.h"

namespace embeddingsdb {

/// The members' reports together, each problem behind its member's name. Beyond that, records whose
/// key an earlier member has too and models whose vectors differ in length between members are
/// problems: only writes that did not go through multi:// can bring them about.
Result<VerifyReport> VerifyMembers(const std::vector<Member>& members);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_MULTI_MULTI_VERIFY_H_
