// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/validate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/parquet.h"

#include "core/text.h"
#include "parquet/embeddings_document.h"
#include "parquet/key_table.h"
#include "parquet/parquet_columns.h"
#include "parquet/parquet_file.h"
#include "parquet/parquet_layout.h"
#include "parquet/row_reader.h"

namespace embeddingsdb {

namespace {

using Kind = FileProblemKind;

constexpr std::array<std::string_view, 15> kKindNames = {
    "file",          "layout", "missing-column", "column-type", "extra-column",
    "empty-key",     "key",    "non-finite",     "vector",      "dimensions",
    "duplicate-key", "value",  "metadata",       "statistics",  "document"};

/// Whether the file can be judged at all.
bool IsVerdict(const Status& status) {
  return status.code() == StatusCode::kInvalidArgument || status.code() == StatusCode::kDataLoss;
}

/// The sentence without the name of the file, which whoever prints it knows better.
std::string WithoutName(const std::string& message, const std::string& name) {
  std::string_view rest = message;
  if (!rest.starts_with(name)) {
    return message;
  }
  rest.remove_prefix(name.size());
  return rest.starts_with(": ") ? std::string(rest.substr(2)) : Concat("it", rest);
}

std::vector<std::string> Parts(std::string_view joined) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = std::min(joined.find(';'), joined.size());
    parts.emplace_back(joined.substr(0, end));
    if (end == joined.size()) {
      break;
    }
    joined.remove_prefix(end + 1);
  }
  std::ranges::sort(parts);
  return parts;
}

class Validator {
 public:
  explicit Validator(const std::string& path) : path_(path), name_(QuoteWhole(path)) {}

  Result<FileReport> Run() {
    if (const Status status = Check(); IsVerdict(status)) {
      Problem(Kind::kFile, WithoutName(status.message(), name_));
    } else if (!status.ok()) {
      return status;
    }
    return std::move(report_);
  }

 private:
  struct Dimensions {
    std::size_t count;
    std::int64_t row;
  };

  void Problem(Kind kind, std::string sentence) {
    if (++counts_[kind] <= static_cast<std::int64_t>(kMaxFileProblems)) {
      report_.problems.push_back({.kind = kind, .sentence = std::move(sentence)});
    } else {
      ++report_.not_shown[kind];
    }
  }
  void Note(Kind kind, std::string sentence) {
    if (report_.notes.size() < kMaxFileProblems) {
      report_.notes.push_back({.kind = kind, .sentence = std::move(sentence)});
    }
  }
  void RowProblem(Kind kind, std::int64_t row, std::string_view what) {
    Problem(kind, Concat("row ", row, ": ", what));
  }

  /// An error that IsVerdict is a problem like others: the last one.
  Status Check() {
    EDB_ASSIGN(ParquetFile file, ParquetFile::Open(path_));
    EDB_ASSIGN(const ParquetLayout layout, ReadLayout(file));
    CheckLayout(layout);
    if (!layout.problems.empty()) {
      return Status();  // whatever else comes of such a footer is no news
    }
    EDB_ASSIGN(reader_, RowReader::Open(std::move(file)));
    if (!CheckColumns()) {
      return Status();
    }
    EDB_TRY(reader_->Start());
    EDB_TRY(CheckRows());
    CheckMetadata();
    return Status();
  }

  void CheckLayout(const ParquetLayout& layout) {
    for (const std::string& problem : layout.problems) {
      Problem(Kind::kLayout, problem);
    }
    if (layout.more_problems > 0) {
      report_.not_shown[Kind::kLayout] += layout.more_problems;
    }
    std::set<std::string> keys;
    for (const auto& [key, value] : layout.metadata) {
      if (!keys.insert(key).second) {
        Problem(Kind::kMetadata, Concat("the metadata key ", Quote(key), " is there twice"));
      }
    }
  }

