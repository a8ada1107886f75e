// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/bulk_client.h"

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <utility>

#include "core/record_bytes.h"
#include "core/record_matcher.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

using ImportCall = grpc::ClientReaderWriter<v1::AddRecordsRequest, v1::AddRecordsResponse>;

/// Reads acknowledgements on a thread of its own, so that sending never waits for them.
class Acknowledgements {
 public:
  Acknowledgements(ImportCall& call, const ImportProgress& progress)
      : progress_(progress), thread_([this, &call] { Read(call); }) {}

  /// Reports to the caller what has come in since the last time.
  void Report() {
    std::unique_lock lock(mutex_);
    ReportNew(lock);
  }
  /// Reports until the server has ended the call; gives the last totals.
  v1::AddRecordsResponse WaitForEnd() {
    std::unique_lock lock(mutex_);
    do {
      changed_.wait(lock, [this] { return ended_ || totals_.acknowledged() != reported_; });
      ReportNew(lock);
    } while (!ended_ || totals_.acknowledged() != reported_);
    return totals_;
  }

 private:
  void Read(ImportCall& call) {
    v1::AddRecordsResponse response;
    while (call.Read(&response)) {
      const std::lock_guard lock(mutex_);
      totals_ = response;
      changed_.notify_one();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }

  void ReportNew(std::unique_lock<std::mutex>& lock) {
    if (totals_.acknowledged() == reported_) {
      return;
    }
    reported_ = totals_.acknowledged();
    const std::int64_t acknowledged = reported_;
    lock.unlock();
    if (progress_) {
      progress_(acknowledged);
    }
    lock.lock();
  }

  const ImportProgress& progress_;
  std::mutex mutex_;
  std::condition_variable changed_;
  v1::AddRecordsResponse totals_;
  std::int64_t reported_ = 0;
  bool ended_ = false;
  std::jthread thread_;  // last: it uses the others
};

/// Where records are sent. The message is empty but for the options of the stream.
struct Outgoing {
  ImportCall& call;
  v1::AddRecordsRequest& message;
};

/// Sends records until the source ends, the source fails or the server ends the call. `sent` counts
/// the records that were taken from the source and are good.
Status SendAll(Outgoing outgoing, RecordCursor& source, Acknowledgements& acknowledgements,
               std::int64_t& sent) {
  auto& [call, message] = outgoing;
  Record record;
  Status status;
  bool more = true;
  while (more) {
    std::size_t bytes = 0;
    while (more && bytes < kStreamMessageBytes) {
      Result<bool> next = source.Next(record);
      more = next.ok() && *next;
      status = next.status();
      if (!more) {
        break;
      }
      status = Validate(record);
      if (!status.ok()) {
        status =
            status.WithContext(Concat("record ", sent, " (", Quote(DisplayKey(record.key)), ")"));
        more = false;
        break;
      }
      FillRecord(record, *message.add_records());
      bytes += RecordBytes(record);
      ++sent;
    }
    if (message.records_size() > 0 && !call.Write(message)) {
      break;
    }
    message.Clear();
    acknowledgements.Report();
  }
  call.WritesDone();
  return status;
}

class StreamCursor final : public RecordCursor {
 public:
  StreamCursor(std::shared_ptr<Connection> connection, const v1::ScanRecordsRequest& request)
      : connection_(std::move(connection)) {
    connection_->Prepare(context_);
    call_ = connection_->v1().ScanRecords(&context_, request);
  }
  StreamCursor(const StreamCursor&) = delete;
  StreamCursor& operator=(const StreamCursor&) = delete;
  ~StreamCursor() override {
    if (ended_) {
      return;
    }
    context_.TryCancel();
    call_->Finish().IgnoreError();
  }

  /// Gets the next message; false at the end.
  Result<bool> Fetch() {
    next_ = 0;
    if (!ended_ && call_->Read(&message_)) {
      return true;
    }
    message_.Clear();
    if (!ended_) {
      status_ = connection_->Finished(context_, call_->Finish());
    }
    ended_ = true;
    if (!status_.ok()) {
      return status_;
    }
    return false;
  }

  Result<bool> Next(Record& record) override {
    while (next_ >= message_.records_size()) {
      EDB_ASSIGN(const bool more, Fetch());
      if (!more) {
        return false;
      }
    }
    TakeRecord(*message_.mutable_records(next_++), record);
    return true;
  }

 private:
  const std::shared_ptr<Connection> connection_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::ScanRecordsResponse>> call_;
  v1::ScanRecordsResponse message_;
  int next_ = 0;
  bool ended_ = false;
  Status status_;
};

class PageCursor final : public RecordCursor {
 public:
  PageCursor(std::shared_ptr<Connection> connection, const std::vector<Filter>& filters)
      : connection_(std::move(connection)) {
    query_.per_page = 512;  // halves evenly, so a smaller page can begin where a larger one would
    query_.filters = filters;
  }

  Result<bool> Next(Record& record) override {
    if (next_ == records_.size()) {
      EDB_TRY(Fetch());
      if (records_.empty()) {
        return false;
      }
    }
    record = std::move(records_[next_++]);
    return true;
  }

