// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_CERTIFICATE_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_CERTIFICATE_H_

#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "core/text.h"
#include "support/temp_dir.h"

namespace embeddingsdb {

/// PEM files of a certificate that signs itself and of its key.
struct Certificate {
  std::string pem;
  std::string key;
};

/// Made by the openssl command for localhost and 127.0.0.1, in `directory`.
inline Certificate MakeCertificate(const TempDir& directory, std::string_view name) {
  Certificate made{.pem = directory.File(Concat(name, ".pem")),
                   .key = directory.File(Concat(name, ".key"))};
  const std::string command = Concat(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=",
      name, " -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ", made.key, " -out ",
      made.pem, " 2>/dev/null");
  EXPECT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT(banned)
  return made;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_CERTIFICATE_H_
