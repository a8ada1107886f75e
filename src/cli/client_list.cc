// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "core/json.h"

namespace embeddingsdb {
namespace {

// Prints pages until the last one that exists, or `end_page` when that is 1 or more. Where there is
// a cursor it leads from page to page.
Status PrintPages(Client& client, ListQuery query, std::int64_t end_page, Session& session) {
  session.log().Debug(
      "Start pagination",
      {{"start page", query.page}, {"end page", end_page}, {"per page", query.per_page}});
  for (std::int64_t number = query.page;; ++number) {
    query.page = query.cursor.empty() ? number : 1;
    EDB_ASSIGN(const RecordPage page, client.List(query));
    session.log().Debug("Query records", {{"page", number}, {"total page count", page.pages}});
    for (const Record& record : page.records) {
      session.io.out << RecordToJson(record) << "\n";
    }
    // Nobody may be reading any more.
    if (!session.io.out) {
      return {};
    }
    query.cursor = page.next_cursor;
    if ((number >= page.pages && query.cursor.empty()) || number == end_page) {
      return {};
    }
  }
}

}  // namespace

int RunClientList(const Invocation& call, Session& session) {
  ListQuery query;
  std::int64_t end_page = -1;
  CommandFlags flags(
      call, {.summary = "Prints records, one JSON object a line.",
             .synopsis = "[flags]",
             .examples = "  embeddingsdb-client list -per-page 1000\n"
                         "  embeddingsdb-client list -filter provider=example -end-page 1\n"
                         "  embeddingsdb-client list -words 'red fish*' \\\n"
                         "    -filter attributes.subject_creditline='Example Museum'",
             .notes = "All pages are printed, ordered by subject, depiction, model and provider."});
  const ClientFlags client_flags(flags);
  const FilterFlags filter_flags(flags);
  flags.Add("start-page", query.page, "The first `page` to print.");
  flags.Add("end-page", end_page, "The last `page` to print; -1 prints all there are.");
  flags.Add("per-page", query.per_page, "How many `records` to ask for at a time.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  if (const auto exit_code = filter_flags.Take(session, query.filters)) {
    return *exit_code;
  }
  if (end_page != -1 && end_page < query.page) {
    return flags.UsageError(session, "-end-page is before -start-page (-1 means no end)");
  }

  return client_flags.Run(session, "list records", [&](Client& client) {
    return PrintPages(client, query, end_page, session);
  });
}

}  // namespace embeddingsdb
