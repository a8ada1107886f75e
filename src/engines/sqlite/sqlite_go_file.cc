// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_go_file.h"

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "embeddingsdb/record.h"

#include "core/json.h"
#include "core/text.h"
#include "engines/sqlite/sqlite_format.h"
#include "engines/sqlite/sqlite_writer.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kBatchRecords = 1'000;
constexpr std::int64_t kMaxWarnings = 20;

// TEXT columns give text or NULL (or a blob, which the validator sees as bytes); INTEGER ones may
// hold anything.
constexpr char kReadRows[] =
    "SELECT r.id, r.provider, r.depiction_id, r.subject_id, r.model, r.attributes, r.created,"
    " r.lastmodified, typeof(r.created) = 'integer', typeof(r.lastmodified) = 'integer',"
    " v.embedding FROM records AS r LEFT JOIN vec AS v ON v.rowid = r.id ORDER BY r.id";

/// What ConvertGoFile was called with.
struct Job {
  const std::string& path;
  std::optional<SqliteCompression> compression;
  Env& env;
  Logger& log;
};

enum class GoVectors : std::uint8_t { kNone, kFloats, kBits };

/// What was converted, for the log.
struct Conversion {
  GoVectors vectors = GoVectors::kNone;
  std::int64_t records = 0;
  std::int64_t skipped = 0;
  std::int64_t repeated = 0;
  std::int64_t vectors_without_record = 0;
  std::size_t dimension = 0;
  bool all_of_length_one = true;
  std::set<std::string> models;
};

Status NotConvertible(const std::string& path, std::string_view why) {
  return FailedPreconditionError(Concat(
      Quote(path), " looks like a go-embeddingsdb SQLite database but cannot be converted: ", why));
}

/// Damage shows as various errors of SQLite and of sqlite-vec.
Status Damaged(const std::string& path, const Status& status) {
  const bool damage =
      status.code() == StatusCode::kInternal || status.code() == StatusCode::kDataLoss;
  return Status(damage ? StatusCode::kDataLoss : status.code(),
                Concat("cannot convert the go-embeddingsdb database ", Quote(path),
                       ", which is left as it is: ", status.message()));
}

bool HasLengthOne(const std::vector<float>& vector) {
  double sum = 0;
  for (const float element : vector) {
    sum += static_cast<double>(element) * static_cast<double>(element);
  }
  return std::abs(sum - 1.0) < 1e-4;
}

/// sqlite-vec packs eight signs into a byte, the first into the lowest bit.
std::vector<float> UnpackBits(std::span<const std::byte> bits) {
  std::vector<float> vector(bits.size() * 8);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const bool set = (std::to_integer<unsigned>(bits[i / 8]) >> (i % 8) & 1U) != 0;
    vector[i] = set ? 1.0F : -1.0F;
  }
  return vector;
}

Result<std::vector<float>> ReadVector(std::span<const std::byte> blob, GoVectors vectors) {
  if (blob.empty()) {
    return InvalidArgumentError("it has no vector in table vec");
  }
  if (vectors == GoVectors::kBits) {
    return UnpackBits(blob);
  }
  if (blob.size() % sizeof(float) != 0) {
    return DataLossError(Concat("its vector has ", blob.size(), " bytes"));
  }
  std::vector<float> vector(blob.size() / sizeof(float));
  std::memcpy(vector.data(), blob.data(), blob.size());
  return vector;
}

/// The record of a row of kReadRows. Any error but kResourceExhausted is about this row only.
Result<Record> ReadRow(SqliteStatement& row, GoVectors vectors) {
  Record record;
  record.key.provider = row.Text(1);
  record.key.depiction_id = row.Text(2);
  record.subject_id = row.Text(3);
  record.key.model = row.Text(4);
  const std::string_view attributes = row.Text(5);
  if (!attributes.empty()) {
    EDB_ASSIGN(record.attributes, AttributesFromJson(attributes));
  }
  record.created = row.Integer(6);
  if (row.Integer(8) == 0 || row.Integer(9) == 0) {
    return InvalidArgumentError("created or lastmodified is no integer");
  }
  EDB_ASSIGN(record.embedding, ReadVector(row.Blob(10), vectors));
  EDB_TRY(row.Check());
  EDB_TRY(Validate(record));
  return record;
}

