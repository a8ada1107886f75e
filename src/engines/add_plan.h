// SPDX-License-Identifier: BSD-3-Clause
//
// Which records of a batch are stored when some have keys that are taken.
#ifndef EMBEDDINGSDB_ENGINES_ADD_PLAN_H_
#define EMBEDDINGSDB_ENGINES_ADD_PLAN_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "embeddingsdb/adding.h"
#include "embeddingsdb/record.h"

namespace embeddingsdb {

/// The records that remain when each key is there once, in their order. kAlreadyExists under kFail
/// when one is there twice.
Result<std::vector<const Record*>> DistinctRecords(std::span<const Record> records,
                                                   OnDuplicate on_duplicate);

struct AddPlan {
  std::vector<const Record*> records;  ///< to be stored
  AddReport report;                    ///< when they are
};

/// `created` says of each record (distinct keys) when the stored one with its key was created;
/// nothing when there is none. kAlreadyExists under kFail when there is any.
Result<AddPlan> PlanAdd(std::span<const Record* const> records,
                        std::span<const std::optional<std::int64_t>> created,
                        OnDuplicate on_duplicate);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_ADD_PLAN_H_
