// SPDX-License-Identifier: BSD-3-Clause
//
// Maps of the inspector: which records they have, their bytes, and the store that makes them.
#include "inspector/map.h"

#include <algorithm>
#include <bit>
#include <condition_variable>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "embeddingsdb/limits.h"

#include "inspector/inspector.h"
#include "inspector/map_store.h"
#include "inspector/row_sample.h"
#include "rpc/database_client.h"
#include "support/forwarding_database.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// A door that scans wait at while it is closed.
class Door {
 public:
  void Close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++scans_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  int scans() {
    const std::lock_guard lock(mutex_);
    return scans_;
  }
  void WaitForScans(int scans) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return scans_ >= scans; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int scans_ = 0;
};

class GuardedDatabase final : public ForwardingDatabase {
 public:
  GuardedDatabase(std::unique_ptr<Database> base, Door& door)
      : ForwardingDatabase(std::move(base)), door_(door) {}

  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override {
    door_.Pass();
    return ForwardingDatabase::Scan(filters);
  }

 private:
  Door& door_;
};

class MapTest : public ::testing::Test {
 protected:
  MapTest()
      : client_(NewDatabaseClient(
            std::make_unique<GuardedDatabase>(context_.Open("memory://").value(), door_))) {
    for (int number = 0; number < 30; ++number) {
      Add("m", number);
    }
    for (int number = 0; number < 5; ++number) {
      Add("other", number);
    }
  }

  void Add(const std::string& model, int number) {
    const Record record{.key = {.provider = number % 3 == 0 ? "p" : "a",
                                .depiction_id = "d" + std::to_string(100 + number),
                                .model = model},
                        .embedding = {1, static_cast<float>(number), 0.5F},
                        .attributes = {{"type", "image"},
                                       {"subject_title", "<b>" + std::to_string(number)},
                                       {"preview", "https://example.org/a.png"}}};
    ASSERT_EQ(client_->Add(record), Status());
  }

  /// The last stage of a map.
  static std::shared_ptr<const Map> Finished(MapStore& store, const MapQuery& query) {
    for (;;) {
      const Result<MapStore::Found> found = store.Find(query);
      EXPECT_TRUE(found.ok()) << found.status().ToString();
      if (!found.ok() || found->finished) {
        return found.ok() ? found->map : nullptr;
      }
      std::this_thread::yield();
    }
  }

  /// The records on a line, so those that are the first and the last on the first axis.
  static std::vector<std::string> Ends(const Map& map) {
    const auto [low, high] =
        std::ranges::minmax_element(map.points, {}, [](const Point& point) { return point.x; });
    std::vector<std::string> ends;
    for (const auto& end : {low, high}) {
      ends.push_back(
          map.records->KeyOf(static_cast<std::size_t>(end - map.points.begin())).depiction_id);
    }
    std::ranges::sort(ends);
    return ends;
  }

  TestContext context_;
  Door door_;
  std::unique_ptr<Client> client_;
};

TEST_F(MapTest, HasAllRecordsInTwoStages) {
  std::vector<std::shared_ptr<const Map>> stages;
  ASSERT_EQ(MakeMap(*client_, {.model = "m"}, {},
                    [&](std::shared_ptr<const Map> map) { stages.push_back(std::move(map)); }),
            Status());
  ASSERT_THAT(stages, SizeIs(2));
  EXPECT_EQ(stages[0]->stage, MapStage::kPca);
  EXPECT_EQ(stages[1]->stage, MapStage::kNeighbours);
  EXPECT_EQ(stages[0]->records, stages[1]->records);
  const MapRecords& records = *stages[0]->records;
  EXPECT_EQ(records.total, 30);
  EXPECT_THAT(records.providers, ElementsAre("a", "p"));
  EXPECT_THAT(records.picture_origins, ElementsAre("https://example.org"));
  ASSERT_THAT(records.ids, SizeIs(30));
  EXPECT_THAT(stages[1]->points, SizeIs(30));
  EXPECT_THAT(Ends(*stages[0]), ElementsAre("d100", "d129"));
}