Result<GoVectors> TypeOfVectors(const SqliteConnection& from) {
  EDB_ASSIGN(SqliteStatement type, from.Prepare("SELECT vec_type(embedding) FROM vec LIMIT 1"));
  EDB_ASSIGN(const bool found, type.Step());
  if (!found) {
    return GoVectors::kNone;
  }
  const std::string_view name = type.Text(0);
  if (name == "bit") {
    return GoVectors::kBits;
  }
  if (name == "float32") {
    return GoVectors::kFloats;
  }
  return FailedPreconditionError(Concat("its vectors are ", Quote(name), ", not float or bit"));
}

/// Reads the Go file and fills the new one. Both connections are borrowed.
class Converter {
 public:
  Converter(const SqliteConnection& from, GoVectors vectors, SqliteWriter& to, Logger& log)
      : from_(from), to_(to), log_(log) {
    done_.vectors = vectors;
  }

  Result<Conversion> Run() {
    EDB_ASSIGN(SqliteStatement rows, from_.Prepare(kReadRows));
    while (true) {
      EDB_ASSIGN(const bool more, rows.Step());
      if (!more) {
        break;
      }
      EDB_TRY(TakeRow(rows));
      EDB_TRY(records_.size() == kBatchRecords ? WriteBatch() : Status());
    }
    EDB_TRY(WriteBatch());
    if (done_.records == 0 && done_.skipped != 0) {
      return DataLossError(Concat("none of its ", done_.skipped, " rows is a valid record"));
    }
    EDB_ASSIGN(done_.vectors_without_record,
               from_.QueryInteger("SELECT count(*) FROM vec"
                                  " WHERE rowid NOT IN (SELECT id FROM records)"));
    return std::move(done_);
  }

 private:
  Status TakeRow(SqliteStatement& row) {
    Result<Record> record = ReadRow(row, done_.vectors);
    if (record.status().code() == StatusCode::kResourceExhausted) {
      return record.status();
    }
    if (!record.ok()) {
      if (++done_.skipped <= kMaxWarnings) {
        log_.Warn("Left out a row that is no valid record",
                  {{"id", row.Integer(0)}, {"error", record.status().message()}});
      }
      return {};
    }
    done_.models.insert(record->key.model);
    done_.dimension = record->embedding.size();
    done_.all_of_length_one = done_.all_of_length_one && HasLengthOne(record->embedding);
    times_.push_back(row.Integer(7));
    records_.push_back(*std::move(record));
    return {};
  }

  Status WriteBatch() {
    std::vector<const Record*> pointers;
    pointers.reserve(records_.size());
    for (const Record& record : records_) {
      pointers.push_back(&record);
    }
    EDB_ASSIGN(const std::vector<PutResult> results, to_.PutAt(pointers, times_));
    for (const PutResult& result : results) {
      ++(result.replaced ? done_.repeated : done_.records);
    }
    records_.clear();
    times_.clear();
    return {};
  }

  const SqliteConnection& from_;
  SqliteWriter& to_;
  Logger& log_;
  Conversion done_;
  std::vector<Record> records_;  // read and not yet written
  std::vector<std::int64_t> times_;
};

/// A row of a list of problems is enough: whoever repairs the file will want to see them all.
Status CheckIntegrity(const SqliteConnection& from) {
  EDB_ASSIGN(SqliteStatement check, from.Prepare("PRAGMA quick_check(1)"));
  EDB_ASSIGN(const bool row, check.Step());
  if (row && check.Text(0) != "ok") {
    return DataLossError(Concat("SQLite finds: ", check.Text(0)));
  }
  return {};
}

