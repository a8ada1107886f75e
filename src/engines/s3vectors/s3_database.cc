// SPDX-License-Identifier: BSD-3-Clause
#include "engines/s3vectors/s3_database.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "engines/builtin_engines.h"
#include "engines/facet_tally.h"
#include "engines/s3vectors/s3_listing.h"

namespace embeddingsdb::s3vectors {
namespace {

class S3Cursor final : public RecordCursor {
 public:
  S3Cursor(std::shared_ptr<S3Index> index, const std::vector<Filter>& filters)
      : listing_(std::move(index), true), matcher_(filters) {}

  Result<bool> Next(Record& record) override {
    S3Vector vector;
    while (true) {
      EDB_ASSIGN(const bool more, listing_.Next(vector));
      if (!more) {
        return false;
      }
      EDB_ASSIGN(record, RecordOf(std::move(vector)));
      if (matcher_.Matches(record)) {
        return true;
      }
    }
  }

 private:
  S3Listing listing_;
  const RecordMatcher matcher_;
};

class EmptyCursor final : public RecordCursor {
 public:
  Result<bool> Next(Record& /*record*/) override { return false; }
};

bool Contains(std::span<const std::string> values, const std::string& value) {
  return std::ranges::find(values, value) != values.end();
}

}  // namespace

S3VectorsDatabase::S3VectorsDatabase(S3Options options, std::shared_ptr<S3Index> index,
                                     std::unique_ptr<S3Table> table, const Context& context)
    : DatabaseBase(options.engine, context),
      s3_(std::move(options)),
      index_(std::move(index)),
      table_(std::move(table)),
      names_(index_, context),
      names_are_fresh_(!s3_.refresh_tags) {}

Result<std::unique_ptr<Database>> S3VectorsDatabase::Open(S3Options options, const Context& context,
                                                          const AwsSurroundings& surroundings) {
  EDB_ASSIGN(std::unique_ptr<AwsClient> client, AwsClient::Open(options.client, surroundings));
  auto index = std::make_shared<S3Index>(std::move(client), options.bucket, options.index);
  std::unique_ptr<S3Table> table;
  if (!options.table.empty()) {
    EDB_ASSIGN(std::unique_ptr<AwsClient> tables,
               AwsClient::Open(options.table_client, surroundings));
    table = std::make_unique<S3Table>(std::move(tables), options.table,
                                      Concat(options.bucket, "/", options.index), surroundings);
  }
  std::unique_ptr<S3VectorsDatabase> database(
      new S3VectorsDatabase(std::move(options), std::move(index), std::move(table), context));
  EDB_TRY(database->CheckExisting());
  EDB_TRY(database->OpenTable());
  return std::unique_ptr<Database>(std::move(database));
}

// The bucket is asked for only when there is no index: who may only read an index gets by.
Status S3VectorsDatabase::CheckExisting() {
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (facts) {
    return {};
  }
  if (options().read_only) {
    return NotFoundError(Concat("there is no index ", Quote(s3_.index), " in the vector bucket ",
                                Quote(s3_.bucket), ", and read-only=true makes none"));
  }
  if (const std::optional<int> dimensions = options().dimensions) {
    return Create(*dimensions).status();
  }
  const Status bucket = index_->CheckBucket();
  return bucket.code() == StatusCode::kNotFound ? index_->CreateBucket() : bucket;
}

Status S3VectorsDatabase::Adopt(S3IndexFacts facts) {
  const auto refuse = [this](const auto&... parts) {
    return FailedPreconditionError(Concat("the index ", Quote(s3_.index), " has ", parts...));
  };
  const std::optional<int> dimensions = options().dimensions;
  if (dimensions && *dimensions != facts.dimension) {
    return refuse(facts.dimension, " dimensions, but the dimensions option is ", *dimensions);
  }
  if (s3_.metric_is_given && options().metric != facts.metric) {
    return refuse("the metric ", MetricName(facts.metric), ", but the metric option is ",
                  MetricName(options().metric));
  }
  facts_ = std::move(facts);
  return {};
}

Result<std::optional<S3IndexFacts>> S3VectorsDatabase::Facts() {
  const std::lock_guard lock(mutex_);
  if (facts_) {
    return facts_;
  }
  Result<S3IndexFacts> facts = index_->GetIndex();
  if (facts.status().code() == StatusCode::kNotFound) {
    return std::optional<S3IndexFacts>();
  }
  if (!facts.ok()) {
    return facts.status();
  }
  EDB_TRY(Adopt(*std::move(facts)));
  return facts_;
}

Result<S3IndexFacts> S3VectorsDatabase::Create(int dimension) {
  if (dimension > kMaxS3Dimension) {
    return InvalidArgumentError(
        Concat("embeddings have ", dimension, " elements, S3 Vectors takes ", kMaxS3Dimension));
  }
  Result<bool> created = index_->CreateIndex(dimension, options().metric);
  if (created.status().code() == StatusCode::kNotFound) {
    EDB_TRY(index_->CreateBucket());
    created = index_->CreateIndex(dimension, options().metric);
  }
  EDB_TRY(created.status());
  if (*created) {
    own_keys_.Begin(context().env->NowUnixSeconds());
  }
  EDB_ASSIGN(std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return UnavailableError("the index that was just made is not there yet");
  }
  return *std::move(facts);
}

Result<Record> S3VectorsDatabase::DoGet(const Key& key) {
  const Status missing = NotFoundError(Concat("record ", DisplayKey(key), " not found"));
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return missing;
  }
  EDB_ASSIGN(const std::string name, S3KeyOf(key, s3_.keys));
  EDB_ASSIGN(std::vector<S3Vector> found, index_->Get({&name, 1}, true));
  if (found.empty()) {
    return missing;
  }
  EDB_ASSIGN(Record record, RecordOf(std::move(found.front())));
  // With keys of v1 it may be another's.
  if (record.key != key) {
    return missing;
  }
  return record;
}

