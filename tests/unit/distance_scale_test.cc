// SPDX-License-Identifier: BSD-3-Clause
//
// What the inspector says of distances: the arithmetic, what a scale is made of, the store that
// makes them, and the pages that show them.
#include "inspector/distance_scale.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <latch>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "embeddingsdb/limits.h"

#include "inspector/inspector.h"
#include "inspector/row_sample.h"
#include "inspector/scale_store.h"
#include "rpc/database_client.h"
#include "support/forwarding_database.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Scale = std::shared_ptr<const DistanceScale>;

/// Distances 1, 2, 3... to `count`.
DistanceScale Counting(std::size_t count) {
  DistanceScale scale{.metric = Metric::kL2};
  for (std::size_t i = 1; i <= count; ++i) {
    scale.pairs.push_back(static_cast<float>(i));
  }
  return scale;
}

TEST(Nearness, EqualDistancesAreNotFurther) {
  const DistanceScale scale{.metric = Metric::kL2, .pairs = {1, 2, 2, 2, 3}};
  EXPECT_EQ(scale.FurtherThan(0.5F), 5U);
  EXPECT_EQ(scale.FurtherThan(1), 4U);
  EXPECT_EQ(scale.FurtherThan(2), 1U);
  EXPECT_EQ(scale.FurtherThan(3), 0U);
  EXPECT_EQ(NearnessOf(scale, 0.5F), "nearer than all 5 pairs compared");
  EXPECT_EQ(NearnessOf(scale, 1), "nearer than 4 of the 5 pairs compared");
  EXPECT_EQ(NearnessOf(scale, 3), "nearer than none of the 5 pairs compared");
}

