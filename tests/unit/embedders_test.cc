// SPDX-License-Identifier: BSD-3-Clause
//
// Embedders of HTTP services against a fake of each protocol: what they send, what they take for an
// answer, and everything that can go wrong in between.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "embedders/builtin_embedders.h"
#include "embedders/embedder_answer.h"
#include "embedders/embedder_base.h"
#include "embedders/http_service.h"
#include "support/certificate.h"
#include "support/fake_embedder_service.h"
#include "support/records.h"
#include "support/temp_dir.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kToken[] = "s3kret-Token";

class Embedders : public testing::Test {
 protected:
  Embedders() { RegisterBuiltinEmbedders(context_.registry); }

  Result<std::unique_ptr<Embedder>> Open(const std::string& uri) {
    return context_.registry.OpenEmbedder(uri, context_.context());
  }
  /// An embedder of the fake; `more` as in "&timeout=1".
  std::unique_ptr<Embedder> OpenFake(std::string_view scheme, std::string_view more = "") {
    auto embedder = Open(Concat(scheme, "://?client-uri=", fake_.url(), more));
    EXPECT_OK(embedder);
    return embedder.ok() ? *std::move(embedder) : nullptr;
  }

  TestContext context_;
  FakeEmbedderService fake_;
};

// Golden bodies: what is sent, as the services document it. The fake checks the same by its own
// rules, so that a wrong body has to be wrong twice to pass.

struct Golden {
  std::string scheme;
  std::string more;  // of the URI
  bool picture = false;
  std::string path;
  std::string body;
  std::string model;  // what the answer's is
};

void PrintTo(const Golden& golden, std::ostream* os) {
  *os << golden.scheme << (golden.picture ? " picture" : " text");
}

const std::string kFish = "a \"red\" fish\n\u00e9";
const std::string kFishJson = "\"a \\\"red\\\" fish\\n\u00e9\"";

std::vector<Golden> Goldens() {
  const std::string text = Concat("{\"content\":", kFishJson, "}");
  const std::string picture =
      Concat("{\"image_data\":[{\"id\":1,\"data\":\"", kFakePngBase64, "\"}]}");
  return {
      {"llamafile", "", false, "/embedding", text, "asked"},
      {"llamafile", "", true, "/embedding", picture, "asked"},
      {"openclip", "", false, "/embeddings", text, "fake/clip"},
      {"openclip", "", true, "/embeddings/image", picture, "fake/clip"},
      {"openclip-client", "", false, "/embeddings", text, "fake/clip"},
      {"mlxclip-client", "", true, "/embeddings/image", picture, "fake/clip"},
      {"siglip-client", "", false, "/embeddings", text, "fake/clip"},
      {"siglip-client", "", true, "/embeddings/image", picture, "fake/clip"},
      {"ollama", "&model=m", false, "/api/embed",
       Concat("{\"model\":\"m\",\"input\":", kFishJson, "}"), "ollama/m"},
      {"ollamas", "", false, "/api/embed",
       Concat("{\"model\":\"asked\",\"input\":", kFishJson, "}"), "ollama/asked"},
      {"encoderfile", "", false, "/predict",
       Concat("{\"inputs\":[", kFishJson, "],\"normalize\":true}"), "fake/encoder"},
      {"openai", "&model=m", false, "/v1/embeddings",
       Concat("{\"model\":\"m\",\"input\":", kFishJson, ",\"encoding_format\":\"float\"}"), "m"},
      {"openai", "", false, "/v1/embeddings",
       Concat("{\"model\":\"asked\",\"input\":", kFishJson, ",\"encoding_format\":\"float\"}"),
       "asked"},
  };
}