  /// Whether rows can be read.
  bool CheckColumns() {
    const std::map<std::string, std::string>& columns = reader_->columns();
    std::vector<ColumnProblem> problems = ColumnProblems(columns);
    for (ColumnProblem& problem : problems) {
      Problem(problem.missing ? Kind::kMissingColumn : Kind::kColumnType,
              std::move(problem.sentence));
    }
    for (const auto& [name, type] : columns) {
      if (std::ranges::find(kRecordColumns, name) == kRecordColumns.end()) {
        Note(Kind::kExtraColumn, Concat("the column ", Quote(name), " (", type,
                                        ") is none of a record, it is ignored"));
      }
    }
    for (const std::string_view name : kRecordColumns) {
      const auto found = columns.find(std::string(name));
      if (found == columns.end() && problems.empty()) {
        Note(Kind::kMissingColumn, Concat("there is no column ", name, ", it is read as empty"));
      } else if (found != columns.end() && found->second == "DOUBLE[]") {
        Note(Kind::kColumnType, "the vectors are DOUBLE, they are rounded to 32 bits when read");
      }
    }
    return problems.empty();
  }

  Status CheckRows() {
    Record record;
    while (true) {
      Status row;
      Result<bool> more = reader_->Next(record, row);
      if (!more.ok()) {
        complete_ = false;
        return more.status();
      }
      if (!*more) {
        return Status();
      }
      ++report_.rows;
      if (!row.ok()) {
        complete_ = false;
        RowProblem(Kind::kValue, reader_->row(), row.message());
        continue;
      }
      CheckRecord(record, reader_->row());
    }
  }

  void CheckRecord(const Record& record, std::int64_t row) {
    if (const Status status = Validate(record); !status.ok()) {
      RowProblem(KindOf(record), row, status.message());
    }
    const auto [known, first] = dimensions_.try_emplace(
        record.key.model, Dimensions{.count = record.embedding.size(), .row = row});
    if (!first && known->second.count != record.embedding.size()) {
      RowProblem(
          Kind::kDimensions, row,
          Concat("model ", Quote(record.key.model), " has ", record.embedding.size(),
                 " dimensions, in row ", known->second.row, " it has ", known->second.count));
    }
    const auto [earlier, added] = keys_.TryEmplace(record.key, row);
    if (!added) {
      RowProblem(Kind::kDuplicateKey, row,
                 Concat("provider ", Quote(record.key.provider), ", depiction_id ",
                        Quote(record.key.depiction_id), ", model ", Quote(record.key.model),
                        " is in row ", *earlier, " already"));
    }
    statistics_.Add(record);
    document_.Add(record);
  }

  /// Which part of an invalid record Validate complained of.
  static Kind KindOf(const Record& record) {
    const Key& key = record.key;
    if (key.provider.empty() || key.depiction_id.empty() || key.model.empty()) {
      return Kind::kEmptyKey;
    }
    if (!ValidateKey(key).ok()) {
      return Kind::kKey;
    }
    if (!ValidateName("subject_id", record.subject_id, kMaxSubjectIdBytes, true).ok() ||
        ValidateEmbedding(record.embedding).ok()) {
      return Kind::kValue;
    }
    const bool finite =
        std::ranges::all_of(record.embedding, [](float x) { return std::isfinite(x); });
    return finite ? Kind::kVector : Kind::kNonFinite;
  }

  void CheckMetadata() {
    if (!complete_) {
      return Note(
          Kind::kMetadata,
          "statistics and document were not compared with the rows, which cannot all be read");
    }
    CheckStatistics();
    const auto text = reader_->metadata().find(std::string(kDocumentKey));
    if (text == reader_->metadata().end()) {
      return Note(Kind::kDocument,
                  Concat("there is no document under the metadata key ", Quote(kDocumentKey)));
    }
    const Result<EmbeddingsDocument> document = EmbeddingsDocument::FromJson(text->second);
    if (!document.ok()) {
      return Problem(Kind::kDocument,
                     Concat("the document under the metadata key ", Quote(kDocumentKey),
                            " is not one: ", document.status().message()));
    }
    CheckDocument(*document);
  }

