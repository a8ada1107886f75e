// SPDX-License-Identifier: BSD-3-Clause
//
// TextStore: texts of any length by name, kept as records of a database, as durable as those.
#ifndef EMBEDDINGSDB_S3SERVER_TEXT_STORE_H_
#define EMBEDDINGSDB_S3SERVER_TEXT_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// All texts of one model of a database. A text is cut into parts of kMaxAttributeValueBytes, one a
/// record, whose vector means nothing.
///
/// Borrows the database. Safe for concurrent use for different names.
class TextStore {
 public:
  /// `dimension`: the length of vectors that the database takes.
  TextStore(Database& database, std::string model, int dimension)
      : database_(&database), model_(std::move(model)), dimension_(dimension) {}

  /// The records of a text, to be added in one batch with others.
  std::vector<Record> RecordsOf(std::string_view name, std::string_view text,
                                std::int64_t now) const;
  /// Replaces the text of that name, in one commit.
  Status Put(std::string_view name, std::string_view text, std::int64_t now);
  /// kNotFound when there is none.
  Result<std::string> Get(std::string_view name);
  /// Removing an absent text is no error.
  Status Remove(std::string_view name);
  Result<std::map<std::string, std::string>> All();

 private:
  Key KeyOf(std::string_view name, std::size_t part) const;
  Result<std::size_t> CountParts(std::string_view name);
  Status RemoveParts(std::string_view name, std::size_t begin, std::size_t end);

  Database* database_;
  std::string model_;
  int dimension_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_TEXT_STORE_H_
