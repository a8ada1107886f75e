// SPDX-License-Identifier: BSD-3-Clause
#include "engines/add_plan.h"

#include <cstddef>
#include <functional>
#include <map>

#include "core/text.h"

namespace embeddingsdb {
namespace {

// Whether the later record takes the place of the earlier one.
bool Replaces(std::int64_t later, std::int64_t earlier, OnDuplicate on_duplicate) {
  return on_duplicate == OnDuplicate::kOverwrite ||
         (on_duplicate == OnDuplicate::kNewest && later >= earlier);
}

}  // namespace

Result<std::vector<const Record*>> DistinctRecords(std::span<const Record> records,
                                                   OnDuplicate on_duplicate) {
  std::map<std::reference_wrapper<const Key>, const Record*, std::less<Key>> chosen;
  for (const Record& record : records) {
    const auto [it, first] = chosen.try_emplace(std::cref(record.key), &record);
    if (first) {
      continue;
    }
    if (on_duplicate == OnDuplicate::kFail) {
      return AlreadyExistsError(Concat("record ", DisplayKey(record.key),
                                       " is there twice: ", it->second - &records[0], " and ",
                                       &record - &records[0], ", counting from 0"));
    }
    if (Replaces(record.created, it->second->created, on_duplicate)) {
      it->second = &record;
    }
  }
  std::vector<const Record*> distinct;
  distinct.reserve(chosen.size());
  for (const Record& record : records) {
    if (chosen.find(std::cref(record.key))->second == &record) {
      distinct.push_back(&record);
    }
  }
  return distinct;
}

Result<AddPlan> PlanAdd(std::span<const Record* const> records,
                        std::span<const std::optional<std::int64_t>> created,
                        OnDuplicate on_duplicate) {
  AddPlan plan;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!created[i]) {
      ++plan.report.added;
    } else if (on_duplicate == OnDuplicate::kFail) {
      return AlreadyExistsError(
          Concat("record ", DisplayKey(records[i]->key), " is there already"));
    } else if (Replaces(records[i]->created, *created[i], on_duplicate)) {
      ++plan.report.replaced;
    } else {
      ++plan.report.skipped;
      continue;
    }
    plan.records.push_back(records[i]);
  }
  return plan;
}

}  // namespace embeddingsdb