 private:
  Status Fetch() {
    Result<RecordPage> page = ListPage(*connection_, query_);
    while (page.status().code() == StatusCode::kResourceExhausted && query_.per_page > 1) {
      query_.per_page /= 2;
      query_.page = 2 * query_.page - 1;
      page = ListPage(*connection_, query_);
    }
    if (!page.ok()) {
      return page.status();
    }
    ++query_.page;
    records_ = std::move(page->records);
    next_ = 0;
    return {};
  }

  const std::shared_ptr<Connection> connection_;
  ListQuery query_;
  std::vector<Record> records_;
  std::size_t next_ = 0;
};

}  // namespace

std::optional<ImportReport> StreamRecords(Connection& connection, RecordCursor& source,
                                          const StreamOptions& options) {
  grpc::ClientContext context;
  connection.Prepare(context);
  const std::unique_ptr<ImportCall> call = connection.v1().AddRecords(&context);
  ImportReport report;
  v1::AddRecordsResponse hello;
  if (!call->Read(&hello)) {
    report.status = connection.Finished(context, call->Finish());
    if (connection.lacks_v1()) {
      return std::nullopt;
    }
    if (report.status.ok()) {
      report.status = InternalError("the server ended the import at once");
    }
    return report;
  }
  std::int64_t sent = 0;
  Status source_status;
  v1::AddRecordsResponse totals;
  {
    Acknowledgements acknowledgements(*call, options.progress);
    v1::AddRecordsRequest message;
    FillAddOptions(options.add, message);
    source_status = SendAll({*call, message}, source, acknowledgements, sent);
    totals = acknowledgements.WaitForEnd();
  }
  report.acknowledged = totals.acknowledged();
  report.records = {
      .added = totals.added(), .replaced = totals.replaced(), .skipped = totals.skipped()};
  report.status = connection.Finished(context, call->Finish());
  if (report.status.ok() && report.acknowledged != sent) {
    report.status = InternalError(
        Concat("the server acknowledged ", report.acknowledged, " of ", sent, " records"));
  }
  // The server's error comes first: it is about a record before the one the source failed at.
  if (report.status.ok()) {
    report.status = source_status;
  }
  return report;
}

Result<std::unique_ptr<RecordCursor>> ScanStream(std::shared_ptr<Connection> connection,
                                                 const std::vector<Filter>& filters) {
  v1::ScanRecordsRequest request;
  FillFilters(filters, *request.mutable_filters());
  auto cursor = std::make_unique<StreamCursor>(std::move(connection), request);
  EDB_TRY(cursor->Fetch().status());
  return std::unique_ptr<RecordCursor>(std::move(cursor));
}

std::unique_ptr<RecordCursor> ScanPages(std::shared_ptr<Connection> connection,
                                        const std::vector<Filter>& filters) {
  return std::make_unique<PageCursor>(std::move(connection), filters);
}

namespace {

/// The numbers of a page: legacy::PaginationResults, v1::ListRecordsResponse.
template <typename Numbers, typename Response>
RecordPage PageFrom(const Numbers& numbers, Response& response) {
  RecordPage page;
  page.total = numbers.total();
  page.page = numbers.page();
  page.pages = numbers.pages();
  page.per_page = numbers.per_page();
  page.records.resize(static_cast<std::size_t>(response.records_size()));
  for (int i = 0; i < response.records_size(); ++i) {
    TakeRecord(*response.mutable_records(i), page.records[static_cast<std::size_t>(i)]);
  }
  return page;
}

}  // namespace

Status RefuseWithoutV1(const std::vector<Filter>& filters) {
  return AnyAboutAttributes(filters)
             ? UnimplementedError("this server does not offer filters by attributes or words")
             : Status();
}

Result<RecordPage> ListPage(Connection& connection, const ListQuery& query) {
  if (!connection.lacks_v1()) {
    v1::ListRecordsRequest request;
    request.set_page(query.page);
    request.set_per_page(query.per_page);
    request.set_cursor(query.cursor);
    FillFilters(query.filters, *request.mutable_filters());
    auto response = connection.Call(&Connection::V1Stub::ListRecords, request);
    if (response.ok()) {
      RecordPage page = PageFrom(*response, *response);
      page.next_cursor = std::move(*response->mutable_next_cursor());
      return page;
    }
    EDB_TRY(connection.lacks_v1() ? Status() : response.status());
  }
  EDB_TRY(RefuseWithoutV1(query.filters));
  if (!query.cursor.empty()) {
    return UnimplementedError("this server does not offer cursors");
  }
  legacy::ListRecordsRequest request;
  request.mutable_pagination()->set_page(query.page);
  request.mutable_pagination()->set_per_page(query.per_page);
  FillFilters(query.filters, *request.mutable_filters());
  EDB_ASSIGN(auto response, connection.Call(&Connection::LegacyStub::ListRecords, request));
  return PageFrom(response.pagination(), response);
}

}  // namespace embeddingsdb