Status CheckTables(const SqliteConnection& from, const std::string& path) {
  EDB_ASSIGN(const std::int64_t vec0,
             from.QueryInteger("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
                               " AND name = 'vec' AND lower(sql) LIKE '%using vec0%'"));
  if (vec0 == 0) {
    return NotConvertible(path, "its table vec is no vec0 table");
  }
  const Result<SqliteStatement> rows = from.Prepare(kReadRows);
  return rows.ok() ? Status() : NotConvertible(path, rows.status().message());
}

/// Files whose changes SQLite would apply to whatever database has the path.
Status CheckNoJournal(const std::string& path, Env& env) {
  for (const std::string_view suffix : {"-wal", "-journal"}) {
    if (const std::string journal = Concat(path, suffix); env.Exists(journal)) {
      return NotConvertible(path, Concat(Quote(journal),
                                         " is beside it; close the programs that "
                                         "have it open and convert a copy of it"));
    }
  }
  return {};
}

Result<bool> IsInWalMode(const SqliteConnection& from) {
  EDB_ASSIGN(SqliteStatement mode, from.Prepare("PRAGMA journal_mode"));
  EDB_TRY(mode.Step().status());
  return mode.Text(0) == "wal";
}

Status RemoveNewFile(const std::string& path, Env& env) {
  for (const std::string_view suffix : {"-wal", "-shm", "-journal", ""}) {
    EDB_TRY(env.Remove(Concat(path, suffix)));
  }
  return {};
}

/// An empty file that those may read who may read the original; SQLite gives its log the same
/// rights.
Status MakeNewFile(const std::string& path, const std::string& original, Env& env) {
  EDB_ASSIGN(const std::unique_ptr<AtomicFile> file, env.CreateAtomic(path));
  EDB_TRY(file->Commit());
  std::error_code error;
  const auto rights = std::filesystem::status(original, error).permissions();
  if (!error) {
    std::filesystem::permissions(path, rights, error);
  }
  return error ? PermissionDeniedError(Concat("cannot give ", Quote(path),
                                              " the original's permissions: ", error.message()))
               : Status();
}

/// Makes the new database, complete and synced, without a log beside it.
Result<Conversion> FillNewFile(const SqliteConnection& from, const std::string& path,
                               const Job& job) {
  EDB_TRY(MakeNewFile(path, job.path, job.env));
  EDB_ASSIGN(const GoVectors vectors, TypeOfVectors(from));
  const SqliteCompression chosen = job.compression.value_or(
      vectors == GoVectors::kBits ? SqliteCompression::kQuantize : SqliteCompression::kNone);
  Result<Conversion> done = Conversion();
  {
    EDB_ASSIGN(const SqliteConnection to, OpenSqliteWriter(path, Durability::kBuffered, chosen));
    EDB_ASSIGN(const std::unique_ptr<SqliteWriter> writer, SqliteWriter::Create(to, chosen));
    EDB_ASSIGN(done, Converter(from, vectors, *writer, job.log).Run());
    EDB_TRY(writer->Checkpoint());
  }
  if (job.env.Exists(path + "-wal")) {
    return InternalError(Concat("the log of ", Quote(path), " could not be moved into it"));
  }
  return done;
}

std::string CompressionOf(const Conversion& done) {
  switch (done.vectors) {
    case GoVectors::kNone:
      return "none";
    case GoVectors::kBits:
      return "quantize";
    case GoVectors::kFloats:
      break;
  }
  const bool maybe_cut = done.dimension == kMatroyshkaElements && done.all_of_length_one;
  return maybe_cut ? "none or matroyshka" : "none";
}

