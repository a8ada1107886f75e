// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/import_stream.h"

#include <chrono>
#include <cstddef>
#include <exception>
#include <grpcpp/server_context.h>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/record_bytes.h"
#include "core/text.h"
#include "rpc/bulk_adder.h"
#include "rpc/convert.h"

namespace embeddingsdb {
namespace {

/// How long a commit waits for its batch to fill. A client that waits for each acknowledgement pays
/// this; one that streams gets batches that are worth a commit.
constexpr std::chrono::milliseconds kLinger{5};

constexpr char kDraining[] = "the server is shutting down";

}  // namespace

/// One call. Lives until both gRPC (OnDone) and the committing thread are through with it. Start...
/// and Finish are never called under the mutex, because gRPC may answer on the same thread.
class ImportStream final : public ImportStreams::Reactor {
 public:
  ImportStream(ImportStreams& owner, grpc::CallbackServerContext& context)
      : owner_(owner), context_(context), adder_(owner.database_) {}

  /// Says hello and begins to read.
  void Begin(std::shared_ptr<ImportStream> self) {
    self_ = std::move(self);
    SendTotals({});
    StartRead(&request_);
  }

  /// Ends a call instead of beginning it.
  void Refuse(std::shared_ptr<ImportStream> self, const Status& status) {
    self_ = std::move(self);
    Finish(End(status));
  }

  /// The committing thread.
  void Commit();

  /// Ends a call that has begun; nothing is started after this.
  void Conclude(const Status& status);

  void Drain() {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    changed_.notify_all();
  }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }
  void OnDone() override { const std::shared_ptr<ImportStream> last = std::move(self_); }

  bool TakeBatch(std::vector<Record>& batch);
  void SendTotals(const ImportReport& report);
  Status Outcome();
  grpc::Status End(const Status& status) {
    return owner_.gate_.End(context_, {.what = "add records", .key = nullptr, .start = start_},
                            status);
  }

  // Under the mutex.
  bool full() const { return queue_.size() >= kCommitRecords || queue_bytes_ >= kCommitBytes; }
  bool over() const { return input_ended_ || cancelled_ || draining_ || finishing_; }

  ImportStreams& owner_;
  grpc::CallbackServerContext& context_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  BulkAdder adder_;                     // the committing thread's
  v1::AddRecordsRequest request_;       // gRPC's between StartRead and OnReadDone
  v1::AddRecordsResponse response_;     // gRPC's between StartWrite and OnWriteDone
  std::shared_ptr<ImportStream> self_;  // until OnDone

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Record> queue_;  // decoded, not yet taken
  std::size_t queue_bytes_ = 0;
  bool paused_ = false;                        // the next StartRead waits until the queue is taken
  std::optional<Result<AddOptions>> options_;  // from the first message on
  bool input_ended_ = false;
  bool cancelled_ = false;
  bool draining_ = false;
  v1::AddRecordsResponse totals_;
  bool writing_ = false;
  bool totals_changed_ = false;  // since the write in progress began
  bool finishing_ = false;       // Finish when nothing is being written
  grpc::Status final_status_;
};

void ImportStream::OnReadDone(bool ok) {
  std::unique_lock lock(mutex_);
  input_ended_ = !ok;
  if (over()) {
    changed_.notify_all();
    return;
  }
  lock.unlock();
  std::vector<Record> records(static_cast<std::size_t>(request_.records_size()));
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    TakeRecord(*request_.mutable_records(static_cast<int>(i)), records[i]);
    bytes += RecordBytes(records[i]);
  }
  lock.lock();
  if (!options_) {
    options_ = AddOptionsFrom(request_);
  }
  if (queue_.empty()) {
    queue_.swap(records);
  } else {
    queue_.insert(queue_.end(), std::make_move_iterator(records.begin()),
                  std::make_move_iterator(records.end()));
  }
  queue_bytes_ += bytes;
  paused_ = full() && !over();
  const bool resume = !paused_ && !over();
  changed_.notify_all();
  lock.unlock();
  if (resume) {
    StartRead(&request_);
  }
}

void ImportStream::OnWriteDone(bool ok) {
  std::unique_lock lock(mutex_);
  if (!ok) {
    cancelled_ = true;
    changed_.notify_all();
  } else if (totals_changed_) {
    totals_changed_ = false;
    response_ = totals_;
    lock.unlock();
    StartWrite(&response_);
    return;
  }
  writing_ = false;
  const bool finish = finishing_;
  lock.unlock();
  if (finish) {
    Finish(final_status_);
  }
}

