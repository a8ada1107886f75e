// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_STORED_INDEX_FILES_H_
#define EMBEDDINGSDB_ENGINES_STORED_INDEX_FILES_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/registry.h"

#include "engines/record_store.h"
#include "engines/write_queue.h"
#include "index/index_file.h"
#include "index/index_set.h"

namespace embeddingsdb {

/// Index files in the folder that a record store names, one a model. Each carries a random stamp,
/// which the store keeps too: so a file that belongs to another database, or to another moment of
/// this one (one of the two was restored from a copy), is told from the right one. What cannot be
/// used is renamed to *.unusable, one at most for each model, and the log says why.
class StoredIndexFiles final : public IndexFiles {
 public:
  /// Everything passed outlives it. `write_mutex` is held by whoever changes the store, and by the
  /// caller of Open.
  StoredIndexFiles(RecordStore& store, WriteQueue& write_mutex, bool read_only,
                   const Context& context);

  /// False for a store without a folder.
  bool usable() const { return !folder_.empty(); }
  bool writable() const override { return !read_only_; }
  Result<std::shared_ptr<const IndexFile>> Open(std::string_view model,
                                                const VectorCodec& codec) override;
  Result<std::shared_ptr<const IndexFile>> Write(std::string_view model, const VectorCodec& codec,
                                                 const IndexFileContents& contents,
                                                 CodeView codes) override;

  /// What the file of a model says of itself, when it is the one that the store knows. It is not
  /// read beyond its end, nor set aside when there is something wrong with it.
  std::optional<IndexFileSummary> Peek(std::string_view model);
  /// Bytes of a model's file; 0: there is none.
  std::int64_t BytesOf(std::string_view model) const;
  /// Bytes of all files in the folder.
  std::int64_t Bytes() const;
  /// Deletes a model's file; whoever has it mapped keeps it.
  Status Remove(std::string_view model);
  /// Deletes what has been set aside, and the files of models that are not among `models`.
  Status RemoveOthers(const std::vector<std::string>& models);

 private:
  std::string PathOf(std::string_view model) const;
  void SetAside(std::string_view model, const Status& why);
  void RemoveLeftovers();

  RecordStore& store_;
  WriteQueue& write_mutex_;
  const bool read_only_;
  const Context context_;
  const std::string folder_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_STORED_INDEX_FILES_H_
