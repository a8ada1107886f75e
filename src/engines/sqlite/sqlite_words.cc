// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_words.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

// The library's functions would not be inlined.
#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the library asks for it
#include <xxhash.h>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "engines/row_checksum.h"

namespace embeddingsdb {
namespace {

// As SQLite keeps it in its schema, so that it can be compared.
constexpr std::string_view kTable =
    "CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='ascii', detail=none,"
    " columnsize=0)";

// A transaction of these takes about a tenth of a second; that long a write may wait.
constexpr std::int64_t kRowsAtOnce = 5'000;
// So many rows are read for each search before they are put into the index, and one for each 64
// that are in it already.
constexpr std::int64_t kRowsLeftOut = 2'000;
constexpr std::int64_t kIndexedForOneLeftOut = 64;

/// A number of table meta; 0 when it is not there.
Result<std::int64_t> ReadMeta(const SqliteConnection& connection, std::string_view name) {
  EDB_ASSIGN(SqliteStatement statement,
             connection.Prepare("SELECT value FROM meta WHERE name = ?"));
  statement.Bind(1, name);
  EDB_ASSIGN(const bool found, statement.Step());
  return found ? statement.Integer(0) : 0;
}

Status WriteMeta(const SqliteConnection& connection, std::string_view name, std::int64_t value) {
  EDB_ASSIGN(SqliteStatement statement,
             connection.Prepare("INSERT OR REPLACE INTO meta(name, value) VALUES(?, ?)"));
  statement.Bind(1, name);
  statement.Bind(2, value);
  return statement.Run();
}

Status WriteState(const SqliteConnection& connection, const SqliteWordsState& state) {
  EDB_TRY(WriteMeta(connection, "words_last", state.last));
  return WriteMeta(connection, "words_rows", state.rows);
}

/// Another table of that name, however it came into the file, would answer something else.
Status CheckTable(const SqliteConnection& connection) {
  EDB_ASSIGN(SqliteStatement statement,
             connection.Prepare("SELECT sql FROM sqlite_schema WHERE name = 'words'"));
  EDB_ASSIGN(const bool found, statement.Step());
  if (!found || statement.Text(0) != kTable) {
    return DataLossError("table words, the word index, is missing or not what it should be");
  }
  return {};
}

/// Empties the index when more than a fifth of its rows are gone.
Status DropWhatIsGone(const SqliteConnection& connection, SqliteWordsState& state) {
  EDB_ASSIGN(SqliteStatement count,
             connection.Prepare("SELECT count(*) FROM records WHERE id <= ?"));
  count.Bind(1, state.last);
  EDB_TRY(count.Step().status());
  if (state.rows - count.Integer(0) <= state.rows / 5) {
    return {};
  }
  state = {};
  return connection.Execute("INSERT INTO words(words) VALUES('delete-all')");
}

/// Walks the attributes of records with ids from `after` (not included) to `last`.
class AttributesWalk {
 public:
  static Result<AttributesWalk> Start(const SqliteConnection& connection, RowId after, RowId last,
                                      std::int64_t limit) {
    AttributesWalk walk;
    EDB_ASSIGN(walk.rows_,
               connection.Prepare("SELECT id, provider, depiction_id, model, subject_id, created,"
                                  " lastmodified, attributes, checksum FROM records"
                                  " WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"));
    walk.rows_.Bind(1, after);
    walk.rows_.Bind(2, last);
    walk.rows_.Bind(3, limit);
    return walk;
  }

  Result<bool> Next() {
    EDB_ASSIGN(const bool more, rows_.Step());
    row_ = more ? rows_.Integer(0) : row_;
    return more;
  }
  RowId row() const { return row_; }
  /// kDataLoss naming the row when it is damaged.
  Result<Attributes> Read() {
    const RowFields fields = {.provider = rows_.Text(1),
                              .depiction_id = rows_.Text(2),
                              .model = rows_.Text(3),
                              .subject_id = rows_.Text(4),
                              .created = rows_.Integer(5),
                              .lastmodified = rows_.Integer(6),
                              .attributes = rows_.Text(7)};
    EDB_TRY(rows_.Check());
    if (RowChecksum::OfFields(fields) != RowChecksum::Unpack(rows_.Integer(8)).fields) {
      return DataLossError(Concat("row ", row_, " of table records differs from its checksum"));
    }
    return AttributesFromJson(fields.attributes);
  }

