// SPDX-License-Identifier: BSD-3-Clause
//
// Filters by attributes and words, facets, and groups: on lists, scans, counts and searches alike.
#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "conformance/engines_under_test.h"

namespace embeddingsdb {
namespace {

using Names = std::vector<std::string>;

Filter Attribute(std::string name, std::string value) {
  return {.column = Column::kAttribute, .value = std::move(value), .attribute = std::move(name)};
}
Filter Words(std::string text) {
  return {.column = Column::kWords, .value = std::move(text)};
}

Record Titled(std::string id, std::string title, Attributes attributes = {}) {
  Record record = MakeRecord("p", std::move(id), "m", {1, 0});
  record.attributes = std::move(attributes);
  record.attributes["subject_title"] = std::move(title);
  return record;
}

class Filters : public EngineTest {
 protected:
  void FillWithFish() {
    const std::vector<Record> records = {
        Titled("angel", "Red Angelfish", {{"colour", "red"}, {"credit", "City Museum"}}),
        Titled("carp", "A red carp", {{"colour", "Red"}, {"credit", ""}}),
        Titled("etude", "\xC3\x89tude of a FISH", {{"colour", "blue"}}),
        Titled("photo", "data:fish", {{"colour", "red"}, {"note", "fish, by the city"}}),
    };
    ASSERT_OK(db_->AddBatch(records));
    Record other = Titled("none", "-");
    other.key.model = "n";
    other.key.provider = "q";
    other.attributes.clear();
    Add(other);
  }

