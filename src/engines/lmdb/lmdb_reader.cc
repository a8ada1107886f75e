// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_reader.h"

#include <algorithm>

#include "core/text.h"
#include "engines/lmdb/lmdb_list.h"

namespace embeddingsdb {
namespace {

std::vector<std::uint64_t> IdsOf(const std::vector<std::pair<std::uint64_t, LmdbSpace>>& spaces) {
  std::vector<std::uint64_t> ids;
  ids.reserve(spaces.size());
  for (const auto& [id, space] : spaces) {
    ids.push_back(id);
  }
  return ids;  // in table order, which is sorted
}

/// The row that a cursor of table rows stands on, and its id.
Result<std::pair<RowId, LmdbRow>> RowAt(const LmdbCursor& rows) {
  EDB_ASSIGN(const std::uint64_t number, LmdbNumber::Parse(rows.key()));
  const auto id = static_cast<RowId>(number);
  const Result<LmdbRow> row = DecodeRow(rows.value());
  if (!row.ok()) {
    return InRow(row.status(), id);
  }
  return std::pair(id, *row);
}

bool Contains(const std::vector<std::uint64_t>& sorted, std::uint64_t id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

}  // namespace

Result<std::optional<Record>> LmdbReader::Get(const Key& key) const {
  EDB_ASSIGN(const std::optional<RowId> id, view_.Find(key, hash_(key)));
  if (!id) {
    return std::optional<Record>();
  }
  EDB_ASSIGN(const LmdbRow row, view_.NamedRow(*id));
  Record record;
  record.key = key;
  EDB_TRY(view_.ReadFieldsOf(*id, row, key, record));
  EDB_ASSIGN(LmdbVectors vectors, LmdbVectors::Open(view_));
  EDB_TRY(vectors.Read(*id, row.checksum.vector, record.embedding));
  return std::optional<Record>(std::move(record));
}

Result<std::vector<std::optional<Record>>> LmdbReader::GetRows(std::span<const RowRef> rows,
                                                               RowParts parts) const {
  std::vector<std::optional<Record>> records(rows.size());
  EDB_ASSIGN(LmdbVectors vectors, LmdbVectors::Open(view_));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EDB_ASSIGN(const std::optional<LmdbRow> row, view_.Row(rows[i].row));
    if (!row) {
      continue;
    }
    Record& record = records[i].emplace();
    record.key = rows[i].key;
    EDB_TRY(view_.ReadFieldsOf(rows[i].row, *row, rows[i].key, record));
    if (parts == RowParts::kAll) {
      EDB_TRY(vectors.Read(rows[i].row, row->checksum.vector, record.embedding));
    }
  }
  return records;
}

Status LmdbReader::List(const ListQuery& query, RecordPage& page) const {
  const LmdbWanted wanted = LmdbWanted::Of(query.filters);
  page.records.clear();
  const std::int64_t offset = (query.page - 1) * query.per_page;
  const auto per_page = static_cast<std::size_t>(query.per_page);
  if (wanted.depiction_id) {
    EDB_ASSIGN(const std::vector<Listed> found, FindDepiction(wanted));
    page.total = static_cast<std::int64_t>(found.size());
    const std::size_t begin = std::min(static_cast<std::size_t>(offset), found.size());
    const std::size_t end = std::min(begin + per_page, found.size());
    for (const auto& [joined, row] : std::span(found).subspan(begin, end - begin)) {
      EDB_TRY(ReadListed(joined, row, page.records.emplace_back()));
    }
    return {};
  }
  EDB_ASSIGN(page.total, CountWanted(wanted));
  if (offset >= page.total) {
    return {};
  }
  std::int64_t position = 0;
  const ListVisitor read = [&](std::string_view joined, RowId row) -> Result<bool> {
    if (position++ >= offset) {
      EDB_TRY(ReadListed(joined, row, page.records.emplace_back()));
    }
    return page.records.size() < per_page;
  };
  EDB_TRY(Walk(wanted, read));
  if (page.records.size() != std::min(per_page, static_cast<std::size_t>(page.total - offset))) {
    return DataLossError("table list lacks records; run verify");
  }
  return {};
}

Result<std::int64_t> LmdbReader::Count(const std::vector<Filter>& filters) const {
  return CountWanted(LmdbWanted::Of(filters));
}

Result<std::int64_t> LmdbReader::CountWanted(const LmdbWanted& wanted) const {
  std::int64_t count = 0;
  if (wanted.nothing) {
    return count;
  }
  if (wanted.depiction_id) {
    EDB_ASSIGN(const std::vector<Listed> found, FindDepiction(wanted));
    return static_cast<std::int64_t>(found.size());
  }
  if (wanted.subject_id) {
    EDB_TRY(Walk(wanted, [&](std::string_view, RowId) -> Result<bool> {
      ++count;
      return true;
    }));
    return count;
  }
  EDB_ASSIGN(const auto spaces, view_.Spaces(wanted));
  for (const auto& [id, space] : spaces) {
    count += space.rows;
  }
  return count;
}

Result<std::vector<LmdbReader::Listed>> LmdbReader::FindDepiction(const LmdbWanted& wanted) const {
  std::vector<Listed> found;
  EDB_ASSIGN(const auto spaces, view_.Spaces(wanted));
  for (const auto& [space_id, space] : spaces) {
    const Key key = {space.provider, std::string(wanted.depiction_id.value_or("")), space.model};
    EDB_ASSIGN(const std::optional<RowId> id, view_.Find(key, hash_(key)));
    if (!id) {
      continue;
    }
    EDB_ASSIGN(const LmdbRow row, view_.NamedRow(*id));
    if (wanted.subject_id && row.subject_id != *wanted.subject_id) {
      continue;
    }
    EDB_ASSIGN(std::string joined, view_.JoinedKey(row));
    found.emplace_back(std::move(joined), *id);
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::vector<RowId>> LmdbReader::FindRows(const LmdbWanted& wanted) const {
  std::vector<RowId> rows;
  if (wanted.depiction_id) {
    EDB_ASSIGN(const std::vector<Listed> found, FindDepiction(wanted));
    for (const auto& [joined, row] : found) {
      rows.push_back(row);
    }
  } else {
    EDB_TRY(Walk(wanted, [&](std::string_view, RowId row) -> Result<bool> {
      rows.push_back(row);
      return true;
    }));
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

Status LmdbReader::Walk(const LmdbWanted& wanted, const ListVisitor& visit) const {
  std::string from;
  if (wanted.subject_id) {
    from = *wanted.subject_id;
    from.push_back('\0');
  }
  const bool all = !wanted.subject_id && !wanted.provider && !wanted.model && !wanted.depiction_id;
  EDB_ASSIGN(LmdbListWalk walk, LmdbListWalk::Start(view_, from));
  while (true) {
    EDB_ASSIGN(const bool more, walk.Next());
    if (!more) {
      return {};
    }
    if (!all) {
      if (!walk.joined().starts_with(from) && walk.joined() > from) {
        return {};  // past the subject
      }
      const auto parts = SplitListKey(walk.joined());
      if (!parts) {
        return InRow(DataLossError("its key in table list does not parse"), walk.row());
      }
      if (!wanted.Matches(*parts)) {
        continue;
      }
    }
    EDB_ASSIGN(const bool go_on, visit(walk.joined(), walk.row()));
    if (!go_on) {
      return {};
    }
  }
}

Status LmdbReader::ReadListed(std::string_view joined, RowId id, Record& record) const {
  EDB_ASSIGN(const LmdbRow row, view_.NamedRow(id));
  EDB_TRY(view_.ReadFields(id, row, record));
  EDB_ASSIGN(const std::string key, view_.JoinedKey(row));
  if (key != joined) {
    return InRow(DataLossError("its key in table list is another's"), id);
  }
  EDB_ASSIGN(LmdbVectors vectors, LmdbVectors::Open(view_));
  return vectors.Read(id, row.checksum.vector, record.embedding);
}

Status LmdbReader::VisitRowsOf(const std::string& model, RowId after,
                               const RowVisitor& visit) const {
  LmdbWanted wanted;
  wanted.model = model;
  EDB_ASSIGN(const auto spaces, view_.Spaces(wanted));
  return VisitRows(IdsOf(spaces), after, visit);
}

Status LmdbReader::VisitFields(const std::vector<Filter>& filters,
                               const FieldsVisitor& visit) const {
  const LmdbWanted wanted = LmdbWanted::Of(filters);
  if (wanted.nothing) {
    return {};
  }
  Record record;
  const auto read = [&](RowId id, const LmdbRow& row) -> Status {
    EDB_TRY(view_.ReadFields(id, row, record));
    return visit(id, record);
  };
  if (wanted.depiction_id || wanted.subject_id) {
    EDB_ASSIGN(const std::vector<RowId> rows, FindRows(wanted));
    for (const RowId id : rows) {
      EDB_ASSIGN(const LmdbRow row, view_.NamedRow(id));
      EDB_TRY(read(id, row));
    }
    return {};
  }
  EDB_ASSIGN(const auto spaces, view_.Spaces(wanted));
  return VisitRows(IdsOf(spaces), 0, read);
}

Status LmdbReader::VisitRows(const std::vector<std::uint64_t>& spaces, RowId after,
                             const RowVisitor& visit) const {
  if (spaces.empty()) {
    return {};
  }
  EDB_ASSIGN(LmdbCursor rows, LmdbCursor::Open(view_.txn(), view_.tables().rows));
  const LmdbNumber first(static_cast<std::uint64_t>(after) + 1);
  EDB_ASSIGN(bool more, rows.Seek(first.bytes()));
  while (more) {
    EDB_ASSIGN(const auto found, RowAt(rows));
    const auto& [id, row] = found;
    EDB_TRY(Contains(spaces, row.space) ? visit(id, row) : Status());
    EDB_ASSIGN(more, rows.Next());
  }
  return {};
}

Status LmdbReader::VisitVectors(const std::string& model, RowId after,
                                const VectorVisitor& visit) const {
  EDB_ASSIGN(LmdbVectors vectors, LmdbVectors::Open(view_));
  std::vector<float> vector;
  Record record;
  RowDetailsWriter details;
  return VisitRowsOf(model, after, [&](RowId id, const LmdbRow& row) -> Status {
    EDB_ASSIGN(const auto* names, view_.SpaceNames(row.space));
    EDB_TRY(vectors.Read(id, row.checksum.vector, vector));
    const bool whole = view_.ReadFields(id, row, record).ok();
    return visit({.row = id,
                  .provider = names->second,
                  .depiction_id = row.depiction_id,
                  .vector = vector,
                  .details = whole ? details.Write(record.subject_id, record.attributes) : ""});
  });
}

Result<std::vector<RowId>> LmdbReader::ListRows(const std::string& model, RowId last) const {
  std::vector<RowId> rows;
  EDB_TRY(VisitRowsOf(model, 0, [&](RowId id, const LmdbRow& /*row*/) {
    if (id <= last) {
      rows.push_back(id);
    }
    return Status();
  }));
  return rows;
}

Result<Catalog> LmdbReader::LoadCatalog() const {
  Catalog catalog;
  EDB_ASSIGN(const auto spaces, view_.Spaces({}));
  for (const auto& [id, space] : spaces) {
    Catalog::Model& model = catalog.models[space.model];
    model.dimension = space.dimension;
    model.providers[space.provider] += space.rows;
  }
  return catalog;
}

Result<std::int64_t> LmdbReader::LastUpdate() const {
  EDB_ASSIGN(const std::uint64_t time, view_.Meta(kLastUpdateKey));
  return static_cast<std::int64_t>(time);
}

Result<std::unique_ptr<RecordCursor>> LmdbScan::Start(LmdbSnapshot snapshot, LmdbKeyHash hash,
                                                      const std::vector<Filter>& filters) {
  std::unique_ptr<LmdbScan> scan(new LmdbScan);
  const LmdbWanted wanted = LmdbWanted::Of(filters);
  const LmdbReader reader(snapshot, hash);
  if (wanted.nothing) {
    scan->rows_.emplace();
  } else if (wanted.depiction_id || wanted.subject_id) {
    EDB_ASSIGN(scan->rows_, reader.FindRows(wanted));
  } else if (!filters.empty()) {
    EDB_ASSIGN(const auto spaces, reader.view().Spaces(wanted));
    scan->spaces_ = IdsOf(spaces);
  }
  snapshot.Park();
  scan->snapshot_.emplace(std::move(snapshot));
  return std::unique_ptr<RecordCursor>(std::move(scan));
}

Result<bool> LmdbScan::Next(Record& record) {
  if (!snapshot_) {
    return false;
  }
  snapshot_->Unpark();
  Result<bool> more = ReadNext(LmdbView(*snapshot_), record);
  snapshot_->Park();
  if (!more.ok() || !*more) {
    // Lets go of the moment now: the cursor may live on for long.
    snapshot_.reset();
  }
  return more;
}

Result<bool> LmdbScan::ReadNext(const LmdbView& view, Record& record) {
  EDB_ASSIGN(const auto found, NextRow(view));
  if (!found) {
    return false;
  }
  const auto& [id, row] = *found;
  next_ = id + 1;
  EDB_TRY(view.ReadFields(id, row, record));
  EDB_ASSIGN(LmdbVectors vectors, LmdbVectors::Open(view));
  EDB_TRY(vectors.Read(id, row.checksum.vector, record.embedding));
  return true;
}

Result<std::optional<std::pair<RowId, LmdbRow>>> LmdbScan::NextRow(const LmdbView& view) {
  using Found = std::optional<std::pair<RowId, LmdbRow>>;
  if (rows_) {
    if (next_index_ == rows_->size()) {
      return Found();
    }
    const RowId id = (*rows_)[next_index_++];
    EDB_ASSIGN(const LmdbRow row, view.NamedRow(id));
    return Found({id, row});
  }
  EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(view.txn(), view.tables().rows));
  EDB_ASSIGN(bool more, cursor.Seek(LmdbNumber(next_).bytes()));
  while (more) {
    EDB_ASSIGN(const auto found, RowAt(cursor));
    if (!spaces_ || Contains(*spaces_, found.second.space)) {
      return Found(found);
    }
    EDB_ASSIGN(more, cursor.Next());
  }
  return Found();
}

}  // namespace embeddingsdb
