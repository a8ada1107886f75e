// SPDX-License-Identifier: BSD-3-Clause
//
// Between protocol messages and our types. Both protocols name their fields alike, so each
// function is one template, instantiated in convert.cc for the messages listed there.
#ifndef EMBEDDINGSDB_RPC_CONVERT_H_
#define EMBEDDINGSDB_RPC_CONVERT_H_

#include <cstddef>
#include <google/protobuf/message.h>
#include <grpcpp/support/status.h>
#include <string>
#include <vector>

#include "embeddingsdb/adding.h"
#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"
#include "embeddingsdb/v1/embeddingsdb.pb.h"

#include "org_sfomuseum_embeddingsdb_service.pb.h"

namespace embeddingsdb {

namespace legacy = ::org_sfomuseum_embeddingsdb_service;

/// The same code and message; a long message is cut, as trailers have little room.
grpc::Status ToGrpc(const Status& status);
Status FromGrpc(const grpc::Status& status);

/// Fills a record message (legacy::EmbeddingsDBRecord, v1::Record) that is empty.
template <typename Message>
void FillRecord(const Record& record, Message& message);

/// The record of a message, copied.
template <typename Message>
Record RecordFrom(const Message& message);

/// The record of a message that is not read again: texts are swapped, so that in a stream neither
/// side allocates for them.
template <typename Message>
void TakeRecord(Message& message, Record& record);

/// Any message with provider, depiction_id and model.
template <typename Message>
Key KeyFrom(const Message& message) {
  return {.provider = message.provider(),
          .depiction_id = message.depiction_id(),
          .model = message.model()};
}

template <typename Message>
void FillKey(const Key& key, Message& message) {
  message.set_provider(key.provider);
  message.set_depiction_id(key.depiction_id);
  message.set_model(key.model);
}

/// Fills legacy::SimilarRecord or v1::SimilarRecord; only the latter has the model.
template <typename Message>
void FillSimilar(const SimilarRecord& record, Message& message);
template <typename Message>
SimilarRecord SimilarFrom(const Message& message, const std::string& model);

/// legacy::ListRecordsFilter, which knows columns only, and v1::Filter. Unknown columns are
/// kInvalidArgument.
template <typename Messages>
Result<std::vector<Filter>> FiltersFrom(const Messages& messages);
template <typename Messages>
void FillFilters(const std::vector<Filter>& filters, Messages& messages) {
  for (const Filter& filter : filters) {
    auto& message = *messages.Add();
    message.set_column(FilterName(filter));
    message.set_value(filter.value);
  }
}

void FillAddOptions(const AddOptions& options, v1::AddRecordsRequest& request);
/// kInvalidArgument for a policy this program does not know.
Result<AddOptions> AddOptionsFrom(const v1::AddRecordsRequest& request);

/// kResourceExhausted, with the answer cleared, when a page of records is too large to be sent.
Status CheckPageSize(google::protobuf::Message& page, std::size_t max_bytes);

/// The optional fields that both searches share.
template <typename Query, typename Message>
void TakeSearchOptions(const Message& message, Query& query) {
  if (message.has_similar_provider()) {
    query.provider = message.similar_provider();
  }
  if (message.has_max_distance()) {
    query.max_distance = message.max_distance();
  }
  if (message.has_max_results()) {
    query.k = message.max_results();
  }
}

template <typename Query, typename Message>
void FillSearchOptions(const Query& query, Message& message) {
  if (query.provider) {
    message.set_similar_provider(*query.provider);
  }
  if (query.max_distance) {
    message.set_max_distance(*query.max_distance);
  }
  if (query.k) {
    message.set_max_results(*query.k);
  }
}

/// The fields that both searches of v1 share and go-embeddingsdb does not have.
template <typename Query, typename Message>
Status TakeV1Options(const Message& message, Query& query) {
  EDB_ASSIGN(query.filters, FiltersFrom(message.filters()));
  switch (message.group_by()) {
    case v1::GROUP_BY_UNSPECIFIED:
      return {};
    case v1::GROUP_BY_SUBJECT:
      query.group_by = GroupBy::kSubject;
      return {};
    default:
      return InvalidArgumentError("group_by is none that this version knows");
  }
}

template <typename Query, typename Message>
void FillV1Options(const Query& query, Message& message) {
  FillFilters(query.filters, *message.mutable_filters());
  message.set_group_by(query.group_by == GroupBy::kSubject ? v1::GROUP_BY_SUBJECT
                                                           : v1::GROUP_BY_UNSPECIFIED);
}

/// The fields that legacy::SimilarRecordsRequest and v1::SimilarRecordsRequest share.
template <typename Message>
SimilarQuery SimilarQueryFrom(const Message& message) {
  SimilarQuery query;
  query.model = message.model();
  query.embedding.assign(message.embeddings().begin(), message.embeddings().end());
  query.exclude.assign(message.exclude().begin(), message.exclude().end());
  TakeSearchOptions(message, query);
  return query;
}

template <typename Message>
void FillSimilarQuery(const SimilarQuery& query, Message& message) {
  message.set_model(query.model);
  message.mutable_embeddings()->Add(query.embedding.begin(), query.embedding.end());
  for (const std::string& id : query.exclude) {
    message.add_exclude(id);
  }
  FillSearchOptions(query, message);
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_CONVERT_H_
