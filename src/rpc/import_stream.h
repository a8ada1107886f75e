// SPDX-License-Identifier: BSD-3-Clause
//
// ImportStreams: the AddRecords calls of the server. gRPC's threads decode messages into a queue; a
// thread of each call's own takes what has gathered, commits it as one batch and acknowledges it.
//
// This is the one method on the callback API: it must be able to end with an error while the client
// is silent, and a handler that blocks in Read cannot (docs/adr/0005-grpc-sync-handlers.md).
#ifndef EMBEDDINGSDB_RPC_IMPORT_STREAM_H_
#define EMBEDDINGSDB_RPC_IMPORT_STREAM_H_

#include <condition_variable>
#include <grpcpp/support/server_callback.h>
#include <memory>
#include <mutex>
#include <set>

#include "embeddingsdb/database.h"
#include "embeddingsdb/v1/embeddingsdb.pb.h"

#include "rpc/call_gate.h"

namespace grpc {
class CallbackServerContext;
}  // namespace grpc

namespace embeddingsdb {

class ImportStream;

/// Safe for concurrent use; outlives the calls.
class ImportStreams {
 public:
  /// Borrows both.
  ImportStreams(Database& database, CallGate& gate) : database_(database), gate_(gate) {}
  ImportStreams(const ImportStreams&) = delete;
  ImportStreams& operator=(const ImportStreams&) = delete;
  ~ImportStreams() { Wait(); }

  using Reactor = grpc::ServerBidiReactor<v1::AddRecordsRequest, v1::AddRecordsResponse>;
  /// The reactor of a new call; it destroys itself.
  Reactor* Start(grpc::CallbackServerContext& context);

  /// Ends every call with UNAVAILABLE when what it has received is stored, and refuses new ones.
  void Drain();

  /// Waits for the calls' threads; the gRPC server must have been shut down.
  void Wait();

 private:
  friend class ImportStream;

  void Run(std::shared_ptr<ImportStream> stream);  // a call's thread
  Status Admit(ImportStream* stream);
  void Forget(ImportStream* stream);
  void Ended();

  Database& database_;
  CallGate& gate_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<ImportStream*> streams_;  // those that Drain must tell
  int threads_ = 0;                  // until nothing of a call touches the database or this
  bool draining_ = false;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_IMPORT_STREAM_H_
