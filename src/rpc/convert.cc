// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/convert.h"

#include <array>
#include <concepts>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

// One vocabulary: our numbers are gRPC's.
static_assert(static_cast<int>(StatusCode::kOk) == grpc::StatusCode::OK);
static_assert(static_cast<int>(StatusCode::kCancelled) == grpc::StatusCode::CANCELLED);
static_assert(static_cast<int>(StatusCode::kUnknown) == grpc::StatusCode::UNKNOWN);
static_assert(static_cast<int>(StatusCode::kInvalidArgument) == grpc::StatusCode::INVALID_ARGUMENT);
static_assert(static_cast<int>(StatusCode::kDeadlineExceeded) ==
              grpc::StatusCode::DEADLINE_EXCEEDED);
static_assert(static_cast<int>(StatusCode::kNotFound) == grpc::StatusCode::NOT_FOUND);
static_assert(static_cast<int>(StatusCode::kAlreadyExists) == grpc::StatusCode::ALREADY_EXISTS);
static_assert(static_cast<int>(StatusCode::kPermissionDenied) ==
              grpc::StatusCode::PERMISSION_DENIED);
static_assert(static_cast<int>(StatusCode::kResourceExhausted) ==
              grpc::StatusCode::RESOURCE_EXHAUSTED);
static_assert(static_cast<int>(StatusCode::kFailedPrecondition) ==
              grpc::StatusCode::FAILED_PRECONDITION);
static_assert(static_cast<int>(StatusCode::kAborted) == grpc::StatusCode::ABORTED);
static_assert(static_cast<int>(StatusCode::kOutOfRange) == grpc::StatusCode::OUT_OF_RANGE);
static_assert(static_cast<int>(StatusCode::kUnimplemented) == grpc::StatusCode::UNIMPLEMENTED);
static_assert(static_cast<int>(StatusCode::kInternal) == grpc::StatusCode::INTERNAL);
static_assert(static_cast<int>(StatusCode::kUnavailable) == grpc::StatusCode::UNAVAILABLE);
static_assert(static_cast<int>(StatusCode::kDataLoss) == grpc::StatusCode::DATA_LOSS);
static_assert(static_cast<int>(StatusCode::kUnauthenticated) == grpc::StatusCode::UNAUTHENTICATED);

constexpr std::array<std::pair<OnDuplicate, v1::OnDuplicate>, 4> kPolicies = {{
    {OnDuplicate::kOverwrite, v1::ON_DUPLICATE_OVERWRITE},
    {OnDuplicate::kFail, v1::ON_DUPLICATE_FAIL},
    {OnDuplicate::kSkip, v1::ON_DUPLICATE_SKIP},
    {OnDuplicate::kNewest, v1::ON_DUPLICATE_NEWEST},
}};

template <typename Map>
void FillAttributes(const Attributes& attributes, Map& map) {
  for (const auto& [key, value] : attributes) {
    map[key] = value;
  }
}

/// Reuses the nodes of `attributes` when the names are the same as before, as they are from record
/// to record of one collection.
template <typename Map>
void AttributesFrom(const Map& map, Attributes& attributes) {
  if (attributes.size() != map.size()) {
    attributes.clear();
  }
  for (const auto& [key, value] : map) {
    if (const auto found = attributes.find(key); found != attributes.end()) {
      found->second = value;
    } else if (attributes.size() < map.size()) {
      attributes.emplace(key, value);
    } else {
      attributes.clear();
      for (const auto& [k, v] : map) {
        attributes.emplace(k, v);
      }
      return;
    }
  }
}

/// Swaps a text out of a message, without making the message allocate an empty one.
template <typename Message>
void Take(Message& message, const std::string& (Message::*get)() const,
          std::string* (Message::*mutable_get)(), std::string& out) {
  if ((message.*get)().empty()) {
    out.clear();
  } else {
    out.swap(*(message.*mutable_get)());
  }
}

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) {
    return grpc::Status::OK;
  }
  return {static_cast<grpc::StatusCode>(status.code()),
          status.message().substr(0, kMaxStatusMessageBytes)};
}

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) {
    return {};
  }
  const int code = status.error_code();
  const bool known = code > 0 && code <= static_cast<int>(StatusCode::kUnauthenticated);
  return {known ? static_cast<StatusCode>(code) : StatusCode::kUnknown, status.error_message()};
}

Status CheckPageSize(google::protobuf::Message& page, std::size_t max_bytes) {
  const std::size_t bytes = page.ByteSizeLong();
  if (bytes <= max_bytes) {
    return {};
  }
  page.Clear();
  return ResourceExhaustedError(Concat("the answer has ", bytes, " bytes, the limit is ", max_bytes,
                                       ": ask for fewer records per page"));
}

