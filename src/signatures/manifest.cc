// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/manifest.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "embeddingsdb/parquet.h"

#include "core/text.h"
#include "parquet/key_table.h"
#include "signatures/manifest_file.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

/// Every leaf of a manifest, when its statement is by the key and true.
Result<std::vector<Digest>> ReadSignedLeaves(const std::string& path, const Verifier& verifier) {
  EDB_ASSIGN(ManifestReader reader, ManifestReader::Open(path));
  EDB_ASSIGN(const ManifestStatement statement, reader.ReadStatement(verifier));
  ManifestHasher hasher;
  MerkleTree tree;
  std::vector<Digest> leaves;
  ManifestRow row;
  while (true) {
    EDB_ASSIGN(const bool more, reader.Next(row));
    if (!more) {
      break;
    }
    leaves.push_back(hasher.Leaf(row));
    tree.Add(leaves.back());
  }
  const ManifestStatement found = ManifestStatement::Of(tree);
  if (found.rows == statement.rows && found.root == statement.root) {
    return leaves;
  }
  std::string message = Concat(reader.name(), " was changed after it was signed: it has ",
                               found.rows, " rows, ", statement.rows, " were signed");
  const auto [ours, theirs] = std::ranges::mismatch(found.blocks, statement.blocks);
  if (ours != found.blocks.end() && theirs != statement.blocks.end()) {
    const std::int64_t first = (ours - found.blocks.begin()) * kManifestBlockRows;
    message += Concat("; the first that differ are among rows ", first, " to ",
                      std::min(first + kManifestBlockRows, found.rows) - 1);
  }
  return DataLossError(std::move(message));
}

/// Finds out what happened between a list of leaves and another.
class Comparison {
 public:
  Comparison(const std::vector<Digest>& before, const std::vector<Digest>& now)
      : before_(before),
        origin_(now.size(), kNowhere),
        still_there_(before.size()),
        moved_(now.size()) {
    Match(now);
    FindMoved();
  }

  /// Where the leaf `row` of now was; kNowhere when it is a new one.
  std::size_t origin(std::size_t row) const { return origin_[row]; }
  std::size_t rows_before() const { return before_.size(); }
  std::size_t rows_now() const { return origin_.size(); }
  bool still_there(std::size_t row) const { return still_there_[row]; }
  bool moved(std::size_t row) const { return moved_[row]; }

 private:
  void Match(const std::vector<Digest>& now) {
    std::vector<std::size_t> sorted(before_.size());
    std::iota(sorted.begin(), sorted.end(), std::size_t{0});
    std::ranges::sort(sorted, [this](std::size_t a, std::size_t b) {
      return std::pair(before_[a], a) < std::pair(before_[b], b);
    });
    for (std::size_t row = 0; row < now.size(); ++row) {
      // Of equal leaves each stands for one only.
      auto found = std::ranges::lower_bound(sorted, now[row], {},
                                            [this](std::size_t i) { return before_[i]; });
      while (found != sorted.end() && before_[*found] == now[row] && still_there_[*found]) {
        ++found;
      }
      if (found != sorted.end() && before_[*found] == now[row]) {
        origin_[row] = *found;
        still_there_[*found] = true;
      }
    }
  }

  /// The longest run of rows that are in their old order stays; all others were moved.
  void FindMoved() {
    std::vector<std::size_t> tails;  // rows: of the runs of each length the one that ends lowest
    std::vector<std::size_t> previous(origin_.size(), kNowhere);
    for (std::size_t row = 0; row < origin_.size(); ++row) {
      if (origin_[row] == kNowhere) {
        continue;
      }
      const auto place = std::ranges::lower_bound(tails, origin_[row], {},
                                                  [this](std::size_t i) { return origin_[i]; });
      if (place != tails.begin()) {
        previous[row] = *std::prev(place);
      }
      if (place == tails.end()) {
        tails.push_back(row);
      } else {
        *place = row;
      }
      moved_[row] = true;
    }
    std::size_t row = tails.empty() ? kNowhere : tails.back();
    for (; row != kNowhere; row = previous[row]) {
      moved_[row] = false;
    }
  }

  const std::vector<Digest>& before_;
  std::vector<std::size_t> origin_;
  std::vector<bool> still_there_;
  std::vector<bool> moved_;
};

Status FileChanged(const std::string& path) {
  return FailedPreconditionError(Concat(QuoteWhole(path), " changed while it was read"));
}

/// A signed row that is no longer there as it was.
struct LostRow {
  Digest vector;
  Digest facts;
  bool changed = false;  ///< its key is still there
};

/// Gives names to what a comparison found, for which both files are read again.
class Naming {
 public:
  Naming(const Comparison& comparison, std::size_t max_named)
      : comparison_(comparison), max_named_(max_named) {}

