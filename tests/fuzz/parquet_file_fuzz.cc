// SPDX-License-Identifier: BSD-3-Clause
//
// Whole Parquet files: every record that is read is valid, and a file that cannot be read to its
// end is not called valid. DuckDB, which decodes the pages, is a library without instrumentation:
// what it does wrong is seen only where it ends the program or corrupts memory of ours.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/parquet.h"

#include "fuzz/fuzz.h"
#include "fuzz/memory_file.h"
#include "parquet/parquet_format.h"
#include "parquet/validate.h"

namespace embeddingsdb::fuzz {
namespace {

/// Reads all records; an error ends it.
Status ReadAll(const std::string& path) {
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(path));
  Record record;
  std::int64_t rows = 0;
  while (true) {
    EDB_ASSIGN(const bool more, reader->Next(record));
    if (!more) {
      Require(rows == reader->rows(), "as many rows are read as there are");
      return Status();
    }
    ++rows;
    if (kCanary) {
      record.key.model.clear();
    }
    const Status valid = Validate(record);
    Require(valid.ok(), "a record that is read is valid", valid.message());
  }
}

void CheckFile(std::string_view bytes) {
  const MemoryFile file(bytes);
  const Status read = ReadAll(file.path());
  if (read.ok()) {
    return;
  }
  Require(!read.message().empty(), "an error says something");
  const Result<FileReport> report = ValidateParquet(file.path());
  Require(!report.ok() || !report->valid(), "a file that is valid is read", read.message());
}

}  // namespace
}  // namespace embeddingsdb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  embeddingsdb::fuzz::CheckFile(embeddingsdb::fuzz::Text(data, size));
  return 0;
}

#ifdef EDB_FUZZ
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// Changes either the pages or the footer, and makes a whole file of it again: with a wrong length
/// at its end a file is given up before anything is read. libFuzzer's name.
extern "C" std::size_t LLVMFuzzerCustomMutator(  // NOLINT(readability-identifier-naming)
    std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  constexpr std::size_t kTail = 8;  // length, magic
  const std::string_view magic = embeddingsdb::kParquetMagic;
  std::string whole(embeddingsdb::fuzz::Text(data, size));
  std::uint32_t length = 0;
  if (size >= magic.size() + kTail) {
    std::memcpy(&length, whole.data() + size - kTail, sizeof(length));
  }
  if (length == 0 || length > size - magic.size() - kTail || seed % 16 == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::string footer = whole.substr(size - kTail - length, length);
  std::string pages = whole.substr(0, size - kTail - length);
  std::string& part = seed % 2 == 0 ? footer : pages;
  const std::size_t room = max_size - size + part.size();
  const std::size_t old_size = part.size();
  part.resize(room);
  part.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(part.data()), old_size, room));
  embeddingsdb::AppendTail(footer);
  whole = pages + footer;
  std::memcpy(data, whole.data(), whole.size());
  return whole.size();
}
#endif