template <typename Message>
void FillRecord(const Record& record, Message& message) {
  FillKey(record.key, message);
  message.set_subject_id(record.subject_id);
  message.mutable_embeddings()->Add(record.embedding.begin(), record.embedding.end());
  FillAttributes(record.attributes, *message.mutable_attributes());
  message.set_created(record.created);
}
template void FillRecord(const Record& record, legacy::EmbeddingsDBRecord& message);
template void FillRecord(const Record& record, v1::Record& message);

template <typename Message>
Record RecordFrom(const Message& message) {
  Record record;
  record.key = KeyFrom(message);
  record.subject_id = message.subject_id();
  record.embedding.assign(message.embeddings().begin(), message.embeddings().end());
  AttributesFrom(message.attributes(), record.attributes);
  record.created = message.created();
  return record;
}
template Record RecordFrom(const legacy::EmbeddingsDBRecord& message);
template Record RecordFrom(const v1::Record& message);

template <typename Message>
void TakeRecord(Message& message, Record& record) {
  Take(message, &Message::provider, &Message::mutable_provider, record.key.provider);
  Take(message, &Message::depiction_id, &Message::mutable_depiction_id, record.key.depiction_id);
  Take(message, &Message::model, &Message::mutable_model, record.key.model);
  Take(message, &Message::subject_id, &Message::mutable_subject_id, record.subject_id);
  record.embedding.assign(message.embeddings().begin(), message.embeddings().end());
  AttributesFrom(message.attributes(), record.attributes);
  record.created = message.created();
}
template void TakeRecord(legacy::EmbeddingsDBRecord& message, Record& record);
template void TakeRecord(v1::Record& message, Record& record);

template <typename Message>
void FillSimilar(const SimilarRecord& record, Message& message) {
  message.set_provider(record.key.provider);
  message.set_depiction_id(record.key.depiction_id);
  message.set_subject_id(record.subject_id);
  message.set_distance(record.distance);
  FillAttributes(record.attributes, *message.mutable_attributes());
  if constexpr (std::same_as<Message, v1::SimilarRecord>) {
    message.set_model(record.key.model);
  }
}
template void FillSimilar(const SimilarRecord& record, legacy::SimilarRecord& message);
template void FillSimilar(const SimilarRecord& record, v1::SimilarRecord& message);

template <typename Message>
SimilarRecord SimilarFrom(const Message& message, const std::string& model) {
  SimilarRecord record;
  record.key = {
      .provider = message.provider(), .depiction_id = message.depiction_id(), .model = model};
  record.subject_id = message.subject_id();
  record.distance = message.distance();
  AttributesFrom(message.attributes(), record.attributes);
  return record;
}
template SimilarRecord SimilarFrom(const legacy::SimilarRecord& message, const std::string& model);
template SimilarRecord SimilarFrom(const v1::SimilarRecord& message, const std::string& model);

template <typename Messages>
Result<std::vector<Filter>> FiltersFrom(const Messages& messages) {
  std::vector<Filter> filters;
  for (const auto& message : messages) {
    if constexpr (std::same_as<typename Messages::value_type, v1::Filter>) {
      EDB_ASSIGN(Filter filter, ParseFilter(message.column(), message.value()));
      filters.push_back(std::move(filter));
    } else {
      EDB_ASSIGN(const Column column, ParseColumn(message.column()));
      filters.push_back({.column = column, .value = message.value()});
    }
  }
  return filters;
}
template Result<std::vector<Filter>> FiltersFrom(
    const google::protobuf::RepeatedPtrField<legacy::ListRecordsFilter>& messages);
template Result<std::vector<Filter>> FiltersFrom(
    const google::protobuf::RepeatedPtrField<v1::Filter>& messages);

void FillAddOptions(const AddOptions& options, v1::AddRecordsRequest& request) {
  for (const auto& [policy, message] : kPolicies) {
    if (policy == options.on_duplicate) {
      request.set_on_duplicate(message);
    }
  }
  request.set_dry_run(options.dry_run);
}

Result<AddOptions> AddOptionsFrom(const v1::AddRecordsRequest& request) {
  for (const auto& [policy, message] : kPolicies) {
    if (message == request.on_duplicate()) {
      return AddOptions{.on_duplicate = policy, .dry_run = request.dry_run()};
    }
  }
  return InvalidArgumentError(Concat("on_duplicate is ", static_cast<int>(request.on_duplicate()),
                                     ", the largest known is ",
                                     static_cast<int>(v1::OnDuplicate_MAX)));
}

}  // namespace embeddingsdb