  void CheckStatistics() {
    std::map<std::string, std::string> there = reader_->metadata();
    std::erase_if(there, [](const auto& pair) {
      return pair.first == kDocumentKey || !IsDerivedMetadata(pair.first);
    });
    if (there.empty() && report_.rows > 0) {
      return Note(Kind::kStatistics, "there are no statistics; parquet-append-stats adds them");
    }
    const std::map<std::string, std::string> expected = statistics_.ToMetadata();
    for (const auto& [key, value] : expected) {
      const auto found = there.find(key);
      if (found == there.end()) {
        // go-embeddingsdb began to write dimensions later than the rest.
        if (!key.ends_with(":dimensions")) {
          Problem(Kind::kStatistics, Concat("the metadata key ", Quote(key),
                                            " is missing, the rows say ", Quote(value)));
        }
      } else if (Parts(found->second) != Parts(value)) {
        Problem(Kind::kStatistics, Concat("the metadata key ", Quote(key), " says ",
                                          Quote(found->second), ", the rows say ", Quote(value)));
      }
    }
    for (const auto& [key, value] : there) {
      if (!expected.contains(key)) {
        Problem(Kind::kStatistics,
                Concat("the metadata key ", Quote(key), " is about what no row has"));
      }
    }
  }

  void Disagree(const std::string& what, std::string_view document, std::string_view rows) {
    Problem(Kind::kDocument,
            Concat(what, " in the document is ", document, ", the rows say ", rows));
  }

  void CheckDocument(const EmbeddingsDocument& document) {
    const Result<EmbeddingsDocument> expected = document_.Build(statistics_, {});
    if (!expected.ok()) {
      return Problem(Kind::kDocument, expected.status().message());
    }
    if (std::set(document.providers.begin(), document.providers.end()) !=
        std::set(statistics_.providers.begin(), statistics_.providers.end())) {
      Problem(Kind::kDocument,
              Concat("the document names ", document.providers.size(), " providers, the rows have ",
                     statistics_.providers.size(), " or others"));
    }
    std::map<std::string, const DocumentModel*> said;
    for (const DocumentModel& model : document.models) {
      said[model.name] = &model;
      if (!statistics_.model_dimensions.contains(model.name)) {
        Problem(Kind::kDocument,
                Concat("the document has the model ", Quote(model.name), ", which no row has"));
      }
    }
    for (const DocumentModel& model : expected->models) {
      const auto found = said.find(model.name);
      if (found == said.end()) {
        Problem(Kind::kDocument,
                Concat("the document lacks the model ", Quote(model.name), " of the rows"));
        continue;
      }
      CheckDocumentModel(*found->second, model);
    }
    if (const Status status = CheckFacts(document.Facts()); !status.ok()) {
      Problem(Kind::kDocument, Concat("the document: ", status.message()));
    }
  }

  void CheckDocumentModel(const DocumentModel& said, const DocumentModel& rows) {
    const std::string model = Concat(" of model ", Quote(rows.name));
    if (said.dimensions != rows.dimensions) {
      Disagree("dimensions" + model, std::to_string(said.dimensions),
               std::to_string(rows.dimensions));
    }
    if (said.records && *said.records != rows.records.value_or(0)) {
      Disagree("records" + model, std::to_string(*said.records),
               std::to_string(rows.records.value_or(0)));
    }
    // Vectors that somebody else calls normalised may be so to another tolerance: it is no problem
    // to say less than is true.
    if (said.normalised.value_or(false) && !rows.normalised.value_or(false)) {
      Disagree("normalised" + model, "normalised", "not normalised");
    }
  }

  const std::string& path_;
  std::string name_;
  FileReport report_;
  std::map<Kind, std::int64_t> counts_;
  std::unique_ptr<RowReader> reader_;
  std::map<std::string, Dimensions> dimensions_;
  KeyTable<std::int64_t> keys_;
  ParquetStatistics statistics_;
  DocumentBuilder document_;
  bool complete_ = true;  // every row has become a record
};

}  // namespace

std::string_view FileProblemKindName(FileProblemKind kind) {
  return kKindNames.at(static_cast<std::size_t>(kind));
}

Result<FileReport> ValidateParquet(const std::string& path) {
  return Validator(path).Run();
}

}  // namespace embeddingsdb