  Result<ManifestReport> Run(const std::string& input, const std::string& manifest) {
    EDB_TRY(ForLostRows(manifest, [this](std::size_t /*row*/, const ManifestRow& signed_row) {
      lost_.TryEmplace(signed_row.key, {.vector = signed_row.vector, .facts = signed_row.facts});
      ++report_.missing;  // until its key is found
    }));
    EDB_TRY(ForRows(input));
    EDB_TRY(ForLostRows(manifest, [this](std::size_t row, const ManifestRow& signed_row) {
      const auto [lost, added] = lost_.TryEmplace(signed_row.key, {});
      if (!lost->changed) {
        Name(row, signed_row.key, Change::kMissing, "it was in this row");
      }
    }));
    return std::move(report_);
  }

 private:
  template <typename Work>
  Status ForLostRows(const std::string& manifest, const Work& work) {
    EDB_ASSIGN(ManifestReader reader, ManifestReader::Open(manifest));
    ManifestRow signed_row;
    for (std::size_t row = 0;; ++row) {
      EDB_ASSIGN(const bool more, reader.Next(signed_row));
      if (more != (row < comparison_.rows_before())) {
        return FileChanged(manifest);
      }
      if (!more) {
        return Status();
      }
      if (!comparison_.still_there(row)) {
        work(row, signed_row);
      }
    }
  }

  Status ForRows(const std::string& input) {
    EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(input));
    Record record;
    for (std::size_t row = 0;; ++row) {
      EDB_ASSIGN(const bool more, reader->Next(record));
      if (more != (row < comparison_.rows_now())) {
        return FileChanged(input);
      }
      if (!more) {
        return Status();
      }
      ++report_.count;
      if (comparison_.origin(row) == kNowhere) {
        NewRow(row, record);
      } else if (comparison_.moved(row)) {
        ++report_.moved;
        Name(row, record.key, Change::kMoved, Concat("it was row ", comparison_.origin(row)));
      } else {
        ++report_.valid;
      }
    }
  }

  /// A row that was not signed: a changed one when a lost row has its key.
  void NewRow(std::size_t row, const Record& record) {
    // What is not lost counts as changed already, so that nothing is taken for its change.
    const auto [lost, unknown] =
        lost_.TryEmplace(record.key, {.vector = Digest(), .facts = Digest(), .changed = true});
    if (lost->changed) {
      ++report_.added;
      Name(row, record.key, Change::kAdded,
           unknown ? "it was not signed" : "its key is there twice");
      return;
    }
    lost->changed = true;
    ++report_.changed;
    --report_.missing;
    ManifestRow found;
    hasher_.Fill(record, found);
    const bool facts = found.facts != lost->facts;
    Name(row, record.key, Change::kChanged,
         found.vector == lost->vector ? "its subject, time or attributes differ"
         : facts                      ? "its vector differs, and its subject, time or attributes"
                                      : "its vector differs");
  }

  void Name(std::size_t row, const Key& key, Change change, std::string detail) {
    if (report_.named.size() < max_named_) {
      report_.named.push_back({.row = static_cast<std::int64_t>(row),
                               .key = key,
                               .change = change,
                               .detail = std::move(detail)});
    }
  }

  const Comparison& comparison_;
  std::size_t max_named_;
  ManifestHasher hasher_;
  KeyTable<LostRow> lost_;
  ManifestReport report_;
};

/// Calls `use` with each record of a Parquet file as the row of a manifest.
template <typename Use>
Status ForEachRow(const std::string& input, ManifestHasher& hasher, const Use& use) {
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(input));
  Record record;
  ManifestRow row;
  while (true) {
    EDB_ASSIGN(const bool more, reader->Next(record));
    if (!more) {
      return Status();
    }
    hasher.Fill(record, row);
    EDB_TRY(use(row));
  }
}

}  // namespace

std::string_view ChangeName(Change change) {
  switch (change) {
    case Change::kChanged:
      return "changed";
    case Change::kAdded:
      return "added";
    case Change::kMoved:
      return "moved";
    case Change::kMissing:
      return "missing";
  }
  return "unknown";
}

Result<Manifest> WriteManifest(const std::string& input, std::unique_ptr<AtomicFile> output,
                               const Signer& signer) {
  ManifestWriter writer(std::move(output));
  ManifestHasher hasher;
  EDB_TRY(ForEachRow(input, hasher, [&](const ManifestRow& row) { return writer.Write(row); }));
  EDB_TRY(writer.Finish(signer));
  return Manifest{.rows = writer.statement().rows, .root = ToHex(writer.statement().root)};
}

Result<ManifestReport> VerifyManifest(const std::string& input, const std::string& manifest,
                                      const Verifier& verifier, std::size_t max_named) {
  EDB_ASSIGN(const std::vector<Digest> before, ReadSignedLeaves(manifest, verifier));
  ManifestHasher hasher;
  std::vector<Digest> now;
  now.reserve(before.size());
  EDB_TRY(ForEachRow(input, hasher, [&](const ManifestRow& row) {
    now.push_back(hasher.Leaf(row));
    return Status();
  }));
  if (now == before) {
    const auto count = static_cast<std::int64_t>(now.size());
    return ManifestReport{.count = count, .valid = count};
  }
  const Comparison comparison(before, now);
  return Naming(comparison, max_named).Run(input, manifest);
}

}  // namespace embeddingsdb