TEST_F(Embedders, SendWhatTheServicesDocumentAndReadTheirAnswers) {
  for (const Golden& golden : Goldens()) {
    for (const std::string_view width : {"", "32", "64"}) {
      SCOPED_TRACE(testing::PrintToString(golden));
      const auto embedder = OpenFake(Concat(golden.scheme, width), golden.more);
      ASSERT_NE(embedder, nullptr);
      const EmbedRequest request{.model = "asked", .body = golden.picture ? kFakePng : kFish};
      const auto answer = golden.picture ? embedder->Image(request) : embedder->Text(request);
      ASSERT_OK(answer);
      const FakeEmbedderService::Seen seen = fake_.seen().back();
      EXPECT_EQ(seen.complaint, "");
      EXPECT_EQ(seen.path, golden.path);
      EXPECT_EQ(seen.body, golden.body);
      EXPECT_EQ(seen.authorization, "");
      EXPECT_EQ(answer->model, golden.model);
      if (golden.scheme != "encoderfile") {
        EXPECT_EQ(answer->vector, FakeVector(golden.picture ? kFakePngBase64 : kFish));
      }
    }
  }
}

TEST_F(Embedders, EncoderfileIsTheMeanOfTheTokensMadeOneLong) {
  fake_.AnswerAll(200, R"({"results":[{"embeddings":[
      {"embedding":[3,0,1],"token_info":{"token":"a","token_id":1,"start":0,"end":1}},
      {"embedding":[3,8,-1]}]}],"model_id":"m","metadata":null})");
  const auto answer = OpenFake("encoderfile")->Text({.model = "", .body = "a"});
  ASSERT_OK(answer);
  EXPECT_THAT(answer->vector, ElementsAre(0.6F, 0.8F, 0.0F));
  EXPECT_EQ(answer->model, "m");
}

