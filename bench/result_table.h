// SPDX-License-Identifier: BSD-3-Clause
//
// Figures of several things side by side, printed as a table of Markdown.
#ifndef EMBEDDINGSDB_BENCH_RESULT_TABLE_H_
#define EMBEDDINGSDB_BENCH_RESULT_TABLE_H_

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace embeddingsdb {

class ResultTable {
 public:
  /// Columns and rows are in the order they are first named in. Also told on the standard error,
  /// for whoever waits.
  void Set(const std::string& column, const std::string& row, const std::string& value) {
    Name(columns_, column);
    Name(rows_, row);
    cells_[{row, column}] = value;
    (void)std::fprintf(stderr, "%s: %s: %s\n", column.c_str(), row.c_str(), value.c_str());
  }

  void Print() const {
    std::string rule = "| ---";
    std::printf("| ");
    for (const std::string& column : columns_) {
      std::printf("| %s ", column.c_str());
      rule += " | ---";
    }
    std::printf("|\n%s |\n", rule.c_str());
    for (const std::string& row : rows_) {
      std::printf("| %s ", row.c_str());
      for (const std::string& column : columns_) {
        const auto cell = cells_.find({row, column});
        std::printf("| %s ", cell == cells_.end() ? "" : cell->second.c_str());
      }
      std::printf("|\n");
    }
  }

 private:
  static void Name(std::vector<std::string>& names, const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) {
      names.push_back(name);
    }
  }

  std::vector<std::string> columns_;
  std::vector<std::string> rows_;
  std::map<std::pair<std::string, std::string>, std::string> cells_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_BENCH_RESULT_TABLE_H_
