// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/grpc_library.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include "core/log.h"

#ifdef __SANITIZE_ADDRESS__
// c-ares 1.18, which gRPC resolves names with, leaks ten bytes whenever it resolves "localhost".
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libcares";
}
#endif

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// gRPC passes a call of the callback API from thread to thread under locks of its own, which the
// sanitizer does not see. AddRecords is our only one, health is gRPC's.
extern "C" const char* __tsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __tsan_default_suppressions() {
  return "race:v1::AddRecordsRequest\nrace:grpc::internal::CallbackWithSuccessTag";
}
#endif
#endif

namespace embeddingsdb {
namespace {

/// gRPC has one log function a process, without a context, so this cannot be the caller's logger.
void LogAsWeDo(gpr_log_func_args* line) {
  Logger log;
  if (line->severity == GPR_LOG_SEVERITY_ERROR) {
    log.Warn("gRPC says", {{"message", line->message}});
  } else {
    log.Info("gRPC says", {{"message", line->message}});
  }
}

}  // namespace

void KeepGrpcRunning() {
  [[maybe_unused]] static const bool kept = [] {
    gpr_set_log_function(LogAsWeDo);
    grpc_init();  // counts users; this one never leaves
    return true;
  }();
}

}  // namespace embeddingsdb
