// SPDX-License-Identifier: BSD-3-Clause
//
// IndexFile: an index kept in a file, and used where it lies by mapping it.
//
// The file is derived data: it is written beside its place and renamed, never changed, and may be
// deleted at any time. Layout, all numbers little-endian (docs/formats.md has the table):
//
//   first line  "embeddingsdb index 3\n", zeros up to 64 bytes
//   sections    each at a multiple of 64 bytes; in the order of IndexFileContents, codes last
//   checksums   XXH3-64 of every MiB of what is before
//   trailer     the last 4 KiB: where the sections are, what they are of, the checksum of the
//               checksums and its own
//
// Open reads all of it once and checks every checksum and every number that something else relies
// on, so a damaged file, even a forged one, is refused and cannot make a search read elsewhere.
#ifndef EMBEDDINGSDB_INDEX_INDEX_FILE_H_
#define EMBEDDINGSDB_INDEX_INDEX_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/index.h"

#include "core/env.h"
#include "index/hnsw_graph.h"
#include "index/vector_codec.h"

namespace embeddingsdb {

/// What a file says of an index; all but the codes. Views of the file, or of who writes it.
struct IndexFileContents {
  std::uint64_t stamp = 0;                      ///< of the database's state
  std::span<const RowId> ids;                   ///< ascending
  std::span<const CodeFacts> facts;             ///< a row
  std::span<const std::uint32_t> providers_of;  ///< a row: number of its provider
  std::span<const std::uint64_t> depiction_ends;
  std::string_view depictions;
  std::span<const std::uint64_t> detail_ends;
  std::string_view details;  ///< see RowDetails
  std::span<const std::uint64_t> provider_ends;
  std::string_view provider_names;
  std::span<const Slot> provider_starts;  ///< a provider: where its rows begin, and one at the end
  std::span<const Slot> provider_rows;    ///< slots, provider by provider, ascending
  std::span<const std::uint64_t> gone;    ///< a bit a row
  std::span<const HiddenRow> hidden;      ///< see GraphIndex
  HnswGraph::Parts graph;                 ///< of all rows, or of none
  std::span<const float> centre;          ///< see Sketches; without them empty
  std::span<const std::byte> sketches;    ///< of all rows, or of none
  std::uint64_t expansion = 0;            ///< see GraphIndex
  std::uint64_t measured_rows = 0;        ///< see GraphIndex
  /// Owns what is not in a file.
  std::shared_ptr<const void> owner;
};

/// What the last 4 KiB of a file say of it.
struct IndexFileSummary {
  std::uint64_t stamp = 0;
  Metric metric = Metric::kL2;
  Precision precision = Precision::kBf16;
  int dimension = 0;
  std::size_t rows = 0;
  bool has_graph = false;
};

/// Immutable, safe for concurrent use.
class IndexFile {
 public:
  /// Writes an index of rows with their codes. kResourceExhausted, kUnavailable and so on as Env
  /// has them; then there is no new file.
  static Status Write(Env& env, const std::string& path, const IndexFileContents& contents,
                      const CodeSet& codes);
  /// kNotFound; kFailedPrecondition when the file is of another stamp or of other vectors;
  /// kDataLoss when it is damaged.
  static Result<std::shared_ptr<const IndexFile>> Open(Env& env, const std::string& path,
                                                       const VectorCodec& codec,
                                                       std::uint64_t stamp);

  /// Reads the end of a file, not what is before it. Errors as of Open.
  static Result<IndexFileSummary> Peek(Env& env, const std::string& path);

  std::size_t rows() const { return contents_.ids.size(); }
  const IndexFileContents& contents() const { return contents_; }
  /// rows() codes, one after the other, at a multiple of 4 KiB in the file.
  const std::byte* codes() const { return codes_; }

 private:
  explicit IndexFile(std::unique_ptr<MappedFile> file) : file_(std::move(file)) {}

  std::unique_ptr<MappedFile> file_;
  IndexFileContents contents_;
  const std::byte* codes_ = nullptr;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_INDEX_FILE_H_
