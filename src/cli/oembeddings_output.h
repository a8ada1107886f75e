// SPDX-License-Identifier: BSD-3-Clause
//
// What `oembeddings validate` prints: a line a problem, and how many there were at the end.
#ifndef EMBEDDINGSDB_CLI_OEMBEDDINGS_OUTPUT_H_
#define EMBEDDINGSDB_CLI_OEMBEDDINGS_OUTPUT_H_

#include <array>
#include <cstdint>
#include <ostream>

#include "embeddingsdb/oembeddings.h"

#include "cli/oembeddings_documents.h"

namespace embeddingsdb {

/// Counts over all documents.
struct OEmbeddingsTally {
  struct Field {
    std::int64_t missing = 0;
    std::int64_t empty = 0;
    std::int64_t errors = 0;
    std::int64_t warnings = 0;
  };

  std::int64_t documents = 0;
  std::int64_t valid = 0;          ///< the others have at least one error
  std::int64_t with_warnings = 0;  ///< valid or not
  std::array<Field, kOEmbeddingsFields.size()> fields;

  void Add(const OEmbeddingsReport& report);
  std::int64_t invalid() const { return documents - valid; }
};

enum class OutputFormat : bool { kText, kJson };

/// One line for each problem of a document: text for people, or a JSON object.
void PrintProblems(std::ostream& out, OutputFormat format, const DocumentPlace& place,
                   const OEmbeddingsReport& report);
/// Two tables, or one JSON object on a line.
void PrintTally(std::ostream& out, OutputFormat format, const OEmbeddingsTally& tally);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_OEMBEDDINGS_OUTPUT_H_
