// SPDX-License-Identifier: BSD-3-Clause
//
// What parquet-sign and parquet-verify share: opening signers and verifiers, and the names of the
// files that go with a Parquet file.
#ifndef EMBEDDINGSDB_CLI_SIGNING_H_
#define EMBEDDINGSDB_CLI_SIGNING_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/signatures.h"

#include "cli/command.h"

namespace embeddingsdb {

Result<std::unique_ptr<Signer>> OpenSigner(const std::string& uri, Session& session);
Result<std::unique_ptr<Verifier>> OpenVerifier(const std::string& uri, Session& session);

/// The folder that a bucket URI names: cwd://[FOLDER], file:///FOLDER or a path. kInvalidArgument
/// for other schemes.
Result<std::string> TargetFolder(const std::string& bucket_uri);

/// The name of an input without folder and extension: of go-embeddingsdb's signature files.
std::string BaseName(std::string_view input);

/// The path in `folder` of each input's files, without their ends: "FOLDER/collection".
/// kInvalidArgument when two inputs would get the same, or one has no name.
Result<std::vector<std::string>> TargetStems(std::span<const std::string> inputs,
                                             const std::string& folder);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_SIGNING_H_
