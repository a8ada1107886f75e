// SPDX-License-Identifier: BSD-3-Clause
//
// Reading what a command is given: a file, or standard input for "-".
#ifndef EMBEDDINGSDB_CLI_INPUT_H_
#define EMBEDDINGSDB_CLI_INPUT_H_

#include <cstdint>
#include <istream>
#include <memory>
#include <string>

#include "embeddingsdb/query.h"

#include "cli/command.h"

namespace embeddingsdb {

/// The file at `path`, or standard input when it is "-". kNotFound; kInvalidArgument for a
/// directory.
Result<std::unique_ptr<std::istream>> OpenInput(const std::string& path, Session& session);

/// All of an input of at most `max_bytes`; kResourceExhausted naming the limit when it is longer.
Result<std::string> ReadInput(const std::string& path, std::size_t max_bytes, Session& session);

/// The JSON records of a stream: one a line, or spread over lines, or one after the other. Every
/// record is validated; an error names its number. Holds one record at a time.
class JsonRecordCursor : public RecordCursor {
 public:
  /// Borrows the stream.
  explicit JsonRecordCursor(std::istream& in) : in_(in) {}

  Result<bool> Next(Record& record) override;
  /// How many records Next has given.
  std::int64_t count() const { return count_; }

 private:
  Result<bool> NextObject(std::string& object);

  std::istream& in_;
  std::int64_t count_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_INPUT_H_
