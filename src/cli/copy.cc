// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <charconv>
#include <deque>
#include <optional>

#include "embeddingsdb/client.h"
#include "embeddingsdb/uri.h"

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/copy_ledger.h"
#include "cli/database_uris.h"
#include "cli/exit_code.h"
#include "cli/local_database.h"
#include "cli/progress.h"
#include "cli/state_file.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr JobKind kCopy = {.format = "embeddingsdb copy 1",
                           .name = "a copy",
                           .another = "a copy of something else, or to another place"};
constexpr std::string_view kRecordsName = "records";
constexpr std::string_view kHashName = "hash";

struct CopyFlags {
  std::string on_duplicate = "overwrite";
  bool dry_run = false;
  bool verify = true;
  std::string resume;
};

/// What is to be copied, and how.
struct Copy {
  std::string from;
  std::string to;
  std::vector<Filter> filters;
  AddOptions options;
  bool verify = true;
  std::string resume;  ///< empty: no file
};

/// Reads what is copied: past the records of an earlier attempt, then one by one, hashing all.
class CopySource final : public RecordCursor {
 public:
  CopySource(RecordCursor& records, CopyLedger& ledger)
      : records_(records), ledger_(ledger), chains_({ledger.chain()}) {}

  /// Goes on where an earlier attempt ended. kFailedPrecondition when the records before that place
  /// are other ones by now.
  Status Resume(const StateFile& state);
  Result<bool> Next(Record& record) override;

  std::int64_t resumed() const { return resumed_; }
  /// CopyLedger::chain after the first `count` records that Next gave; `count` never goes back.
  const Digest& ChainAfter(std::int64_t count);

 private:
  RecordCursor& records_;
  CopyLedger& ledger_;
  std::int64_t resumed_ = 0;
  std::deque<Digest> chains_;  ///< after each record from `first_chain_` on
  std::int64_t first_chain_ = 0;
};

Result<bool> CopySource::Next(Record& record) {
  EDB_ASSIGN(const bool more, records_.Next(record));
  if (more) {
    ledger_.Add(record);
    chains_.push_back(ledger_.chain());
  }
  return more;
}

Status CopySource::Resume(const StateFile& state) {
  const std::string_view text = state.Get(kRecordsName).value_or("0");
  std::from_chars(text.data(), text.data() + text.size(), resumed_);
  Record record;
  while (ledger_.records() < resumed_) {
    EDB_ASSIGN(const bool more, records_.Next(record));
    if (!more) {
      break;
    }
    ledger_.Add(record);
  }
  if (ledger_.records() != resumed_ ||
      (resumed_ > 0 && state.Get(kHashName) != ToHex(ledger_.chain()))) {
    return FailedPreconditionError(
        Concat("the records have changed, or come in another order, since ",
               QuoteWhole(state.path()), " was written; remove that file to copy all of them"));
  }
  chains_ = {ledger_.chain()};
  return {};
}

const Digest& CopySource::ChainAfter(std::int64_t count) {
  while (first_chain_ < count) {
    chains_.pop_front();
    ++first_chain_;
  }
  return chains_.front();
}

/// A database in this process, or what a client URI leads to. The source is opened for reading only
/// where that can be.
Result<std::unique_ptr<Client>> OpenEnd(const std::string& uri, bool read_only, Session& session) {
  EDB_ASSIGN(const Uri parsed, Uri::Parse(uri));
  const auto schemes = session.registry().DatabaseSchemes();
  if (std::ranges::find(schemes, parsed.scheme()) == schemes.end()) {
    return session.registry().OpenClient(uri, session.context);
  }
  const auto open = [&session](const std::string& database) {
    return session.registry().OpenClient(DatabaseClientUri(database), session.context);
  };
  return read_only ? OpenToRead(uri, open) : open(uri);
}

class Copying {
 public:
  Copying(const Copy& copy, Session& session) : copy_(copy), session_(session) {}

  Status Run();

 private:
  Status Transfer();
  Status Verify();
  /// Whether records that were there may have stayed.
  bool MayDiffer() const;

  const Copy& copy_;
  Session& session_;
  std::unique_ptr<Client> from_;
  std::unique_ptr<Client> to_;
  CopyLedger ledger_;
  AddReport report_;
};

Status Copying::Run() {
  if (copy_.from == copy_.to) {
    return InvalidArgumentError("FROM-URI and TO-URI are the same");
  }
  EDB_ASSIGN(from_, OpenEnd(copy_.from, true, session_));
  EDB_ASSIGN(to_, OpenEnd(copy_.to, false, session_));
  EDB_TRY(Transfer());
  if (copy_.verify && !copy_.options.dry_run) {
    EDB_TRY(Verify());
  }
  EDB_TRY(from_->Close());
  return to_->Close();
}

