// SPDX-License-Identifier: BSD-3-Clause
//
// Table: columns for people to read in a terminal.
#ifndef EMBEDDINGSDB_CLI_TABLE_H_
#define EMBEDDINGSDB_CLI_TABLE_H_

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace embeddingsdb {

/// Left-aligned columns, as wide as their longest cell. Control characters, which could drive the
/// terminal, are shown as '?'; long cells are cut.
class Table {
 public:
  explicit Table(std::vector<std::string> header);

  /// One cell a column.
  void AddRow(std::vector<std::string> cells);
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first is the header
};

/// The number with four digits after the point.
std::string FormatFixed(float value);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_TABLE_H_
