// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <memory>
#include <utility>

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/embedder_flags.h"
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

/// What -input needs to know of the record that is made.
struct NewRecord {
  std::string input;
  std::string data;
  Record record;  // without a vector
  KeyValues attributes;

  void Declare(FlagSet& flags);
  /// kInvalidArgument for flags that do not belong together.
  Status Check(const CommandFlags& flags, bool from_record);
  /// Asks the embedder for the vector and, where it has a name, the model.
  Status Embed(const EmbedderFlags& embedder_flags, Session& session);
};

constexpr auto kNamesOfNewRecord = std::to_array<std::string_view>(
    {"data", "provider", "depiction-id", "subject-id", "model", "attribute"});

void NewRecord::Declare(FlagSet& flags) {
  flags.Add("input", input,
            "The `kind` of what an embedder makes a record of: image or text. The other flags of\n"
            "the record belong to this.");
  flags.Add("data", data, "The `file` with the picture or text, or - for standard input.");
  flags.Add("provider", record.key.provider, "The `provider` of the record.");
  flags.Add("depiction-id", record.key.depiction_id, "The `id` of the depiction.");
  flags.Add("subject-id", record.subject_id, "The `id` of what is depicted.");
  flags.Add("model", record.key.model,
            "The `name` of the model to ask the embedder for. The record gets the name that the\n"
            "embedder answers with, or this one when it gives none.");
  flags.Add("attribute", attributes, "An attribute as `KEY=VALUE`. May be repeated.");
}

Status NewRecord::Check(const CommandFlags& flags, bool from_record) {
  if (from_record == !input.empty()) {
    return InvalidArgumentError(from_record ? "-record and -input exclude each other"
                                            : "-record is required, or -input");
  }
  if (from_record) {
    for (const std::string_view name : kNamesOfNewRecord) {
      if (flags.given(name) || !flags.rest().empty()) {
        return InvalidArgumentError(
            flags.given(name) ? Concat("-", name, " belongs to -input, not to -record")
                              : Concat("unexpected argument ", Quote(flags.rest().front())));
      }
    }
    return {};
  }
  if (input != "image" && input != "text") {
    return InvalidArgumentError(Concat("-input ", Quote(input), " is neither image nor text"));
  }
  if (data.empty() == flags.rest().empty()) {
    return InvalidArgumentError(data.empty() ? "-data is required with -input"
                                             : "-data and an argument FILE exclude each other");
  }
  if (data.empty()) {
    data = flags.rest().front();
  }
  for (const auto& [key, value] : attributes) {
    if (!record.attributes.emplace(key, value).second) {
      return InvalidArgumentError(Concat("-attribute names ", Quote(key), " twice"));
    }
  }
  // Before anybody is asked; the model may be known only afterwards.
  Key key = record.key;
  key.model = key.model.empty() ? "unknown" : key.model;
  return ValidateKey(key);
}

Status NewRecord::Embed(const EmbedderFlags& embedder_flags, Session& session) {
  EDB_ASSIGN(const std::unique_ptr<Embedder> embedder, embedder_flags.Open(session));
  EmbedRequest request{.model = record.key.model, .body = {}};
  EDB_ASSIGN(request.body, input == "text" ? ReadText(data, session) : ReadPicture(data, session));
  EDB_ASSIGN(Embedding answer,
             input == "text" ? embedder->Text(request) : embedder->Image(request));
  record.embedding = std::move(answer.vector);
  record.created = session.env().NowUnixSeconds();
  if (!answer.model.empty()) {
    record.key.model = std::move(answer.model);
  }
  if (record.key.model.empty()) {
    return InvalidArgumentError("the embedder does not say which model it has: give -model");
  }
  return Validate(record);
}

}  // namespace

int RunClientAdd(const Invocation& call, Session& session) {
  std::string path;
  CommandFlags flags(
      call,
      {.summary =
           "Adds records given as JSON, or one made of a picture or a text, replacing those\n"
           "with the same key.",
       .synopsis = "-record FILE | -input image|text [flags] [FILE]",
       .examples =
           "  embeddingsdb-client add -record record.json\n"
           "  embeddingsdb-client list -client-uri grpc://a:8081 |\n"
           "    embeddingsdb-client add -client-uri grpc://b:8081 -record -\n"
           "  embeddingsdb-client add -input image -data fish.png -provider example \\\n"
           "    -depiction-id 9 -embedder-uri 'openclip://?client-uri=http://localhost:5000'\n"
           "  echo 'a red fish' | embeddingsdb-client add -input text -data - \\\n"
           "    -provider example -depiction-id 10 \\\n"
           "    -embedder-uri 'openclip://?client-uri=http://localhost:5000'",
       .notes =
           "The input of -record is one record, or many, one a line. They are sent as a stream;\n"
           "after an error those before it may be stored, and adding them again does no harm.\n"
           "Line breaks at the end of a text do not count."});
  const ClientFlags client_flags(flags);
  const EmbedderFlags embedder_flags(flags);
  NewRecord made;
  made.Declare(flags);
  flags.Add("record", path, "The `file` with the records, or - for standard input.");
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .max = 1})) {
    return *exit_code;
  }
  if (const Status ok = made.Check(flags, !path.empty()); !ok.ok()) {
    return flags.UsageError(session, ok.message());
  }
  if (const Status ok = embedder_flags.Check(path.empty()); !ok.ok()) {
    return flags.UsageError(session, ok.message());
  }
  if (path.empty()) {
    if (const Status status = made.Embed(embedder_flags, session); !status.ok()) {
      return Fail(session, "make embeddings", status);
    }
    return client_flags.Run(session, "add record", [&](Client& client) {
      EDB_TRY(client.Add(made.record));
      session.log().Info(Concat("Added record ", DisplayKey(made.record.key)));
      return Status();
    });
  }

  const auto in = OpenInput(path, session);
  if (!in.ok()) {
    return Fail(session, "read records", in.status());
  }
  return client_flags.Run(session, "add records",
                          [&](Client& client) { return AddAll(client, **in, session); });
}

}  // namespace embeddingsdb
