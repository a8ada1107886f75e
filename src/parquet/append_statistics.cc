// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/append_statistics.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/env.h"
#include "core/text.h"
#include "parquet/embeddings_document.h"
#include "parquet/output_file.h"
#include "parquet/parquet_file.h"
#include "parquet/parquet_format.h"
#include "parquet/parquet_layout.h"
#include "parquet/row_reader.h"
#include "parquet/thrift_compact.h"

namespace embeddingsdb {

namespace {

using Metadata = std::map<std::string, std::string>;

constexpr std::int64_t kSliceBytes = 256 * 1024;
constexpr int kMetadataField = 5;  // of FileMetaData in parquet.thrift; its elements are KeyValue

std::string_view KeyOf(const ThriftValue& pair) {
  const ThriftValue* key = pair.Find(1);
  return key == nullptr ? std::string_view() : key->bytes;
}

void WriteMetadata(ThriftWriter& thrift, const ThriftValue* before, const Metadata& metadata) {
  std::vector<std::string_view> kept;
  if (before != nullptr) {
    for (const ThriftValue& pair : before->children) {
      if (!IsDerivedMetadata(KeyOf(pair))) {
        kept.push_back(pair.bytes);
      }
    }
  }
  thrift.BeginList(kMetadataField, ThriftType::kStruct, kept.size() + metadata.size());
  for (const std::string_view pair : kept) {
    thrift.EncodedElement(pair);
  }
  for (const auto& [key, value] : metadata) {
    thrift.BeginElement();
    thrift.Binary(1, key);
    thrift.Binary(2, value);
    thrift.EndStruct();
  }
}

/// The footer field by field as it was, but for the metadata.
std::string WithMetadata(const ThriftValue& footer, const Metadata& metadata) {
  std::string out;
  ThriftWriter thrift(out);
  bool written = false;
  for (const ThriftValue& field : footer.children) {
    if (!written && field.field >= kMetadataField) {
      WriteMetadata(thrift, footer.Find(kMetadataField), metadata);
      written = true;
    }
    if (field.field == kMetadataField) {
      continue;
    }
    if (field.type == ThriftType::kBinary) {
      thrift.Binary(field.field, field.bytes);
    } else {
      thrift.Encoded(field.field, field.type, field.bytes);
    }
  }
  if (!written) {
    WriteMetadata(thrift, footer.Find(kMetadataField), metadata);
  }
  thrift.EndStruct();
  AppendTail(out);
  return out;
}

Status Copy(const ParquetFile& input, std::string_view footer, const std::string& output) {
  const std::unique_ptr<Env> env = NewPosixEnv();
  EDB_ASSIGN(const std::unique_ptr<AtomicFile> file, CreateOutputFile(output, *env));
  for (std::int64_t at = 0; at < input.footer_offset(); at += kSliceBytes) {
    EDB_ASSIGN(const std::string slice,
               input.Read(at, std::min(kSliceBytes, input.footer_offset() - at)));
    EDB_TRY(file->Append(slice));
  }
  EDB_TRY(file->Append(footer));
  return file->Commit();
}

/// Calls `take` with each row. An invalid one is an error.
template <typename Take>
Status ForEachRecord(RowReader& reader, const Take& take) {
  EDB_TRY(reader.Start());
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, reader.NextValid(record));
    if (!more) {
      return Status();
    }
    take(record);
  }
}

}  // namespace

Result<AppendReport> AppendStatistics(const std::string& input, const std::string& output,
                                      const ParquetFacts& facts) {
  EDB_TRY(CheckFacts(facts));
  EDB_ASSIGN(ParquetFile file, ParquetFile::Open(input));
  EDB_ASSIGN(const std::unique_ptr<RowReader> reader, RowReader::Open(std::move(file)));
  AppendReport report;
  ParquetStatistics statistics;
  DocumentBuilder builder;
  EDB_TRY(ForEachRecord(*reader, [&](const Record& record) {
    statistics.Add(record);
    builder.Add(record);
    ++report.rows;
  }));

  const auto text = reader->metadata().find(std::string(kDocumentKey));
  const bool had_document = text != reader->metadata().end();
  const Result<EmbeddingsDocument> before =
      EmbeddingsDocument::FromJson(had_document ? text->second : "");
  report.document_replaced = had_document && !before.ok();
  FactsMerger merger(facts);
  EDB_TRY(merger.Add(before.ok() ? &*before : nullptr, statistics.models, reader->file().name()));
  EDB_ASSIGN(const EmbeddingsDocument document,
             builder.Build(statistics, merger.Finish(statistics.models)));

  Metadata metadata = statistics.ToMetadata();
  metadata.emplace(kDocumentKey, document.ToJson());
  EDB_ASSIGN(const std::string footer, reader->file().ReadFooter());
  EDB_ASSIGN(const ThriftValue parsed, ParseFooter(reader->file(), footer));
  EDB_TRY(Copy(reader->file(), WithMetadata(parsed, metadata), output));
  return report;
}

Status GatherStatistics(const std::string& input, ParquetStatistics& statistics) {
  EDB_ASSIGN(ParquetFile file, ParquetFile::Open(input));
  EDB_ASSIGN(const std::unique_ptr<RowReader> reader, RowReader::Open(std::move(file)));
  return ForEachRecord(*reader, [&](const Record& record) { statistics.Add(record); });
}

}  // namespace embeddingsdb
