// SPDX-License-Identifier: BSD-3-Clause
//
// The fake of all HTTP embedders as a process, for tests in other languages. Ends with its stdin.
#include <cstdio>
#include <iostream>

#include "support/fake_embedder_service.h"

int main() {
  const embeddingsdb::FakeEmbedderService service;
  std::fprintf(stderr, "Server listening address=%s\n", service.url().c_str());
  for (std::string line; std::getline(std::cin, line);) {
  }
  for (const auto& seen : service.seen()) {
    if (!seen.complaint.empty()) {
      std::fprintf(stderr, "%s: %s: %s\n", seen.path.c_str(), seen.complaint.c_str(),
                   seen.body.c_str());
      return 1;
    }
  }
  return 0;
}
