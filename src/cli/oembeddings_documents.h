// SPDX-License-Identifier: BSD-3-Clause
//
// The OEmbeddings of whatever is named on the command line: a JSON document, JSON lines, a Parquet
// file, a database. They are checked one after the other; none but the one at hand is in memory.
#ifndef EMBEDDINGSDB_CLI_OEMBEDDINGS_DOCUMENTS_H_
#define EMBEDDINGSDB_CLI_OEMBEDDINGS_DOCUMENTS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <string_view>

#include "embeddingsdb/oembeddings.h"
#include "embeddingsdb/query.h"

#include "cli/command.h"

namespace embeddingsdb {

/// What a file holds. kAuto: what its name ends in says so, or else how it begins.
enum class DocumentFormat : std::uint8_t { kAuto, kJson, kJsonl, kParquet };
inline constexpr std::array kDocumentFormats =
    std::to_array<std::string_view>({"auto", "json", "jsonl", "parquet"});

/// Where a document stands. Borrows.
struct DocumentPlace {
  std::string_view unit;     ///< "line" (from 1), "row" (from 0), or empty
  std::int64_t number = 0;   ///< of the unit
  const Key* key = nullptr;  ///< of the record, when it is one
};

/// How documents are checked, and who is told.
struct DocumentCheck {
  OEmbeddingsOptions options;
  /// Is given the report of each document; returns false to stop.
  std::function<bool(const DocumentPlace& place, const OEmbeddingsReport& report)> sink;
};

/// Lines of text, of which no more than is needed is kept.
class LineReader {
 public:
  /// Borrows the stream.
  explicit LineReader(std::istream& in) : in_(in) {}

  /// The next line without its end. Of one longer than kMaxJsonBytes only a byte more than that is
  /// kept, which is enough to refuse it. False at the end of the stream.
  bool Next(std::string& line);
  /// The number of the line that Next has given, from 1.
  std::int64_t number() const { return number_; }

 private:
  std::istream& in_;
  std::int64_t number_ = 0;
};

/// Checks a file, standard input for "-", or what an http(s) URL names. The errors are those of
/// reading it; that a document is invalid is no error.
Status CheckFile(const std::string& input, DocumentFormat format, const DocumentCheck& check,
                 Session& session);

/// Checks the attributes of records; `unit` is what DocumentPlace says.
Status CheckRecords(RecordCursor& records, std::string_view unit, const DocumentCheck& check);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_OEMBEDDINGS_DOCUMENTS_H_
