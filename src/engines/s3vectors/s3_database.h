// SPDX-License-Identifier: BSD-3-Clause
//
// s3vectors://: records in an index of Amazon S3 Vectors, or of a server that speaks its protocol.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_DATABASE_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_DATABASE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/record_matcher.h"
#include "engines/add_plan.h"
#include "engines/database_base.h"
#include "engines/s3vectors/s3_index.h"
#include "engines/s3vectors/s3_names.h"
#include "engines/s3vectors/s3_options.h"
#include "engines/s3vectors/s3_own_keys.h"

namespace embeddingsdb::s3vectors {

class S3VectorsDatabase final : public DatabaseBase {
 public:
  static Result<std::unique_ptr<Database>> Open(S3Options options, const Context& context,
                                                const AwsSurroundings& surroundings);

  PaginationType pagination_type() const override { return PaginationType::kCursor; }
  Capabilities capabilities() const override {
    return {.persistent = true, .exact = false, .shared_read = true};
  }

 protected:
  // s3_writing.cc
  Result<AddReport> DoAddBatch(std::span<const Record* const> records,
                               const AddOptions& options) override;
  Result<bool> DoRemove(const Key& key) override {
    EDB_ASSIGN(const std::int64_t removed, DoRemoveBatch({&key, 1}));
    return removed > 0;
  }
  Result<std::int64_t> DoRemoveBatch(std::span<const Key> keys) override;
  // s3_database.cc
  Result<Record> DoGet(const Key& key) override;
  Status DoList(const ListQuery& query, RecordPage& page) override;
  Result<std::unique_ptr<RecordCursor>> DoScan(const std::vector<Filter>& filters) override;
  Result<std::int64_t> DoCount(const std::vector<Filter>& filters) override;
  Result<FacetCounts> DoFacets(const FacetQuery& query) override;
  Result<std::vector<std::string>> DoModels(std::span<const std::string> providers) override;
  Result<std::vector<std::string>> DoProviders(std::span<const std::string> models) override;
  Result<std::vector<int>> DoDimensions() override;
  Result<std::int64_t> DoLastUpdate() override { return last_update_.load(); }
  Result<VerifyReport> DoVerify() override;
  Result<DatabaseStats> DoStats() override;
  // s3_search.cc
  Result<std::vector<SimilarRecord>> DoSimilar(const ResolvedSimilarQuery& query) override;

 private:
  /// A record on its way into the index.
  struct Prepared {
    const Record* record = nullptr;
    std::string key;
    S3Metadata metadata;
  };
  /// Where a list is.
  struct Place;

  S3VectorsDatabase(S3Options options, std::shared_ptr<S3Index> index, const Context& context);

  /// The index's facts; nothing while there is no index.
  Result<std::optional<S3IndexFacts>> Facts();
  Status Adopt(S3IndexFacts facts);
  /// Makes the bucket and the index where they are not there.
  Result<S3IndexFacts> Create(int dimension);
  Status CheckExisting();

  Result<std::vector<Prepared>> Prepare(std::span<const Record* const> records,
                                        const S3IndexFacts& facts) const;
  /// When each was created that is there, as far as the answer or its check depends on it.
  Result<std::vector<std::optional<std::int64_t>>> FindOut(const std::vector<Prepared>& prepared,
                                                           const AddOptions& options);
  Result<std::vector<std::optional<std::int64_t>>> Lookup(const std::vector<Prepared>& prepared,
                                                          const std::vector<std::size_t>& asked);
  Status Put(const std::vector<const Prepared*>& records);
  Result<std::vector<std::string>> Present(std::span<const Key> keys);
  void Touch();

  Status Visit(const std::vector<Filter>& filters, const std::function<void(Record&)>& visit);
  Result<S3NameLists> Names();
  Status FillPage(const ListQuery& query, Place& place, std::vector<Record>* records);
  Status SkipRecords(std::int64_t count, Place& place);

  Result<std::vector<SimilarRecord>> CompareAll(const ResolvedSimilarQuery& query);

  const S3Options s3_;
  const std::shared_ptr<S3Index> index_;
  S3Names names_;
  S3OwnKeys own_keys_;
  std::mutex mutex_;
  std::optional<S3IndexFacts> facts_;  // once known they stay
  std::atomic<bool> names_are_fresh_;  // `refresh-tags` has been seen to
  std::atomic<std::int64_t> last_update_ = 0;
};

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_DATABASE_H_
