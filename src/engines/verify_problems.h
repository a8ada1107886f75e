// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_VERIFY_PROBLEMS_H_
#define EMBEDDINGSDB_ENGINES_VERIFY_PROBLEMS_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {

/// What Verify found wrong, which must not fill the memory when that is everything.
class VerifyProblems {
 public:
  explicit VerifyProblems(std::vector<std::string>& out) : out_(out) {}

  void Add(std::string problem) {
    if (out_.size() < kMaxVerifyProblems) {
      out_.push_back(std::move(problem));
    } else {
      ++left_out_;
    }
  }
  /// To be called last.
  void Finish() {
    if (left_out_ != 0) {
      out_.push_back(Concat("and ", left_out_, " more"));
    }
  }

 private:
  std::vector<std::string>& out_;
  std::size_t left_out_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_VERIFY_PROBLEMS_H_