Result<std::unique_ptr<RecordCursor>> S3VectorsDatabase::DoScan(
    const std::vector<Filter>& filters) {
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return std::unique_ptr<RecordCursor>(std::make_unique<EmptyCursor>());
  }
  return std::unique_ptr<RecordCursor>(std::make_unique<S3Cursor>(index_, filters));
}

/// All records that match, without their vectors.
Status S3VectorsDatabase::Visit(const std::vector<Filter>& filters,
                                const std::function<void(Record&)>& visit) {
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return {};
  }
  const RecordMatcher matcher(filters);
  S3Listing listing(index_, false);
  S3Vector vector;
  while (true) {
    EDB_ASSIGN(const bool more, listing.Next(vector));
    if (!more) {
      return {};
    }
    EDB_ASSIGN(Record record, RecordOf(std::move(vector)));
    if (matcher.Matches(record)) {
      visit(record);
    }
  }
}

Result<std::int64_t> S3VectorsDatabase::DoCount(const std::vector<Filter>& filters) {
  EDB_ASSIGN(const std::optional<TablePlan> plan, PlanByTable(filters));
  if (plan) {
    return CountByTable(*plan);
  }
  std::int64_t count = 0;
  EDB_TRY(Visit(filters, [&count](const Record&) { ++count; }));
  return count;
}

Result<FacetCounts> S3VectorsDatabase::DoFacets(const FacetQuery& query) {
  FacetTally tally(query);
  const bool in_table = query.by == Column::kProvider || query.by == Column::kModel ||
                        query.by == Column::kDepictionId;
  std::optional<TablePlan> plan;
  if (in_table) {
    EDB_ASSIGN(plan, PlanByTable(query.filters));
  }
  if (plan) {
    EDB_TRY(VisitByTable(*plan, [&tally](const Record& record) {
      tally.Add(record);
      return true;
    }));
    return tally.Finish();
  }
  EDB_TRY(Visit(query.filters, [&tally](const Record& record) { tally.Add(record); }));
  return tally.Finish();
}

