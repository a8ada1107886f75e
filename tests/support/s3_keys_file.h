// SPDX-License-Identifier: BSD-3-Clause
//
// The keys of RunningS3Server as a file of AWS credentials, which the server and clients read.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_S3_KEYS_FILE_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_S3_KEYS_FILE_H_

#include <string>

#include "embeddingsdb/uri.h"

#include "support/running_s3_server.h"
#include "support/temp_dir.h"

namespace embeddingsdb {

class S3KeysFile {
 public:
  S3KeysFile() {
    EXPECT_OK(NewPosixEnv()->WriteFile(
        path(), Concat("[tests]\naws_access_key_id = ", RunningS3Server::kAccessKeyId,
                       "\naws_secret_access_key = ", RunningS3Server::kSecretAccessKey, "\n")));
  }

  std::string path() const { return folder_.File("credentials"); }
  /// For RunningS3Server.
  std::string server_options() const { return "keys-uri=" + PercentEncode("file://" + path()); }
  /// For `credentials=` of a client, percent-encoded.
  std::string label() const { return PercentEncode(path() + ":tests"); }

 private:
  TempDir folder_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_S3_KEYS_FILE_H_
