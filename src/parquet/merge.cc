// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/merge.h"

#include <array>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "core/text.h"
#include "parquet/embeddings_document.h"
#include "parquet/key_table.h"

namespace embeddingsdb {

namespace {

using Metadata = std::map<std::string, std::string>;

constexpr std::string_view kOurMetadata = "embeddingsdb:";
constexpr std::array<std::string_view, 2> kColumnMetadata = {"ARROW:schema", "pandas"};

/// The first of two passes: reads everything, and decides which rows stay.
class Survey {
 public:
  Survey(std::span<const std::string> inputs, const MergeOptions& options)
      : inputs_(inputs),
        on_duplicate_(options.on_duplicate),
        keep_(inputs.size()),
        facts_(options.write.facts) {}

  Status AddInput(std::size_t input) {
    EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(inputs_[input]));
    AddMetadata(reader->metadata());
    ParquetStatistics statistics;
    Record record;
    while (true) {
      EDB_ASSIGN(const bool more, reader->Next(record));
      if (!more) {
        break;
      }
      EDB_TRY(CheckDimensions(record, input));
      EDB_TRY(AddRow(record, input));
      statistics.Add(record);
      ++report_.read;
    }
    // A document that cannot be read says nothing, as one that is not there.
    const auto text = reader->metadata().find(std::string(kDocumentKey));
    Result<EmbeddingsDocument> document =
        EmbeddingsDocument::FromJson(text == reader->metadata().end() ? "" : text->second);
    return facts_.Add(document.ok() ? &*document : nullptr, statistics.models,
                      QuoteWhole(inputs_[input]));
  }

  const MergeReport& report() const { return report_; }
  /// Of one input, row by row.
  const std::vector<bool>& keep(std::size_t input) const { return keep_[input]; }
  /// What all inputs agree on, without ours.
  const Metadata& metadata() const { return metadata_; }
  /// The same of what their documents say, for the models of rows that stay.
  ParquetFacts Facts() const {
    std::vector<std::string> models;
    models.reserve(dimensions_.size());
    for (const auto& [model, dimensions] : dimensions_) {
      models.push_back(model);
    }
    return facts_.Finish(models);
  }

 private:
  struct Row {
    std::size_t input;
    std::size_t row;
    std::int64_t created;
  };
  struct Dimensions {
    std::size_t count;
    std::size_t input;
  };

  Status CheckDimensions(const Record& record, std::size_t input) {
    const std::size_t count = record.embedding.size();
    const auto [known, added] =
        dimensions_.try_emplace(record.key.model, Dimensions{.count = count, .input = input});
    if (added || known->second.count == count) {
      return Status();
    }
    return InvalidArgumentError(Concat("model ", Quote(record.key.model), " has ",
                                       known->second.count, " dimensions in ",
                                       QuoteWhole(inputs_[known->second.input]), " and ", count,
                                       " in ", QuoteWhole(inputs_[input])));
  }

  Status AddRow(const Record& record, std::size_t input) {
    const Row row = {.input = input, .row = keep_[input].size(), .created = record.created};
    keep_[input].push_back(true);
    const auto [found, added] = rows_.TryEmplace(record.key, row);
    if (added) {
      return Status();
    }
    Row& earlier = *found;
    if (on_duplicate_ == OnDuplicate::kFail) {
      return DuplicateError(record.key, earlier, row);
    }
    ++report_.duplicates;
    const bool replace = on_duplicate_ == OnDuplicate::kOverwrite ||
                         (on_duplicate_ == OnDuplicate::kNewest && row.created >= earlier.created);
    const Row& loser = replace ? earlier : row;
    keep_[loser.input][loser.row] = false;
    if (replace) {
      earlier = row;
    }
    return Status();
  }

  Status DuplicateError(const Key& key, const Row& first, const Row& second) const {
    return InvalidArgumentError(
        Concat("the record with provider ", Quote(key.provider), ", depiction_id ",
               Quote(key.depiction_id), ", model ", Quote(key.model), " is in ",
               QuoteWhole(inputs_[first.input]), " (row ", first.row, ") and in ",
               QuoteWhole(inputs_[second.input]), " (row ", second.row, "), counting from 0"));
  }

  void AddMetadata(Metadata metadata) {
    std::erase_if(metadata, [this](const auto& pair) {
      const auto& [key, value] = pair;
      if (key.starts_with(kOurMetadata) || key == kDocumentKey) {
        return true;
      }
      for (const std::string_view name : kColumnMetadata) {
        if (key == name) {
          return true;
        }
      }
      if (!any_metadata_) {
        return false;
      }
      const auto known = metadata_.find(key);
      return known == metadata_.end() || known->second != value;
    });
    metadata_ = std::move(metadata);
    any_metadata_ = true;
  }

  std::span<const std::string> inputs_;
  OnDuplicate on_duplicate_;
  std::vector<std::vector<bool>> keep_;
  KeyTable<Row> rows_;
  std::map<std::string, Dimensions> dimensions_;
  bool any_metadata_ = false;  // of any input so far
  Metadata metadata_;
  FactsMerger facts_;
  MergeReport report_;
};

Status CopyRows(const std::string& input, const std::vector<bool>& keep, ParquetWriter& writer) {
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(input));
  Record record;
  std::size_t row = 0;
  while (true) {
    EDB_ASSIGN(const bool more, reader->Next(record));
    if (!more) {
      break;
    }
    if (row < keep.size() && keep[row]) {
      EDB_TRY(writer.Write(record));
    }
    ++row;
  }
  if (row == keep.size()) {
    return Status();
  }
  return FailedPreconditionError(Concat(QuoteWhole(input), " changed while it was merged"));
}

}  // namespace

Result<MergeReport> MergeParquet(std::span<const std::string> inputs, const std::string& output,
                                 MergeOptions options) {
  if (inputs.size() < 2) {
    return InvalidArgumentError("A minimum of two files to merge are required");
  }
  EDB_TRY(CheckFacts(options.write.facts));  // before the work
  Survey survey(inputs, options);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EDB_TRY(survey.AddInput(i));
  }

  options.write.facts = survey.Facts();
  options.write.metadata.insert(survey.metadata().begin(), survey.metadata().end());
  EDB_ASSIGN(const std::unique_ptr<ParquetWriter> writer,
             ParquetWriter::Create(output, std::move(options.write)));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EDB_TRY(CopyRows(inputs[i], survey.keep(i), *writer));
  }
  EDB_TRY(writer->Finish());
  MergeReport report = survey.report();
  report.written = writer->rows();
  return report;
}

}  // namespace embeddingsdb
