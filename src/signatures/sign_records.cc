// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/sign_records.h"

#include <utility>

#include "embeddingsdb/parquet.h"

#include "core/sha256.h"
#include "core/text.h"
#include "signatures/parallel.h"
#include "signatures/signature_file.h"

namespace embeddingsdb {
namespace {

Result<Signature> SignOne(const Record& record, const Signer& signer, const Verifier* check) {
  const std::string payload = SignedPayload(record);
  EDB_ASSIGN(std::string text, signer.Sign(payload));
  if (check != nullptr) {
    EDB_ASSIGN(const bool valid, check->Verify(payload, text));
    if (!valid) {
      return InternalError(Concat("the signature that was just made of the record ",
                                  Quote(DisplayKey(record.key)), " is not valid"));
    }
  }
  return Signature{.key = record.key,
                   .record_hash = ToHex(Sha256().Of(payload)),
                   .record_signature = std::move(text)};
}

struct Outcome {
  Verdict verdict = Verdict::kMissing;
  std::string reason;
  Status failure;  ///< of the store, which ends everything
};

Outcome VerifyOne(const Record& record, const SignatureStore& signatures,
                  const Verifier& verifier) {
  const std::string payload = SignedPayload(record);
  const auto [first, last] = signatures.Find(Sha256().Of(payload));
  Outcome outcome;
  outcome.reason = "no signature has the hash of the record";
  for (std::size_t number = first; number < last; ++number) {
    const Result<std::string> text = signatures.Read(number);
    if (!text.ok()) {
      outcome.failure = text.status();
      return outcome;
    }
    const Result<bool> valid = verifier.Verify(payload, *text);
    if (valid.ok() && *valid) {
      return {.verdict = Verdict::kValid, .reason = "", .failure = Status()};
    }
    // What can be read says more than what cannot.
    if (valid.ok()) {
      outcome.verdict = Verdict::kInvalid;
      outcome.reason = "the signature is not by this key";
    } else if (outcome.verdict != Verdict::kInvalid) {
      outcome.verdict = Verdict::kError;
      outcome.reason = valid.status().message();
    }
  }
  return outcome;
}

void Tally(const Outcome& outcome, SignatureReport& report) {
  ++report.count;
  switch (outcome.verdict) {
    case Verdict::kValid:
      ++report.valid;
      break;
    case Verdict::kInvalid:
      ++report.invalid;
      break;
    case Verdict::kMissing:
      ++report.missing;
      break;
    case Verdict::kError:
      ++report.errors;
      break;
  }
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kValid:
      return "valid";
    case Verdict::kInvalid:
      return "invalid";
    case Verdict::kMissing:
      return "missing";
    case Verdict::kError:
      return "error";
  }
  return "unknown";
}

Result<SignReport> SignRecords(const std::string& input, std::unique_ptr<AtomicFile> output,
                               const Signer& signer, const SignOptions& options) {
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(input));
  std::unique_ptr<Verifier> check;
  if (options.check) {
    EDB_ASSIGN(check, signer.NewVerifier());
  }
  SignatureWriter writer(std::move(output));
  SignReport report;
  std::vector<Record> batch;
  std::vector<Result<Signature>> signatures;
  while (true) {
    EDB_TRY(ReadBatch(*reader, batch));
    if (batch.empty()) {
      break;
    }
    signatures.assign(batch.size(), Signature());
    ForEachIndex(batch.size(), WorkerCount(options.workers),
                 [&](std::size_t i) { signatures[i] = SignOne(batch[i], signer, check.get()); });
    for (const Result<Signature>& signature : signatures) {
      EDB_TRY(signature.status());
      EDB_TRY(writer.Write(*signature));
      ++report.signed_records;
      report.verified += check == nullptr ? 0 : 1;
    }
  }
  EDB_TRY(writer.Finish(options.embed_public_key ? signer.public_key() : ""));
  return report;
}

Result<SignatureReport> VerifyRecords(const std::string& input, const SignatureStore& signatures,
                                      const Verifier& verifier, const VerifyOptions& options) {
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(input));
  SignatureReport report;
  std::vector<Record> batch;
  std::vector<Outcome> outcomes;
  while (true) {
    EDB_TRY(ReadBatch(*reader, batch));
    if (batch.empty()) {
      return report;
    }
    outcomes.assign(batch.size(), Outcome());
    ForEachIndex(batch.size(), WorkerCount(options.workers),
                 [&](std::size_t i) { outcomes[i] = VerifyOne(batch[i], signatures, verifier); });
    for (std::size_t i = 0; i < batch.size(); ++i) {
      EDB_TRY(outcomes[i].failure);
      if (outcomes[i].verdict != Verdict::kValid && report.wrong.size() < options.max_named) {
        report.wrong.push_back({.row = report.count,
                                .key = batch[i].key,
                                .verdict = outcomes[i].verdict,
                                .reason = std::move(outcomes[i].reason)});
      }
      Tally(outcomes[i], report);
    }
  }
}

}  // namespace embeddingsdb
