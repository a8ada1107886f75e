// SPDX-License-Identifier: BSD-3-Clause
//
// IndexSet: one vector index a model, with what filters and answers need to know about each row
// (provider, depiction id and details). The same for all embedded engines. Graphs for large models
// are built by a thread in the background; until a row is in one, searches compare it exactly.
#ifndef EMBEDDINGSDB_INDEX_INDEX_SET_H_
#define EMBEDDINGSDB_INDEX_INDEX_SET_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"

#include "index/hnsw_graph.h"
#include "index/row_details.h"

namespace embeddingsdb {

class IndexFile;
class Logger;
class ModelIndex;
class VectorCodec;
struct IndexFileContents;

/// A search within one model.
struct IndexQuery {
  std::span<const float> embedding;  ///< borrowed for the call
  int k = 10;
  float max_distance = 0;                    ///< +infinity: no limit
  std::optional<std::string_view> provider;  ///< only rows of this provider
  std::span<const std::string> exclude;      ///< depiction ids to leave out
  const Key* exclude_record = nullptr;       ///< one record to leave out
  bool exact = false;                        ///< compare all vectors, also where there is a graph
  const std::vector<RowId>* rows = nullptr;  ///< the only rows allowed, ascending; null: all
  /// To be satisfied as well, by what the index knows of the rows; null: none. Not with `rows`.
  const std::vector<Filter>* filters = nullptr;
};

/// Keeps the indexes of one database in files. Safe for concurrent use; outlives the set.
class IndexFiles {
 public:
  virtual ~IndexFiles() = default;
  virtual bool writable() const = 0;
  /// The index that was written last for the model. kNotFound when there is none that can be used;
  /// what is there nevertheless is set aside.
  virtual Result<std::shared_ptr<const IndexFile>> Open(std::string_view model,
                                                        const VectorCodec& codec) = 0;
  /// Writes an index in the place of the one before.
  virtual Result<std::shared_ptr<const IndexFile>> Write(std::string_view model,
                                                         const VectorCodec& codec,
                                                         const IndexFileContents& contents,
                                                         CodeView codes) = 0;
};

struct IndexSetOptions {
  Metric metric = Metric::kL2;
  IndexMode mode = IndexMode::kAuto;
  Precision precision = Precision::kBf16;  ///< of the codes that vectors are compared by
  IndexFiles* files = nullptr;             ///< null: indexes are in memory only
  Logger* log = nullptr;                   ///< null: nobody is told
  /// New rows, or removed ones, up to this many are not worth building anything.
  std::size_t least_growth = 1'024;
};

/// A row to add, and the one it takes the place of. Borrows everything.
struct IndexRow {
  const Key* key = nullptr;
  RowId row = 0;
  std::optional<RowId> replaced;
  std::span<const float> vector;
  std::string_view details = "";  ///< as a RowDetailsWriter writes them
};

struct IndexHit {
  RowId row = 0;
  float distance = 0;
  Key key;
  /// See RowDetails. Empty when the index does not keep them, and when the distances were found by
  /// reading: whoever has the vectors has the records.
  std::string details = {};
};

/// Safe for concurrent use: searches run together, changes exclude them briefly and are not starved
/// by them. Models come into being by Load and are only then kept up to date by AddBatch and
/// Remove.
class IndexSet {
 public:
  explicit IndexSet(const IndexSetOptions& options) : options_(options) {}
  IndexSet(const IndexSet&) = delete;
  IndexSet& operator=(const IndexSet&) = delete;
  ~IndexSet();

  bool IsLoaded(std::string_view model) const;

  using RowSink = std::function<Status(const StoredRow& row)>;
  /// A model in the record store, where nothing changes while it is loaded.
  struct Source {
    int dimension = 0;
    std::size_t rows = 0;  ///< how many there are; asked only when there is a file
    /// Hands over the rows with ids larger than `after`, which ascend.
    std::function<Status(RowId after, const RowSink& sink)> visit;
    /// The ids of all rows up to `last`, ascending; asked only when there is a file.
    std::function<Result<std::vector<RowId>>(RowId last)> list;
  };
  /// Loads a model, from its file as far as that has it. On error the model stays unloaded.
  Status Load(std::string_view model, const Source& source);

