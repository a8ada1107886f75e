// SPDX-License-Identifier: BSD-3-Clause
#include "cli/input.h"

#include <fstream>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// Follows the structure of JSON just far enough to see where an object ends.
class ObjectEnd {
 public:
  // True when `c` closes the object that the first character opened.
  bool Reached(char c) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      return false;
    }
    if (c == '"') {
      in_string_ = true;
    }
    if (c == '{') {
      ++depth_;
    }
    if (c == '}') {
      --depth_;
    }
    return depth_ == 0;
  }

 private:
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace

Result<std::unique_ptr<std::istream>> OpenInput(const std::string& path, Session& session) {
  if (path == "-") {
    return std::make_unique<std::istream>(session.io.in.rdbuf());
  }
  if (session.env().IsDirectory(path)) {
    return InvalidArgumentError(Concat(Quote(path), " is a directory"));
  }
  if (!session.env().Exists(path)) {
    return NotFoundError(Concat("no file ", Quote(path)));
  }
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!file->is_open()) {
    return PermissionDeniedError(Concat("cannot read ", Quote(path)));
  }
  return std::unique_ptr<std::istream>(std::move(file));
}

Result<std::string> ReadInput(const std::string& path, std::size_t max_bytes, Session& session) {
  EDB_ASSIGN(const std::unique_ptr<std::istream> in, OpenInput(path, session));
  std::string text(max_bytes + 1, '\0');
  in->read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in->gcount()));
  if (text.size() > max_bytes) {
    return ResourceExhaustedError(Concat(Quote(path), " is longer than ", max_bytes, " bytes"));
  }
  return text;
}

// Reads the next {...} into `object`. False at the end of the stream.
Result<bool> JsonRecordCursor::NextObject(std::string& object) {
  constexpr int kEnd = std::istream::traits_type::eof();
  std::streambuf& buffer = *in_.rdbuf();
  object.clear();
  int next = buffer.sbumpc();
  while (next == ' ' || next == '\t' || next == '\r' || next == '\n') {
    next = buffer.sbumpc();
  }
  if (next == kEnd) {
    return false;
  }
  if (next != '{') {
    return InvalidArgumentError("expected a JSON object, which begins with '{'");
  }

  ObjectEnd end;
  for (; next != kEnd; next = buffer.sbumpc()) {
    if (object.size() == kMaxJsonBytes) {
      return ResourceExhaustedError(Concat("longer than ", kMaxJsonBytes, " bytes"));
    }
    object += static_cast<char>(next);
    if (end.Reached(object.back())) {
      return true;
    }
  }
  return InvalidArgumentError("the input ends within a JSON object");
}

Result<bool> JsonRecordCursor::Next(Record& record) {
  const std::string where = Concat("record ", count_ + 1);
  std::string object;
  const Result<bool> more = NextObject(object);
  if (!more.ok()) {
    return more.status().WithContext(where);
  }
  if (!*more) {
    return false;
  }
  Result<Record> parsed = RecordFromJson(object);
  if (!parsed.ok()) {
    return parsed.status().WithContext(where);
  }
  if (const Status valid = Validate(*parsed); !valid.ok()) {
    return valid.WithContext(where);
  }
  record = *std::move(parsed);
  ++count_;
  return true;
}

}  // namespace embeddingsdb
