// SPDX-License-Identifier: BSD-3-Clause
#include "cli/commands.h"

#include <algorithm>
#include <array>
#include <iomanip>

namespace embeddingsdb {

std::span<const Command> Commands() {
  static constexpr auto kCommands = std::to_array<Command>({
      {"server", "serve a database over gRPC", RunServer},
      {"inspector", "serve web pages that show a database", RunInspector},
      {"client", "read, write and search a database", RunClient},
      {"parquet-import", "add the records of Parquet files to a database", RunParquetImport,
       Supervision::kMemory},
      {"parquet-export", "write the records of a database to a Parquet file", RunParquetExport},
      {"parquet-merge", "make one Parquet file of several", RunParquetMerge, Supervision::kAll},
      {"parquet-emit", "print the records of Parquet files as JSON lines", RunParquetEmit,
       Supervision::kAll},
      {"parquet-metadata", "print what a Parquet file says about itself", RunParquetMetadata,
       Supervision::kAll},
      {"parquet-validate", "say what is wrong with Parquet files", RunParquetValidate,
       Supervision::kAll},
      {"parquet-gather-stats", "print which models and providers are in Parquet files",
       RunParquetGatherStats, Supervision::kAll},
      {"parquet-append-stats", "write a Parquet file with statistics of its rows",
       RunParquetAppendStats, Supervision::kAll},
      {"parquet-sign", "sign the records of Parquet files", RunParquetSign, Supervision::kMemory},
      {"parquet-verify", "verify the records of Parquet files by signatures", RunParquetVerify,
       Supervision::kMemory},
      {"oembeddings", "check what a record needs to be shown by others", RunOEmbeddings,
       Supervision::kAll},
      {"copy", "copy the records of one database or server to another", RunCopy},
      {"export", "write a database as a go-embeddingsdb export directory", RunExport},
      {"verify", "read a whole database and check it", RunVerify},
      {"stats", "print what is in a database and what it takes", RunStats},
      {"reindex", "build the indexes of a database anew", RunReindex},
      {"compact", "give room back to the disk", RunCompact},
      {"completion", "print a completion script for bash", RunCompletion},
      {"help", "explain a command", RunHelp},
      {"version", "print the version", RunVersion},
  });
  return kCommands;
}

std::span<const Command> ClientCommands() {
  static constexpr auto kCommands = std::to_array<Command>({
      {"add", "add records given as JSON, or one made of a picture or a text", RunClientAdd},
      {"count", "print how many records there are", RunClientCount},
      {"dimensions", "print the lengths of the stored vectors", RunClientDimensions},
      {"facets", "count the values of a column or an attribute", RunClientFacets},
      {"list", "print records, one JSON object a line", RunClientList},
      {"models", "print the names of the models", RunClientModels},
      {"providers", "print the names of the providers", RunClientProviders},
      {"record", "print one record", RunClientRecord},
      {"remove", "remove one record", RunClientRemove},
      {"similar", "find the records nearest to a vector, a text or a picture", RunClientSimilar},
      {"similar-by-id", "find the records nearest to a record", RunClientSimilarById},
  });
  return kCommands;
}

std::span<const Command> OEmbeddingsCommands() {
  static constexpr auto kCommands = std::to_array<Command>({
      {"validate", "check documents, files and databases", RunOEmbeddingsValidate},
      {"schema", "print the JSON Schema", RunOEmbeddingsSchema},
  });
  return kCommands;
}

std::span<const Link> Links() {
  static constexpr auto kLinks = std::to_array<Link>({
      {"embeddingsdb-server", "server"},
      {"embeddingsdb-client", "client"},
      {"embeddingsdb-inspector", "inspector"},
      {"parquet-import", "parquet-import"},
      {"parquet-export", "parquet-export"},
      {"parquet-merge", "parquet-merge"},
      {"parquet-emit", "parquet-emit"},
      {"parquet-metadata", "parquet-metadata"},
      {"parquet-validate", "parquet-validate"},
      {"parquet-gather-stats", "parquet-gather-stats"},
      {"parquet-append-stats", "parquet-append-stats"},
      {"parquet-sign", "parquet-sign"},
      {"parquet-verify", "parquet-verify"},
  });
  return kLinks;
}

const Command* FindCommand(std::span<const Command> commands, std::string_view name) {
  const auto found = std::ranges::find(commands, name, &Command::name);
  return found == commands.end() ? nullptr : &*found;
}

void PrintCommands(std::ostream& out, std::span<const Command> commands) {
  std::size_t width = 0;
  for (const Command& command : commands) {
    width = std::max(width, command.name.size());
  }
  for (const Command& command : commands) {
    out << "  " << std::left << std::setw(static_cast<int>(width) + 2) << command.name
        << command.summary << "\n";
  }
}

}  // namespace embeddingsdb