void Report(const Conversion& done, const std::string& path, const std::string& kept, Logger& log) {
  log.Info("Converted a go-embeddingsdb database", {{"file", path},
                                                    {"records", done.records},
                                                    {"models", done.models.size()},
                                                    {"dimension", done.dimension},
                                                    {"compression", CompressionOf(done)},
                                                    {"original", kept}});
  if (done.vectors == GoVectors::kBits) {
    log.Warn(
        "The original vectors are not in the file, only their signs: embeddings are now +1 and -1. "
        "Import the originals from Parquet if you have them",
        {{"file", path}});
  }
  if (done.skipped != 0) {
    log.Warn("Rows that are no valid records are only in the original",
             {{"rows", done.skipped}, {"original", kept}});
  }
  if (done.repeated != 0) {
    log.Warn("Of rows with the same key the last was taken", {{"rows left out", done.repeated}});
  }
  if (done.vectors_without_record != 0) {
    log.Warn("Vectors without a record were left out", {{"vectors", done.vectors_without_record}});
  }
}

/// From here on the connection keeps others from writing; it is held until the file is replaced.
Status Convert(const SqliteConnection& from, const Job& job) {
  const std::string& path = job.path;
  Env& env = job.env;
  const std::string kept = Concat(path, kGoFileKeptAs);
  std::error_code ignored;
  if (env.Exists(kept) && !std::filesystem::equivalent(path, kept, ignored)) {
    return NotConvertible(
        path, Concat("the original would be kept as ", Quote(kept), ", which exists; move it"));
  }
  EDB_TRY(CheckNoJournal(path, env));
  EDB_TRY(CheckIntegrity(from));
  EDB_TRY(CheckTables(from, path));
  const std::string fresh = path + ".converting";
  EDB_TRY(RemoveNewFile(fresh, env));  // of a conversion that was killed
  const Result<Conversion> done = FillNewFile(from, fresh, job);
  // The second name first: should this process die between the two, the next one repeats both.
  Status status = done.status();
  if (status.ok() && !env.Exists(kept)) {
    status = env.Link(path, kept);
    if (status.code() == StatusCode::kPermissionDenied) {
      status = status.WithContext(
          "the original is kept under a second name, which takes a file system with hard links and "
          "the right to write; copy it to one");
    }
  }
  if (status.ok()) {
    status = env.Rename(fresh, path);
  }
  if (!status.ok()) {
    RemoveNewFile(fresh, env).IgnoreError("the first error says more");
    return status;
  }
  Report(*done, path, kept, job.log);
  return {};
}

}  // namespace

Result<bool> HasGoTables(const SqliteConnection& connection) {
  EDB_ASSIGN(const std::int64_t tables,
             connection.QueryInteger("SELECT count(*) FROM sqlite_schema"
                                     " WHERE type = 'table' AND name IN ('records', 'vec')"));
  return tables == 2;
}

Status ConvertGoFile(const std::string& path, std::optional<SqliteCompression> compression,
                     Env& env, Logger& log) {
  if (!env.Exists(path)) {
    return {};
  }
  EDB_ASSIGN(const SqliteConnection from, SqliteConnection::Open(path, SqliteAccess::kReadWrite));
  from.KeepLogOnClose();
  const Result<std::int64_t> application = from.QueryInteger("PRAGMA application_id");
  const Result<bool> tables = application.ok() && *application == 0 ? HasGoTables(from) : false;
  if (!tables.ok() || !*tables) {
    return {};  // opening it as a database of ours tells what is wrong with it
  }
  EDB_ASSIGN(const bool wal, IsInWalMode(from));
  if (wal) {
    return NotConvertible(path,
                          "it is in WAL mode, which go-embeddingsdb does not use; run "
                          "\"PRAGMA journal_mode = DELETE\" on it with the sqlite3 tool first");
  }
  SqliteTransaction no_other_writer(from);
  if (const Status begun = no_other_writer.BeginWrite(); !begun.ok()) {
    return begun.WithContext("convert a go-embeddingsdb database that others must not write");
  }
  const Status converted = Convert(from, {path, compression, env, log});
  const bool ours = converted.ok() || converted.code() == StatusCode::kFailedPrecondition;
  return ours ? converted : Damaged(path, converted);
}

}  // namespace embeddingsdb
