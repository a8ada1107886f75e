// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// Remembers the key of the last record that went by.
class KeyKeeper : public RecordCursor {
 public:
  explicit KeyKeeper(RecordCursor& source) : source_(source) {}

  Result<bool> Next(Record& record) override {
    Result<bool> more = source_.Next(record);
    if (more.ok() && *more) {
      key_ = record.key;
    }
    return more;
  }
  const Key& key() const { return key_; }

 private:
  RecordCursor& source_;
  Key key_;
};

Status AddAll(Client& client, std::istream& in, Session& session) {
  JsonRecordCursor records(in);
  KeyKeeper source(records);
  const ImportReport report = client.AddRecords(source, [&](std::int64_t acknowledged) {
    session.log().Debug("Records acknowledged", {{"count", acknowledged}});
  });
  if (!report.status.ok()) {
    if (report.acknowledged == 0) {
      return report.status;
    }
    return report.status.WithContext(
        Concat("the first ", report.acknowledged, " records are stored"));
  }
  if (records.count() == 0) {
    return InvalidArgumentError("the input holds no record");
  }
  if (records.count() == 1) {
    session.log().Info(Concat("Added record ", DisplayKey(source.key())));
  } else {
    session.log().Info("Added records", {{"count", report.acknowledged}});
  }
  return {};
}

}  // namespace

int RunClientAdd(const Invocation& call, Session& session) {
  std::string path;
  CommandFlags flags(
      call,
      {.summary = "Adds records given as JSON, replacing those with the same key.",
       .synopsis = "-record FILE [flags]",
       .examples = "  embeddingsdb-client add -record record.json\n"
                   "  embeddingsdb-client list -client-uri grpc://a:8081 |\n"
                   "    embeddingsdb-client add -client-uri grpc://b:8081 -record -",
       .notes =
           "The input is one record, or many, one a line. They are sent as a stream; after an\n"
           "error those before it may be stored, and adding them again does no harm."});
  const ClientFlags client_flags(flags);
  flags.Add("record", path, "The `file` with the records, or - for standard input.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  if (path.empty()) {
    return flags.UsageError(session, "-record is required");
  }

  const auto in = OpenInput(path, session);
  if (!in.ok()) {
    return Fail(session, "read records", in.status());
  }
  return client_flags.Run(session, "add records",
                          [&](Client& client) { return AddAll(client, **in, session); });
}

}  // namespace embeddingsdb