Result<S3NameLists> S3VectorsDatabase::Names() {
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return S3NameLists{};
  }
  if (names_are_fresh_) {
    if (std::optional<S3NameLists> lists = names_.Read(facts->arn)) {
      return *std::move(lists);
    }
  }
  S3NameLists lists;
  EDB_TRY(Visit({}, [&lists](const Record& record) {
    lists.models.insert(record.key.model);
    lists.providers.insert(record.key.provider);
  }));
  if (!options().read_only) {
    names_.Write(facts->arn, lists);
  }
  names_are_fresh_ = true;
  return lists;
}

Result<std::vector<std::string>> S3VectorsDatabase::DoModels(
    std::span<const std::string> providers) {
  EDB_ASSIGN(const std::optional<S3TableState> state, CompleteTable());
  if (state) {
    return NamesByTable(Column::kModel, *state, providers);
  }
  S3NameLists lists;
  if (providers.empty()) {
    EDB_ASSIGN(lists, Names());
  } else {
    EDB_TRY(Visit({}, [&](const Record& record) {
      if (Contains(providers, record.key.provider)) {
        lists.models.insert(record.key.model);
      }
    }));
  }
  return std::vector<std::string>(lists.models.begin(), lists.models.end());
}

Result<std::vector<std::string>> S3VectorsDatabase::DoProviders(
    std::span<const std::string> models) {
  EDB_ASSIGN(const std::optional<S3TableState> state, CompleteTable());
  if (state) {
    return NamesByTable(Column::kProvider, *state, models);
  }
  S3NameLists lists;
  if (models.empty()) {
    EDB_ASSIGN(lists, Names());
  } else {
    EDB_TRY(Visit({}, [&](const Record& record) {
      if (Contains(models, record.key.model)) {
        lists.providers.insert(record.key.provider);
      }
    }));
  }
  return std::vector<std::string>(lists.providers.begin(), lists.providers.end());
}

Result<std::vector<int>> S3VectorsDatabase::DoDimensions() {
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  return facts ? std::vector<int>{facts->dimension} : std::vector<int>();
}

Result<DatabaseStats> S3VectorsDatabase::DoStats() {
  DatabaseStats stats{.last_update = last_update_};
  struct Model {
    std::int64_t records = 0;
    std::set<std::string> providers;
  };
  std::map<std::string, Model> models;
  const auto add = [&](const Record& record) {
    ++stats.records;
    Model& model = models[record.key.model];
    ++model.records;
    model.providers.insert(record.key.provider);
    return true;
  };
  EDB_ASSIGN(const std::optional<TablePlan> plan, PlanByTable({}));
  if (plan) {
    EDB_TRY(VisitByTable(*plan, add));
  } else {
    EDB_TRY(Visit({}, add));
  }
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  for (const auto& [name, model] : models) {
    stats.models.push_back({.name = name,
                            .dimension = facts ? facts->dimension : 0,
                            .records = model.records,
                            .providers = static_cast<std::int64_t>(model.providers.size()),
                            .metric = facts ? std::optional(facts->metric) : std::nullopt,
                            .search = SearchKind::kStore,
                            .precision = Precision::kF32,
                            .loaded = true});
  }
  stats.facts.push_back({.name = "requests", .value = index_->requests()});
  if (table_ != nullptr) {
    stats.facts.push_back({.name = "table_requests", .value = table_->requests()});
  }
  return stats;
}

}  // namespace embeddingsdb::s3vectors

namespace embeddingsdb {

Result<std::unique_ptr<Database>> OpenS3VectorsDatabase(const Uri& uri, const Context& context) {
  const AwsSurroundings surroundings = RealSurroundings(*context.env);
  EDB_ASSIGN(s3vectors::S3Options options, s3vectors::S3Options::FromUri(uri, surroundings));
  return s3vectors::S3VectorsDatabase::Open(std::move(options), context, surroundings);
}

}  // namespace embeddingsdb
