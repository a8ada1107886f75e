// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <utility>

#include "embeddingsdb/parquet.h"

#include "core/env.h"
#include "core/text.h"
#include "parquet/column_writer.h"
#include "parquet/embeddings_document.h"
#include "parquet/output_file.h"
#include "parquet/parquet_format.h"
#include "parquet/zstd_compressor.h"

namespace embeddingsdb {

namespace {

constexpr std::int64_t kMaxRowGroupBytes = 1LL << 30;
constexpr std::size_t kSliceBytes = 256 * 1024;

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
      : env_(std::move(env)), file_(std::move(file)), options_(std::move(options)) {}

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

  std::int64_t rows() const override { return rows_; }
  const ParquetStatistics& statistics() const override { return statistics_; }

 private:
  Status Append(const Record& record) {
    if (offset_ == 0) {
      EDB_TRY(Emit(kParquetMagic));
    }
    columns_[kProviderColumn].AddString(record.key.provider);
    columns_[kDepictionIdColumn].AddString(record.key.depiction_id);
    columns_[kSubjectIdColumn].AddString(record.subject_id);
    columns_[kModelColumn].AddString(record.key.model);
    columns_[kEmbeddingsColumn].AddFloats(record.embedding);
    columns_[kCreatedColumn].AddInt64(record.created);
    ColumnWriter& keys = columns_[kAttributeKeyColumn];
    ColumnWriter& values = columns_[kAttributeValueColumn];
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
    for (ColumnWriter& column : columns_) {
      EDB_TRY(column.EndRow());
    }

    statistics_.Add(record);
    document_.Add(record);
    ++rows_;
    ++group_rows_;
    group_bytes_ += EncodedSize(record);
    return group_bytes_ < options_.row_group_bytes ? Status() : WriteRowGroup();
  }

  Status WriteRowGroup() {
    RowGroupInfo group;
    group.rows = group_rows_;
    for (std::size_t i = 0; i < kColumnCount; ++i) {
      EDB_ASSIGN(ChunkInfo chunk, columns_[i].FinishChunk(offset_));
      group.chunks.push_back(std::move(chunk));
      EDB_TRY(Emit(columns_[i].dictionary_page()));
      EDB_TRY(Emit(columns_[i].data_pages()));
      columns_[i].StartChunk();
    }
    row_groups_.push_back(std::move(group));
    group_rows_ = 0;
    group_bytes_ = 0;
    return Status();
  }

  Status WriteEnd() {
    if (offset_ == 0) {
      EDB_TRY(Emit(kParquetMagic));
    }
    if (group_rows_ > 0) {
      EDB_TRY(WriteRowGroup());
    }
    EDB_ASSIGN(const EmbeddingsDocument document, document_.Build(statistics_, options_.facts));
    // What is known of the rows wins over what a caller copied from elsewhere.
    std::map<std::string, std::string> metadata = statistics_.ToMetadata();
    metadata.emplace(kDocumentKey, document.ToJson());
    metadata.insert(options_.metadata.begin(), options_.metadata.end());
    EDB_TRY(Emit(EncodeFooter(kRecordSchema, row_groups_, metadata)));
    return file_->Commit();
  }

  /// In slices, because the file copies what it is given into a buffer.
  Status Emit(std::string_view data) {
    while (!data.empty()) {
      const std::string_view slice = data.substr(0, kSliceBytes);
      EDB_TRY(file_->Append(slice));
      offset_ += static_cast<std::int64_t>(slice.size());
      data.remove_prefix(slice.size());
    }
    return Status();
  }

  template <std::size_t... I>
  std::array<ColumnWriter, kColumnCount> MakeColumns(std::index_sequence<I...> /*indices*/) {
    return {ColumnWriter(kLeafColumns[I], zstd_)...};
  }

  std::unique_ptr<Env> env_;  ///< may be null; before the file that came from it
  std::unique_ptr<AtomicFile> file_;
  ParquetWriteOptions options_;
  ZstdCompressor zstd_;
  std::array<ColumnWriter, kColumnCount> columns_ =
      MakeColumns(std::make_index_sequence<kColumnCount>());
  ParquetStatistics statistics_;
  DocumentBuilder document_;
  std::vector<RowGroupInfo> row_groups_;
  std::int64_t offset_ = 0;
  std::int64_t rows_ = 0;
  std::int64_t group_rows_ = 0;
  std::int64_t group_bytes_ = 0;
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
