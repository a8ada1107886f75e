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

/// A file to sign, and the beginning of the paths that its signatures go to.
struct Job {
  const std::string& input;
  const std::string& stem;
};

/// Signs a file as a whole.
Status SignManifest(const Job& job, const Signer& signer, Session& session) {
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(job.input));
  EDB_ASSIGN(std::unique_ptr<AtomicFile> output,
             session.env().CreateAtomic(job.stem + "-manifest.parquet"));
  EDB_TRY(session.env().WriteFile(job.stem + "-manifest.pub", signer.public_key()));
  EDB_ASSIGN(const Manifest manifest, WriteManifest(file.path(), std::move(output), signer));
  session.log().Info("Completed", {{"count", manifest.rows},
                                   {"root", manifest.root},
                                   {"file", job.stem + "-manifest.parquet"}});
  return Status();
}

/// Signs the records of a file one by one, in files that are the job's.
Status SignEach(const Job& job, const Signer& signer, const SignOptions& options,
                Session& session) {
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(job.input));
  EDB_ASSIGN(std::unique_ptr<AtomicFile> output,
             session.env().CreateAtomic(job.stem + "-signatures.parquet"));
  // Before the signatures: those who find them find the key too.
  EDB_TRY(session.env().WriteFile(job.stem + "-signatures.pub", signer.public_key()));
  EDB_ASSIGN(const SignReport report, SignRecords(file.path(), std::move(output), signer, options));
  session.log().Info("Completed", {{"count", report.signed_records},
                                   {"signed", report.signed_records},
                                   {"verified", report.verified},
                                   {"file", job.stem + "-signatures.parquet"}});
  return Status();
}

}  // namespace

int RunParquetSign(const Invocation& call, Session& session) {
  std::string signer_uri;
  std::string bucket_uri = "cwd://";
  bool manifest = false;
  SignOptions options;
  CommandFlags flags(
      call,
      {.summary = "Signs the records of Parquet files.",
       .synopsis = "[flags] FILE...",
       .examples =
           "  parquet-sign -signer-uri 'x509://?certificate-uri=me.crt&key-uri=me.key' "
           "collection.parquet\n"
           "  parquet-sign -manifest -signer-uri 'x509://?certificate-uri=me.crt&key-uri=me.key' "
           "collection.parquet",
       .notes =
           "A file is a path or an http(s) URL. Of collection.parquet the signatures of its\n"
           "records go to collection-signatures.parquet, what others verify them with to\n"
           "collection-signatures.pub. With -manifest they are collection-manifest.parquet and\n"
           "collection-manifest.pub. A file appears whole or not at all. docs/signing.md tells\n"
           "about keys, and what to choose."});
  flags.Add("signer-uri", signer_uri,
            "The `URI` of the signer: x509://?certificate-uri=URI&key-uri=URI (or tls://), or\n"
            "pgp://?key-uri=URI, each with key-password-uri=URI for a locked key.");
  flags.Add("target-bucket-uri", bucket_uri,
            "The `folder` for the signatures: cwd://, cwd://FOLDER, file:///FOLDER or a path.");
  flags.Add("manifest", manifest,
            "Sign each file as a whole, in a manifest, instead of its records one by one.");
  flags.Add("verify", options.check, "Verify each signature as soon as it is made.");
  flags.Add("embed-public-key", options.embed_public_key,
            "Also put the public key into the metadata of the signature file.");
  flags.Add("workers", options.workers,
            "How many records are signed side by side (default: one\n"
            "a processor).");
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 1, .max = kAnyNumber})) {
    return *exit_code;
  }
  if (signer_uri.empty()) {
    return flags.UsageError(session, "-signer-uri is missing");
  }
  if (options.workers < 0 || options.workers > kMaxSigningWorkers) {
    return flags.UsageError(
        session, Concat("-workers ", options.workers, " is not within 0 to ", kMaxSigningWorkers));
  }
  const Result<std::string> folder = TargetFolder(bucket_uri);
  if (!folder.ok()) {
    return flags.UsageError(session, folder.status().message());
  }
  const Result<std::vector<std::string>> stems = TargetStems(flags.rest(), *folder);
  if (!stems.ok()) {
    return flags.UsageError(session, stems.status().message());
  }
  const Result<std::unique_ptr<Signer>> signer = OpenSigner(signer_uri, session);
  if (!signer.ok()) {
    return Fail(session, "open the signer", signer.status());
  }
  for (std::size_t i = 0; i < stems->size(); ++i) {
    const std::string& input = flags.rest()[i];
    const Job job = {.input = input, .stem = (*stems)[i]};
    const Status status =
        manifest ? SignManifest(job, **signer, session) : SignEach(job, **signer, options, session);
    if (!status.ok()) {
      return Fail(session, Concat("sign ", Quote(DisplayInput(input))), status);
    }
  }
  return kExitOk;
}

}  // namespace embeddingsdb