  /// Adds rows, each after removing the one it replaces, up to the first error. Rows of models that
  /// are not loaded are passed over. A model whose last row has gone takes vectors of any length
  /// again. Searches wait once for each run of rows of one model, not for each row, and see the run
  /// whole. After an error models may lack rows: unload them.
  Status AddBatch(std::span<const IndexRow> rows);
  void Remove(std::string_view model, RowId row);
  /// Forgets a model, or everything; it must be loaded again before it is searched.
  void Unload(std::string_view model);
  void Clear();
  /// Forgets everything and builds nothing any more; returns when nothing is being built.
  void Stop();

  /// Reads the vectors of rows in the record store: one a row, empty when the row is gone. They are
  /// valid until the next call.
  using VectorReader =
      std::function<Result<std::vector<std::span<const float>>>(std::span<const IndexHit> rows)>;
  /// The nearest rows, by distance and then key; nothing when a row that may be among them is gone
  /// from the store, or when the index knows too little for the filters. Distances are those of the
  /// vectors that `read` gives, which is asked for few more than k, and for none with
  /// Precision::kF32. It is called without a lock. kFailedPrecondition when the model is not
  /// loaded; kInvalidArgument when the query has another length than the model's vectors.
  Result<std::optional<std::vector<IndexHit>>> Search(std::string_view model,
                                                      const IndexQuery& query,
                                                      const VectorReader& read) const;

  /// Rows of a loaded model; for Verify.
  std::size_t size(std::string_view model) const;
  /// Rows of a loaded model that its graph leads to, gone ones among them. Grows in the background
  /// up to nearly all.
  std::size_t graph_size(std::string_view model) const;
  /// Rows of a loaded model that are in its file.
  std::size_t file_size(std::string_view model) const;
  std::size_t memory_bytes() const;

  /// What there is of a loaded model.
  struct Stats {
    std::size_t rows = 0;        ///< without those that are gone
    std::size_t gone = 0;        ///< rows that still take room
    std::size_t graph_rows = 0;  ///< as graph_size
    std::size_t file_rows = 0;   ///< as file_size
    std::size_t tail_rows = 0;   ///< behind those of the graph, or without one of the file
    std::size_t memory_bytes = 0;
  };
  /// Nothing for a model that is not loaded.
  std::optional<Stats> StatsOf(std::string_view model) const;

  /// Whether a model of so many rows is worth a graph or a file.
  bool IsWorthwhile(std::size_t rows) const;
  /// As Load, but without the file, and in the place of what is loaded. Build has to follow.
  Status LoadAnew(std::string_view model, const Source& source);
  /// Builds graph and file of a model that LoadAnew has loaded; returns when they are written.
  /// Searches and changes go on. kCancelled when the model is unloaded meanwhile.
  Status Build(std::string_view model);

 private:
  using Models = std::map<std::string, std::shared_ptr<ModelIndex>, std::less<>>;

  std::shared_ptr<ModelIndex> Find(std::string_view model) const;
  std::vector<std::pair<std::string, std::shared_ptr<ModelIndex>>> All() const;
  void Install(std::string_view model, std::shared_ptr<ModelIndex> loaded);
  Result<std::shared_ptr<ModelIndex>> LoadFile(std::string_view model, const Source& source) const;
  /// Tells the growing thread that there may be new rows.
  void Wake();
  void Grow(const std::stop_token& stop);
  bool GrowOne(const std::string& model, ModelIndex& index, std::size_t threads,
               const std::stop_token& stop);

  const IndexSetOptions options_;
  mutable std::shared_mutex mutex_;
  Models models_;  // guarded by mutex_

  std::mutex work_mutex_;
  std::condition_variable_any work_;
  bool pending_ = false;  // guarded by work_mutex_
  bool stopped_ = false;  // guarded by work_mutex_
  std::jthread worker_;   // started by the first row that may be worth a graph
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_INDEX_SET_H_