// The canary: a request that is not as documented turns the fake's check red.
TEST_F(Embedders, TheFakeComplainsAboutRequestsThatAreNotAsDocumented) {
  const auto service =
      HttpService::Open(Uri::Parse(Concat("openai://?client-uri=", fake_.url())).value(),
                        context_.context(), {.name = "canary", .default_uri = ""});
  ASSERT_OK(service);
  for (const auto& [path, body] : std::vector<std::pair<std::string, std::string>>{
           {"/embedding", R"({"text":"a"})"},
           {"/embedding", R"({"content":"a","model":"m"})"},
           {"/embeddings", R"({"content":["a"]})"},
           {"/embeddings/image", R"({"image_data":[{"data":"a"}]})"},
           {"/embeddings/image", R"({"image_data":"a"})"},
           {"/api/embed", R"({"model":"m","prompt":"a"})"},
           {"/predict", R"({"inputs":["a"]})"},
           {"/v1/embeddings", R"({"model":"m","input":"a"})"},
           {"/v1/embeddings", R"({"model":"m","input":"a","encoding_format":"base64"})"},
           {"/v1/embeddings", R"(["a"])"},
           {"/v1/embeddings", R"({"model)"}}) {
    EXPECT_FAILS((*service)->Post(path, body), kInvalidArgument, "HTTP status 400, it says");
    EXPECT_NE(fake_.seen().back().complaint, "") << path << " " << body;
  }
}

// Answers.

TEST_F(Embedders, TakeTheAnswersThatServersOfAKindGive) {
  const auto embedder = OpenFake("siglip-client");
  for (const std::string_view json :
       {R"({"embedding":[1,2.5]})", R"({"embeddings":[1,2.5]})", R"({"embeddings":[[1,2.5]]})",
        R"({"embedding":[[1,2.5]],"created":"now","more":{"embedding":[9]}})",
        R"([{"index":0,"embedding":[[1,2.5]]}])", R"([{"embedding":[1,25e-1]}])",
        R"({"embedding":[1,2.5],"embeddings":[1,2.5]})"}) {
    fake_.AnswerAll(200, std::string(json));
    const auto answer = embedder->Text({.model = "", .body = "a"});
    ASSERT_OK(answer);
    EXPECT_THAT(answer->vector, ElementsAre(1.0F, 2.5F)) << json;
    EXPECT_EQ(answer->model, "");
  }
  EXPECT_EQ(OpenFake("openclip")->Text({.model = "", .body = "a"})->model, "openclip");
  EXPECT_EQ(OpenFake("mlxclip-client")->Text({.model = "", .body = "a"})->model, "mlxclip");
}

TEST_F(Embedders, RoundNumbersOnce) {
  fake_.AnswerAll(200,
                  R"({"embedding":[1e-60,-0.0,16777217,0.1,3.4028235e38,1.00000005960464478]})");
  const auto answer = OpenFake("openclip")->Text({.model = "", .body = "a"});
  ASSERT_OK(answer);
  EXPECT_THAT(answer->vector,
              ElementsAre(0.0F, -0.0F, 16'777'216.0F, 0.1F, std::numeric_limits<float>::max(),
                          std::nextafter(1.0F, 2.0F)));
}

TEST_F(Embedders, RefuseAnswersThatAreNoEmbedding) {
  std::string long_vector = "{\"embedding\":[0";
  for (int i = 0; i < kMaxDimension; ++i) {
    long_vector += ",0";
  }
  const std::string deep(200'000, '[');
  const auto embedder = OpenFake("openclip");
  for (const auto& [json, why] : std::vector<std::pair<std::string, std::string>>{
           {"", "no whole JSON"},
           {"<html>sorry</html>", "no whole JSON"},
           {R"({"embedding":[1,2)", "no whole JSON"},
           {R"({"embedding":[1,2]}garbage)", "no whole JSON"},
           {R"({"embedding":[1,NaN]})", "no whole JSON"},
           {R"({"embedding":[1,Infinity]})", "no whole JSON"},
           {std::string("{\"embedding\":[1]}\0", 18), "NUL"},
           {"{\"model\":\"\xff\",\"embedding\":[1]}", "no whole JSON"},
           {R"({"embedding":[1,null]})", "has null in embedding[] after 1 elements"},
           {R"({"embedding":["1"]})", "a string in embedding[]"},
           {R"({"embedding":[true]})", "a boolean"},
           {R"({"embedding":[{}]})", "an object"},
           {R"({"embedding":[1e39]})", "\"1e39\""},
           {R"({"embedding":[1e999]})", "\"1e999\""},
           {R"({"embedding":"AACAPw=="})", "a string as embedding, it must be a list of numbers"},
           {R"({"embedding":[]})", "no vector"},
           {R"({"embedding":null})", "no vector"},
           {R"({"embedding":[[[1]]]})", "no vector"},
           {R"({"vector":[1]})", "no vector at embedding[]"},
           {R"([])", "no vector"},
           {R"("text")", "no vector"},
           {R"({"embeddings":[[1],[2]]})", "2 vectors, it must have 1"},
           {R"({"embedding":[1],"embedding":[2]})", "2 vectors"},
           {R"({"error":"out of memory"})", "it says \"out of memory\""},
           {R"({"error":{"message":"no model"}})", "it says \"no model\""},
           {Concat(R"({"embedding":[1],"model":")", std::string(300, 'm'), "\"}"), "model is 300"},
           {long_vector + "]}", "more elements than the limit of 8192"},
           {deep, "nested deeper than 32"}}) {
    SCOPED_TRACE(json.substr(0, 80));
    fake_.AnswerAll(200, json);
    const auto answer = embedder->Text({.model = "", .body = "a"});
    EXPECT_FAILS(answer, kInternal, why);
    EXPECT_THAT(answer.status().message(), HasSubstr(Concat("openclip at ", fake_.url(), ": ")));
  }
}

TEST_F(Embedders, RefuseTheWrongShapesOfOtherProtocols) {
  const auto fails = [&](std::string_view scheme, std::string json, std::string_view why) {
    fake_.AnswerAll(200, std::move(json));
    EXPECT_FAILS(OpenFake(scheme)->Text({.model = "m", .body = "a"}), kInternal, why);
  };
  fails("ollama", R"({"embeddings":[]})", "no vector at embeddings[][]");
  fails("ollama", R"({"embeddings":[[1],[2]]})", "2 vectors");
  fails("openai", R"({"data":[{"embedding":"AACAPw=="}]})", "a string as data[].embedding");
  fails("openai", R"({"data":[]})", "no vector");
  fails("openai", R"({"embedding":[1]})", "no vector");
  fails("encoderfile", R"({"results":[]})", "no vector");
  fails("encoderfile", R"({"results":[{"embeddings":[{"embedding":[1]},{"embedding":[1,2]}]}]})",
        "vectors of 1 and of 2 elements");
  fails("encoderfile", R"({"results":[{"embeddings":[{"embedding":[1]},{"embedding":[-1]}]}]})",
        "is zero");
}

TEST(CheckEmbedding, RefusesWhatIsNotFiniteOrTooLong) {
  const auto check = [](std::vector<float> vector) {
    return CheckEmbedding({.vector = std::move(vector), .model = ""});
  };
  EXPECT_OK(check({0}));
  EXPECT_OK(check(std::vector<float>(kMaxDimension)));
  EXPECT_FAILS(check({}), kInternal, "no vector");
  EXPECT_FAILS(check(std::vector<float>(kMaxDimension + 1)), kInternal, "the limit is 8192");
  EXPECT_FAILS(check({1, std::nanf("")}), kInternal, "element 1 of the answer's vector is NaN");
  EXPECT_FAILS(check({-std::numeric_limits<float>::infinity()}), kInternal, "-Inf");
}

// Faults of services and of the network.

TEST_F(Embedders, SayWhichServiceRefusedAndWhy) {
  const auto embedder = OpenFake("openclip");
  const auto fails = [&](int status, StatusCode code, std::string_view why) {
    fake_.AnswerAll(status, R"({"error":{"message":"too hot"}})");
    const auto answer = embedder->Text({.model = "", .body = "a"});
    EXPECT_EQ(answer.status().code(), code) << answer.status();
    EXPECT_EQ(answer.status().message(),
              Concat("openclip at ", fake_.url(), ": HTTP status ", status, why));
  };
  const std::string says = ", it says \"too hot\"";
  fails(201, StatusCode::kInternal, says);
  fails(302, StatusCode::kInternal, " is a redirect, which is not followed");
  fails(400, StatusCode::kInvalidArgument, says);
  fails(401, StatusCode::kUnauthenticated, "");
  fails(403, StatusCode::kPermissionDenied, "");
  fails(404, StatusCode::kUnimplemented, says);
  fails(429, StatusCode::kUnavailable, says);
  fails(500, StatusCode::kUnavailable, says);
  fails(501, StatusCode::kUnimplemented, says);
  fake_.AnswerAll(500, "<html>");
  EXPECT_EQ(embedder->Text({.model = "", .body = "a"}).status().message(),
            Concat("openclip at ", fake_.url(), ": HTTP status 500"));
}

TEST_F(Embedders, DoNotFollowRedirects) {
  FakeEmbedderService other;
  fake_.AnswerAll([&other](httplib::Response& response) {
    response.set_redirect(other.url() + "/embeddings", 307);
  });
  EXPECT_FAILS(OpenFake("openclip")->Text({.model = "", .body = "a"}), kInternal,
               "HTTP status 307 is a redirect");
  EXPECT_THAT(other.seen(), IsEmpty());
}

TEST_F(Embedders, WaitAsLongAsTimeoutSays) {
  fake_.AnswerAll([this](httplib::Response&) { fake_.WaitForEnd(); });
  EXPECT_FAILS(OpenFake("openclip", "&timeout=1")->Text({.model = "", .body = "a"}),
               kDeadlineExceeded, "no whole answer in the 1 seconds of timeout");
}

TEST_F(Embedders, NoticeAServerThatIsNotThereOrBreaksOff) {
  const auto embedder = OpenFake("openclip");
  fake_.AnswerAll([](httplib::Response& response) {
    response.set_content_provider(1'000, "application/json",
                                  [](std::size_t, std::size_t, httplib::DataSink& sink) {
                                    sink.write("{\"embedding\":[1]}", 17);
                                    return false;
                                  });
  });
  EXPECT_FAILS(embedder->Text({.model = "", .body = "a"}), kUnavailable, "openclip at http://");
  fake_.Stop();
  EXPECT_FAILS(embedder->Text({.model = "", .body = "a"}), kUnavailable, "Couldn't connect");
}

TEST_F(Embedders, StopReadingAnswersThatAreTooLong) {
  const auto embedder = OpenFake("openclip");
  // The server may still be sending when the test is over.
  const auto block = std::make_shared<const std::string>(1'024 * 1'024, '1');
  const auto send = [block](std::size_t, httplib::DataSink& sink) {
    return sink.write(block->data(), block->size());
  };
  fake_.AnswerAll([&](httplib::Response& response) {
    response.set_chunked_content_provider("application/json", send);  // without an end
  });
  EXPECT_FAILS(embedder->Text({.model = "", .body = "a"}), kInternal,
               "longer than the limit of 67108864 bytes");
  fake_.AnswerAll([&](httplib::Response& response) {
    response.set_content_provider(
        kMaxEmbedderAnswerBytes + 1, "application/json",
        [send](std::size_t at, std::size_t, httplib::DataSink& sink) { return send(at, sink); });
  });
  EXPECT_FAILS(embedder->Text({.model = "", .body = "a"}), kInternal, "longer than the limit");
}

// Input.

TEST_F(Embedders, RefuseInputBeforeAnybodyIsAsked) {
  const auto embedder = OpenFake("openclip");
  const auto text = [&](std::string body) {
    return embedder->Text({.model = "", .body = std::move(body)});
  };
  const auto image = [&](std::string body) {
    return embedder->Image({.model = "", .body = std::move(body)});
  };
  EXPECT_FAILS(text(""), kInvalidArgument, "the text is empty");
  EXPECT_FAILS(text(std::string(kMaxEmbedTextBytes + 1, 'a')), kInvalidArgument,
               "65537 bytes long, the limit is 65536");
  EXPECT_FAILS(text("\xff"), kInvalidArgument, "not valid UTF-8");
  EXPECT_FAILS(image(""), kInvalidArgument, "the picture is empty");
  EXPECT_FAILS(image(kFakePng + std::string(kMaxPictureBytes, 'a')), kInvalidArgument,
               "the limit is 67108864");
  for (const std::string_view body :
       {"GIF", "GIF88a", "\x89PNG", "RIFF\1\1\1\1WEBX", "RIFFWEBP", "<svg/>", "BM"}) {
    EXPECT_FAILS(image(std::string(body)), kInvalidArgument, "does not begin as a PNG");
  }
  EXPECT_THAT(fake_.seen(), IsEmpty());
  for (const std::string_view body :
       {"GIF87a", "GIF89a.", "\xff\xd8\xff\xe0", "RIFF\1\1\1\1WEBPx"}) {
    EXPECT_OK(image(std::string(body)));
  }
  EXPECT_OK(text(std::string(kMaxEmbedTextBytes, 'a')));
}

TEST_F(Embedders, SayWhatTheyTake) {
  const auto takes = [](const Embedder& embedder, std::string_view model) {
    const EmbedderInputs inputs = embedder.Inputs(model);
    return Concat(inputs.text ? "text" : "", inputs.image ? "image" : "");
  };
  EXPECT_EQ(takes(*OpenFake("openclip"), "any"), "textimage");
  EXPECT_EQ(takes(*OpenFake("openai"), "any"), "text");
  EXPECT_EQ(takes(*OpenFake("ollama", "&model=m"), "any"), "text");
  EXPECT_EQ(takes(*OpenFake("ollama", "&model=m"), "ollama/m"), "text");
  EXPECT_EQ(takes(*OpenFake("ollama", "&model=m"), "ollama/other"), "");
  EXPECT_FAILS(OpenFake("openai")->Image({.model = "m", .body = kFakePng}), kUnimplemented,
               "takes no pictures");
  EXPECT_FAILS(OpenFake("ollama", "&model=m")->Text({.model = "ollama/x", .body = "a"}),
               kUnimplemented, "does not know the model \"ollama/x\"");
  EXPECT_FAILS(OpenFake("openai")->Text({.model = "", .body = "a"}), kInvalidArgument, "no model");
  EXPECT_THAT(fake_.seen(), IsEmpty());
}

// URIs and secrets.

TEST_F(Embedders, AcceptServerUriAndPaths) {
  const auto ask = [&](const std::string& uri) {
    auto embedder = Open(uri);
    EXPECT_OK(embedder);
    EXPECT_OK((*embedder)->Text({.model = "m", .body = "a"}));
  };
  ask(Concat("openclip://?server-uri=", fake_.url(), "/"));
  ask(Concat("openai://?client-uri=", fake_.url(), "/v1"));
  ask(Concat("openai://?client-uri=", fake_.url(), "/v1/"));
  ask(Concat("openai://?client-uri=", fake_.url(), "/"));
  EXPECT_EQ(fake_.seen().size(), 4U);
  EXPECT_FAILS((*Open(Concat("openclip://?client-uri=", fake_.url(), "/base")))
                   ->Text({.model = "", .body = "a"}),
               kUnimplemented, "HTTP status 404");
}

TEST_F(Embedders, RefuseUrisThatCannotBeMeant) {
  for (const auto& [uri, why] : std::vector<std::pair<std::string, std::string>>{
           {"openclip://?clienturi=http://a", "did you mean client-uri?"},
           {"openclip://?model=m", "no URI option \"model\""},
           {"openclip://localhost:5000", "has a host or a path"},
           {"openclip:///path", "has a host or a path"},
           {"openclip://?client-uri=http://a&server-uri=http://b", "two names of one option"},
           {"openclip://?client-uri=http://a&client-uri=http://b", "2 times"},
           {"openclip://?client-uri=ftp://a", "neither http:// nor https://"},
           {"openclip://?client-uri=a", "no scheme"},
           {"openclip://?client-uri=http:///embeddings", "no host"},
           {"openclip://?client-uri=http://u:pass@a", "user information"},
           {"openclip://?client-uri=http://a%3Ftls=true", "no URI option \"tls\""},
           {"openclip://?timeout=0", "timeout"},
           {"openclip://?timeout=soon", "timeout"},
           {"openai://", "openai:// needs client-uri"},
           {"openai://?client-uri=http://example.org/&token-uri=s3kret-Token", "in the clear"},
           {"null://?model=m", "no URI option \"model\""},
           {"siglip:///path/embeddings.py", "unknown embedder scheme \"siglip\"; known are"}}) {
    const auto opened = Open(uri);
    EXPECT_FAILS(opened, kInvalidArgument, why);
    EXPECT_THAT(opened.status().message(), Not(HasSubstr("pass@"))) << uri;
    EXPECT_THAT(opened.status().message(), Not(HasSubstr(kToken))) << uri;
  }
  EXPECT_FAILS(Open("openclip://?tls-ca-certificate=/no/such"), kNotFound, "tls-ca-certificate");
}

TEST_F(Embedders, SendTheTokenAndNeverShowIt) {
  const TempDir directory;
  std::ofstream(directory.File("token")) << kToken << "\n";
  const auto embedder =
      OpenFake("openai", Concat("&token-uri=", PercentEncode("file://" + directory.File("token"))));
  EXPECT_OK(embedder->Text({.model = "m", .body = "a"}));
  EXPECT_EQ(fake_.seen().back().authorization, Concat("Bearer ", kToken));
  for (const int status : {200, 400, 401, 403, 500}) {
    fake_.AnswerAll(status, Concat("{\"detail\":\"bad key ", kToken, "\"}"));
    const auto answer = embedder->Text({.model = "m", .body = "a"});
    EXPECT_FALSE(answer.ok());
    EXPECT_THAT(answer.status().message(), Not(HasSubstr(kToken))) << status;
  }
}

TEST_F(Embedders, CheckTheCertificateOfAServer) {
  const TempDir directory;
  const auto [pem, key] = MakeCertificate(directory, "fake");
  FakeEmbedderService secure(std::make_unique<httplib::SSLServer>(pem.c_str(), key.c_str()));
  const std::string uri =
      Concat("openai://?client-uri=https://127.0.0.1:", secure.port(), "&token-uri=", kToken);
  EXPECT_FAILS((*Open(uri))->Text({.model = "m", .body = "a"}), kUnavailable,
               "certificate is not trusted");
  EXPECT_THAT(secure.seen(), IsEmpty());
  EXPECT_OK((*Open(Concat(uri, "&tls-ca-certificate=", pem)))->Text({.model = "m", .body = "a"}));
  EXPECT_FAILS((*Open(Concat(uri, "&tls-ca-certificate=", key)))->Text({.model = "m", .body = "a"}),
               kInvalidArgument, "tls-ca-certificate holds no PEM certificate");
}

// Routes.

TEST_F(Embedders, RouteChoosesByModel) {
  FakeEmbedderService other;
  const auto route = Open(
      Concat("route://?client-uri=openclip://?client-uri=", fake_.url(), "...a...b", "&client-uri=",
             PercentEncode(Concat("ollama://?model=m&client-uri=", other.url(), "...ollama/m"))));
  ASSERT_OK(route);
  const auto text = [&](const std::string& model) {
    return (*route)->Text({.model = model, .body = "text"});
  };
  EXPECT_OK(text("a"));
  EXPECT_OK(text("b"));
  EXPECT_OK((*route)->Image({.model = "a", .body = kFakePng}));
  EXPECT_EQ(fake_.seen().size(), 3U);
  EXPECT_EQ(text("ollama/m")->model, "ollama/m");
  EXPECT_EQ(other.seen().size(), 1U);
  EXPECT_FAILS(text("c"), kUnimplemented,
               "does not know the model \"c\"; known are a, b, ollama/m");
  EXPECT_TRUE((*route)->Inputs("a").image);
  EXPECT_FALSE((*route)->Inputs("ollama/m").image);
  EXPECT_FALSE((*route)->Inputs("c").text);
}

TEST_F(Embedders, RouteRefusesWhatCannotBeMeant) {
  std::string many = "route://?";
  for (std::size_t i = 0; i <= kMaxRoutes; ++i) {
    many += Concat("&client-uri=openclip://?client-uri=http://a", i, "...m", i);
  }
  for (const auto& [uri, why] : std::vector<std::pair<std::string, std::string>>{
           {"route://", "needs client-uri=URI...MODEL"},
           {"route://?client-uri=openclip://", "names no model"},
           {"route://?client-uri=openclip://...", "empty name of a model"},
           {"route://?client-uri=openclip://...a......b", "empty name of a model"},
           {"route://?client-uri=openclip://...a&client-uri=llamafile://...a", "\"a\" twice"},
           {"route://?client-uri=mobileclip://?client-uri=grpc://a:1...other",
            "which does not know it"},
           {"route://?client-uri=route32://...a", "cannot be within route://"},
           {"route://?client-uri=nosuch://...a", "unknown embedder scheme"},
           {"route://?client=openclip://...a", "the known ones are client-uri"},
           {"route:///a", "has a host or a path"},
           {many, "more embedders than the limit of 32"}}) {
    EXPECT_FAILS(Open(uri), kInvalidArgument, why);
  }
  const auto secret =
      Open("route://?client-uri=openai://?client-uri=http://h%26token-uri=s3kret-Token");
  EXPECT_FAILS(secret, kInvalidArgument, "names no model");
  EXPECT_THAT(secret.status().message(), Not(HasSubstr(kToken)));
}

TEST_F(Embedders, NullHasAnEmptyVector) {
  const auto null = Open("null://");
  ASSERT_OK(null);
  const auto answer = (*null)->Text({.model = "m", .body = ""});
  ASSERT_OK(answer);
  EXPECT_THAT(answer->vector, IsEmpty());
  EXPECT_EQ(answer->model, "null");
}

}  // namespace
}  // namespace embeddingsdb
