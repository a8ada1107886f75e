// SPDX-License-Identifier: BSD-3-Clause
//
// The client of database:// URIs: a database in this process.
#ifndef EMBEDDINGSDB_RPC_DATABASE_CLIENT_H_
#define EMBEDDINGSDB_RPC_DATABASE_CLIENT_H_

#include <memory>

#include "embeddingsdb/client.h"
#include "embeddingsdb/database.h"
#include "embeddingsdb/registry.h"
#include "embeddingsdb/uri.h"

namespace embeddingsdb {

/// A client that forwards to `database` and closes it with Close or at the end of its life.
std::unique_ptr<Client> NewDatabaseClient(std::unique_ptr<Database> database);

/// The factory of `database://?database-uri=URI`.
Result<std::unique_ptr<Client>> OpenDatabaseClient(const Uri& uri, const Context& context);

/// The factory of `null://`: the null database's client.
Result<std::unique_ptr<Client>> OpenNullClient(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_DATABASE_CLIENT_H_
