// SPDX-License-Identifier: BSD-3-Clause
//
// Records, vectors and attributes as JSON: what is read is JSON, and comes back the same when it is
// written and read again.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "embeddingsdb/record.h"

#include "core/json.h"
#include "fuzz/fuzz.h"

namespace embeddingsdb::fuzz {
namespace {

/// `Read` and `Write` are each other's opposites on all that `Read` takes.
template <typename Read, typename Write>
void RoundTrip(std::string_view text, const Read& read, const Write& write) {
  const auto value = read(text);
  if (!value.ok()) {
    Require(value.status().code() == StatusCode::kInvalidArgument, "bad JSON is the caller's fault",
            value.status().message());
    return;
  }
  Require(nlohmann::json::accept(text), "what is read is JSON", text);
  const std::string written = write(*value);
  const auto again = read(written);
  Require(again.ok() && *again == *value, "what is written is read as it was", written);
  // Tells 0 from -0, which are equal.
  Require(write(*again) == written, "what is read is written as it was", written);
}

std::string WriteRecord(const Record& record) {
  Record copy = record;
  if (kCanary) {
    copy.subject_id.clear();
  }
  return RecordToJson(copy);
}

}  // namespace
}  // namespace embeddingsdb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace edb = embeddingsdb;
  const std::string_view text = edb::fuzz::Text(data, size);
  edb::fuzz::RoundTrip(text, edb::RecordFromJson, edb::fuzz::WriteRecord);
  edb::fuzz::RoundTrip(text, edb::RecordFromJson, [](const edb::Record& record) {
    return edb::RecordToJson(record, edb::EmptyAs::kEmpty);
  });
  edb::fuzz::RoundTrip(text, edb::FloatsFromJson,
                       [](const std::vector<float>& floats) { return edb::FloatsToJson(floats); });
  edb::fuzz::RoundTrip(text, edb::AttributesFromJson, edb::AttributesToJson);
  if (const auto record = edb::RecordFromJson(text); record.ok()) {
    edb::Validate(*record).IgnoreError("whatever it says, it says it without a fault");
  }
  return 0;
}