 private:
  SqliteStatement rows_;
  RowId row_ = 0;
};

/// The rows that have all terms of all queries, in the language of FTS5.
std::string MatchOf(std::span<const WordsQuery> queries) {
  std::string match;
  for (const WordsQuery& query : queries) {
    for (const WordsQuery::Term& term : query.terms()) {
      // Words hold no quotation marks, and within those nothing means anything else to FTS5.
      match += Concat(match.empty() ? "\"" : " AND \"", term.text, term.prefix ? "\"*" : "\"");
    }
  }
  return match;
}

/// FTS5 reports some damage as an error of no special kind, as when a table of its own is missing.
Status OfIndex(const Status& status) {
  if (status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kInternal) {
    return DataLossError(Concat("the word index cannot be read: ", status.message()));
  }
  return status;
}

}  // namespace

Result<SqliteWordsState> ReadWordsState(const SqliteConnection& connection) {
  EDB_ASSIGN(const std::int64_t rule, ReadMeta(connection, "words_rule"));
  if (rule != WordsRule()) {
    return SqliteWordsState{};
  }
  EDB_TRY(CheckTable(connection));
  SqliteWordsState state;
  EDB_ASSIGN(state.last, ReadMeta(connection, "words_last"));
  EDB_ASSIGN(state.rows, ReadMeta(connection, "words_rows"));
  EDB_ASSIGN(const RowId next, ReadMeta(connection, "next_id"));
  if (state.last < 0 || state.last >= next || state.rows < 0) {
    return DataLossError(Concat("the word index has ", state.rows, " rows up to ", state.last,
                                ", the newest row there ever was is ", next - 1));
  }
  return state;
}

Result<bool> NeedsWordsUpdate(const SqliteConnection& connection) {
  EDB_ASSIGN(const SqliteWordsState state, ReadWordsState(connection));
  EDB_ASSIGN(const std::int64_t next, ReadMeta(connection, "next_id"));
  return next - 1 - state.last > std::max(kRowsLeftOut, state.rows / kIndexedForOneLeftOut);
}

Status RemakeWords(const SqliteConnection& connection) {
  EDB_ASSIGN(const std::int64_t rule, ReadMeta(connection, "words_rule"));
  if (rule != 0) {
    EDB_TRY(CheckTable(connection));
    EDB_TRY(connection.Execute("DROP TABLE words"));
  }
  EDB_TRY(connection.Execute(std::string(kTable).c_str()));
  EDB_TRY(WriteMeta(connection, "words_rule", WordsRule()));
  return WriteState(connection, {});
}

Result<bool> UpdateWords(const SqliteConnection& connection, bool first) {
  EDB_ASSIGN(const std::int64_t rule, ReadMeta(connection, "words_rule"));
  if (rule != WordsRule()) {
    EDB_TRY(RemakeWords(connection));
  }
  EDB_ASSIGN(SqliteWordsState state, ReadWordsState(connection));
  if (first) {
    EDB_TRY(DropWhatIsGone(connection, state));
  }
  EDB_ASSIGN(const RowId next, ReadMeta(connection, "next_id"));
  EDB_ASSIGN(AttributesWalk walk,
             AttributesWalk::Start(connection, state.last, next - 1, kRowsAtOnce));
  EDB_ASSIGN(SqliteStatement insert,
             connection.Prepare("INSERT INTO words(rowid, text) VALUES(?, ?)"));
  std::string text;
  for (std::int64_t rows = 0; true; ++rows) {
    EDB_ASSIGN(const bool more, walk.Next());
    if (!more) {
      const bool full = rows == kRowsAtOnce;
      state.last = full ? walk.row() : next - 1;
      EDB_TRY(WriteState(connection, state));
      return full;
    }
    const Result<Attributes> attributes = walk.Read();
    if (!attributes.ok()) {
      state.last = walk.row() - 1;
      EDB_TRY(WriteState(connection, state));
      return false;
    }
    text.clear();
    ForEachWord(*attributes, [&text](std::string_view word) { text.append(word) += ' '; });
    insert.Bind(1, walk.row());
    insert.Bind(2, text);
    EDB_TRY(insert.Run());
    ++state.rows;
  }
}

Result<SqliteWordsFound> FindWords(const SqliteConnection& connection,
                                   std::span<const WordsQuery> queries) {
  EDB_ASSIGN(const SqliteWordsState state, ReadWordsState(connection));
  SqliteWordsFound found = {.rows = {}, .last = state.last};
  if (found.last == 0) {
    return found;
  }
  const std::string match = MatchOf(queries);
  const auto search = [&]() -> Status {
    EDB_ASSIGN(SqliteStatement statement,
               connection.Prepare("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid"));
    statement.Bind(1, match);
    while (true) {
      EDB_ASSIGN(const bool more, statement.Step());
      if (!more) {
        return {};
      }
      found.rows.push_back(statement.Integer(0));
    }
  };
  EDB_TRY(OfIndex(search()));
  return found;
}

namespace {

/// One check of a file. For each row the hashes of its words are added up, once from the record and
/// once from the index, so that the order of the words does not matter.
class Check {
 public:
  Check(const SqliteConnection& connection, std::vector<std::string>& problems)
      : connection_(connection), problems_(problems) {}