  /// The depiction ids in list order, after a look that list, scan and count agree.
  Names Found(const std::vector<Filter>& filters) {
    Names listed;
    std::int64_t total = 0;
    for (std::int64_t page = 1;; ++page) {
      const auto found = db_->List({.page = page, .per_page = 2, .filters = filters});
      EXPECT_OK(found);
      if (!found.ok() || found->records.empty()) {
        break;
      }
      total = found->total;
      for (const Record& record : found->records) {
        EXPECT_EQ(db_->Get(record.key).value(), record);
        listed.push_back(record.key.depiction_id);
      }
    }
    if (db_->pagination_type() == PaginationType::kCursor) {
      EXPECT_TRUE(listed.empty() || total == kTotalUnknown) << total;
      total = static_cast<std::int64_t>(listed.size());
      std::sort(listed.begin(), listed.end());  // its order is its own
    }
    EXPECT_EQ(static_cast<std::size_t>(total), listed.size());
    EXPECT_EQ(db_->Count(filters).value(), total);
    const auto scanned = ScanAll(*db_, filters);
    EXPECT_OK(scanned);
    std::multiset<std::string> ids;
    for (const Record& record : *scanned) {
      ids.insert(record.key.depiction_id);
    }
    EXPECT_EQ(ids, std::multiset<std::string>(listed.begin(), listed.end()));
    return listed;
  }
};
EDB_FOR_ALL_STORES(Filters);
EDB_FOR_ALL_SERVICES(Filters);

TEST_P(Filters, AttributesAreComparedByteByByteAndAbsentOnesEqualNothing) {
  FillWithFish();
  EXPECT_EQ(Found({Attribute("colour", "red")}), (Names{"angel", "photo"}));
  EXPECT_EQ(Found({Attribute("colour", "Red")}), Names{"carp"});
  EXPECT_EQ(Found({Attribute("credit", "")}), Names{"carp"});
  EXPECT_EQ(Found({Attribute("Colour", "red")}), Names{});
  EXPECT_EQ(Found({Attribute("colour", "re")}), Names{});
  EXPECT_EQ(Found({Attribute("colour", "red"), Attribute("credit", "City Museum")}),
            Names{"angel"});
  EXPECT_EQ(Found({Attribute("colour", "red"), {Column::kDepictionId, "photo"}}), Names{"photo"});
  EXPECT_EQ(Found({Attribute("colour", "red"), {Column::kSubjectId, "subject-of-angel"}}),
            Names{"angel"});
  EXPECT_EQ(Found({Attribute("colour", "red"), {Column::kModel, "n"}}), Names{});
  EXPECT_EQ(Found({Attribute("colour", "' OR 1=1 --")}), Names{});
  EXPECT_EQ(Found({Attribute("colour'] OR 1=1 --", "red")}), Names{});
}

TEST_P(Filters, WordsAreFoundInAllAttributesWhateverTheirCaseAndAccents) {
  FillWithFish();
  EXPECT_EQ(Found({Words("fish")}), (Names{"etude", "photo"}));
  EXPECT_EQ(Found({Words("ETUDE")}), Names{"etude"});
  EXPECT_EQ(Found({Words("angel*")}), Names{"angel"});
  EXPECT_EQ(Found({Words("angel")}), Names{});
  EXPECT_EQ(Found({Words("red city")}), (Names{"angel", "photo"}));
  EXPECT_EQ(Found({Words("red"), Words("city"), {Column::kDepictionId, "angel"}}), Names{"angel"});
  EXPECT_EQ(Found({Words("RED"), Attribute("colour", "Red")}), Names{"carp"});
  EXPECT_EQ(Found({Words("\"red\" OR NOT (fish)")}), Names{});
}

TEST_P(Filters, ChangesAreSeenAtOnce) {
  FillWithFish();
  EXPECT_EQ(Found({Words("carp")}), Names{"carp"});
  Add(Titled("carp", "A pike", {{"colour", "green"}}));
  EXPECT_EQ(Found({Words("carp")}), Names{});
  EXPECT_EQ(Found({Words("pike")}), Names{"carp"});
  EXPECT_EQ(Found({Attribute("colour", "green")}), Names{"carp"});
  ASSERT_OK(db_->Remove({"p", "carp", "m"}));
  EXPECT_EQ(Found({Words("pike")}), Names{});
  EXPECT_EQ(Found({Attribute("colour", "Red")}), Names{});
  if (db_->capabilities().persistent) {
    OpenWith("");
    EXPECT_EQ(Found({Words("pike")}), Names{});
    EXPECT_EQ(Found({Words("fish")}), (Names{"etude", "photo"}));
  }
}

TEST_P(Filters, BadOnesAreRefusedByName) {
  EXPECT_FAILS(db_->Count({Attribute("", "x")}), kInvalidArgument, "filter attribute is empty");
  EXPECT_FAILS(db_->Count({Attribute(std::string(129, 'a'), "x")}), kInvalidArgument, "128");
  EXPECT_FAILS(db_->Count({Attribute("a", std::string(24'577, 'a'))}), kInvalidArgument, "24576");
  EXPECT_FAILS(db_->Count({Attribute("a", "\xff")}), kInvalidArgument, "UTF-8");
  EXPECT_FAILS(db_->Count({Words("")}), kInvalidArgument, "words");
  EXPECT_FAILS(db_->List({.filters = {Words("?!")}}), kInvalidArgument, "words");
  EXPECT_FAILS(db_->Scan({Words(std::string(1'025, 'a'))}), kInvalidArgument, "1024");
  EXPECT_FAILS(db_->Similar({.model = "m", .embedding = {1, 0}, .filters = {Words(" ")}}),
               kInvalidArgument, "words");
}

class Facets : public Filters {};
EDB_FOR_ALL_STORES(Facets);
EDB_FOR_ALL_SERVICES(Facets);

TEST_P(Facets, CountEachValueTheMostFrequentFirst) {
  FillWithFish();
  const auto counts = [&](const FacetQuery& query) { return db_->Facets(query).value(); };
  EXPECT_EQ(counts({.by = Column::kAttribute, .attribute = "colour"}),
            (FacetCounts{{{"red", 2}, {"Red", 1}, {"blue", 1}}, 3, 4}));
  EXPECT_EQ(counts({.by = Column::kAttribute, .attribute = "credit"}),
            (FacetCounts{{{"", 1}, {"City Museum", 1}}, 2, 2}));
  EXPECT_EQ(counts({.by = Column::kProvider}), (FacetCounts{{{"p", 4}, {"q", 1}}, 2, 5}));
  EXPECT_EQ(counts({.by = Column::kModel}), (FacetCounts{{{"m", 4}, {"n", 1}}, 2, 5}));
  EXPECT_EQ(counts({.by = Column::kModel, .filters = {{Column::kProvider, "q"}}}),
            (FacetCounts{{{"n", 1}}, 1, 1}));
  EXPECT_EQ(counts({.by = Column::kProvider, .filters = {{Column::kSubjectId, "subject-of-carp"}}}),
            (FacetCounts{{{"p", 1}}, 1, 1}));
  EXPECT_EQ(counts({.by = Column::kModel, .filters = {Words("red")}}),
            (FacetCounts{{{"m", 3}}, 1, 3}));
  EXPECT_EQ(counts({.by = Column::kSubjectId, .limit = 2}),
            (FacetCounts{{{"subject-of-angel", 1}, {"subject-of-carp", 1}}, 5, 5}));
  EXPECT_EQ(counts({.by = Column::kDepictionId, .filters = {Attribute("colour", "blue")}}),
            (FacetCounts{{{"etude", 1}}, 1, 1}));
  EXPECT_EQ(counts({.by = Column::kAttribute, .attribute = "absent"}), FacetCounts{});
}

TEST_P(Facets, FollowChanges) {
  FillWithFish();
  ASSERT_OK(db_->Remove({"q", "none", "n"}));
  Add(Titled("carp", "A carp", {{"colour", "red"}}));
  EXPECT_EQ(db_->Facets({.by = Column::kModel}).value(), (FacetCounts{{{"m", 4}}, 1, 4}));
  EXPECT_EQ(db_->Facets({.by = Column::kAttribute, .attribute = "colour"}).value(),
            (FacetCounts{{{"red", 3}, {"blue", 1}}, 2, 4}));
}

TEST_P(Facets, BadQuestionsAreRefusedByName) {
  EXPECT_FAILS(db_->Facets({.by = Column::kWords}), kInvalidArgument, "words");
  EXPECT_FAILS(db_->Facets({.by = Column::kAttribute}), kInvalidArgument, "attribute is empty");
  EXPECT_FAILS(db_->Facets({.limit = 0}), kInvalidArgument, "limit is 0");
  EXPECT_FAILS(db_->Facets({.limit = 10'001}), kInvalidArgument, "10000");
  EXPECT_FAILS(db_->Facets({.filters = {Words("")}}), kInvalidArgument, "words");
}

class FilteredSimilar : public EngineTest {
 protected:
  Names Ids(const SimilarQuery& query) {
    const auto found = db_->Similar(query);
    EXPECT_OK(found);
    Names ids;
    for (std::size_t i = 0; found.ok() && i < found->size(); ++i) {
      ids.push_back((*found)[i].key.depiction_id);
    }
    return ids;
  }
  /// Points 0, 1, 2, ... on a line; each hundredth is marked.
  void FillLine(int count) {
    std::vector<Record> batch;
    for (int i = 0; i < count; ++i) {
      Record record = MakeRecord("p" + std::to_string(i % 2), "d" + std::to_string(i), "m",
                                 {static_cast<float>(i), 0});
      record.attributes["mark"] = i % 100 == 50 ? "yes" : "no";
      record.attributes["title"] = i % 100 == 50 ? "Marked one" : "plain";
      batch.push_back(record);
    }
    ASSERT_OK(db_->AddBatch(batch));
  }
};
EDB_FOR_ALL_ENGINES(FilteredSimilar);
EDB_FOR_ALL_SERVICES(FilteredSimilar);

TEST_P(FilteredSimilar, FiltersThatFewRecordsSatisfyAreInsideTheSearch) {
  FillLine(2'000);
  SimilarQuery query = {.model = "m", .embedding = {0, 0}, .k = 3, .max_distance = 0.0F};
  query.filters = {Attribute("mark", "yes")};
  EXPECT_EQ(Ids(query), (Names{"d50", "d150", "d250"}));
  query.filters = {Words("marked")};
  EXPECT_EQ(Ids(query), (Names{"d50", "d150", "d250"}));
  query.exclude = {"d150"};
  query.filters = {Words("MARK*"), Attribute("mark", "yes"), {Column::kProvider, "p0"}};
  EXPECT_EQ(Ids(query), (Names{"d50", "d250", "d350"}));
  query.provider = "p1";
  EXPECT_EQ(Ids(query), Names{});
  query.provider.reset();
  query.exact = true;
  EXPECT_EQ(Ids(query), (Names{"d50", "d250", "d350"}));
  query.filters = {{Column::kDepictionId, "d1999"}, {Column::kModel, "m"}};
  EXPECT_EQ(Ids(query), Names{"d1999"});
  query.filters = {{Column::kModel, "n"}};
  EXPECT_EQ(Ids(query), Names{});
  query.filters = {Attribute("mark", "no")};
  query.exact = false;
  EXPECT_EQ(Ids(query), (Names{"d0", "d1", "d2"}));
}

TEST_P(FilteredSimilar, ChangesOfAttributesAreSeenAtOnce) {
  FillLine(200);
  SimilarQuery query = {.model = "m", .embedding = {0, 0}, .max_distance = 0.0F};
  query.filters = {Attribute("mark", "yes")};
  EXPECT_EQ(Ids(query), (Names{"d50", "d150"}));
  Record record = db_->Get({"p0", "d50", "m"}).value();
  record.attributes["mark"] = "no";
  Add(record);
  record = db_->Get({"p1", "d51", "m"}).value();
  record.attributes["mark"] = "yes";
  Add(record);
  EXPECT_EQ(Ids(query), (Names{"d51", "d150"}));
  ASSERT_OK(db_->Remove({"p0", "d150", "m"}));
  EXPECT_EQ(Ids(query), Names{"d51"});
}

TEST_P(FilteredSimilar, ByIdTakesFiltersAndGroupsToo) {
  FillLine(200);
  const auto found = db_->SimilarById({.key = {"p0", "d50", "m"},
                                       .k = 5,
                                       .max_distance = 0.0F,
                                       .filters = {Attribute("mark", "yes")},
                                       .group_by = GroupBy::kSubject});
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ((*found)[0].key.depiction_id, "d150");
}

TEST_P(FilteredSimilar, RecordsThatAreBeingReplacedAreAlwaysFound) {
  FillLine(300);
  SimilarQuery query = {.model = "m", .embedding = {0, 0}, .k = 10, .max_distance = 0.0F};
  query.filters = {Attribute("mark", "yes")};
  ASSERT_EQ(Ids(query).size(), 3U);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    const std::vector<Record> marked = {db_->Get({"p0", "d50", "m"}).value(),
                                        db_->Get({"p0", "d150", "m"}).value()};
    while (!stop) {
      EXPECT_OK(db_->AddBatch(marked));
    }
  });
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(Ids(query), (Names{"d50", "d150", "d250"}));
  }
  stop = true;
  writer.join();
}

class Groups : public FilteredSimilar {
 protected:
  void AddDepiction(const std::string& provider, const std::string& id, const std::string& subject,
                    float at) {
    Record record = MakeRecord(provider, id, "m", {at, 0});
    record.subject_id = subject;
    Add(record);
  }
};
EDB_FOR_ALL_ENGINES(Groups);
EDB_FOR_ALL_SERVICES(Groups);

TEST_P(Groups, OfEachProvidersSubjectTheNearestIsFound) {
  AddDepiction("p", "cup-1", "cup", 1);
  AddDepiction("p", "cup-2", "cup", 0.5);
  AddDepiction("q", "cup-3", "cup", 2);
  AddDepiction("p", "jug-1", "jug", 3);
  AddDepiction("p", "jug-2", "jug", 3);
  AddDepiction("p", "lone-1", "", 1.5);
  AddDepiction("p", "lone-2", "", 1.6F);
  SimilarQuery query = {.model = "m", .embedding = {0, 0}, .max_distance = 0.0F};
  query.group_by = GroupBy::kSubject;
  EXPECT_EQ(Ids(query), (Names{"cup-2", "lone-1", "lone-2", "cup-3", "jug-1"}));
  query.k = 4;
  EXPECT_EQ(Ids(query), (Names{"cup-2", "lone-1", "lone-2", "cup-3"}));
  query.exclude = {"cup-2"};
  query.max_distance = 1.55F;
  EXPECT_EQ(Ids(query), (Names{"cup-1", "lone-1"}));
}

TEST_P(Groups, KSubjectsComeBackHoweverManyDepictionsTheyHave) {
  std::vector<Record> batch;
  for (int i = 0; i < 600; ++i) {
    Record record = MakeRecord("p", "d" + std::to_string(i), "m", {static_cast<float>(i), 0});
    record.subject_id = "s" + std::to_string(i / 200);
    batch.push_back(record);
  }
  ASSERT_OK(db_->AddBatch(batch));
  SimilarQuery query = {.model = "m", .embedding = {0, 0}, .k = 3, .max_distance = 0.0F};
  query.group_by = GroupBy::kSubject;
  EXPECT_EQ(Ids(query), (Names{"d0", "d200", "d400"}));
  query.k = 2;
  EXPECT_EQ(Ids(query), (Names{"d0", "d200"}));
  query.k = 10;
  EXPECT_EQ(Ids(query), (Names{"d0", "d200", "d400"}));
}

}  // namespace
}  // namespace embeddingsdb
