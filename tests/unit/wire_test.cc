// SPDX-License-Identifier: BSD-3-Clause
//
// The wire format of go-embeddingsdb, byte for byte. The bytes are written by hand from field
// numbers and types: tag = number * 8 + wire type (0 varint, 2 length-delimited, 5 four bytes).
#include <cstdint>
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <initializer_list>
#include <string>

#include "embeddingsdb/v1/embeddingsdb.grpc.pb.h"

#include "org_sfomuseum_embeddingsdb_service.grpc.pb.h"

namespace embeddingsdb {
namespace {

namespace legacy = ::org_sfomuseum_embeddingsdb_service;

std::string Bytes(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) {
    text.push_back(static_cast<char>(byte));
  }
  return text;
}

/// `message` is written as these bytes, and read back from them as itself.
template <typename Message>
void ExpectWire(const Message& message, std::initializer_list<int> bytes) {
  EXPECT_EQ(testing::PrintToString(message.SerializeAsString()),
            testing::PrintToString(Bytes(bytes)))
      << message.ShortDebugString();
  Message parsed;
  ASSERT_TRUE(parsed.ParseFromString(Bytes(bytes)));
  EXPECT_EQ(parsed.ShortDebugString(), message.ShortDebugString());
}

template <typename Message>
void FillRecord(Message& record) {
  record.set_provider("p");
  record.set_depiction_id("d");
  record.set_subject_id("s");
  record.set_model("m");
  record.add_embeddings(1.0F);
  record.add_embeddings(-2.5F);
  (*record.mutable_attributes())["k"] = "v";
  record.set_created(300);
}

TEST(LegacyWire, Record) {
  legacy::EmbeddingsDBRecord record;
  FillRecord(record);
  ExpectWire(record, {0x0a, 1,    'p',  0x12, 1,   'd',  0x1a, 1,   's',  0x22, 1,
                      'm',  0x2a, 8,    0,    0,   0x80, 0x3f, 0,   0,    0x20, 0xc0,
                      0x32, 6,    0x0a, 1,    'k', 0x12, 1,    'v', 0x38, 0xac, 0x02});
}

TEST(LegacyWire, RecordOfV1IsTheSame) {
  legacy::EmbeddingsDBRecord old_record;
  v1::Record new_record;
  FillRecord(old_record);
  FillRecord(new_record);
  EXPECT_EQ(old_record.SerializeAsString(), new_record.SerializeAsString());
}

TEST(LegacyWire, UnpackedEmbeddingsAreRead) {
  legacy::EmbeddingsDBRecord record;
  ASSERT_TRUE(record.ParseFromString(Bytes({0x2d, 0, 0, 0x80, 0x3f, 0x2d, 0, 0, 0x20, 0xc0})));
  EXPECT_THAT(record.embeddings(), testing::ElementsAre(1.0F, -2.5F));
}

TEST(LegacyWire, NegativeCreatedTakesTenBytes) {
  legacy::EmbeddingsDBRecord record;
  record.set_created(-1);
  ExpectWire(record, {0x38, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01});
}

TEST(LegacyWire, AddRecord) {
  legacy::AddRecordRequest request;
  request.mutable_record()->set_model("m");
  ExpectWire(request, {0x0a, 3, 0x22, 1, 'm'});
  ExpectWire(legacy::AddRecordResponse(), {});
}

TEST(LegacyWire, GetRecord) {
  legacy::GetRecordRequest request;
  request.set_provider("p");
  request.set_depiction_id("d");
  request.set_model("m");
  ExpectWire(request, {0x0a, 1, 'p', 0x12, 1, 'd', 0x1a, 1, 'm'});
  legacy::GetRecordResponse response;
  response.mutable_record()->set_subject_id("s");
  ExpectWire(response, {0x0a, 3, 0x1a, 1, 's'});
}

TEST(LegacyWire, RemoveRecord) {
  legacy::RemoveRecordRequest request;
  request.set_provider("p");
  request.set_depiction_id("d");
  request.set_model("m");
  ExpectWire(request, {0x0a, 1, 'p', 0x12, 1, 'd', 0x1a, 1, 'm'});
  ExpectWire(legacy::RemoveRecordResponse(), {});
}

TEST(LegacyWire, SimilarRecords) {
  legacy::SimilarRecordsRequest request;
  request.set_model("m");
  request.add_embeddings(1.0F);
  request.add_exclude("a");
  request.add_exclude("b");
  ExpectWire(request, {0x0a, 1, 'm', 0x12, 4, 0, 0, 0x80, 0x3f, 0x1a, 1, 'a', 0x1a, 1, 'b'});
  request.set_similar_provider("p");
  request.set_max_distance(0.5F);
  request.set_max_results(7);
  ExpectWire(request, {0x0a, 1,   'm',  0x12, 4,   0,    0, 0x80, 0x3f, 0x1a, 1,    'a', 0x1a,
                       1,    'b', 0x22, 1,    'p', 0x2d, 0, 0,    0,    0x3f, 0x30, 7});
}

TEST(LegacyWire, OptionalFieldsAreSentEvenWhenZero) {
  legacy::SimilarRecordsRequest request;
  request.set_similar_provider("");
  request.set_max_distance(0);
  request.set_max_results(0);
  ExpectWire(request, {0x22, 0, 0x2d, 0, 0, 0, 0, 0x30, 0});
  EXPECT_FALSE(legacy::SimilarRecordsRequest().has_max_results());
}

TEST(LegacyWire, SimilarRecordsById) {
  legacy::SimilarRecordsByIdRequest request;
  request.set_provider("p");
  request.set_depiction_id("d");
  request.set_model("m");
  request.set_similar_provider("q");
  request.set_max_distance(0.5F);
  request.set_max_results(7);
  ExpectWire(request, {0x0a, 1, 'p', 0x12, 1, 'd', 0x1a, 1, 'm', 0x22, 1, 'q', 0x2d, 0, 0, 0, 0x3f,
                       0x30, 7});
}

TEST(LegacyWire, SimilarRecordsResponse) {
  legacy::SimilarRecordsResponse response;
  legacy::SimilarRecord& record = *response.add_records();
  record.set_provider("p");
  record.set_depiction_id("d");
  record.set_subject_id("s");
  record.set_distance(0.5F);
  (*record.mutable_attributes())["k"] = "v";
  ExpectWire(response, {0x0a, 22, 0x0a, 1,    'p',  0x12, 1,    'd', 0x1a, 1,    's', 0x25,
                        0,    0,  0,    0x3f, 0x2a, 6,    0x0a, 1,   'k',  0x12, 1,   'v'});
}

TEST(LegacyWire, GetModels) {
  legacy::GetModelsRequest request;
  request.add_provider("p");
  request.add_provider("q");
  ExpectWire(request, {0x0a, 1, 'p', 0x0a, 1, 'q'});
  legacy::GetModelsResponse response;
  response.add_model("m");
  ExpectWire(response, {0x0a, 1, 'm'});
}

TEST(LegacyWire, GetProviders) {
  ExpectWire(legacy::GetProvidersRequest(), {});
  legacy::GetProvidersResponse response;
  response.add_provider("p");
  ExpectWire(response, {0x0a, 1, 'p'});
}

TEST(LegacyWire, GetDimensions) {
  ExpectWire(legacy::GetDimensionsRequest(), {});
  legacy::GetDimensionsResponse response;
  response.add_dimensions(512);
  response.add_dimensions(3);
  ExpectWire(response, {0x0a, 3, 0x80, 0x04, 3});
}

TEST(LegacyWire, GetPaginationType) {
  ExpectWire(legacy::GetPaginationTypeRequest(), {});
  legacy::GetPaginationTypeResponse response;
  response.set_pagination_type("null");
  ExpectWire(response, {0x0a, 4, 'n', 'u', 'l', 'l'});
}

TEST(LegacyWire, ListRecords) {
  legacy::ListRecordsRequest request;
  request.mutable_pagination()->set_page(2);
  request.mutable_pagination()->set_per_page(300);
  legacy::ListRecordsFilter& filter = *request.add_filters();
  filter.set_column("model");
  filter.set_value("m");
  ExpectWire(request, {0x0a, 5, 0x08, 2, 0x10, 0xac, 0x02, 0x12, 10, 0x0a, 5, 'm', 'o', 'd', 'e',
                       'l', 0x12, 1, 'm'});
  legacy::ListRecordsResponse response;
  legacy::PaginationResults& results = *response.mutable_pagination();
  results.set_total(1);
  results.set_page(2);
  results.set_pages(3);
  results.set_per_page(4);
  response.add_records()->set_provider("p");
  ExpectWire(response, {0x0a, 8, 0x08, 1, 0x10, 2, 0x18, 3, 0x20, 4, 0x12, 3, 0x0a, 1, 'p'});
}

TEST(LegacyWire, ServiceHasTheTenUnaryMethods) {
  const google::protobuf::ServiceDescriptor* const service =
      legacy::EmbeddingsDBRecord::descriptor()->file()->service(0);
  EXPECT_EQ(service->full_name(), "org_sfomuseum_embeddingsdb_service.EmbeddingsDBService");
  std::vector<std::string> names;
  for (int i = 0; i < service->method_count(); ++i) {
    names.push_back(service->method(i)->name());
    EXPECT_FALSE(service->method(i)->client_streaming()) << names.back();
    EXPECT_FALSE(service->method(i)->server_streaming()) << names.back();
  }
  EXPECT_THAT(names,
              testing::ElementsAre("AddRecord", "GetRecord", "RemoveRecord", "SimilarRecords",
                                   "SimilarRecordsById", "GetModels", "GetProviders", "ListRecords",
                                   "GetDimensions", "GetPaginationType"));
}

}  // namespace
}  // namespace embeddingsdb
