// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/parquet_input.h"
#include "cli/signing.h"
#include "core/text.h"
#include "signatures/sign_records.h"

namespace embeddingsdb {
namespace {

void PrintWrong(std::ostream& out, const std::string& input, const WrongRecord& wrong) {
  out << DisplayInput(input) << ": row " << wrong.row << ", provider " << Quote(wrong.key.provider)
      << ", depiction_id " << Quote(wrong.key.depiction_id) << ", model " << Quote(wrong.key.model)
      << ": " << VerdictName(wrong.verdict) << ": " << wrong.reason << "\n";
}

Result<SignatureReport> VerifyInput(const std::string& input, const SignatureStore& signatures,
                                    const Verifier& verifier, const VerifyOptions& options) {
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  return VerifyRecords(file.path(), signatures, verifier, options);
}

Result<SignatureStore> LoadSignatures(const std::vector<std::string>& inputs) {
  EDB_ASSIGN(const ParquetInputs files, ParquetInputs::Fetch(inputs));
  return SignatureStore::Load(files.paths);
}

}  // namespace

int RunParquetVerify(const Invocation& call, Session& session) {
  std::string verifier_uri;
  std::vector<std::string> signature_files;
  VerifyOptions options;
  int max_named = static_cast<int>(options.max_named);
  CommandFlags flags(
      call,
      {.summary = "Verifies the records of Parquet files by their signatures.",
       .synopsis = "[flags] FILE...",
       .examples =
           "  parquet-verify -verifier-uri 'x509://?certificate-uri=collection-signatures.pub' \\\n"
           "      -signatures collection-signatures.parquet collection.parquet",
       .notes =
           "A file is a path or an http(s) URL. A record is valid when one of the signatures that\n"
           "have its hash is by the key. It is missing when none has its hash: it was never\n"
           "signed, or has changed since. The exit code is 5 unless all records are valid."});
  flags.Add("verifier-uri", verifier_uri,
            "The `URI` of the verifier: x509://?certificate-uri=URI (or tls://).");
  flags.Add("signatures", signature_files, "A `file` of signatures. May be repeated.");
  flags.Add("workers", options.workers,
            "How many records are verified side by side (default: one\n"
            "a processor).");
  flags.Add("max-problems", max_named, "How many records that are not valid are named, a file.");
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 1, .max = kAnyNumber})) {
    return *exit_code;
  }
  if (verifier_uri.empty()) {
    return flags.UsageError(session, "-verifier-uri is missing");
  }
  if (signature_files.empty()) {
    return flags.UsageError(session, "-signatures is missing");
  }
  if (options.workers < 0 || options.workers > kMaxSigningWorkers) {
    return flags.UsageError(
        session, Concat("-workers ", options.workers, " is not within 0 to ", kMaxSigningWorkers));
  }
  if (max_named < 0) {
    return flags.UsageError(session, Concat("-max-problems ", max_named, " is below 0"));
  }
  options.max_named = static_cast<std::size_t>(max_named);
  const Result<std::unique_ptr<Verifier>> verifier = OpenVerifier(verifier_uri, session);
  if (!verifier.ok()) {
    return Fail(session, "open the verifier", verifier.status());
  }
  const Result<SignatureStore> signatures = LoadSignatures(signature_files);
  if (!signatures.ok()) {
    return Fail(session, "read signatures", signatures.status());
  }
  int exit_code = kExitOk;
  for (const std::string& input : flags.rest()) {
    const Result<SignatureReport> report = VerifyInput(input, *signatures, **verifier, options);
    if (!report.ok()) {
      exit_code = Fail(session, Concat("verify ", Quote(DisplayInput(input))), report.status());
      continue;
    }
    for (const WrongRecord& wrong : report->wrong) {
      PrintWrong(session.io.out, input, wrong);
    }
    session.log().Info("Completed", {{"count", report->count},
                                     {"valid", report->valid},
                                     {"invalid", report->invalid},
                                     {"missing", report->missing},
                                     {"errors", report->errors}});
    if (!report->all_valid() && exit_code == kExitOk) {
      exit_code = kExitDataLoss;
    }
  }
  return exit_code;
}

}  // namespace embeddingsdb
