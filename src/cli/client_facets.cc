// SPDX-License-Identifier: BSD-3-Clause
#include <string>
#include <utility>

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

void PrintFacets(const FacetCounts& counts, const std::string& format, Session& session) {
  if (format == "json") {
    session.io.out << FacetCountsToJson(counts) << "\n";
    return;
  }
  Table table({"records", "value"});
  for (const Facet& facet : counts.facets) {
    table.AddRow({std::to_string(facet.count), facet.value});
  }
  table.Print(session.io.out);
  const std::int64_t more = counts.distinct - std::ssize(counts.facets);
  if (more > 0) {
    session.io.err << more << " more values; -limit shows them\n";
  }
}

}  // namespace

int RunClientFacets(const Invocation& call, Session& session) {
  FacetQuery query;
  std::string by = "provider";
  std::string format = "json";
  CommandFlags flags(
      call,
      {.summary = "Counts how often each value of a column or an attribute occurs.",
       .synopsis = "[-by NAME] [flags]",
       .examples = "  embeddingsdb-client facets -by model\n"
                   "  embeddingsdb-client facets -by attributes.subject_creditline -format table\n"
                   "  embeddingsdb-client facets -by provider -words 'red fish*'",
       .notes =
           "The most frequent values come first. Records without the attribute are not counted."});
  const ClientFlags client_flags(flags);
  const FilterFlags filter_flags(flags);
  flags.Add("by", by,
            "The `name` of what is counted: provider, depiction_id, subject_id, model or\n"
            "attributes.ATTRIBUTE.");
  flags.Add("limit", query.limit, "Print at most this `number` of values.");
  AddFormatFlag(flags, format);
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  if (const Status ok = CheckFormat(format); !ok.ok()) {
    return flags.UsageError(session, ok.message());
  }
  if (const auto exit_code = filter_flags.Take(session, query.filters)) {
    return *exit_code;
  }
  Result<Filter> field = ParseFilter(by, "");
  if (field.ok()) {
    query.by = field->column;
    query.attribute = std::move(field->attribute);
  }
  const Status valid = field.ok() ? ValidateFacetQuery(query) : field.status();
  if (!valid.ok()) {
    return flags.UsageError(session, valid.WithContext("-by").message());
  }

  return client_flags.Run(session, "count facets", [&](Client& client) -> Status {
    EDB_ASSIGN(const FacetCounts counts, client.Facets(query));
    PrintFacets(counts, format, session);
    return {};
  });
}

}  // namespace embeddingsdb
