// SPDX-License-Identifier: BSD-3-Clause
#include "engines/multi/multi_care.h"

#include <algorithm>
#include <utility>

namespace embeddingsdb {
namespace {

void AddSizes(const FileSizes& one, FileSizes& sum) {
  sum.records += one.records;
  sum.log += one.log;
  sum.index += one.index;
  sum.other += one.other;
}

Status CheckWritable(const Member& member) {
  return member.read_only ? Named(member, FailedPreconditionError("it is open read-only"))
                          : Status();
}

}  // namespace

Result<DatabaseStats> StatsOfMembers(const std::vector<Member>& members) {
  DatabaseStats all;
  for (const Member& member : members) {
    EDB_ASSIGN(DatabaseStats one, Named(member, member.database->Stats()));
    all.records += one.records;
    all.last_update = std::max(all.last_update, one.last_update);
    all.index_memory_bytes += one.index_memory_bytes;
    AddSizes(one.files, all.files);
    all.models.insert(all.models.end(), one.models.begin(), one.models.end());
    all.members.push_back(std::move(one));
  }
  return all;
}

Status ReindexMembers(const std::vector<Member>& members, const std::vector<std::string>& models,
                      bool all, const ReindexProgress& progress) {
  for (const Member& member : members) {
    if (all) {
      EDB_TRY(member.read_only ? Status()
                               : Named(member, member.database->Reindex({}, progress)).status());
      continue;
    }
    EDB_ASSIGN(const std::vector<std::string> has, Named(member, member.database->Models({})));
    for (const std::string& model : models) {
      if (std::ranges::find(has, model) != has.end()) {
        EDB_TRY(CheckWritable(member));
        EDB_TRY(Named(member, member.database->Reindex(model, progress)).status());
      }
    }
  }
  return {};
}

Status CompactMembers(const std::vector<Member>& members, CompactReport& report) {
  for (const Member& member : members) {
    EDB_TRY(CheckWritable(member));
  }
  for (const Member& member : members) {
    EDB_ASSIGN(CompactReport one, Named(member, member.database->Compact()));
    AddSizes(one.before, report.before);
    AddSizes(one.after, report.after);
    report.members.push_back(std::move(one));
  }
  return {};
}

}  // namespace embeddingsdb
