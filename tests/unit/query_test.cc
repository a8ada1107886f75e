// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/query.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/limits.h"

namespace embeddingsdb {
namespace {

SimilarQuery Good() {
  return {.model = "m", .embedding = {1.0F, 2.0F}};
}

std::string Error(const Status& status) {
  if (status.ok()) {
    return "OK";
  }
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  return status.message();
}

TEST(Column, NamesReadBack) {
  for (const Column column :
       {Column::kProvider, Column::kDepictionId, Column::kSubjectId, Column::kModel}) {
    EXPECT_EQ(ParseColumn(ColumnName(column)).value(), column);
  }
  EXPECT_EQ(ColumnName(Column::kDepictionId), "depiction_id");
}

TEST(Column, UnknownNamesAreErrorsThatListTheKnownOnes) {
  EXPECT_EQ(Error(ParseColumn("1=1; --").status()),
            "filter column \"1=1; --\" is unknown, the known ones are provider, depiction_id, "
            "subject_id, model");
  EXPECT_FALSE(ParseColumn("Provider").ok());
  EXPECT_FALSE(ParseColumn("").ok());
  EXPECT_FALSE(ParseColumn("created").ok());
}

TEST(Filter, EveryOneMustMatchExactly) {
  const Record record{.key = {.provider = "p", .depiction_id = "d", .model = "m"},
                      .subject_id = "s"};
  EXPECT_TRUE(Matches(record, {}));
  EXPECT_TRUE(Matches(record, {{Column::kProvider, "p"},
                               {Column::kDepictionId, "d"},
                               {Column::kSubjectId, "s"},
                               {Column::kModel, "m"}}));
  EXPECT_FALSE(Matches(record, {{Column::kProvider, "p"}, {Column::kModel, "M"}}));
  EXPECT_FALSE(Matches(record, {{Column::kProvider, "p"}, {Column::kProvider, "q"}}));
  EXPECT_FALSE(Matches(record, {{Column::kSubjectId, ""}}));
}

TEST(PaginationType, HasTheNamesOfTheWire) {
  EXPECT_EQ(PaginationTypeName(PaginationType::kNull), "null");
  EXPECT_EQ(PaginationTypeName(PaginationType::kCountable), "countable");
  EXPECT_EQ(PaginationTypeName(PaginationType::kCursor), "cursor");
}

TEST(Metric, NamesReadBack) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kInnerProduct}) {
    EXPECT_EQ(ParseMetric(MetricName(metric)).value(), metric);
  }
  EXPECT_EQ(Error(ParseMetric("L2").status()),
            R"(metric "L2" is unknown, the known ones are l2, cosine, ip)");
}

TEST(ValidateListQuery, HoldsPagesToTheirLimits) {
  EXPECT_EQ(Error(ValidateListQuery({})), "OK");
  EXPECT_EQ(Error(ValidateListQuery({.page = kMaxPage, .per_page = kMaxPerPage})), "OK");
  EXPECT_EQ(Error(ValidateListQuery({.page = 0})), "page is 0, the limits are 1 to 1000000000");
  EXPECT_EQ(Error(ValidateListQuery({.page = kMaxPage + 1})),
            "page is 1000000001, the limits are 1 to 1000000000");
  EXPECT_EQ(Error(ValidateListQuery({.per_page = 0})), "per_page is 0, the limits are 1 to 1000");
  EXPECT_EQ(Error(ValidateListQuery({.per_page = -1})), "per_page is -1, the limits are 1 to 1000");
  EXPECT_EQ(Error(ValidateListQuery({.per_page = 1001})),
            "per_page is 1001, the limits are 1 to 1000");
}

TEST(ValidateListQuery, ChecksItsFilters) {
  EXPECT_EQ(Error(ValidateListQuery({.filters = {{Column::kModel, "a\n"}}})),
            R"(filter model "a\n" holds a control character)");
}

TEST(ValidateFilters, TakesUpToTheLimitOfThem) {
  std::vector<Filter> filters(kMaxFilters, {Column::kProvider, "p"});
  EXPECT_EQ(Error(ValidateFilters(filters)), "OK");
  filters.push_back({Column::kProvider, "p"});
  EXPECT_EQ(Error(ValidateFilters(filters)), "there are 17 filters, the limit is 16");
}