TEST_F(MapTest, HasAllRecordsWhereASampleSaysHowToPlaceThem) {
  std::vector<std::shared_ptr<const Map>> stages;
  const auto ready = [&](std::shared_ptr<const Map> map) { stages.push_back(std::move(map)); };
  ASSERT_EQ(MakeMap(*client_, {.model = "m"}, {}, ready), Status());
  EXPECT_EQ(door_.scans(), 1);
  ASSERT_EQ(MakeMap(*client_, {.model = "m"}, {.whole_records = 29}, ready), Status());
  EXPECT_EQ(door_.scans(), 3);
  ASSERT_THAT(stages, SizeIs(4));
  EXPECT_EQ(stages[2]->records->fingerprint, stages[0]->records->fingerprint);
  EXPECT_THAT(stages[2]->points, SizeIs(30));
  EXPECT_THAT(stages[3]->points, SizeIs(30));
  EXPECT_THAT(Ends(*stages[2]), ElementsAre("d100", "d129"));
}

TEST_F(MapTest, IsOfOneProviderIfWanted) {
  std::shared_ptr<const Map> last;
  ASSERT_EQ(MakeMap(*client_, {.model = "m", .provider = "p"}, {},
                    [&](std::shared_ptr<const Map> map) { last = std::move(map); }),
            Status());
  EXPECT_THAT(last->records->providers, ElementsAre("p"));
  EXPECT_THAT(last->points, SizeIs(10));
  EXPECT_EQ(MakeMap(*client_, {.model = "none"}, {}, [](const auto&) {}).code(),
            StatusCode::kNotFound);
}

