// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/limits.h"

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/parquet_input.h"
#include "cli/signing.h"
#include "core/text.h"
#include "signatures/manifest.h"
#include "signatures/sign_records.h"

namespace embeddingsdb {
namespace {

struct VerifyFlags {
  std::string verifier_uri;
  std::vector<std::string> signatures;
  std::string manifest;
  int max_problems = static_cast<int>(kMaxFileProblems);
  int workers = 0;
};

/// A record that is not as it was signed.
struct Problem {
  std::int64_t row;
  const Key& key;
  std::string_view kind;
  std::string_view reason;
};

void PrintProblem(std::ostream& out, const std::string& input, const Problem& problem) {
  out << DisplayInput(input) << ": row " << problem.row << ", provider "
      << Quote(problem.key.provider) << ", depiction_id " << Quote(problem.key.depiction_id)
      << ", model " << Quote(problem.key.model) << ": " << problem.kind << ": " << problem.reason
      << "\n";
}

Result<SignatureStore> LoadSignatures(const std::vector<std::string>& inputs) {
  EDB_ASSIGN(const ParquetInputs files, ParquetInputs::Fetch(inputs));
  return SignatureStore::Load(files.paths);
}

struct Signed {
  const SignatureStore& signatures;
  const Verifier& verifier;
};

/// True when all records are valid.
Result<bool> VerifyBySignatures(const std::string& input, const Signed& by,
                                const VerifyFlags& flags, Session& session) {
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  EDB_ASSIGN(const SignatureReport report,
             VerifyRecords(file.path(), by.signatures, by.verifier,
                           {.workers = flags.workers,
                            .max_named = static_cast<std::size_t>(flags.max_problems)}));
  for (const WrongRecord& wrong : report.wrong) {
    PrintProblem(session.io.out, input,
                 {wrong.row, wrong.key, VerdictName(wrong.verdict), wrong.reason});
  }
  session.log().Info("Completed", {{"count", report.count},
                                   {"valid", report.valid},
                                   {"invalid", report.invalid},
                                   {"missing", report.missing},
                                   {"errors", report.errors}});
  return report.all_valid();
}

/// The same.
Result<bool> VerifyByManifest(const std::string& input, const Verifier& verifier,
                              const VerifyFlags& flags, Session& session) {
  EDB_ASSIGN(const ParquetInput manifest, ParquetInput::Fetch(flags.manifest));
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  EDB_ASSIGN(const ManifestReport report,
             VerifyManifest(file.path(), manifest.path(), verifier,
                            static_cast<std::size_t>(flags.max_problems)));
  for (const ChangedRecord& changed : report.named) {
    PrintProblem(session.io.out, input,
                 {changed.row, changed.key, ChangeName(changed.change), changed.detail});
  }
  session.log().Info("Completed", {{"count", report.count},
                                   {"valid", report.valid},
                                   {"changed", report.changed},
                                   {"added", report.added},
                                   {"moved", report.moved},
                                   {"missing", report.missing}});
  return report.all_valid();
}

/// The exit code for one of the inputs.
int Tell(const std::string& input, const Result<bool>& all_valid, Session& session) {
  if (!all_valid.ok()) {
    return Fail(session, Concat("verify ", Quote(DisplayInput(input))), all_valid.status());
  }
  return *all_valid ? kExitOk : kExitDataLoss;
}

int VerifyAll(const std::vector<std::string>& inputs, const VerifyFlags& flags, Session& session) {
  const Result<std::unique_ptr<Verifier>> verifier = OpenVerifier(flags.verifier_uri, session);
  if (!verifier.ok()) {
    return Fail(session, "open the verifier", verifier.status());
  }
  if (!flags.manifest.empty()) {
    return Tell(inputs.front(), VerifyByManifest(inputs.front(), **verifier, flags, session),
                session);
  }
  const Result<SignatureStore> signatures = LoadSignatures(flags.signatures);
  if (!signatures.ok()) {
    return Fail(session, "read signatures", signatures.status());
  }
  int exit_code = kExitOk;
  for (const std::string& input : inputs) {
    const int one =
        Tell(input, VerifyBySignatures(input, {*signatures, **verifier}, flags, session), session);
    // That a file cannot be read weighs more than what is wrong in one that can.
    if (one != kExitOk && (exit_code == kExitOk || exit_code == kExitDataLoss)) {
      exit_code = one;
    }
  }
  return exit_code;
}

/// What is wrong with the flags, or nothing.
std::string WrongFlags(const VerifyFlags& flags, std::size_t inputs) {
  if (flags.verifier_uri.empty()) {
    return "-verifier-uri is missing";
  }
  if (flags.signatures.empty() == flags.manifest.empty()) {
    return "either -signatures or -manifest is wanted";
  }
  if (!flags.manifest.empty() && inputs != 1) {
    return Concat("a manifest is of one file, there are ", inputs);
  }
  if (flags.workers < 0 || flags.workers > kMaxSigningWorkers) {
    return Concat("-workers ", flags.workers, " is not within 0 to ", kMaxSigningWorkers);
  }
  return flags.max_problems < 0 ? Concat("-max-problems ", flags.max_problems, " is below 0") : "";
}

}  // namespace

int RunParquetVerify(const Invocation& call, Session& session) {
  VerifyFlags values;
  CommandFlags flags(
      call,
      {.summary = "Verifies the records of Parquet files by signatures or a manifest.",
       .synopsis = "[flags] FILE...",
       .examples =
           "  parquet-verify -verifier-uri 'x509://?certificate-uri=collection-signatures.pub' "
           "-signatures collection-signatures.parquet collection.parquet\n"
           "  parquet-verify -verifier-uri 'x509://?certificate-uri=collection-manifest.pub' "
           "-manifest collection-manifest.parquet collection.parquet",
       .notes =
           "A file is a path or an http(s) URL. A record is valid when one of the signatures that\n"
           "have its hash is by the key. It is missing when none has its hash: it was never\n"
           "signed, or has changed since. With a manifest also rows that were added, moved or\n"
           "taken away are named. The exit code is 5 unless all is as it was signed."});
  flags.Add("verifier-uri", values.verifier_uri,
            "The `URI` of the verifier: x509://?certificate-uri=URI (or tls://), or\n"
            "pgp://?public-key-uri=URI.");
  flags.Add("signatures", values.signatures, "A `file` of signatures. May be repeated.");
  flags.Add("manifest", values.manifest, "The `file` of a manifest, instead of signatures.");
  flags.Add("workers", values.workers,
            "How many records are verified side by side (default: one a processor).");
  flags.Add("max-problems", values.max_problems,
            "How many records that are not valid are named, of each file.");
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 1, .max = kAnyNumber})) {
    return *exit_code;
  }
  if (const std::string wrong = WrongFlags(values, flags.rest().size()); !wrong.empty()) {
    return flags.UsageError(session, wrong);
  }
  return VerifyAll(flags.rest(), values, session);
}

}  // namespace embeddingsdb
