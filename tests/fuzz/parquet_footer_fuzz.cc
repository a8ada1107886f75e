// SPDX-License-Identifier: BSD-3-Clause
//
// The footer of a Parquet file, which is read before any library is let at the file. The input is a
// footer; or a whole file, where it begins like one; or the document `embeddings`, where it begins
// like JSON, which no footer does.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "embeddingsdb/limits.h"

#include "fuzz/fuzz.h"
#include "fuzz/memory_file.h"
#include "parquet/embeddings_document.h"
#include "parquet/footer_json.h"
#include "parquet/parquet_file.h"
#include "parquet/parquet_format.h"
#include "parquet/parquet_layout.h"
#include "parquet/thrift_compact.h"

namespace embeddingsdb::fuzz {
namespace {

constexpr std::int64_t kPagesEnd = 1 << 20;  // so that most offsets are possible

void CheckDocument(std::string_view json) {
  const Result<EmbeddingsDocument> document = EmbeddingsDocument::FromJson(json);
  if (!document.ok()) {
    return;
  }
  const std::string written = document->ToJson();
  const Result<EmbeddingsDocument> again = EmbeddingsDocument::FromJson(written);
  Require(again.ok() && *again == *document, "a document that was written is read as it was",
          written);
}

/// What a layout without problems promises to those who believe it.
void CheckLayout(const ParquetLayout& layout) {
  Require(layout.problems.size() <= kMaxFileProblems, "the list of problems has an end");
  if (!layout.problems.empty()) {
    return;
  }
  std::int64_t rows = 0;
  for (const std::int64_t group : layout.row_groups) {
    rows += group;
  }
  Require(rows == layout.rows && rows >= 0, "the rows of the groups are those of the file");
  for (const LayoutColumn& column : layout.columns) {
    Require(!column.flat || column.values == rows, "a flat column has a value a row", column.path);
  }
}

void CheckFooter(std::string_view footer) {
  const Result<ThriftValue> parsed = ParseThriftStruct(footer, kMaxFooterValues);
  Require(parsed.ok() == IsThriftStruct(footer), "checking and parsing agree", footer);
  if (!parsed.ok()) {
    return;
  }
  const ParquetLayout layout = ReadLayout(*parsed, kPagesEnd);
  CheckLayout(layout);
  // What this input can hold stays far below the limit.
  std::string json = FooterToJson(*parsed).value();
  if (kCanary) {
    json.pop_back();
  }
  Require(nlohmann::json::accept(json), "the footer as JSON is JSON", json);
  for (const auto& [key, value] : layout.metadata) {
    if (key == kDocumentKey) {
      CheckDocument(value);
    }
  }
}

void CheckFile(std::string_view bytes) {
  const MemoryFile memory(bytes);
  const Result<ParquetFile> file = ParquetFile::Open(memory.path());
  if (!file.ok()) {
    Require(file.status().code() == StatusCode::kInvalidArgument,
            "a bad file is the caller's fault", file.status().message());
    return;
  }
  const Result<std::string> footer = file->ReadFooter();
  Require(footer.ok() && IsThriftStruct(*footer), "a file that was opened has a footer");
  Require(bytes.substr(static_cast<std::size_t>(file->footer_offset())).starts_with(*footer),
          "the footer is where it is said to be");
}

}  // namespace
}  // namespace embeddingsdb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace edb = embeddingsdb;
  const std::string_view input = edb::fuzz::Text(data, size);
  if (input.starts_with('{')) {
    edb::fuzz::CheckDocument(input);
  } else if (input.starts_with(edb::kParquetMagic)) {
    edb::fuzz::CheckFile(input);
  } else {
    edb::fuzz::CheckFooter(input);
    std::string framed(input);
    edb::AppendTail(framed);
    edb::fuzz::CheckFile(edb::Concat(edb::kParquetMagic, framed));
  }
  return 0;
}