/// Acknowledges; when the last acknowledgement is still on its way, the next one stands for both.
void ImportStream::SendTotals(const ImportReport& report) {
  std::unique_lock lock(mutex_);
  totals_.set_acknowledged(report.acknowledged);
  totals_.set_added(report.records.added);
  totals_.set_replaced(report.records.replaced);
  totals_.set_skipped(report.records.skipped);
  totals_changed_ = writing_;
  if (writing_) {
    return;
  }
  writing_ = true;
  response_ = totals_;
  lock.unlock();
  StartWrite(&response_);
}

/// Waits for records; false when there will be none.
bool ImportStream::TakeBatch(std::vector<Record>& batch) {
  batch.clear();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !queue_.empty() || over(); });
  changed_.wait_for(lock, kLinger, [this] { return full() || over(); });
  if (queue_.empty() || cancelled_ || !options_ || !options_->ok()) {
    return false;
  }
  adder_.set_options(**options_);
  batch.swap(queue_);
  queue_bytes_ = 0;
  const bool resume = paused_ && !over();
  paused_ = false;
  lock.unlock();
  if (resume) {
    StartRead(&request_);
  }
  return true;
}

Status ImportStream::Outcome() {
  if (!adder_.report().status.ok()) {
    return adder_.report().status;
  }
  const std::lock_guard lock(mutex_);
  if (options_) {
    EDB_TRY(options_->status());
  }
  if (cancelled_) {
    return CancelledError("the call was cancelled");
  }
  return input_ended_ ? Status() : UnavailableError(kDraining);
}

void ImportStream::Commit() {
  Status status;
  try {
    const ImportReport& report = adder_.report();
    std::vector<Record> batch;
    while (report.status.ok() && TakeBatch(batch)) {
      const std::int64_t before = report.acknowledged;
      adder_.Add(batch).IgnoreError("kept in the report");
      if (report.acknowledged > before) {
        SendTotals(report);
      }
    }
    status = Outcome();
  } catch (const std::exception& error) {
    status = InternalError(error.what());
  }
  Conclude(status);
}

void ImportStream::Conclude(const Status& status) {
  owner_.gate_.Leave();
  const grpc::Status answer = End(status);
  std::unique_lock lock(mutex_);
  final_status_ = answer;
  finishing_ = true;
  if (writing_) {
    return;  // OnWriteDone finishes
  }
  lock.unlock();
  Finish(answer);
}

void ImportStreams::Wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return threads_ == 0; });
}

ImportStreams::Reactor* ImportStreams::Start(grpc::CallbackServerContext& context) {
  auto stream = std::make_shared<ImportStream>(*this, context);
  // gRPC answers nothing before it has bound the reactor that is returned, so it stays alive.
  ImportStream* const reactor = stream.get();
  Status status = gate_.Enter(context);
  if (status.ok()) {
    status = Admit(reactor);
    if (!status.ok()) {
      gate_.Leave();
    }
  }
  if (!status.ok()) {
    reactor->Refuse(std::move(stream), status);
    return reactor;
  }
  reactor->Begin(stream);
  try {
    std::thread([this, stream]() mutable { Run(std::move(stream)); }).detach();
  } catch (const std::system_error& error) {
    Forget(reactor);
    Ended();
    reactor->Conclude(ResourceExhaustedError(Concat("cannot start a thread: ", error.what())));
  }
  return reactor;
}

void ImportStreams::Run(std::shared_ptr<ImportStream> stream) {
  stream->Commit();
  Forget(stream.get());
  stream.reset();
  Ended();
}

Status ImportStreams::Admit(ImportStream* stream) {
  const std::lock_guard lock(mutex_);
  if (draining_) {
    return UnavailableError(kDraining);
  }
  streams_.insert(stream);
  ++threads_;
  return {};
}

void ImportStreams::Forget(ImportStream* stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

void ImportStreams::Ended() {
  const std::lock_guard lock(mutex_);
  --threads_;
  changed_.notify_all();  // under the mutex: Wait may be the last thing before the destructor
}

void ImportStreams::Drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  for (ImportStream* const stream : streams_) {
    stream->Drain();
  }
}

}  // namespace embeddingsdb
