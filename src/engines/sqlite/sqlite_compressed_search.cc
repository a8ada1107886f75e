// SPDX-License-Identifier: BSD-3-Clause
//
// sqlite-vec gives the nearest so many codes of a model or of one of its providers. Exclusions and
// the order of equal distances need more than k of them, so it is asked for more, and where that is
// not enough, every code is compared. Distances of floats are computed again in double precision.
#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "core/text.h"
#include "engines/sqlite/sqlite_compressed_reader.h"
#include "index/distance.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kMaxNearest = 4'096;  // the most that sqlite-vec gives
constexpr std::size_t kMoreThanAsked = 16;  // so that ties at the end seldom take a second look

class Search {
 public:
  Search(const SqliteConnection& connection, SqliteCompression compression,
         const ResolvedSimilarQuery& resolved)
      : connection_(connection),
        compression_(compression),
        query_(*resolved.query),
        k_(static_cast<std::size_t>(resolved.k)),
        max_distance_(resolved.max_distance),
        rows_(resolved.rows),
        code_(MakeCode(compression, query_.embedding)),
        exclude_(query_.exclude) {
    std::sort(exclude_.begin(), exclude_.end());
  }

  Result<std::vector<CompressedHit>> Run() {
    EDB_ASSIGN(const bool found, FindTable());
    if (!found) {
      return std::vector<CompressedHit>();
    }
    EDB_ASSIGN(find_key_, connection_.Prepare("SELECT provider, depiction_id FROM records"
                                              " WHERE id = ? AND model = ?"));
    EDB_ASSIGN(find_code_,
               connection_.Prepare(Concat("SELECT code FROM ", table_, " WHERE rowid = ?")));
    if (rows_ != nullptr) {
      // Which of the nearest are allowed is not for sqlite-vec to say.
      EDB_ASSIGN(const std::vector<Candidate> all, CompareAll());
      return Choose(all, kBeyondAll);
    }
    const std::size_t first =
        std::min(kMaxNearest, 2 * (k_ + exclude_.size() + 1) + kMoreThanAsked);
    for (const std::size_t count : {first, kMaxNearest}) {
      EDB_ASSIGN(const std::vector<Candidate> nearest, Nearest(count));
      const bool all = nearest.size() < count;
      // Other rows may be as near as the last of these.
      const float end = all ? kBeyondAll : nearest.back().distance;
      EDB_ASSIGN(std::vector<CompressedHit> hits, Choose(nearest, end));
      const bool enough = hits.size() == k_ && hits.back().distance < AtLeast(end);
      if (all || enough || AtLeast(end) > max_distance_) {
        return hits;
      }
    }
    EDB_ASSIGN(const std::vector<Candidate> all, CompareAll());
    return Choose(all, kBeyondAll);
  }

 private:
  struct Candidate {
    RowId row = 0;
    float distance = 0;
  };
  static constexpr float kBeyondAll = std::numeric_limits<float>::infinity();

  bool bits() const { return compression_ == SqliteCompression::kQuantize; }

  /// False when the model has never had a record.
  Result<bool> FindTable() {
    EDB_ASSIGN(SqliteStatement model,
               connection_.Prepare("SELECT id, elements FROM compressed_models WHERE model = ?"));
    model.Bind(1, query_.model);
    EDB_ASSIGN(const bool found, model.Step());
    const std::size_t elements = CodeElements(compression_, query_.embedding.size());
    if (!found || static_cast<std::size_t>(model.Integer(1)) != elements) {
      return false;
    }
    table_ = CompressedTable(model.Integer(0));
    return true;
  }

  /// Restricts a question to the rows of the provider, if the query names one.
  std::string_view OfProvider() const {
    return query_.provider ? " rowid IN (SELECT id FROM records WHERE model = ? AND provider = ?)"
                           : " true";
  }
  void BindProvider(SqliteStatement& statement, int parameter) const {
    if (query_.provider) {
      statement.Bind(parameter, query_.model);
      statement.Bind(parameter + 1, *query_.provider);
    }
  }

  /// The `count` nearest codes, nearest first; of equally near ones any.
  Result<std::vector<Candidate>> Nearest(std::size_t count) {
    EDB_ASSIGN(
        SqliteStatement statement,
        connection_.Prepare(Concat("SELECT rowid, distance FROM ", table_, " WHERE code MATCH ",
                                   CodeParameter(compression_), " AND k = ? AND", OfProvider())));
    statement.Bind(1, std::span(code_));
    statement.Bind(2, static_cast<std::int64_t>(count));
    BindProvider(statement, 3);
    return Read(statement);
  }

