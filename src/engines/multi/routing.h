// SPDX-License-Identifier: BSD-3-Clause
//
// Which member of a multi:// database a model, and so a record, belongs to.
#ifndef EMBEDDINGSDB_ENGINES_MULTI_ROUTING_H_
#define EMBEDDINGSDB_ENGINES_MULTI_ROUTING_H_

#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/record.h"

#include "engines/multi/member.h"

namespace embeddingsdb {

/// The members that have records of a model, in order: one, unless the model was written to several
/// by other means. Asked anew each time, because a member may have other writers.
Result<std::vector<const Member*>> Holders(const std::vector<Member>& members,
                                           const std::string& model);

/// What one member is to store of a batch.
struct Part {
  const Member* member = nullptr;
  std::vector<const Record*> records;
};

/// Splits a batch: records go to the member that has their model; a new model goes to the writable
/// member whose `dimensions` is the length of its first vector, else to the first writable one
/// without `dimensions`. Of a model that several members have, a record goes where its key is, else
/// to the first.
///
/// kInvalidArgument, before anything is written, when no member takes a vector of that length, and
/// for a vector of another length than its model's where the batch goes to several members: so what
/// a batch is refused for leaves nothing in any of them.
///
/// The answer holds as long as nobody writes, which the caller sees to.
Result<std::vector<Part>> Route(const std::vector<Member>& members,
                                std::span<const Record* const> records);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_MULTI_ROUTING_H_
