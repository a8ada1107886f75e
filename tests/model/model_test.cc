// SPDX-License-Identifier: BSD-3-Clause
//
// Random operations on an engine and on memory://, which is exact and shares no code with it: every
// answer must be the same. Set EDB_SEED to repeat a run, EDB_MODEL_RUNS for more of them.
#include <algorithm>
#include <array>
#include <gtest/gtest-spi.h>

#include "conformance/engines_under_test.h"
#include "support/faulty_database.h"

namespace embeddingsdb {
namespace {

class Model : public EngineTest {};
EDB_FOR_ALL_ENGINES(Model);
EDB_FOR_ALL_SERVICES(Model);

int Runs() {
  const char* text = std::getenv("EDB_MODEL_RUNS");
  return text != nullptr ? static_cast<int>(std::strtol(text, nullptr, 10)) : 6;
}

/// Makes operations over few keys and coarse vectors, so that replacing, ties and duplicates
/// happen.
class Generator {
 public:
  explicit Generator(std::uint64_t seed, bool one_length = false)
      : random_(seed), one_length_(one_length) {}

  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  std::string Pick(const std::vector<std::string>& values) {
    return values[static_cast<std::size_t>(Below(static_cast<int>(values.size())))];
  }
  Key NextKey() {
    return {Pick({"p", "p-q", "\xC3\xA9"}), "d" + std::to_string(Below(12)), Pick({"m", "n", "o"})};
  }
  std::vector<float> Vector(const std::string& model) {
    std::vector<float> vector(one_length_ || model == "n" ? 17 : model == "m" ? 3 : 64);
    for (float& element : vector) {
      element = static_cast<float>(Below(5) - 2) * 0.25F;
    }
    return vector;
  }
  Record NextRecord() {
    const Key key = NextKey();
    Record record = MakeRecord(key.provider, key.depiction_id, key.model, Vector(key.model));
    record.subject_id = Pick({"", "s1", "s2", "S1"});
    record.created = Below(1000) - 500;
    record.attributes["n"] = std::to_string(Below(100));
    record.attributes["subject_title"] =
        Pick({"Red fish", "red F\xC3\xAFSH", "a blue fishing boat", "data:red", ""});
    if (Below(2) == 0) {
      record.attributes["kind"] = Pick({"", "a", "A"});
    }
    return record;
  }
  AddOptions NextOptions() {
    constexpr std::array kPolicies = {OnDuplicate::kOverwrite, OnDuplicate::kFail,
                                      OnDuplicate::kSkip, OnDuplicate::kNewest};
    return {.on_duplicate =
                kPolicies[static_cast<std::size_t>(Below(static_cast<int>(kPolicies.size())))],
            .dry_run = Below(5) == 0};
  }
  SimilarQuery NextQuery() {
    SimilarQuery query;
    query.model = Pick({"m", "n", "o", "absent"});
    query.embedding = Vector(query.model);
    if (Below(2) == 0) {
      query.k = 1 + Below(40);
    }
    if (Below(2) == 0) {
      query.max_distance = static_cast<float>(Below(8)) * 0.5F;
    }
    if (Below(3) == 0) {
      query.provider = Pick({"p", "p-q", "nobody"});
    }
    for (int i = Below(4); i > 0; --i) {
      query.exclude.push_back("d" + std::to_string(Below(12)));
    }
    if (Below(4) == 0) {
      query.exclude_record = NextKey();
    }
    if (Below(3) == 0) {
      query.filters = Filters();
    }
    query.group_by = Below(4) == 0 ? GroupBy::kSubject : GroupBy::kNone;
    return query;
  }
  FacetQuery NextFacets() {
    FacetQuery query;
    query.by = std::vector{Column::kProvider, Column::kModel, Column::kSubjectId,
                           Column::kAttribute}[static_cast<std::size_t>(Below(4))];
    query.attribute = Pick({"kind", "subject_title", "absent"});
    query.filters = Filters();
    query.limit = 1 + Below(5);
    return query;
  }
  std::vector<Filter> Filters() {
    std::vector<Filter> filters;
    if (Below(2) == 0) {
      filters.push_back({Column::kModel, Pick({"m", "n"})});
    }
    if (Below(3) == 0) {
      filters.push_back({Column::kProvider, Pick({"p", "p-q"})});
    }
    if (Below(4) == 0) {
      filters.push_back({Column::kSubjectId, Pick({"", "s1"})});
    }
    if (Below(4) == 0) {
      filters.push_back({Column::kAttribute, Pick({"", "a", "A"}), "kind"});
    }
    if (Below(4) == 0) {
      filters.push_back({Column::kWords, Pick({"fish", "fish* red", "BOAT", "data"})});
    }
    return filters;
  }