TEST(ValidateFilters, HoldsValuesToTheLimitsOfTheirColumns) {
  EXPECT_EQ(Error(ValidateFilters({{Column::kSubjectId, ""}, {Column::kProvider, ""}})), "OK");
  EXPECT_EQ(Error(ValidateFilters({{Column::kSubjectId, std::string(1'024, 'x')}})), "OK");
  EXPECT_EQ(Error(ValidateFilters({{Column::kSubjectId, std::string(1'025, 'x')}})),
            "filter subject_id is 1025 bytes long, the limit is 1024");
  EXPECT_EQ(Error(ValidateFilters({{Column::kProvider, std::string(257, 'x')}})),
            "filter provider is 257 bytes long, the limit is 256");
  EXPECT_EQ(Error(ValidateFilters({{Column::kModel, "\xff"}})),
            R"(filter model "\xff" is not valid UTF-8)");
}

TEST(Filter, HasANameThatReadsBack) {
  for (const Filter& filter :
       {Filter{Column::kSubjectId, "v"}, Filter{Column::kWords, "v"},
        Filter{Column::kAttribute, "v", "subject_title"}, Filter{Column::kAttribute, "v", "a.b"}}) {
    EXPECT_EQ(ParseFilter(FilterName(filter), "v").value(), filter);
  }
  EXPECT_EQ(FilterName({Column::kAttribute, "v", "subject_title"}), "attributes.subject_title");
  EXPECT_EQ(Error(ParseFilter("created", "1").status()),
            R"(filter "created" is unknown, the known ones are provider, depiction_id, )"
            "subject_id, model, attributes.NAME and words");
  // go-embeddingsdb's protocol knows columns only.
  EXPECT_FALSE(ParseColumn("words").ok());
  EXPECT_FALSE(ParseColumn("attributes").ok());
}

TEST(Matches, ComparesAttributesAndWords) {
  Record record;
  record.attributes = {{"empty", ""}, {"title", "Red Fish"}, {"note", "of the city"}};
  const auto attribute = [](const char* name, const char* value) {
    return Filter{Column::kAttribute, value, name};
  };
  EXPECT_TRUE(Matches(record, {attribute("title", "Red Fish"), attribute("empty", "")}));
  EXPECT_FALSE(Matches(record, {attribute("title", "red fish")}));
  EXPECT_FALSE(Matches(record, {attribute("absent", "")}));
  EXPECT_TRUE(Matches(record, {{Column::kWords, "RED cit*"}, {Column::kWords, "fish"}}));
  EXPECT_FALSE(Matches(record, {{Column::kWords, "red fishes"}}));
  // It is not valid, so nothing has it.
  EXPECT_FALSE(Matches(record, {{Column::kWords, "..."}}));
}

TEST(ValidateFacetQuery, NamesWhatIsWrong) {
  EXPECT_EQ(Error(ValidateFacetQuery({.by = Column::kSubjectId})), "OK");
  EXPECT_EQ(Error(ValidateFacetQuery({.by = Column::kWords})),
            "facets cannot be counted by words; count by an attribute");
  EXPECT_EQ(Error(ValidateFacetQuery({.by = Column::kAttribute})), "facet attribute is empty");
  EXPECT_EQ(Error(ValidateFacetQuery({.limit = 10'001})),
            "limit is 10001, the limits are 1 to 10000");
}

TEST(GroupBy, HasNames) {
  EXPECT_EQ(ParseGroupBy("subject").value(), GroupBy::kSubject);
  EXPECT_EQ(ParseGroupBy(GroupByName(GroupBy::kNone)).value(), GroupBy::kNone);
  EXPECT_EQ(Error(ParseGroupBy("model").status()),
            R"(group_by "model" is unknown, the known ones are none and subject)");
}

TEST(ValidateSimilarQuery, NeedsAModelAndAVector) {
  EXPECT_EQ(Error(ValidateSimilarQuery(Good())), "OK");
  SimilarQuery query = Good();
  query.model.clear();
  EXPECT_EQ(Error(ValidateSimilarQuery(query)), "model is empty");
  query = Good();
  query.embedding.clear();
  EXPECT_EQ(Error(ValidateSimilarQuery(query)), "embeddings is empty");
  query.embedding = {0, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_EQ(Error(ValidateSimilarQuery(query)),
            "embeddings[1] is NaN, which is not a finite number");
}

TEST(ValidateSimilarQuery, LimitsTheNumberOfResults) {
  SimilarQuery query = Good();
  for (const int k : {1, 999, 1'000}) {
    query.k = k;
    EXPECT_EQ(Error(ValidateSimilarQuery(query)), "OK");
  }
  for (const int k : {0, -1, 1'001}) {
    query.k = k;
    EXPECT_EQ(Error(ValidateSimilarQuery(query)),
              "max_results is " + std::to_string(k) + ", the limits are 1 to 1000");
  }
}

TEST(ValidateSimilarQuery, TakesAnyDistanceThatIsANumber) {
  SimilarQuery query = Good();
  for (const float distance : {0.0F, -1.0F, 5.0F, std::numeric_limits<float>::infinity()}) {
    query.max_distance = distance;
    EXPECT_EQ(Error(ValidateSimilarQuery(query)), "OK");
  }
  query.max_distance = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Error(ValidateSimilarQuery(query)), "max_distance is NaN, which is not a number");
}

TEST(ValidateSimilarQuery, ChecksProviderAndExclusions) {
  SimilarQuery query = Good();
  query.provider = "";
  EXPECT_EQ(Error(ValidateSimilarQuery(query)), "OK");  // as go-embeddingsdb: no record has it
  query.provider = "a\x02";
  EXPECT_EQ(Error(ValidateSimilarQuery(query)),
            R"(similar_provider "a\x02" holds a control character)");
  query = Good();
  query.exclude.assign(1'000, "d");
  EXPECT_EQ(Error(ValidateSimilarQuery(query)), "OK");
  query.exclude.emplace_back("d");
  EXPECT_EQ(Error(ValidateSimilarQuery(query)),
            "exclude has 1001 depiction ids, the limit is 1000");
  query.exclude = {"d", ""};
  EXPECT_EQ(Error(ValidateSimilarQuery(query)), "exclude[1] is empty");
  query = Good();
  query.exclude_record = Key{.provider = "p", .depiction_id = "d"};
  EXPECT_EQ(Error(ValidateSimilarQuery(query)), "model is empty");
}

}  // namespace
}  // namespace embeddingsdb