  /// Every code, nearest first.
  Result<std::vector<Candidate>> CompareAll() {
    EDB_ASSIGN(SqliteStatement statement,
               connection_.Prepare(Concat(
                   "SELECT rowid, ", bits() ? "vec_distance_hamming" : "vec_distance_l2", "(code, ",
                   CodeParameter(compression_), ") FROM ", table_, " WHERE", OfProvider())));
    statement.Bind(1, std::span(code_));
    BindProvider(statement, 2);
    return Read(statement);
  }

  Result<std::vector<Candidate>> Read(SqliteStatement& statement) const {
    std::vector<Candidate> candidates;
    while (true) {
      EDB_ASSIGN(const bool more, statement.Step());
      if (!more) {
        break;
      }
      candidates.push_back(
          {.row = statement.Integer(0), .distance = static_cast<float>(statement.Real(1))});
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return std::pair(a.distance, a.row) < std::pair(b.distance, b.row);
    });
    return candidates;
  }

  /// The k nearest of the candidates that the query allows, in the order of answers. Those from
  /// `end` on are not looked at.
  Result<std::vector<CompressedHit>> Choose(const std::vector<Candidate>& candidates, float end) {
    std::vector<CompressedHit> hits;
    float limit = max_distance_;
    for (const Candidate& candidate : candidates) {
      if (candidate.distance >= end || AtLeast(candidate.distance) > limit) {
        break;
      }
      if (rows_ != nullptr && !std::binary_search(rows_->begin(), rows_->end(), candidate.row)) {
        continue;
      }
      EDB_ASSIGN(Key key, KeyOf(candidate.row));
      if (!Allows(key)) {
        continue;
      }
      EDB_ASSIGN(const float distance, DistanceOf(candidate));
      if (distance <= max_distance_) {
        hits.push_back({{candidate.row, std::move(key)}, distance});
      }
      if (hits.size() == k_) {
        limit = std::min(limit, AtMost(candidate.distance));  // k are as near as this
      }
    }
    std::sort(hits.begin(), hits.end(), [](const CompressedHit& a, const CompressedHit& b) {
      return a.distance != b.distance ? a.distance < b.distance : a.row.key < b.row.key;
    });
    hits.resize(std::min(hits.size(), k_));
    return hits;
  }

  // sqlite-vec adds the squares of at most 512 differences in float32, which errs by less than
  // 2 to the power of -15 of the distance. Bits it counts.
  float AtLeast(float distance) const { return bits() ? distance : distance * (1 - 0x1p-14F); }
  float AtMost(float distance) const { return bits() ? distance : distance * (1 + 0x1p-14F); }

  /// The distance that the answer reports, and that decides its order.
  Result<float> DistanceOf(const Candidate& candidate) {
    if (bits()) {
      return candidate.distance;
    }
    const SqliteResetter resetter(find_code_);
    find_code_.Bind(1, candidate.row);
    EDB_ASSIGN(const bool found, find_code_.Step());
    const std::span<const std::byte> code = find_code_.Blob(0);
    EDB_TRY(find_code_.Check());
    if (!found || code.size() != code_.size()) {
      return DataLossError(Concat("row ", candidate.row, " of table ", table_,
                                  " has no code that can be read; run verify"));
    }
    return ExactDistance(Metric::kL2, Floats(code_), Floats(code));
  }

  static std::vector<float> Floats(std::span<const std::byte> code) {
    std::vector<float> floats(code.size() / sizeof(float));
    std::memcpy(floats.data(), code.data(), floats.size() * sizeof(float));
    return floats;
  }

  Result<Key> KeyOf(RowId row) {
    const SqliteResetter resetter(find_key_);
    find_key_.Bind(1, row);
    find_key_.Bind(2, query_.model);
    EDB_ASSIGN(const bool found, find_key_.Step());
    if (!found) {
      return DataLossError(Concat("row ", row, " of table ", table_, " has no record of model ",
                                  Quote(query_.model), "; run verify"));
    }
    return Key{std::string(find_key_.Text(0)), std::string(find_key_.Text(1)), query_.model};
  }

  bool Allows(const Key& key) const {
    return !std::binary_search(exclude_.begin(), exclude_.end(), key.depiction_id) &&
           (!query_.exclude_record || *query_.exclude_record != key);
  }

  const SqliteConnection& connection_;
  const SqliteCompression compression_;
  const SimilarQuery& query_;
  const std::size_t k_;
  const float max_distance_;
  const std::vector<RowId>* const rows_;  // the only ones allowed, sorted; null: all
  const std::vector<std::byte> code_;
  std::vector<std::string> exclude_;  // sorted
  std::string table_;
  SqliteStatement find_key_;
  SqliteStatement find_code_;
};

}  // namespace

Result<std::vector<CompressedHit>> SearchCompressed(const SqliteConnection& connection,
                                                    SqliteCompression compression,
                                                    const ResolvedSimilarQuery& resolved) {
  return Search(connection, compression, resolved).Run();
}

}  // namespace embeddingsdb
