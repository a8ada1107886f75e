// SPDX-License-Identifier: BSD-3-Clause
//
// The document under the metadata key `embeddings`: what is in a Parquet file, for programs that
// read its footer only (docs/parquet.md).
#ifndef EMBEDDINGSDB_PARQUET_EMBEDDINGS_DOCUMENT_H_
#define EMBEDDINGSDB_PARQUET_EMBEDDINGS_DOCUMENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/parquet.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

inline constexpr std::string_view kDocumentKey = "embeddings";

/// A vector counts as normalised when its length differs from 1 by at most this. What normalising
/// in float32 or float16 leaves is less.
inline constexpr double kNormalisedTolerance = 0.001;

/// True for the keys whose values come from the rows: those of ParquetStatistics and kDocumentKey.
bool IsDerivedMetadata(std::string_view key);

struct DocumentModel {
  std::string name;
  std::string digest;  ///< empty: not known
  std::int64_t dimensions = 0;
  std::string metric;              ///< empty: not known
  std::optional<bool> normalised;  ///< all vectors have the length 1
  std::optional<std::int64_t> records;

  bool operator==(const DocumentModel&) const = default;
};

struct EmbeddingsDocument {
  std::string version = "1.0";
  std::vector<DocumentModel> models;   ///< in the order of first appearance
  std::vector<std::string> providers;  ///< likewise
  std::string licence;                 ///< empty: not known
  std::string created_by;              ///< the program

  /// One line of JSON, fields in a fixed order; what is not known is left out.
  std::string ToJson() const;
  /// kInvalidArgument, naming the field, for text that is no such document; kUnimplemented for a
  /// version that is not 1.x; kResourceExhausted above kMaxDocumentBytes. Unknown fields are fine.
  static Result<EmbeddingsDocument> FromJson(std::string_view json);
  /// The part of it that does not come from the rows.
  ParquetFacts Facts() const;

  bool operator==(const EmbeddingsDocument&) const = default;
};

/// Gathers what a document says of the rows. One thread at a time.
class DocumentBuilder {
 public:
  DocumentBuilder() = default;
  DocumentBuilder(const DocumentBuilder&) = delete;
  DocumentBuilder& operator=(const DocumentBuilder&) = delete;
  ~DocumentBuilder() = default;

  void Add(const Record& record);
  /// `statistics` are those of the same rows. kInvalidArgument for facts about a model that no row
  /// has.
  Result<EmbeddingsDocument> Build(const ParquetStatistics& statistics,
                                   const ParquetFacts& facts) const;

 private:
  struct Model {
    std::int64_t records = 0;
    bool normalised = true;
  };

  std::map<std::string, Model, std::less<>> models_;
  std::map<std::string, Model, std::less<>>::iterator last_ = models_.end();
};

/// kInvalidArgument, naming the field, the value and the limit, unless the licence is one line of
/// at most kMaxLicenceBytes, digests look like "sha256:9f86d0..." and metrics are known.
Status CheckFacts(const ParquetFacts& facts);

/// What the files of a merge say about their models and their licence, put together.
class FactsMerger {
 public:
  /// `wanted` wins over what files say.
  explicit FactsMerger(ParquetFacts wanted) : wanted_(std::move(wanted)) {}

  /// `document` is that of a file with rows of these `models`, or null; `name` the file's, quoted.
  /// kInvalidArgument when it says something else about a model than a file before: under one name
  /// there would be two models.
  Status Add(const EmbeddingsDocument* document, const std::vector<std::string>& models,
             const std::string& name);
  /// What all files that have the model, or have any row, agree on. Without models not in `kept`.
  ParquetFacts Finish(const std::vector<std::string>& kept) const;

 private:
  struct Said {
    std::string value;  ///< empty: nothing
    std::string name;   ///< of the file that said it
    bool by_all = true;
  };
  struct ModelSaid {
    Said digest;
    Said metric;
  };

  static Status Agree(Said& said, std::string_view what, const std::string& value,
                      const std::string& name);

  ParquetFacts wanted_;
  std::map<std::string, ModelSaid> models_;
  Said licence_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_EMBEDDINGS_DOCUMENT_H_
