// SPDX-License-Identifier: BSD-3-Clause
//
// The word index of the SQLite file: which rows hold a word. Derived from the records, brought up
// to date by searches and not by writes, and made anew when it is of no use.
//
//   words USING fts5(text, content='', tokenize='ascii', detail=none, columnsize=0)
//           rowid is the record's id, text its folded words (core/words.h) with spaces between
//           them. The tokenizer cuts at ASCII that is neither letter nor digit, which words do not
//           hold, and so gives back those words. The text itself is not kept.
//   in table meta:
//           'words_rule'   WordsRule() of the words; another one makes the index useless
//           'words_last'   rows up to this id are in the index, or are gone; larger ids are not
//           'words_rows'   how many rows were put into the index, gone ones included
//
// Rows that are gone stay in the index until it is made anew: ids are never given again, so they
// lead nowhere. All of it is written in one transaction with the words. Readers of any process use
// what there is and read the rows after 'words_last' themselves.
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_WORDS_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_WORDS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/words.h"
#include "engines/record_store.h"
#include "engines/sqlite/sqlite_handle.h"

namespace embeddingsdb {

/// How far the index goes. Both are 0 when there is none, or none that this program can use.
struct SqliteWordsState {
  RowId last = 0;         ///< 'words_last'
  std::int64_t rows = 0;  ///< 'words_rows'
};

/// Within the caller's transaction. kDataLoss when table words is not the one that is described
/// above, or goes further than the records.
Result<SqliteWordsState> ReadWordsState(const SqliteConnection& connection);

/// True when so many rows are not in the index that a search should bring it up to date first;
/// fewer are read faster than they are put into it. Within the caller's transaction.
Result<bool> NeedsWordsUpdate(const SqliteConnection& connection);

/// Puts the next rows, some thousand at most, into the index; false when there are no more, or none
/// before a damaged record: that is left to those who read the rows after the index. With `first`
/// it begins anew if more than a fifth of the index's rows are gone. Within the caller's
/// transaction. kDataLoss when the index is damaged.
Result<bool> UpdateWords(const SqliteConnection& connection, bool first);

/// An empty index in the place of what there is. Within the caller's transaction.
Status RemakeWords(const SqliteConnection& connection);

struct SqliteWordsFound {
  std::vector<RowId> rows;  ///< that have all terms of all queries, ascending; some may be gone
  RowId last = 0;           ///< as far as the index goes
};

/// Within the caller's transaction. kDataLoss when the index is damaged.
Result<SqliteWordsFound> FindWords(const SqliteConnection& connection,
                                   std::span<const WordsQuery> queries);

/// Compares the words of every indexed record with the index and appends what differs to
/// `problems`, some hundred things at most. Within the caller's transaction. Rows that are damaged
/// themselves are left to other checks.
Status CheckWords(const SqliteConnection& connection, std::vector<std::string>& problems);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_WORDS_H_
