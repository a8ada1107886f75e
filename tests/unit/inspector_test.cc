// SPDX-License-Identifier: BSD-3-Clause
//
// The inspector without a network: addresses, pages and what they may show.
#include "inspector/inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/log.h"
#include "core/text.h"
#include "inspector/key_list.h"
#include "inspector/pages.h"
#include "inspector/pooled.h"
#include "inspector/record_view.h"
#include "rpc/database_client.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using ::testing::StartsWith;

TEST(Target, IsTakenApartBeforeItIsDecoded) {
  const Target target = Target::Parse("/record/a%2Fb/%C3%A9+/?model=x+y%26z&empty=").value();
  EXPECT_THAT(target.segments(), ElementsAre("record", "a/b", "\u00e9+"));
  EXPECT_TRUE(target.ends_with_slash());
  EXPECT_EQ(target.query(), "?model=x+y%26z&empty=");
  EXPECT_THAT(target.Parameter("model"), Optional(std::string("x y&z")));
  EXPECT_EQ(target.Parameter("empty"), std::nullopt);
  EXPECT_EQ(target.Parameter("absent"), std::nullopt);
  EXPECT_THAT(Target::Parse("/").value().segments(), IsEmpty());
}

TEST(Target, RefusesWhatIsNoAddress) {
  for (const std::string_view text :
       {"", "record", "http://a/b", "/%", "/%zz", "/%ff", "/?a=%c3", "/?a=1&a=2"}) {
    EXPECT_EQ(Target::Parse(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(WebOrigin, IsOfWebAddressesOnly) {
  EXPECT_THAT(WebOrigin("https://Example.org/a?b#c"), Optional(std::string("https://example.org")));
  EXPECT_THAT(WebOrigin("HTTP://[::1]:81/"), Optional(std::string("http://[::1]:81")));
  for (const std::string_view url : {"",
                                     "a",
                                     "/a",
                                     "//example.org/",
                                     "https:/example.org",
                                     "https://",
                                     "https:///a",
                                     "https://user@example.org/",
                                     "https://user:word@example.org/",
                                     "https://exam ple.org/",
                                     "https://a;b/",
                                     "https://a'b/",
                                     "https://a*b/",
                                     "https://a,b/",
                                     "https://b%20c/",
                                     "javascript:alert(1)",
                                     "JaVaScRiPt:alert(1)",
                                     " javascript:alert(1)",
                                     "\tjavascript:1",
                                     "java\tscript:1",
                                     "java\nscript:1",
                                     "\x01javascript:1",
                                     "data:text/html,x",
                                     "vbscript:x",
                                     "blob:https://a/1",
                                     "file:///etc/passwd",
                                     "\\\\example.org\\a",
                                     "https:\\\\example.org",
                                     "ftp://example.org/",
                                     "https//example.org",
                                     " https://example.org/"}) {
    EXPECT_EQ(WebOrigin(url), std::nullopt) << url;
  }
}

TEST(PictureLink, IsOneByItsSchemeAndType) {
  const auto source = [](std::string_view preview, std::string_view type = "image") {
    const std::optional<PictureLink> picture =
        PictureOf({{"type", std::string(type)}, {"preview", std::string(preview)}});
    return picture ? picture->source : "";
  };
  for (const std::string_view good :
       {"https://example.org/a.png", "http://example.org/a", "data:image/png;base64,iVBORw0KGgo=",
        "data:image/jpeg;base64,AA", "data:image/webp;base64,AA", "data:image/gif;base64,AA"}) {
    EXPECT_EQ(source(good), good);
    EXPECT_EQ(source(good, "text"), "");
  }
  for (const std::string_view bad :
       {"data:image/svg+xml;base64,AA", "data:image/svg+xml,<svg>", "data:text/html;base64,AA",
        "data:image/png,AA", "data:image/png;base64,A\"", "DATA:image/png;base64,AA", "a.png"}) {
    EXPECT_EQ(source(bad), "");
  }
  EXPECT_EQ(PictureOf({}), std::nullopt);
}

TEST(RecordAddress, EveryIdHasOne) {
  const auto address = [](std::string_view provider, std::string_view id) {
    return AddressOf("/x", {.provider = std::string(provider),
                            .depiction_id = std::string(id),
                            .model = "a/b&c"})
        .ToString();
  };
  EXPECT_EQ(address("p q", "1/2?"), "/x/record/p%20q/1%2F2%3F/?model=a%2Fb%26c");
  EXPECT_EQ(address("p", ".."), "/x/record/?provider=p&depiction_id=..&model=a%2Fb%26c");
}

TEST(Root, SlashesAroundItDoNotMatter) {
  EXPECT_EQ(NormaliseRoot(""), "");
  EXPECT_EQ(NormaliseRoot("/"), "");
  EXPECT_EQ(NormaliseRoot("a/b"), "/a/b");
  EXPECT_EQ(NormaliseRoot("//a/b//"), "/a/b");
}

TEST(Numbers, AreGrouped) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(-1'000), "-1,000");
  EXPECT_EQ(Grouped(1'234'567), "1,234,567");
}

/// Reads one number out of a text, and takes every picture for 29; of the model "m" only.
class NumberEmbedder final : public Embedder {
 public:
  EmbedderInputs Inputs(std::string_view model) const override {
    return {.text = model == "m", .image = model == "m"};
  }
  Result<Embedding> Text(const EmbedRequest& request) override {
    if (request.body == "down") {
      return UnavailableError("no secret host answers");
    }
    return Embedding{.vector = {1, std::stof(request.body), 0}};
  }
  Result<Embedding> Image(const EmbedRequest& request) override {
    if (request.body != "picture") {
      return InvalidArgumentError("that is no picture");
    }
    return Embedding{.vector = {1, 29, 0}};
  }
};

class InspectorTest : public ::testing::Test {
 protected:
  InspectorTest() {
    client_ = NewDatabaseClient(context_.Open("memory://").value());
    for (int number = 0; number < 30; ++number) {
      Add("p" + std::to_string(number % 2), "d" + std::to_string(100 + number), "m",
          {1, static_cast<float>(number), 0});
    }
    Add("p0", "..", "m", {1, 100, 0});
    Add("p0", "a/b?c", "other", {1, 0});
  }

  void Add(const std::string& provider, const std::string& id, const std::string& model,
           std::vector<float> embedding) {
    const Record record{.key = {.provider = provider, .depiction_id = id, .model = model},
                        .subject_id = "s" + id.substr(0, 3),
                        .embedding = std::move(embedding),
                        .created = 86'400,
                        .attributes = {{"subject_title", "<" + id + ">"}}};
    ASSERT_EQ(client_->Add(record), Status());
  }

  HttpResponse Get(std::string_view target, std::string_view root = "") {
    Inspector inspector(*client_, log_,
                        {.root = std::string(root), .max_results = 5, .embedder = embedder_});
    return inspector.Answer({.method = "GET", .target = std::string(target)});
  }

  HttpResponse Post(std::string_view target, std::vector<FormField> form) {
    Inspector inspector(*client_, log_, {.max_results = 5, .embedder = embedder_});
    return inspector.Answer(
        {.method = "POST", .target = std::string(target), .form = std::move(form)});
  }

  Embedder* embedder_ = nullptr;
  TestContext context_;
  Logger log_;
  std::unique_ptr<Client> client_;
};

TEST_F(InspectorTest, PathsWithoutASlashAreSentOn) {
  const HttpResponse response = Get("/record/p0/d100?model=m");
  EXPECT_EQ(response.status, 301);
  EXPECT_EQ(response.location, "/record/p0/d100/?model=m");
  EXPECT_EQ(Get("/x", "/x").location, "/x/");
}

TEST_F(InspectorTest, ListsArePagedAndFiltered) {
  const HttpResponse first = Get("/?provider=p0");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(first.body, HasSubstr("17 records"));
  EXPECT_THAT(first.body, HasSubstr("<option value=\"p0\" selected>\n          p0 (17)</option>"));
  EXPECT_THAT(first.body, HasSubstr("<option value=\"p1\">\n          p1 (15)</option>"));
  EXPECT_THAT(first.body, HasSubstr("<option value=\"m\">\n          m (16)</option>"));
  const HttpResponse second = Get("/?page=2&model=m");
  EXPECT_THAT(second.body, HasSubstr("href=\"/?model=m\">Previous page"));
  EXPECT_THAT(second.body, Not(HasSubstr("Next page")));
  EXPECT_THAT(Get("/?model=absent").body, HasSubstr("<option value=\"absent\" selected>"));
  EXPECT_THAT(Get("/?provider=p1&model=other").body, HasSubstr("nothing to show"));
}

TEST_F(InspectorTest, ListsAreJsonToo) {
  const HttpResponse response = Get("/?format=json&words=d101");
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_THAT(response.body, StartsWith("{\"records\":[{\"provider\":\"p1\""));
  EXPECT_THAT(response.body, HasSubstr("],\"page\":1,\"pages\":1,\"per_page\":24,\"total\":1}\n"));
}

TEST_F(InspectorTest, RecordsShowWhatIsSimilar) {
  const HttpResponse response = Get("/record/p0/d102/?model=m");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("<h1 id=\"record-title\">&lt;d102&gt;</h1>"));
  EXPECT_THAT(response.body, HasSubstr("1970-01-02"));
  EXPECT_THAT(response.body, HasSubstr("href=\"/api/embeddings/p0/d102/?model=m\""));
  const std::string json = Get("/record/p0/d102/?model=m&format=json&others=1").body;
  EXPECT_THAT(json, StartsWith("{\"record\":{\"provider\":\"p0\",\"depiction_id\":\"d102\""));
  const std::string similar = json.substr(json.find("\"similar\":"));
  EXPECT_THAT(similar, HasSubstr("\"depiction_id\":\"d101\""));
  EXPECT_THAT(similar, Not(HasSubstr("\"provider\":\"p0\"")));
}

TEST_F(InspectorTest, OddIdsHavePages) {
  EXPECT_THAT(Get("/record/p0/a%2Fb%3Fc/?model=other").body, HasSubstr("&lt;a/b?c&gt;"));
  const HttpResponse dots = Get("/record/?provider=p0&depiction_id=..&model=m");
  EXPECT_THAT(dots.body, HasSubstr("name=\"depiction_id\" value=\"..\""));
}

TEST_F(InspectorTest, TheApiAnswersAsGoEmbeddingsdbDoes) {
  EXPECT_EQ(Get("/api/embeddings/p0/d102/?model=m").body, "[1,2,0]\n");
  EXPECT_EQ(Get("/api/models/").body, "[\"m\",\"other\"]\n");
  EXPECT_EQ(Get("/api/models/?provider=p1").body, "[\"m\"]\n");
  EXPECT_EQ(Get("/api/providers/?model=other").body, "[\"p0\"]\n");
  EXPECT_EQ(Get("/api/providers/?model=absent").body, "[]\n");
  const HttpResponse absent = Get("/api/embeddings/p0/none/?model=m");
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.body, "Not found\n");
}

TEST_F(InspectorTest, WhatIsNotThereIs404AndWhatIsWrong400) {
  for (const std::string_view target :
       {"/record/p0/none/?model=m", "/record/p0/d102/", "/record/", "/record/p0/?model=m", "/x/",
        "/css/none.css", "/css/", "/api/", "/api/models/x/", "/record/p0/d102/x/?model=m",
        "/search/x/", "/statistics/x/", "/compare/p0/d102/x/"}) {
    EXPECT_EQ(Get(target).status, 404) << target;
  }
  for (const std::string_view target :
       {"/?page=x", "/?page=0", "/?page=99999999999999999999", "/?format=xml", "/?words=*", "/%",
        "/record/p0/d102/?model=m&similar-provider=none", "/record/p0/d102/?model=m&others=2",
        "/record/p0/d102/?model=m&others=1&similar-provider=p1",
        "/record/p0/d102/?model=m&group-by=x"}) {
    EXPECT_EQ(Get(target).status, 400) << target;
  }
  EXPECT_EQ(Get("/record/p0/d102/?model=m").status, 200);
}

TEST_F(InspectorTest, AllAddressesAreBelowTheRoot) {
  for (const std::string_view target :
       {"/a/b/", "/a/b/record/p0/d102/?model=m", "/a/b/record/p0/d102/?model=m&trail=p0%2Fd104%2Fm",
        "/a/b/compare/p0/d102/", "/a/b/search/?like=p0%2Fd102%2Fm", "/a/b/statistics/",
        "/a/b/?cards=subject"}) {
    const HttpResponse response = Get(target, "/a/b");
    EXPECT_EQ(response.status, 200);
    for (std::size_t at = response.body.find("=\"/"); at != std::string::npos;
         at = response.body.find("=\"/", at + 1)) {
      EXPECT_THAT(response.body.substr(at + 2, 40), StartsWith("/a/b/"));
    }
  }
  EXPECT_EQ(Get("/a/b/css/inspector.css", "/a/b").content_type, "text/css; charset=utf-8");
  EXPECT_EQ(Get("/", "/a/b").status, 404);
  EXPECT_EQ(Get("/a/bc/", "/a/b").status, 404);
}

TEST_F(InspectorTest, CardsOfAPageCanBeTogether) {
  Add("p0", "d102", "other", {0, 1});
  const auto cards = [&](std::string_view query) {
    const std::string body = Get(query).body;
    std::size_t number = 0;
    for (std::size_t at = body.find("<article"); at != std::string::npos;
         at = body.find("<article", at + 1)) {
      ++number;
    }
    return number;
  };
  EXPECT_EQ(cards("/?words=d102"), 2U);
  EXPECT_EQ(cards("/?words=d102&cards=depiction"), 1U);
  EXPECT_EQ(cards("/?words=d10*&provider=p0"), 6U);
  Add("p0", "e10a", "m", {1, 0, 0});
  Add("p0", "e10b", "m", {1, 0, 0});  // of the subject "se10", as the one before
  EXPECT_EQ(cards("/?words=e10*"), 2U);
  EXPECT_EQ(cards("/?words=e10*&cards=depiction"), 2U);
  const std::string body = Get("/?words=e10*&cards=subject").body;
  EXPECT_THAT(body, HasSubstr("<dt>Depictions</dt><dd>2</dd>"));
  EXPECT_EQ(cards("/?words=e10*&cards=subject"), 1U);
  EXPECT_THAT(Get("/?cards=depiction").body, HasSubstr("href=\"/?cards=depiction&amp;page=2\""));
  EXPECT_EQ(Get("/?cards=x").status, 400);
}

TEST_F(InspectorTest, AWalkIsInTheAddress) {
  const std::string first = Get("/record/p0/d102/?model=m").body;
  EXPECT_THAT(first, HasSubstr("/record/p1/d101/?model=m&amp;trail=p0%2Fd102%2Fm\""));
  EXPECT_THAT(first, Not(HasSubstr("class=\"trail\"")));
  const std::string second = Get("/record/p1/d101/?model=m&trail=p0%2Fd102%2Fm").body;
  EXPECT_THAT(second, HasSubstr("<a href=\"/record/p0/d102/?model=m\">&lt;d102&gt;</a>"));
  EXPECT_THAT(second, HasSubstr("trail=p0%2Fd102%2Fm%20p1%2Fd101%2Fm\""));
  EXPECT_THAT(second, HasSubstr("name=\"trail\" value=\"p0/d102/m\""));
  // A record that was removed meanwhile is no reason to fail.
  EXPECT_EQ(Get("/record/p1/d101/?model=m&trail=p0%2Fgone%2Fm").status, 200);
  std::string long_trail;
  for (int i = 0; i < 13; ++i) {
    long_trail += (i == 0 ? "" : "%20") + std::string("p%2F") + std::to_string(i) + "%2Fm";
  }
  EXPECT_EQ(Get("/record/p1/d101/?model=m&trail=" + long_trail).status, 400);
  EXPECT_EQ(Get("/record/p1/d101/?model=m&trail=x").status, 400);
}

TEST_F(InspectorTest, SearchesByRecords) {
  const std::string json = Get("/search/?format=json&like=p0%2Fd102%2Fm%20p0%2Fd104%2Fm").body;
  EXPECT_THAT(json, StartsWith("{\"model\":\"m\",\"similar\":[{\"provider\":\"p1\","
                               "\"depiction_id\":\"d103\""));
  EXPECT_THAT(json, Not(HasSubstr("d102")));
  const HttpResponse page = Get("/search/?like=p0%2Fd102%2Fm");
  EXPECT_THAT(page.body, HasSubstr("Search without this"));
  EXPECT_THAT(page.body, HasSubstr("href=\"/search/?like=p0%2Fd102%2Fm%20p1%2Fd101%2Fm\""));
  EXPECT_THAT(page.body, HasSubstr("Texts and pictures cannot be searched by"));
  EXPECT_EQ(Get("/search/?like=p0%2Fnone%2Fm").status, 404);
  EXPECT_EQ(Get("/search/?like=x").status, 400);
  EXPECT_EQ(Get("/search/?like=p0%2Fd102%2Fm%20p0%2Fa%252Fb%253Fc%2Fother").status, 400);
}

TEST_F(InspectorTest, SearchesByTextAndPictureNeedAnEmbedder) {
  EXPECT_EQ(Get("/search/").status, 200);
  EXPECT_EQ(Get("/search/?query=7&model=m").status, 400);
  NumberEmbedder embedder;
  embedder_ = &embedder;
  const std::string form = Get("/search/").body;
  EXPECT_THAT(form, HasSubstr("id=\"by-text\""));
  EXPECT_THAT(form, HasSubstr("id=\"by-picture\""));
  EXPECT_THAT(form, HasSubstr("<option value=\"m\">"));
  EXPECT_THAT(form, Not(HasSubstr("<option value=\"other\">")));
  EXPECT_THAT(Get("/search/?query=7&format=json").body,
              HasSubstr("\"similar\":[{\"provider\":\"p1\",\"depiction_id\":\"d107\""));
  EXPECT_THAT(Get("/search/?query=7&model=m&similar-provider=p0&format=json").body,
              Not(HasSubstr("p1")));
  const HttpResponse posted = Post(
      "/search/", {{.name = "upload", .content = "picture"}, {.name = "model", .content = "m"}});
  EXPECT_EQ(posted.status, 200);
  EXPECT_THAT(posted.body, HasSubstr("Found with m"));
  EXPECT_THAT(posted.body, HasSubstr("&lt;d129&gt;"));
  for (const std::string_view wrong :
       {"/search/?query=7&model=other", "/search/?query=7&model=none",
        "/search/?query=7&similar-provider=none", "/search/?search-by=x",
        "/search/?query=7&others=1", "/search/?query=7&like=p0%2Fd102%2Fm"}) {
    EXPECT_EQ(Get(wrong).status, 400) << wrong;
  }
  const HttpResponse down = Get("/search/?query=down");
  EXPECT_EQ(down.status, 503);
  EXPECT_THAT(down.body, Not(HasSubstr("secret")));
}

TEST_F(InspectorTest, FormsOfGoEmbeddingsdbAreAnsweredAsThere) {
  NumberEmbedder embedder;
  embedder_ = &embedder;
  const HttpResponse found = Post("/api/search/", {{.name = "search-by", .content = "upload"},
                                                   {.name = "model", .content = "m"},
                                                   {.name = "query", .content = ""},
                                                   {.name = "similar-provider", .content = "p1"},
                                                   {.name = "upload", .content = "picture"}});
  EXPECT_EQ(found.content_type, "application/json");
  EXPECT_THAT(found.body, StartsWith("[{\"provider\":\"p1\",\"depiction_id\":\"d129\","
                                     "\"subject_id\":\"sd12\",\"similarity\":0,"));
  const auto status = [&](std::vector<FormField> form) {
    return Post("/api/search/", std::move(form)).status;
  };
  EXPECT_EQ(status({}), 400);
  EXPECT_EQ(status({{.name = "search-by", .content = "query"}}), 400);
  EXPECT_EQ(status({{.name = "model", .content = "m"}, {.name = "upload", .content = "x"}}), 400);
  EXPECT_EQ(status({{.name = "model", .content = "m"}, {.name = "model", .content = "m"}}), 400);
  EXPECT_EQ(status({{.name = "query", .content = "\xff"}}), 400);
}

TEST_F(InspectorTest, ModelsAreCompared) {
  Add("p0", "d102", "other", {0, 1});
  Add("p1", "d101", "other", {0.1F, 1});
  Add("p1", "d103", "other", {0.3F, 1});
  Add("p1", "d127", "other", {0.05F, 1});
  const std::string json = Get("/compare/p0/d102/?format=json").body;
  EXPECT_THAT(json, HasSubstr("\"columns\":[{\"model\":\"m\",\"similar\":["));
  EXPECT_THAT(json, HasSubstr("{\"model\":\"other\",\"similar\":["
                              "{\"provider\":\"p1\",\"depiction_id\":\"d127\""));
  const std::string pooled = json.substr(json.find("\"pooled\""));
  EXPECT_THAT(pooled, StartsWith("\"pooled\":[{\"models\":[\"m\",\"other\"],\"record\":{"
                                 "\"provider\":\"p1\",\"depiction_id\":\"d101\""));
  EXPECT_THAT(pooled, HasSubstr("d103"));
  EXPECT_THAT(pooled, Not(HasSubstr("d127")));
  const HttpResponse page = Get("/compare/p0/d102/?others=1");
  EXPECT_THAT(page.body, HasSubstr("<dt>Found by</dt><dd>2 of 2 models</dd>"));
  EXPECT_THAT(page.body, HasSubstr("href=\"/record/p0/d102/?model=other\">other</a>"));
  EXPECT_EQ(Get("/compare/p0/none/").status, 404);
  EXPECT_EQ(Get("/compare/p0/").status, 404);
  EXPECT_EQ(Get("/compare/?provider=p0&depiction_id=..").status, 200);
}

TEST(Pool, CountsModelsBeforeRanks) {
  const auto found = [](std::string_view id) {
    return SimilarRecord{.key = {.provider = "p", .depiction_id = std::string(id), .model = "m"}};
  };
  const std::vector<ModelColumn> columns = {
      {.model = "a", .similar = {found("1"), found("2"), found("3")}},
      {.model = "b", .similar = {found("1"), found("3"), found("4")}},
      {.model = "c", .similar = {found("3"), found("5"), found("2")}}};
  std::vector<std::string> ids;
  for (const PooledRecord& pooled : Pool(columns)) {
    ids.push_back(pooled.record.key.depiction_id);
  }
  EXPECT_THAT(ids, ElementsAre("3", "1", "2"));
  EXPECT_THAT(Pool(columns)[1].models, ElementsAre("a", "b"));
}

TEST_F(InspectorTest, RecordsAreCounted) {
  const auto index = [](int rows) {
    return Concat(
        ",\"index\":{\"metric\":\"l2\",\"search\":\"exact\",\"precision\":\"f32\",\"loaded\":true,"
        "\"graph_rows\":0,\"tail_rows\":",
        rows, ",\"file_bytes\":0,\"memory_bytes\":0}}");
  };
  EXPECT_EQ(Get("/statistics/?format=json").body,
            Concat("{\"records\":32,\"models\":[{\"model\":\"m\",\"dimensions\":3,\"providers\":"
                   "{\"facets\":[{\"value\":\"p0\",\"count\":16},{\"value\":\"p1\",\"count\":15}],"
                   "\"distinct\":2,\"records\":31}",
                   index(31), ",{\"model\":\"other\",\"dimensions\":2,\"providers\":",
                   "{\"facets\":[{\"value\":\"p0\",\"count\":1}],\"distinct\":1,\"records\":1}",
                   index(1), "]}\n"));
  EXPECT_THAT(Get("/statistics/").body, HasSubstr("<td>comparing all; Euclidean distance</td>"));
  EXPECT_THAT(Get("/statistics/").body, HasSubstr("href=\"/?provider=p1&amp;model=m\""));
}

TEST(KeyList, IsReadAsItIsWritten) {
  const std::vector<Key> keys = {{.provider = "a b", .depiction_id = "c/d%", .model = "e?"},
                                 {.provider = "..", .depiction_id = "\u00e9", .model = " "}};
  const KeyListRules rules = {.field = "like", .limit = 2};
  EXPECT_EQ(KeysToText(keys), "a%20b/c%2Fd%25/e%3F ../%C3%A9/%20");
  EXPECT_EQ(KeysFromText(KeysToText(keys), rules).value(), keys);
  EXPECT_THAT(KeysFromText("", rules).value(), IsEmpty());
  for (const std::string_view text :
       {"a", "a/b", "a/b/", "a/b/c/d", "a/b/%zz", "a/b/%ff", " a/b/c", "a/b/c a/b/c a/b/c"}) {
    EXPECT_EQ(KeysFromText(text, rules).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST_F(InspectorTest, OriginsOfPicturesAreTold) {
  const Record record{.key = {.provider = "p1", .depiction_id = "picture", .model = "m"},
                      .embedding = {1, 0, 0},
                      .attributes = {{"type", "image"}, {"preview", "https://example.org/a.png"}}};
  ASSERT_EQ(client_->Add(record), Status());
  EXPECT_THAT(Get("/record/p1/picture/?model=m").picture_origins,
              ElementsAre("https://example.org"));
  // A card without a picture does not borrow that of the page.
  const std::string page = Get("/record/p1/picture/?model=m").body;
  EXPECT_EQ(page.find("<img"), page.rfind("<img"));
}

}  // namespace
}  // namespace embeddingsdb
