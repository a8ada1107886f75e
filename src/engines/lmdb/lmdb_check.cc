// SPDX-License-Identifier: BSD-3-Clause
//
// CheckLmdb: verify, for the tables of LMDB.
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/text.h"
#include "engines/lmdb/lmdb_list.h"
#include "engines/lmdb/lmdb_reader.h"

namespace embeddingsdb {
namespace {

/// Collects what is wrong without letting a ruined file fill the memory.
class Problems {
 public:
  explicit Problems(std::vector<std::string>& out) : out_(out) {}
  Problems(const Problems&) = delete;
  Problems& operator=(const Problems&) = delete;
  ~Problems() {
    if (count_ > kMost) {
      out_.push_back(Concat("and ", count_ - kMost, " more"));
    }
  }
  void Add(std::string problem) {
    if (++count_ <= kMost) {
      out_.push_back(std::move(problem));
    }
  }

 private:
  static constexpr std::size_t kMost = 100;
  std::vector<std::string>& out_;
  std::size_t count_ = 0;
};

class LmdbCheck {
 public:
  LmdbCheck(const LmdbSnapshot& snapshot, LmdbKeyHash hash, Problems& problems)
      : view_(snapshot), hash_(hash), problems_(problems) {}

  Status Run() {
    EDB_TRY(CheckRows());
    EDB_TRY(CheckList());
    EDB_TRY(CheckSizes());
    return CheckSpaces();
  }

 private:
  Status CheckRows();
  void CheckRow(RowId id, const LmdbRow& row, LmdbVectors& vectors);
  Status CheckVector(RowId id, const LmdbRow& row, LmdbVectors& vectors);
  Status CheckList();
  Status CheckSizes();
  Status CheckSpaces();

  const LmdbView view_;
  const LmdbKeyHash hash_;
  Problems& problems_;
  std::map<std::uint64_t, std::int64_t> rows_in_space_;
  std::map<std::string, std::size_t, std::less<>> dimensions_;
  std::uint64_t rows_ = 0;
  Record record_;
};

Status LmdbCheck::CheckRows() {
  EDB_ASSIGN(LmdbVectors vectors, LmdbVectors::Open(view_));
  EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(view_.txn(), view_.tables().rows));
  EDB_ASSIGN(bool more, cursor.First());
  while (more) {
    EDB_ASSIGN(const std::uint64_t number, LmdbNumber::Parse(cursor.key()));
    const auto id = static_cast<RowId>(number);
    ++rows_;
    const Result<LmdbRow> row = DecodeRow(cursor.value());
    if (row.ok()) {
      ++rows_in_space_[row->space];
      CheckRow(id, *row, vectors);
    } else {
      problems_.Add(InRow(row.status(), id).message());
    }
    EDB_ASSIGN(more, cursor.Next());
  }
  return {};
}

void LmdbCheck::CheckRow(RowId id, const LmdbRow& row, LmdbVectors& vectors) {
  Status status = view_.ReadFields(id, row, record_);
  if (!status.ok()) {
    problems_.Add(status.message());
    return;
  }
  const Result<std::optional<RowId>> found = view_.Find(record_.key, hash_(record_.key));
  if (!found.ok()) {
    problems_.Add(found.status().message());
  } else if (*found != id) {
    problems_.Add(InRow(DataLossError("table keys does not lead to it"), id).message());
  }
  status = CheckVector(id, row, vectors);
  if (!status.ok()) {
    problems_.Add(status.message());
  }
}

Status LmdbCheck::CheckVector(RowId id, const LmdbRow& row, LmdbVectors& vectors) {
  EDB_TRY(vectors.Read(id, row.checksum.vector, record_.embedding));
  EDB_TRY(InRow(ValidateEmbedding(record_.embedding, "embedding"), id));
  const std::size_t size = record_.embedding.size();
  const auto [model, is_first] = dimensions_.try_emplace(record_.key.model, size);
  if (!is_first && model->second != size) {
    return InRow(
        DataLossError(Concat("embedding has ", size, " elements, those before it in model ",
                             Quote(record_.key.model), " ", model->second)),
        id);
  }
  return {};
}

Status LmdbCheck::CheckList() {
  EDB_ASSIGN(LmdbListWalk walk, LmdbListWalk::Start(view_, {}));
  std::uint64_t listed = 0;
  while (true) {
    EDB_ASSIGN(const bool more, walk.Next());
    if (!more) {
      break;
    }
    ++listed;
    const Result<std::optional<LmdbRow>> found = view_.Row(walk.row());
    if (!found.ok()) {
      continue;  // found by CheckRows
    }
    const std::optional<LmdbRow>& row = *found;
    if (!row) {
      problems_.Add(
          InRow(DataLossError("table list names it, but it is not there"), walk.row()).message());
      continue;
    }
    const Result<std::string> key = view_.JoinedKey(*row);
    if (key.ok() && *key != walk.joined()) {
      problems_.Add(
          InRow(DataLossError("its key in table list is another's"), walk.row()).message());
    }
  }
  if (listed != rows_) {
    problems_.Add(Concat("table list has ", listed, " entries for ", rows_, " rows"));
  }
  return {};
}

Status LmdbCheck::CheckSizes() {
  EDB_ASSIGN(const std::uint64_t keys, view_.txn().Size(view_.tables().keys));
  EDB_ASSIGN(const std::uint64_t rows, view_.txn().Size(view_.tables().rows));
  if (keys != rows_) {
    problems_.Add(Concat("table keys has ", keys, " entries for ", rows_, " rows"));
  }
  if (rows != rows_) {
    problems_.Add(Concat("table rows has ", rows_, " rows and counts ", rows));
  }
  return {};
}

Status LmdbCheck::CheckSpaces() {
  EDB_ASSIGN(const auto spaces, view_.Spaces({}));
  for (const auto& [id, space] : spaces) {
    if (space.rows != rows_in_space_[id]) {
      problems_.Add(
          Concat("space ", id, " counts ", space.rows, " rows, there are ", rows_in_space_[id]));
    }
  }
  return {};
}

}  // namespace

Status CheckLmdb(const LmdbSnapshot& snapshot, LmdbKeyHash hash, std::vector<std::string>& out) {
  Problems problems(out);
  Status status = LmdbCheck(snapshot, hash, problems).Run();
  // A file too damaged to be walked is a finding, not a check that could not be made.
  if (status.code() != StatusCode::kDataLoss) {
    return status;
  }
  problems.Add(status.message());
  return {};
}

}  // namespace embeddingsdb
