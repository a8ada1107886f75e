// SPDX-License-Identifier: BSD-3-Clause
#include "engines/multi/multi_verify.h"

#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/text.h"
#include "engines/verify_problems.h"

namespace embeddingsdb {
namespace {

/// Looks for the records of `later`'s model in a member before it.
Status CompareModel(const Member& earlier, const Member& later, const std::string& model,
                    VerifyProblems& problems) {
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor,
             Named(later, later.database->Scan({{Column::kModel, model}})));
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> other,
             Named(earlier, earlier.database->Scan({{Column::kModel, model}})));
  Record record;
  Record first;
  EDB_ASSIGN(const bool any, Named(earlier, other->Next(first)));
  bool compared = !any;
  while (true) {
    EDB_ASSIGN(const bool more, Named(later, cursor->Next(record)));
    if (!more) {
      return {};
    }
    if (!compared && record.embedding.size() != first.embedding.size()) {
      problems.Add(Concat(later.name, ": the vectors of model ", Quote(model), " have ",
                          record.embedding.size(), " elements, those in ", earlier.name, " have ",
                          first.embedding.size()));
    }
    compared = true;
    const Status found = earlier.database->Get(record.key).status();
    if (found.ok()) {
      problems.Add(Concat(later.name, ": ", DisplayKey(record.key), " is also in ", earlier.name));
    } else if (found.code() != StatusCode::kNotFound) {
      return Named(earlier, found);
    }
  }
}

}  // namespace

Result<VerifyReport> VerifyMembers(const std::vector<Member>& members) {
  VerifyReport all;
  std::map<std::string, std::vector<const Member*>> holders;
  std::vector<std::string> between;
  VerifyProblems problems(between);
  for (const Member& member : members) {
    EDB_ASSIGN(const VerifyReport report, Named(member, member.database->Verify()));
    all.records += report.records;
    for (const std::string& problem : report.problems) {
      all.problems.push_back(Concat(member.name, ": ", problem));
    }
    EDB_ASSIGN(const std::vector<std::string> models, Named(member, member.database->Models({})));
    for (const std::string& model : models) {
      holders[model].push_back(&member);
    }
  }
  // A damaged member cannot be walked, and what it says is enough.
  if (!all.problems.empty()) {
    return all;
  }
  for (const auto& [model, having] : holders) {
    for (std::size_t later = 1; later < having.size(); ++later) {
      for (std::size_t earlier = 0; earlier < later; ++earlier) {
        EDB_TRY(CompareModel(*having[earlier], *having[later], model, problems));
      }
    }
  }
  problems.Finish();
  std::move(between.begin(), between.end(), std::back_inserter(all.problems));
  return all;
}

}  // namespace embeddingsdb
