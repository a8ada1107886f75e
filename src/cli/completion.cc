// SPDX-License-Identifier: BSD-3-Clause
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// The flags are read from the command's own help, so that there is no second list of them.
constexpr std::string_view kBash = R"(
_embeddingsdb() {
  local word=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]:0:COMP_CWORD}") offered=
  case "${words[0]##*/} ${words[1]-}" in
    'embeddingsdb ')        offered='@COMMANDS@' ;;
    'embeddingsdb help')    offered='@COMMANDS@' ;;
    'embeddingsdb client')  [[ ${#words[@]} -gt 2 ]] || offered='@CLIENT@' ;;
    'embeddingsdb oembeddings') [[ ${#words[@]} -gt 2 ]] || offered='@OEMBEDDINGS@' ;;
    'embeddingsdb-client ') offered='@CLIENT@' ;;
  esac
  if [[ -z $offered && $word == -* ]]; then
    local command=("${words[0]}") i=1
    case "${words[0]##*/} ${words[1]-}" in
      'embeddingsdb client' | 'embeddingsdb oembeddings') command=("${words[@]:0:3}") ;;
      'embeddingsdb '* | 'embeddingsdb-client '*) command=("${words[@]:0:2}") ;;
    esac
    offered=$("${command[@]}" -h 2>&1 | sed -n 's/^  \(-[a-z-]*\).*/\1/p')
  fi
  mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$word")
}
complete -o default -F _embeddingsdb embeddingsdb @LINKS@
)";

std::string NamesOf(std::span<const Command> commands) {
  std::string names;
  for (const Command& command : commands) {
    if (!names.empty()) {
      names += ' ';
    }
    names += command.name;
  }
  return names;
}

void Replace(std::string& text, std::string_view placeholder, std::string_view value) {
  for (auto at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder)) {
    text.replace(at, placeholder.size(), value);
  }
}

}  // namespace

int RunCompletion(const Invocation& call, Session& session) {
  CommandFlags flags(call, {.summary = "Prints a completion script for bash.",
                            .synopsis = "[flags] bash",
                            .examples = "  source <(embeddingsdb completion bash)"});
  if (const auto exit_code = flags.Parse(session, {.name = "bash", .min = 1, .max = 1})) {
    return *exit_code;
  }
  if (flags.rest().front() != "bash") {
    return flags.UsageError(session, Concat("unknown shell: ", Quote(flags.rest().front())));
  }
  std::string script(kBash.substr(1));
  Replace(script, "@COMMANDS@", NamesOf(Commands()));
  Replace(script, "@CLIENT@", NamesOf(ClientCommands()));
  Replace(script, "@OEMBEDDINGS@", NamesOf(OEmbeddingsCommands()));
  std::string links;
  for (const Link& link : Links()) {
    links += Concat(links.empty() ? "" : " ", link.name);
  }
  Replace(script, "@LINKS@", links);
  session.io.out << script;
  return kExitOk;
}

}  // namespace embeddingsdb
