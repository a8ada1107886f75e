// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/oembeddings.h"

#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"

namespace embeddingsdb {

int RunOEmbeddingsSchema(const Invocation& call, Session& session) {
  CommandFlags flags(call, {.summary = "Prints the JSON Schema (draft-07) of OEmbeddings.",
                            .synopsis = "[flags]",
                            .examples = "  embeddingsdb oembeddings schema > oembeddings.json"});
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  session.io.out << OEmbeddingsSchema();
  return kExitOk;
}

}  // namespace embeddingsdb