  Status Records(RowId last) {
    EDB_ASSIGN(AttributesWalk walk, AttributesWalk::Start(connection_, 0, last, -1));
    std::vector<std::string> words;
    while (true) {
      EDB_ASSIGN(const bool more, walk.Next());
      if (!more) {
        return {};
      }
      const Result<Attributes> attributes = walk.Read();
      if (!attributes.ok()) {
        continue;
      }
      words.clear();
      ForEachWord(*attributes, [&words](std::string_view word) { words.emplace_back(word); });
      std::sort(words.begin(), words.end());
      words.erase(std::unique(words.begin(), words.end()), words.end());
      std::uint64_t& sum = sums_[walk.row()];
      for (const std::string& word : words) {
        sum += Hash(word);
      }
    }
  }

  Status Index(RowId last) {
    EDB_TRY(
        connection_.Execute("CREATE VIRTUAL TABLE temp.words_of_rows"
                            " USING fts5vocab('main', 'words', 'instance')"));
    const Status status = IndexedWords(last);
    EDB_TRY(connection_.Execute("DROP TABLE temp.words_of_rows"));
    return status;
  }

  void Compare() {
    for (const auto& [row, sum] : sums_) {
      if (sum != 0) {
        Add(Concat("row ", row, " of table records has other words than the word index says"));
      }
    }
  }

 private:
  static std::uint64_t Hash(std::string_view word) { return XXH3_64bits(word.data(), word.size()); }

  Status IndexedWords(RowId last) {
    EDB_ASSIGN(SqliteStatement words,
               connection_.Prepare("SELECT term, doc FROM temp.words_of_rows"));
    std::int64_t beyond = 0;
    while (true) {
      EDB_ASSIGN(const bool more, words.Step());
      if (!more) {
        break;
      }
      const RowId row = words.Integer(1);
      beyond += row > last || row < 1 ? 1 : 0;
      // Rows that are gone may have words.
      if (const auto found = sums_.find(row); found != sums_.end()) {
        found->second -= Hash(words.Text(0));
      }
      EDB_TRY(words.Check());
    }
    if (beyond != 0) {
      Add(Concat("the word index has ", beyond, " words of rows that it does not go up to"));
    }
    return {};
  }

  void Add(std::string problem) {
    if (problems_.size() < kMaxVerifyProblems) {
      problems_.push_back(std::move(problem));
    }
  }

  const SqliteConnection& connection_;
  std::vector<std::string>& problems_;
  std::unordered_map<RowId, std::uint64_t> sums_;  // of the words that only the record has
};

}  // namespace

Status CheckWords(const SqliteConnection& connection, std::vector<std::string>& problems) {
  const Result<SqliteWordsState> state = ReadWordsState(connection);
  if (!state.ok() || state->last == 0) {
    return state.status();
  }
  Check check(connection, problems);
  EDB_TRY(check.Records(state->last));
  EDB_TRY(OfIndex(check.Index(state->last)));
  check.Compare();
  return {};
}

}  // namespace embeddingsdb