 private:
  std::mt19937_64 random_;
  bool one_length_;
};

/// Values are compared whole; of errors only the code, since messages may name the engine.
template <typename T>
void ExpectSame(const Result<T>& engine, const Result<T>& model) {
  ASSERT_EQ(engine.status().code(), model.status().code())
      << engine.status() << " / " << model.status();
  if (engine.ok()) {
    EXPECT_EQ(*engine, *model);
  }
}

void ExpectSamePage(const Result<RecordPage>& engine, const Result<RecordPage>& model) {
  ASSERT_OK(engine);
  ASSERT_OK(model);
  EXPECT_EQ(engine->records, model->records);
  EXPECT_EQ(engine->total, model->total);
  EXPECT_EQ(engine->pages, model->pages);
}

/// The records of all pages, which a database may list in an order of its own, by key.
std::vector<Record> AllPages(Database& database, ListQuery query) {
  std::vector<Record> records;
  for (query.page = 1;;) {
    const Result<RecordPage> page = database.List(query);
    if (!page.ok()) {
      ADD_FAILURE() << page.status();
      return records;
    }
    EXPECT_LE(page->records.size(), static_cast<std::size_t>(query.per_page));
    records.insert(records.end(), page->records.begin(), page->records.end());
    const bool by_cursor = database.pagination_type() == PaginationType::kCursor;
    if (by_cursor ? page->next_cursor.empty() : query.page >= page->pages) {
      break;
    }
    query.cursor = page->next_cursor;
    query.page += by_cursor ? 0 : 1;
  }
  std::ranges::sort(records, {}, &Record::key);
  return records;
}

void ExpectSameList(Database& engine, Database& model, const ListQuery& query) {
  if (engine.pagination_type() == PaginationType::kCursor) {
    EXPECT_EQ(AllPages(engine, query), AllPages(model, query));
  } else {
    ExpectSamePage(engine.List(query), model.List(query));
  }
}

void Step(Generator& make, Database& engine, Database& model) {
  switch (make.Below(10)) {
    case 0:
    case 1:
    case 2: {
      const Record record = make.NextRecord();
      return ExpectSame(engine.Add(record), model.Add(record));
    }
    case 3: {
      std::vector<Record> batch;
      // Some so large that they are stored in another way.
      for (int i = make.Below(make.Below(4) == 0 ? 100 : 20); i > 0; --i) {
        batch.push_back(make.NextRecord());
      }
      const AddOptions options = make.NextOptions();
      return ExpectSame(engine.AddBatch(batch, options), model.AddBatch(batch, options));
    }
    case 4: {
      const Key key = make.NextKey();
      return ExpectSame(engine.Remove(key), model.Remove(key));
    }
    case 5: {
      const Key key = make.NextKey();
      return ExpectSame(engine.Get(key), model.Get(key));
    }
    case 6:
    case 7: {
      const SimilarQuery query = make.NextQuery();
      return ExpectSame(engine.Similar(query), model.Similar(query));
    }
    case 8: {
      const ListQuery query = {
          .page = 1 + make.Below(4), .per_page = 1 + make.Below(15), .filters = make.Filters()};
      return ExpectSameList(engine, model, query);
    }
    default: {
      const std::vector<Filter> filters = make.Filters();
      ExpectSame(ScanAll(engine, filters), ScanAll(model, filters));
      ExpectSame(engine.Count(filters), model.Count(filters));
      const FacetQuery facets = make.NextFacets();
      ExpectSame(engine.Facets(facets), model.Facets(facets));
      ExpectSame(engine.Models({}), model.Models({}));
      const std::vector<std::string> models = {"m", "absent"};
      ExpectSame(engine.Providers(models), model.Providers(models));
      return ExpectSame(engine.Dimensions(), model.Dimensions());
    }
  }
}

TEST_P(Model, RandomOperationsGiveTheAnswersOfTheExactModel) {
  for (int run = 0; run < Runs(); ++run) {
    const std::uint64_t seed = TestSeed() + static_cast<std::uint64_t>(run);
    SCOPED_TRACE("EDB_SEED=" + std::to_string(seed));
    const TempDir run_folder;
    Result<std::unique_ptr<Database>> engine = test_.Open(GetParam().uri(run_folder.path()));
    Result<std::unique_ptr<Database>> model = test_.Open("memory://");
    ASSERT_OK(engine);
    ASSERT_OK(model);
    Generator make(seed, GetParam().one_length);
    for (int step = 0; step < 100; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      Step(make, **engine, **model);
      if (HasFailure()) {
        return;
      }
      if (step % 40 == 39 && (*engine)->capabilities().persistent) {
        ASSERT_OK((*engine)->Close());
        engine = test_.Open(GetParam().uri(run_folder.path()));
        ASSERT_OK(engine);
      }
    }
    EXPECT_TRUE((*engine)->Verify()->problems.empty());
  }
}

class ModelCanary : public testing::TestWithParam<Fault> {};
INSTANTIATE_TEST_SUITE_P(Faults, ModelCanary,
                         testing::Values(Fault::kRemoveForgets, Fault::kFilterAfterTopK,
                                         Fault::kHidesDuplicates, Fault::kScanDropsLast,
                                         Fault::kReplaceKeepsSubject, Fault::kAttributesAfterTopK,
                                         Fault::kGroupsAfterTopK, Fault::kFacetsOfAll,
                                         Fault::kFailStoresOthers, Fault::kSkipReplaces,
                                         Fault::kNewestIsLast, Fault::kDryRunStores));

TEST_P(ModelCanary, TheSameStepsFindAPlantedFault) {
  TestContext test;
  FaultyDatabase engine(*test.Open("memory://"), GetParam());
  const std::unique_ptr<Database> model = *test.Open("memory://");
  Generator make(TestSeed());
  testing::TestPartResultArray failures;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    for (int step = 0; step < 600 && failures.size() == 0; ++step) {
      Step(make, engine, *model);
    }
  }
  EXPECT_GT(failures.size(), 0) << "the model test does not notice " << GetParam();
}

}  // namespace
}  // namespace embeddingsdb
