// SPDX-License-Identifier: BSD-3-Clause
//
// RowDetails: the subject id and the attributes of a row as an index keeps them, so that a search
// can answer without the record store. One text a row:
//
//   length, bytes                  the subject id
//   length, bytes, length, bytes   an attribute, name and value; to the end, in the order of names
//
// A length below 128 is one byte; a longer one two, the lower seven bits first and with the highest
// bit set. The empty text says that the index does not keep the row's details: those longer than
// kMaxIndexedDetailsBytes, and those that could not be read, stay in the store alone.
#ifndef EMBEDDINGSDB_INDEX_ROW_DETAILS_H_
#define EMBEDDINGSDB_INDEX_ROW_DETAILS_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "embeddingsdb/index.h"
#include "embeddingsdb/record.h"

namespace embeddingsdb {

/// Reads a text in place, which it borrows. Reads nothing else, whatever the text says.
class RowDetails {
 public:
  explicit RowDetails(std::string_view text) : text_(text) {}

  /// Whether the text is one that a RowDetailsWriter has made, or empty.
  bool IsWhole() const;
  bool kept() const { return !text_.empty(); }

  // Only when kept().
  std::string_view subject_id() const;
  /// The value of an attribute, or nothing when the row does not have it.
  std::optional<std::string_view> Find(std::string_view name) const;
  Attributes attributes() const;

 private:
  std::string_view text_;
};

/// Writes the texts of rows, one after the other.
class RowDetailsWriter {
 public:
  void Begin(std::string_view subject_id);
  /// Names ascend.
  void Add(std::string_view name, std::string_view value);
  /// Empty when the row's details are not to be kept. Valid until the next Begin.
  std::string_view Finish();

  std::string_view Write(std::string_view subject_id, const Attributes& attributes);

 private:
  void Append(std::string_view text);

  std::string text_;
  std::string last_name_;
  bool fits_ = true;
};

/// A row as the record store hands it over for an index. Borrows everything.
struct StoredRow {
  RowId row = 0;
  std::string_view provider;
  std::string_view depiction_id;
  std::span<const float> vector;
  std::string_view details = "";  ///< as a RowDetailsWriter writes them
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_ROW_DETAILS_H_