TEST(MapSample, IsBoundedByRecordsAndMemory) {
  const auto size = [](std::int64_t total, std::size_t dimension) {
    return SampleSize({.records = kMaxMapRecords, .bytes = kMaxMapBytes}, total, dimension);
  };
  EXPECT_EQ(size(10, 512), 10U);
  EXPECT_EQ(size(1'000'000, 128), static_cast<std::size_t>(kMaxMapRecords));
  EXPECT_EQ(size(1'000'000, 8'192), 8'192U);
  EXPECT_LE(size(1'000'000, 1'500) * 1'504 * sizeof(float), kMaxMapBytes);
}

TEST(MapSample, IsEven) {
  std::vector<std::size_t> taken;
  const std::size_t total = 1'000;
  const std::size_t wanted = 300;
  for (std::size_t number = 0; number < total; ++number) {
    if (IsSampled(number, wanted, total)) {
      taken.push_back(number);
    }
  }
  ASSERT_THAT(taken, SizeIs(wanted));
  for (std::size_t i = 1; i < taken.size(); ++i) {
    EXPECT_GE(taken[i] - taken[i - 1], 3U);
    EXPECT_LE(taken[i] - taken[i - 1], 4U);
  }
  EXPECT_TRUE(IsSampled(0, 5, 5) && IsSampled(4, 5, 5));
}

TEST_F(MapTest, BytesAreAsDocumented) {
  MapRecords records{.query = {.model = "m"},
                     .total = 0x0102030405,
                     .providers = {"a", "<b>"},
                     .ids = {{.provider = 1, .depiction_id = "x"}, {.depiction_id = "y\n"}},
                     .fingerprint = 0x1122334455667788};
  const Map map{.records = std::make_shared<MapRecords>(records),
                .stage = MapStage::kNeighbours,
                .points = {{.x = 1, .y = -2}, {.x = 0.5F, .y = 0}}};
  const std::string names = R"(["a","\u003cb\u003e"])";
  const std::string expected =
      std::string("EDBM\x02\0\x02\0\x02\0\0\0", 12) +
      std::string(1, static_cast<char>(names.size())) +
      std::string("\0\0\0\x05\x04\x03\x02\x01\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11", 19) +
      std::string("\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f\0\0\0\0", 16) +
      std::string("\x01\0\0\0\0\0\0\0", 8) + names;
  EXPECT_EQ(MapToBytes(map), expected);
  EXPECT_EQ(MapKeysToJsonLines(records),
            "{\"provider\":\"\\u003cb\\u003e\",\"depiction_id\":\"x\",\"model\":\"m\"}\n"
            "{\"provider\":\"a\",\"depiction_id\":\"y\\n\",\"model\":\"m\"}\n");
}

TEST_F(MapTest, StoreMakesAMapOnce) {
  MapStore store(*client_, context_.log);
  EXPECT_EQ(store.Peek({.model = "m"}), nullptr);
  const std::shared_ptr<const Map> map = Finished(store, {.model = "m"});
  EXPECT_EQ(map->stage, MapStage::kNeighbours);
  EXPECT_EQ(Finished(store, {.model = "m"}), map);
  EXPECT_EQ(store.Peek({.model = "m"}), map);
  EXPECT_EQ(door_.scans(), 1);
  EXPECT_EQ(store.Find({.model = "none"}).status().code(), StatusCode::kNotFound);
  Add("m", 40);
  const std::shared_ptr<const Map> next = Finished(store, {.model = "m"});
  EXPECT_THAT(next->points, SizeIs(31));
  EXPECT_NE(next->records->fingerprint, map->records->fingerprint);
  EXPECT_EQ(door_.scans(), 2);
}

TEST_F(MapTest, StoreFinishesWhatItBeganDuringAnImport) {
  MapStore store(*client_, context_.log);
  door_.Close();
  EXPECT_EQ(store.Find({.model = "m"}).value().map, nullptr);
  door_.WaitForScans(1);
  for (int number = 50; number < 60; ++number) {
    Add("m", number);
    EXPECT_FALSE(store.Find({.model = "m"}).value().finished);
  }
  EXPECT_EQ(door_.scans(), 1);
  door_.Open();
  EXPECT_THAT(Finished(store, {.model = "m"})->points, SizeIs(40));
  EXPECT_EQ(door_.scans(), 2);
}

TEST_F(MapTest, StoreKeepsTheLastFew) {
  MapStore store(*client_, context_.log);
  for (int number = 0; number < 6; ++number) {
    Add("m" + std::to_string(number), 1);
    Finished(store, {.model = "m" + std::to_string(number)});
    Finished(store, {.model = "m0"});
  }
  EXPECT_EQ(kMaxMaps, 4U);
  EXPECT_NE(store.Peek({.model = "m0"}), nullptr);
  EXPECT_EQ(store.Peek({.model = "m1"}), nullptr);
  EXPECT_EQ(store.Peek({.model = "m2"}), nullptr);
  EXPECT_NE(store.Peek({.model = "m3"}), nullptr);
  EXPECT_NE(store.Peek({.model = "m5"}), nullptr);
}

TEST_F(MapTest, StoreEndsWhileItMakesAMap) {
  door_.Close();
  auto store = std::make_unique<MapStore>(*client_, context_.log);
  EXPECT_EQ(store->Find({.model = "m"}).value().map, nullptr);
  EXPECT_EQ(store->Find({.model = "other"}).value().map, nullptr);
  door_.WaitForScans(1);
  std::jthread ends([&] { store.reset(); });
  door_.Open();
  ends.join();
  EXPECT_FALSE(context_.log.Contains("Failed"));
}

TEST_F(MapTest, CallersAtOnceGetOneMap) {
  MapStore store(*client_, context_.log);
  std::vector<std::shared_ptr<const Map>> found(8);
  {
    std::vector<std::jthread> callers;
    for (std::shared_ptr<const Map>& own : found) {
      callers.emplace_back([&] { own = Finished(store, {.model = "m"}); });
    }
  }
  EXPECT_THAT(found, ::testing::Each(found[0]));
  EXPECT_EQ(door_.scans(), 1);
}

class MapPageTest : public MapTest {
 protected:
  HttpResponse Get(const std::string& target) {
    return inspector_.Answer({.method = "GET", .target = target});
  }
  /// The map once it is there, after a stage or at all.
  HttpResponse Await(const std::string& target) {
    for (;;) {
      HttpResponse response = Get(target);
      if (response.status != 202) {
        return response;
      }
      EXPECT_EQ(response.body, "");
      std::this_thread::yield();
    }
  }
  static std::string FingerprintOf(const std::string& bytes) {
    std::string hex;
    for (std::size_t i = 0; i < 8; ++i) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(bytes[31 - i]);
      hex += {kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
    return hex;
  }

  Inspector inspector_{*client_, context_.log, {.root = "/x"}};
};

TEST_F(MapPageTest, AsksForAModelAndHasAPlaceForTheMap) {
  EXPECT_THAT(Get("/x/map/").body, HasSubstr("choose one"));
  EXPECT_THAT(Get("/x/map/").body, Not(HasSubstr("<canvas")));
  const HttpResponse response = Get("/x/map/?model=m&provider=p");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("data-query=\"?model=m&amp;provider=p\""));
  EXPECT_THAT(response.body, HasSubstr("<option value=\"p\" selected>"));
  EXPECT_THAT(response.body, HasSubstr("href=\"/x/?model=m&amp;provider=p\""));
  EXPECT_THAT(response.picture_origins, ElementsAre("https://example.org"));
  for (const std::string_view file : {"map.js", "map_view.js", "ogl/core/Renderer.js"}) {
    EXPECT_EQ(Get("/x/javascript/" + std::string(file)).status, 200) << file;
  }
}

TEST_F(MapPageTest, AnswersStageByStage) {
  const HttpResponse first = Await("/x/api/map/?model=m");
  EXPECT_EQ(first.content_type, "application/octet-stream");
  EXPECT_THAT(first.body, StartsWith("EDBM"));
  const HttpResponse last = Await("/x/api/map/?model=m&after=pca");
  EXPECT_EQ(last.body[6], 2);
  EXPECT_EQ(FingerprintOf(last.body), FingerprintOf(first.body));
  EXPECT_EQ(Get("/x/api/map/?model=m&after=neighbours").status, 202);
  EXPECT_EQ(Get("/x/api/map/?model=m").body, last.body);
}

TEST_F(MapPageTest, AnswersRecordsAndKeys) {
  const std::string map = FingerprintOf(Await("/x/api/map/?model=m").body);
  const std::string query = "?model=m&map=" + map;
  const std::string keys = Get("/x/api/map/keys/" + query).body;
  EXPECT_EQ(std::ranges::count(keys, '\n'), 30);
  const std::string records = Get("/x/api/map/records/" + query + "&points=29,0").body;
  EXPECT_THAT(records, StartsWith("{\"records\":[{\"point\":29,\"title\":\"\\u003cb\\u003e"));
  EXPECT_THAT(records, HasSubstr("},{\"point\":0,"));
  EXPECT_THAT(records, HasSubstr("\"address\":\"/x/record/"));
  EXPECT_THAT(records, HasSubstr("\"picture_origin\":\"https://example.org\"}"));
  // The keys are in the order of the points.
  const std::string first = keys.substr(0, keys.find('\n'));
  const std::string id = first.substr(first.find("\"d1") + 1, 4);
  EXPECT_THAT(records.substr(records.find("{\"point\":0,")), HasSubstr(id));
  const Key gone = {.provider = first.find("\"a\"") == std::string::npos ? "p" : "a",
                    .depiction_id = id,
                    .model = "m"};
  ASSERT_EQ(client_->Remove(gone), Status());
  EXPECT_EQ(Get("/x/api/map/records/" + query + "&points=0").body, "{\"records\":[]}\n");
}

TEST_F(MapPageTest, WhatIsWrongIsTold) {
  const std::string map = FingerprintOf(Await("/x/api/map/?model=m").body);
  std::string many = "0";
  for (int i = 0; i < 24; ++i) {
    many += ",0";
  }
  const std::string query = "?model=m&map=" + map;
  for (const std::string& target :
       {std::string("/"), std::string("/?model=m&after=x"), std::string("/keys/?model=m"),
        "/keys/" + query + "x", "/records/" + query, "/records/" + query + "&points=30",
        "/records/" + query + "&points=-1", "/records/" + query + "&points=1,",
        "/records/" + query + "&points=1;2", "/records/" + query + "&points=" + many,
        "/records/" + query + "&points=99999999999999999999"}) {
    EXPECT_EQ(Get("/x/api/map" + target).status, 400) << target;
  }
  for (const std::string& target :
       {std::string("/?model=none"), std::string("/?model=m&provider=none"),
        std::string("/keys/?model=m&map=1"), "/keys/?model=other&map=" + map, "/keys/x/" + query,
        "/x/" + query}) {
    EXPECT_EQ(Get("/x/api/map" + target).status, 404) << target;
  }
}

}  // namespace
}  // namespace embeddingsdb