TEST(Nearness, ClaimsNoMoreThanThePairsHold) {
  const auto said = [](std::size_t pairs, std::size_t nearer_or_same) {
    return NearnessOf(Counting(pairs), static_cast<float>(nearer_or_same));
  };
  EXPECT_EQ(said(0, 0), "");
  EXPECT_EQ(said(999, 1), "nearer than 998 of the 999 pairs compared");
  EXPECT_EQ(said(1'000, 0), "nearer than all 1,000 pairs compared");
  EXPECT_EQ(said(1'000, 1), "nearer than 99 % of pairs");
  EXPECT_EQ(said(1'000, 11), "nearer than 98 % of pairs");
  EXPECT_EQ(said(1'000, 995), "nearer than less than 1 % of pairs");
  EXPECT_EQ(said(1'000, 1'000), "nearer than none of the 1,000 pairs compared");
  EXPECT_EQ(said(9'999, 1), "nearer than 99 % of pairs");
  EXPECT_EQ(said(10'000, 1), "nearer than 99.9 % of pairs");
  EXPECT_EQ(said(10'000, 99), "nearer than 99.0 % of pairs");
  EXPECT_EQ(said(10'000, 100), "nearer than 99 % of pairs");
  EXPECT_EQ(said(100'000, 0), "nearer than all 100,000 pairs compared");
  EXPECT_EQ(said(100'000, 1), "nearer than 99.99 % of pairs");
  EXPECT_EQ(said(100'000, 20), "nearer than 99.98 % of pairs");
  EXPECT_EQ(said(100'000, 100), "nearer than 99.9 % of pairs");
  EXPECT_EQ(said(100'000, 101), "nearer than 99.8 % of pairs");
  EXPECT_EQ(said(100'000, 1'001), "nearer than 98 % of pairs");
  EXPECT_EQ(said(100'000, 50'000), "nearer than 50 % of pairs");
}

TEST(RowSample, IsEvenAndBounded) {
  RowSample sample({.records = 4, .bytes = 1 << 20}, 8);
  std::vector<float> taken;
  for (int i = 0; i < 20 && !sample.full(); ++i) {
    if (sample.Take(std::vector{static_cast<float>(i), 0.0F})) {
      taken.push_back(static_cast<float>(i));
    }
    EXPECT_FALSE(sample.Take({}));
  }
  EXPECT_THAT(taken, ElementsAre(0, 2, 4, 6));
  EXPECT_EQ(sample.rows().size(), 4U);
  RowSample mixed({.records = 4, .bytes = 1 << 20}, 4);
  EXPECT_TRUE(mixed.Take(std::vector{1.0F}));
  EXPECT_FALSE(mixed.Take(std::vector{1.0F, 2.0F}));
  EXPECT_FALSE(mixed.Take(std::vector{std::numeric_limits<float>::infinity()}));
  EXPECT_FALSE(mixed.Take(std::vector{std::numeric_limits<float>::quiet_NaN()}));
  EXPECT_EQ(SampleSize({.records = 100, .bytes = 640}, 1'000, 16), 10U);
  EXPECT_EQ(SampleSize({.records = 100, .bytes = 64'000}, 1'000, 16), 100U);
  EXPECT_EQ(SampleSize({.records = 100, .bytes = 64'000}, 7, 16), 7U);
}

/// What a database tells of itself, which a test can change.
struct Telling {
  std::atomic<bool> fails = false;
  std::atomic<bool> unable = false;
  std::atomic<bool> without_metric = false;
  std::atomic<std::int64_t> records = 0;  ///< instead of what there are
  std::atomic<int> scans = 0;
  std::atomic<bool> holds_scans = false;  ///< the one there is, until before_scan opens
  std::latch before_scan{1};
  std::latch scanning{1};
};

class TellingDatabase final : public ForwardingDatabase {
 public:
  TellingDatabase(std::unique_ptr<Database> base, Telling& telling)
      : ForwardingDatabase(std::move(base)), telling_(telling) {}

  Result<DatabaseStats> Stats() override {
    if (telling_.fails) {
      return UnavailableError("it is away");
    }
    if (telling_.unable) {
      return UnimplementedError("a server of long ago");
    }
    Result<DatabaseStats> stats = ForwardingDatabase::Stats();
    for (ModelStats& model : stats->models) {
      model.metric = telling_.without_metric ? std::nullopt : model.metric;
      model.records = telling_.records > 0 ? telling_.records.load() : model.records;
    }
    return stats;
  }
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override {
    ++telling_.scans;
    if (telling_.holds_scans) {
      telling_.scanning.count_down();
      telling_.before_scan.wait();
    }
    return ForwardingDatabase::Scan(filters);
  }

 private:
  Telling& telling_;
};

class ScaleTest : public ::testing::Test {
 protected:
  ScaleTest() { Open("memory://"); }

  void Open(std::string_view uri) {
    client_ =
        NewDatabaseClient(std::make_unique<TellingDatabase>(context_.Open(uri).value(), telling_));
  }
  void Add(int number, std::vector<float> embedding, const std::string& model = "m") {
    ASSERT_EQ(client_->Add({.key = {.provider = "p",
                                    .depiction_id = "d" + std::to_string(100 + number),
                                    .model = model},
                            .embedding = std::move(embedding)}),
              Status());
  }
  void AddLine(int from, int to) {
    for (int number = from; number < to; ++number) {
      Add(number, {1, static_cast<float>(number)});
    }
  }
  Scale Make(const Scale& before = nullptr) {
    Result<Scale> scale = MakeDistanceScale(*client_, "m", before, {});
    EXPECT_TRUE(scale.ok()) << scale.status().ToString();
    return scale.ok() ? *scale : nullptr;
  }
  /// The scale once it is there.
  Scale Await(ScaleStore& store, const std::string& model = "m") {
    for (;;) {
      if (Scale scale = store.Find(model)) {
        return scale;
      }
      std::this_thread::yield();
    }
  }

  TestContext context_;
  Telling telling_;
  std::unique_ptr<Client> client_;
};

TEST_F(ScaleTest, ComparesAllPairsOfAFewRecords) {
  AddLine(0, 30);
  Add(0, {1, 2, 3}, "other");
  const Scale scale = Make();
  EXPECT_EQ(scale->metric, Metric::kL2);
  EXPECT_EQ(scale->records, 30);
  EXPECT_EQ(scale->sampled, 30U);
  ASSERT_THAT(scale->pairs, SizeIs(435));
  EXPECT_EQ(scale->FurtherThan(1), 406U);  // 29 pairs are next to each other
  EXPECT_EQ(scale->FurtherThan(28.5F), 1U);
}

TEST_F(ScaleTest, TakesAnEvenSampleOfMany) {
  for (int number = 0; number < 3'000; ++number) {
    Add(number, {static_cast<float>(number)});
  }
  const Scale scale = Make();
  EXPECT_EQ(scale->records, 3'000);
  EXPECT_EQ(scale->sampled, static_cast<std::size_t>(kMaxScaleRecords));
  EXPECT_THAT(scale->pairs, SizeIs(kMaxScalePairs));
  // Of two points on a line of length 1, a share of (1 - d)^2 is further apart than d.
  EXPECT_NEAR(static_cast<double>(scale->FurtherThan(1'500)), 25'000, 1'500);
  EXPECT_EQ(*Make(), *scale);
}

TEST_F(ScaleTest, SaysNothingWhereThereIsNothingToSay) {
  EXPECT_EQ(*Make(), DistanceScale{});
  AddLine(0, 6);
  EXPECT_EQ(Make()->metric, Metric::kL2);
  EXPECT_THAT(Make()->pairs, IsEmpty());
  AddLine(6, 7);
  EXPECT_THAT(Make()->pairs, SizeIs(21));
  for (const std::string_view uri : {"memory://?metric=cosine", "memory://"}) {
    Open(uri);
    for (int number = 0; number < 10; ++number) {
      Add(number, {0, 0});
    }
    EXPECT_THAT(Make()->pairs, IsEmpty()) << "all are equally far";
    EXPECT_EQ(NearnessOf(*Make(), 0), "");
  }
}

TEST_F(ScaleTest, ZeroVectorsAreARightAngleFromAll) {
  Open("memory://?metric=cosine");
  AddLine(0, 10);
  Add(20, {0, 0});
  const Scale scale = Make();
  EXPECT_EQ(scale->metric, Metric::kCosine);
  EXPECT_EQ(scale->pairs.back(), 1);
  EXPECT_EQ(scale->FurtherThan(0.999F), 10U);
}

TEST_F(ScaleTest, ReadsNothingItCannotUse) {
  AddLine(0, 30);
  telling_.unable = true;
  EXPECT_EQ(*Make(), DistanceScale{});
  telling_.unable = false;
  telling_.without_metric = true;
  EXPECT_THAT(Make()->pairs, IsEmpty());
  EXPECT_EQ(Make()->metric, std::nullopt);
  telling_.without_metric = false;
  telling_.records = kMaxScaleReadBytes / 8 + 1;  // of two elements each
  EXPECT_THAT(Make()->pairs, IsEmpty());
  EXPECT_EQ(Make()->metric, Metric::kL2);
  EXPECT_EQ(telling_.scans, 0);
  telling_.records = 0;
  telling_.fails = true;
  EXPECT_EQ(MakeDistanceScale(*client_, "m", nullptr, {}).status().code(),
            StatusCode::kUnavailable);
}

TEST_F(ScaleTest, IsMadeAnewWhenTheNumberOfRecordsHasChangedMuch) {
  AddLine(0, 30);
  const Scale first = Make();
  AddLine(30, 45);
  EXPECT_EQ(Make(first), first);
  AddLine(45, 46);
  const Scale next = Make(first);
  EXPECT_EQ(next->records, 46);
  EXPECT_EQ(telling_.scans, 2);
  telling_.without_metric = true;
  EXPECT_EQ(Make(next)->metric, std::nullopt);
}

TEST_F(ScaleTest, StoreLooksAgainAfterAWhile) {
  AddLine(0, 30);
  std::atomic<std::chrono::seconds> now = std::chrono::seconds(0);
  ScaleStore store(*client_, context_.log,
                   [&] { return std::chrono::steady_clock::time_point(now.load()); });
  EXPECT_EQ(store.Find("m"), nullptr);
  const Scale first = Await(store);
  AddLine(30, 90);
  now = kScaleAge - std::chrono::seconds(1);
  EXPECT_EQ(store.Find("m"), first);
  now = kScaleAge;
  EXPECT_EQ(store.Find("m"), first) << "a page does not wait";
  while (store.Find("m") == first) {
    std::this_thread::yield();
  }
  EXPECT_EQ(store.Find("m")->records, 90);
  EXPECT_EQ(telling_.scans, 2);
}

TEST_F(ScaleTest, StoreTellsTheLogOfFailuresAndKeepsWhatItHas) {
  AddLine(0, 30);
  std::atomic<std::chrono::seconds> now = std::chrono::seconds(0);
  ScaleStore store(*client_, context_.log,
                   [&] { return std::chrono::steady_clock::time_point(now.load()); });
  const Scale first = Await(store);
  telling_.fails = true;
  now = kScaleAge;
  EXPECT_EQ(store.Find("m"), first);
  while (!context_.log.Contains("Failed to compare distances")) {
    std::this_thread::yield();
  }
  EXPECT_EQ(store.Find("m"), first);
}

TEST_F(ScaleTest, StoreMakesOneForManyCallersAndEndsWhileItDoes) {
  AddLine(0, 30);
  telling_.holds_scans = true;
  auto store = std::make_unique<ScaleStore>(*client_, context_.log);
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] { EXPECT_EQ(store->Find("m"), nullptr); });
    }
  }
  telling_.scanning.wait();
  std::jthread ends([&] { store.reset(); });
  telling_.before_scan.count_down();
  ends.join();
  EXPECT_EQ(telling_.scans, 1);
  EXPECT_FALSE(context_.log.Contains("Failed"));
}

/// Takes every text for the vector of the record 100.
class OneEmbedder final : public Embedder {
 public:
  EmbedderInputs Inputs(std::string_view) const override { return {.text = true}; }
  Result<Embedding> Text(const EmbedRequest&) override { return Embedding{.vector = {1, 0}}; }
  Result<Embedding> Image(const EmbedRequest&) override { return UnimplementedError("no"); }
};

class ScalePageTest : public ScaleTest {
 protected:
  ScalePageTest() { AddLine(0, 30); }

  std::string Get(const std::string& target) {
    return inspector_.Answer({.method = "GET", .target = target}).body;
  }
  /// The JSON form of a page once it has distances.
  std::string Await(const std::string& target) {
    for (;;) {
      std::string json = Get(target + "&format=json");
      if (json.find("\"distances\"") != std::string::npos) {
        return json;
      }
      std::this_thread::yield();
    }
  }

  OneEmbedder embedder_;
  Inspector inspector_{*client_, context_.log, {.max_results = 3, .embedder = &embedder_}};
};

TEST_F(ScalePageTest, RecordsTellWhatDistancesMean) {
  const std::string target = "/record/p/d100/?model=m";
  EXPECT_THAT(Await(target), HasSubstr("],\"distances\":{\"metric\":\"l2\",\"pairs\":435,"
                                       "\"further\":[406]}}\n"));
  const std::string page = Get(target);
  EXPECT_THAT(page, HasSubstr("<dt>Distance</dt><dd>1</dd>\n    <dd class=\"nearness\">nearer than "
                              "406 of the 435 pairs compared</dd>"));
  EXPECT_THAT(page, HasSubstr("<p class=\"scale\">Distances are Euclidean: 0 is the same.\n"));
  EXPECT_THAT(page, HasSubstr("435 pairs among 30 of the model's\n        30 records.</p>"));
}

TEST_F(ScalePageTest, TheFirstPageDoesNotWait) {
  telling_.holds_scans = true;
  for (int i = 0; i < 2; ++i) {
    const std::string page = Get("/record/p/d100/?model=m");
    EXPECT_THAT(page, HasSubstr("<dt>Distance</dt><dd>1</dd>"));
    EXPECT_THAT(page, Not(HasSubstr("nearness")));
    EXPECT_THAT(page, Not(HasSubstr("class=\"scale\"")));
    telling_.scanning.wait();
  }
  telling_.before_scan.count_down();
}

TEST_F(ScalePageTest, ComparisonsTellItForEachModel) {
  for (int number = 0; number < 3; ++number) {
    Add(number, {static_cast<float>(number) / 4, 1}, "other");
  }
  const std::string target = "/compare/p/d100/?group-by=none";
  std::string json;
  do {
    json = Await(target);
  } while (json.find("\"further\"") == std::string::npos);
  EXPECT_THAT(json, HasSubstr("\"further\":[406]}},{\"model\":\"other\""));
  while (Get(target).find("class=\"scale\"") == Get(target).rfind("class=\"scale\"")) {
    std::this_thread::yield();
  }
  const std::string page = Get(target);
  EXPECT_THAT(page.substr(page.find(">other</a>")), Not(HasSubstr("nearness")))
      << "three records are too few";
}

TEST_F(ScalePageTest, TextsAreFurtherFromPicturesThanThoseFromEachOther) {
  const std::string like = Await("/search/?like=p%2Fd100%2Fm");
  EXPECT_THAT(like, HasSubstr("\"further\":[406]"));
  EXPECT_THAT(Get("/search/?like=p%2Fd100%2Fm"), HasSubstr("nearer than 406 of the 435"));
  EXPECT_THAT(Await("/search/?query=x"), HasSubstr("],\"distances\":{\"metric\":\"l2\"}}\n"));
  EXPECT_THAT(Get("/search/?query=x"), Not(HasSubstr("nearness")));
  EXPECT_THAT(Get("/search/?query=x"), HasSubstr("Distances are Euclidean"));
}

}  // namespace
}  // namespace embeddingsdb
