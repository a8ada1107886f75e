// SPDX-License-Identifier: BSD-3-Clause
#include <utility>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/parquet.h"

#include "core/env.h"
#include "core/text.h"
#include "parquet/column_writer.h"
#include "parquet/embeddings_document.h"
#include "parquet/output_file.h"
#include "parquet/parquet_format.h"
#include "parquet/table_writer.h"

namespace embeddingsdb {

namespace {

std::int64_t EncodedSize(const Record& record) {
  constexpr std::size_t kLengthPrefix = 4;
  std::size_t size = record.key.provider.size() + record.key.depiction_id.size() +
                     record.key.model.size() + record.subject_id.size() + 4 * kLengthPrefix +
                     record.embedding.size() * sizeof(float) + sizeof(record.created);
  for (const auto& [key, value] : record.attributes) {
    size += key.size() + value.size() + 2 * kLengthPrefix;
  }
  return static_cast<std::int64_t>(size);
}

class Writer : public ParquetWriter {
 public:
  Writer(std::unique_ptr<Env> env, std::unique_ptr<AtomicFile> file, ParquetWriteOptions options)
      : env_(std::move(env)),
        options_(std::move(options)),
        table_(std::move(file), kRecordSchema, options_.row_group_bytes) {}

  Status Write(const Record& record) override {
    EDB_TRY(state_);
    EDB_TRY(Validate(record));
    state_ = Append(record);
    return state_;
  }

  Status Finish() override {
    EDB_TRY(state_);
    state_ = WriteEnd();
    if (!state_.ok()) {
      return state_;
    }
    state_ = FailedPreconditionError("the Parquet file is finished");
    return Status();
  }

  std::int64_t rows() const override { return table_.rows(); }
  const ParquetStatistics& statistics() const override { return statistics_; }

 private:
  Status Append(const Record& record) {
    table_.column(kProviderColumn).AddString(record.key.provider);
    table_.column(kDepictionIdColumn).AddString(record.key.depiction_id);
    table_.column(kSubjectIdColumn).AddString(record.subject_id);
    table_.column(kModelColumn).AddString(record.key.model);
    table_.column(kEmbeddingsColumn).AddFloats(record.embedding);
    table_.column(kCreatedColumn).AddInt64(record.created);
    ColumnWriter& keys = table_.column(kAttributeKeyColumn);
    ColumnWriter& values = table_.column(kAttributeValueColumn);
    if (record.attributes.empty()) {
      keys.AddEmpty();
      values.AddEmpty();
    }
    bool first = true;
    for (const auto& [key, value] : record.attributes) {
      keys.AddRepeatedString(key, first);
      values.AddRepeatedString(value, first);
      first = false;
    }
    statistics_.Add(record);
    document_.Add(record);
    return table_.EndRow(EncodedSize(record));
  }

  Status WriteEnd() {
    EDB_ASSIGN(const EmbeddingsDocument document, document_.Build(statistics_, options_.facts));
    // What is known of the rows wins over what a caller copied from elsewhere.
    std::map<std::string, std::string> metadata = statistics_.ToMetadata();
    metadata.emplace(kDocumentKey, document.ToJson());
    metadata.insert(options_.metadata.begin(), options_.metadata.end());
    return table_.Finish(metadata);
  }

  std::unique_ptr<Env> env_;  ///< may be null; before the file that came from it
  ParquetWriteOptions options_;
  TableWriter table_;
  ParquetStatistics statistics_;
  DocumentBuilder document_;
  Status state_;  ///< the first error, which stays; a half-written page cannot be mended
};

Result<std::unique_ptr<ParquetWriter>> MakeWriter(std::unique_ptr<Env> env,
                                                  std::unique_ptr<AtomicFile> file,
                                                  ParquetWriteOptions options) {
  if (options.row_group_bytes < 1 || options.row_group_bytes > kMaxRowGroupBytes) {
    return InvalidArgumentError(Concat("row_group_bytes ", options.row_group_bytes,
                                       " is not within 1 to ", kMaxRowGroupBytes));
  }
  EDB_TRY(CheckFacts(options.facts));
  return std::unique_ptr<ParquetWriter>(
      std::make_unique<Writer>(std::move(env), std::move(file), std::move(options)));
}

}  // namespace

Result<std::unique_ptr<ParquetWriter>> NewParquetWriter(std::unique_ptr<AtomicFile> file,
                                                        ParquetWriteOptions options) {
  return MakeWriter(nullptr, std::move(file), std::move(options));
}

Result<std::unique_ptr<ParquetWriter>> ParquetWriter::Create(const std::string& path,
                                                             ParquetWriteOptions options) {
  std::unique_ptr<Env> env = NewPosixEnv();
  EDB_ASSIGN(std::unique_ptr<AtomicFile> file, CreateOutputFile(path, *env));
  return MakeWriter(std::move(env), std::move(file), std::move(options));
}

}  // namespace embeddingsdb