Status Copying::Transfer() {
  std::optional<StateFile> state;
  if (!copy_.resume.empty()) {
    std::string target = Concat(copy_.from, "\n", copy_.to);
    for (const Filter& filter : copy_.filters) {
      target += Concat("\n", FilterName(filter), "=", filter.value);
    }
    EDB_ASSIGN(state, StateFile::Open(copy_.resume, kCopy, target, session_.env()));
  }
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> records, from_->Scan(copy_.filters));
  CopySource source(*records, ledger_);
  if (state) {
    EDB_TRY(source.Resume(*state));
  }
  std::int64_t total = 0;
  if (Progress::Wanted(session_)) {
    EDB_ASSIGN(total, from_->Count(copy_.filters));
  }
  Progress progress(session_, total);
  Status noted;  // the first failure to
  const auto note = [&](std::int64_t acknowledged, bool last) {
    const Digest& chain = source.ChainAfter(acknowledged);
    if (!state || !noted.ok() || !(last || state->due())) {
      return;
    }
    state->Set(kRecordsName, Concat(source.resumed() + acknowledged));
    state->Set(kHashName, ToHex(chain));
    noted = state->Write();
  };
  const ImportReport report =
      to_->AddRecords(source, copy_.options, [&](std::int64_t acknowledged) {
        progress.Update(source.resumed() + acknowledged);
        note(acknowledged, false);
      });
  const std::int64_t stored = source.resumed() + report.acknowledged;
  report_ = report.records;
  if (!report.status.ok()) {
    if (state && stored > 0) {
      note(report.acknowledged, true);
    }
    return report.status.WithContext(
        Concat("after ", stored, " records were ", copy_.options.dry_run ? "checked" : "stored"));
  }
  EDB_TRY(noted);
  session_.log().Info(copy_.options.dry_run ? "Would copy all records" : "Copied all records",
                      {{"count", stored},
                       {"added", report_.added},
                       {"replaced", report_.replaced},
                       {"skipped", report_.skipped}});
  return state ? state->Remove() : Status();
}

bool Copying::MayDiffer() const {
  return copy_.options.on_duplicate == OnDuplicate::kSkip ||
         copy_.options.on_duplicate == OnDuplicate::kNewest;
}

Status Copying::Verify() {
  EDB_ASSIGN(const PaginationType pagination, to_->Pagination());
  if (pagination == PaginationType::kNull) {
    session_.log().Info("Not verified: TO-URI keeps no records");
    return {};
  }
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> there, to_->Scan(copy_.filters));
  EDB_ASSIGN(const CopyComparison found, ledger_.Compare(*there));
  const bool differs = found.different > 0 && !MayDiffer();
  if (differs || found.missing > 0) {
    std::string message = Concat(found.missing, " of ", ledger_.records(),
                                 " records are missing and ", found.different, " differ");
    if (!found.first_different.empty()) {
      message += Concat(", the first is ", QuoteWhole(found.first_different));
    }
    return DataLossError(Concat(message, "; did something else write to one of the two?"));
  }
  session_.log().Info("Verified all records", {{"identical", found.identical},
                                               {"different", found.different},
                                               {"hash", ToHex(ledger_.SetHash())}});
  return {};
}

}  // namespace

int RunCopy(const Invocation& call, Session& session) {
  CopyFlags values;
  CommandFlags flags(
      call,
      {.summary = "Copies the records of one database or server to another.",
       .synopsis = "[flags] FROM-URI TO-URI",
       .examples = "  embeddingsdb copy 'sqlite://?dsn=collection.db' lmdb:///srv/moved\n"
                   "  embeddingsdb copy -filter provider=example -resume copy.state \\\n"
                   "    grpc://localhost:8081 'sqlite://?dsn=example.db'",
       .notes = "A URI is of a database or of a client. What is there of other records stays.\n"
                "Afterwards everything is read again from TO-URI and compared, hash by hash; that\n"
                "takes 48 bytes of memory a record. The hash that is told is of the set of\n"
                "records: copies of the same records have the same, whatever they are kept in."});
  const FilterFlags filter_flags(flags);
  AddOnDuplicateFlag(flags, values.on_duplicate);
  flags.Add("dry-run", values.dry_run,
            "Read and check everything and say what would be done, but store nothing.");
  flags.Add("verify", values.verify, "Read everything again afterwards and compare it.");
  flags.Add("resume", values.resume,
            "A `file` to keep the state of the copy in. When it is there, what it says is stored\n"
            "is not stored again. Removed when all is copied.");
  if (const auto exit_code =
          flags.Parse(session, {.name = "FROM-URI TO-URI", .min = 2, .max = 2})) {
    return *exit_code;
  }
  Copy copy = {.from = flags.rest()[0],
               .to = flags.rest()[1],
               .filters = {},
               .options = {.dry_run = values.dry_run},
               .verify = values.verify,
               .resume = values.resume};
  if (const auto exit_code = filter_flags.Take(session, copy.filters)) {
    return *exit_code;
  }
  const Result<OnDuplicate> on_duplicate = ParseOnDuplicate(values.on_duplicate);
  if (!on_duplicate.ok()) {
    return flags.UsageError(session, on_duplicate.status().message());
  }
  copy.options.on_duplicate = *on_duplicate;
  if (values.dry_run && !values.resume.empty()) {
    return flags.UsageError(session, "-resume excludes -dry-run");
  }
  const Status copied = Copying(copy, session).Run();
  return copied.ok() ? kExitOk : Fail(session, "copy records", copied);
}

}  // namespace embeddingsdb
