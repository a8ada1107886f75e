// SPDX-License-Identifier: BSD-3-Clause
//
// null://: takes everything, keeps nothing. For measuring what is not the database.
#include "engines/builtin_engines.h"
#include "engines/database_base.h"

namespace embeddingsdb {
namespace {

class NullCursor final : public RecordCursor {
 public:
  Result<bool> Next(Record& /*record*/) override { return false; }
};

class NullDatabase final : public DatabaseBase {
 public:
  NullDatabase(EngineOptions options, const Context& context)
      : DatabaseBase(std::move(options), context) {}

  PaginationType pagination_type() const override { return PaginationType::kNull; }
  Capabilities capabilities() const override { return {.exact = true, .stores = false}; }

 protected:
  Result<AddReport> DoAddBatch(std::span<const Record* const> records,
                               const AddOptions& /*options*/) override {
    return AddReport{.added = static_cast<std::int64_t>(records.size())};
  }
  Result<Record> DoGet(const Key& /*key*/) override { return NotFoundError("Not found"); }
  Result<bool> DoRemove(const Key& /*key*/) override { return false; }
  Status DoList(const ListQuery& /*query*/, RecordPage& /*page*/) override { return {}; }
  Result<std::unique_ptr<RecordCursor>> DoScan(const std::vector<Filter>& /*filters*/) override {
    return std::unique_ptr<RecordCursor>(std::make_unique<NullCursor>());
  }
  Result<std::vector<SimilarRecord>> DoSimilar(const ResolvedSimilarQuery& /*query*/) override {
    return std::vector<SimilarRecord>{};
  }
  Result<std::int64_t> DoCount(const std::vector<Filter>& /*filters*/) override {
    return std::int64_t{0};
  }
  Result<std::vector<std::string>> DoModels(std::span<const std::string> /*providers*/) override {
    return std::vector<std::string>{};
  }
  Result<std::vector<std::string>> DoProviders(std::span<const std::string> /*models*/) override {
    return std::vector<std::string>{};
  }
  Result<std::vector<int>> DoDimensions() override { return std::vector<int>{}; }
  Result<std::int64_t> DoLastUpdate() override { return std::int64_t{0}; }
  // go-embeddingsdb's null database accepts an export and writes nothing.
  Status DoExport(const std::string& /*path*/) override { return {}; }
  Result<VerifyReport> DoVerify() override { return VerifyReport{}; }
  Result<DatabaseStats> DoStats() override { return DatabaseStats{}; }
};

}  // namespace

Result<std::unique_ptr<Database>> OpenNullDatabase(const Uri& uri, const Context& context) {
  EDB_ASSIGN(EngineOptions options, EngineOptions::FromUri(uri));
  return std::unique_ptr<Database>(std::make_unique<NullDatabase>(std::move(options), context));
}

}  // namespace embeddingsdb
