// SPDX-License-Identifier: BSD-3-Clause
//
// S3Protocol: from an HTTP request to an HTTP answer: signatures, paths, the shapes of errors.
// No sockets, no HTTP library.
#ifndef EMBEDDINGSDB_S3SERVER_PROTOCOL_H_
#define EMBEDDINGSDB_S3SERVER_PROTOCOL_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "embeddingsdb/registry.h"

#include "aws/sigv4.h"
#include "core/env.h"
#include "core/log.h"
#include "s3server/fields.h"
#include "s3server/keys.h"
#include "s3server/operations.h"

namespace embeddingsdb {

struct S3Request {
  std::string method;
  std::string target;  ///< path and query as they were sent
  HttpHeaders headers;
  std::string body;
};

struct S3Response {
  int status = 200;
  std::string error_type = {};  ///< for x-amzn-errortype; empty for a success
  std::string body = {};        ///< JSON
  std::string request_id = {};  ///< for x-amzn-requestid
};

/// Threads: safe for concurrent use.
class S3Protocol {
 public:
  /// Borrows all but the keys; `log` may be null.
  S3Protocol(S3Operations& operations, S3Keys keys, SigV4Scope scope, const Context& context)
      : operations_(operations),
        keys_(std::move(keys)),
        scope_(std::move(scope)),
        env_(*context.env),
        log_(context.log) {}

  S3Response Answer(const S3Request& request);
  /// An answer that has not got as far as Answer.
  S3Response Refuse(int status, std::string_view type, std::string_view message);

 private:
  Result<Document> RunTags(const S3Request& request, std::string_view segment, const Document& body,
                           FieldList& fields);
  S3Response ErrorOf(const Status& status, const FieldList& fields);
  std::string NextId();

  S3Operations& operations_;
  const S3Keys keys_;
  const SigV4Scope scope_;
  Env& env_;
  Logger* const log_;
  std::atomic<std::uint64_t> requests_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_PROTOCOL_H_
