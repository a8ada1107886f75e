// SPDX-License-Identifier: BSD-3-Clause
//
// mobileclip:// against a server of its protocol, and the protocol byte for byte.
#include <chrono>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/text.h"
#include "embedders/builtin_embedders.h"
#include "org_sfomuseum_embeddings_service.grpc.pb.h"
#include "support/certificate.h"
#include "support/records.h"
#include "support/temp_dir.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

namespace wire = ::org_sfomuseum_embeddings_service;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kPng = "\x89PNG\r\n\x1a\n and more";

// Tag = number * 8 + wire type: 2 length-delimited, 0 varint.
TEST(MobileClipWire, IsAsDocumented) {
  wire::EmbeddingsRequest request;
  request.set_id("i");
  request.set_model("s0");
  request.set_body("b");
  EXPECT_EQ(request.SerializeAsString(),
            "\x0a\x01i\x12\x02s0\x1a\x01"
            "b");
  wire::EmbeddingsResponse response;
  response.set_id("i");
  response.set_model("m");
  response.set_dimensions(2);
  response.add_embeddings(1.0F);
  response.add_embeddings(-2.5F);
  response.set_created(300);
  EXPECT_EQ(
      response.SerializeAsString(),
      std::string("\x0a\x01i\x12\x01m\x18\x02\x22\x08\0\0\x80\x3f\0\0\x20\xc0\x28\xac\x02", 21));
  EXPECT_STREQ(wire::EmbeddingsService::service_full_name(),
               "org_sfomuseum_embeddings_service.EmbeddingsService");
}

/// Answers the kind of the request as the model, and its vector.
class FakeMobileClip final : public wire::EmbeddingsService::Service {
 public:
  explicit FakeMobileClip(const std::shared_ptr<grpc::ServerCredentials>& credentials =
                              grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port_);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeMobileClip() override { Stop(); }
  FakeMobileClip(const FakeMobileClip&) = delete;
  FakeMobileClip& operator=(const FakeMobileClip&) = delete;

  void Stop() { server_->Shutdown(std::chrono::system_clock::now()); }
  std::string address() const { return Concat("127.0.0.1:", port_); }

  grpc::Status ComputeTextEmbeddings(grpc::ServerContext* context,
                                     const wire::EmbeddingsRequest* request,
                                     wire::EmbeddingsResponse* response) override {
    return Compute("text", *context, *request, *response);
  }
  grpc::Status ComputeImageEmbeddings(grpc::ServerContext* context,
                                      const wire::EmbeddingsRequest* request,
                                      wire::EmbeddingsResponse* response) override {
    return Compute("image", *context, *request, *response);
  }

  using Answer = std::function<grpc::Status(grpc::ServerContext&, wire::EmbeddingsResponse&)>;
  void AnswerWith(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  /// What came last.
  struct Asked {
    std::string kind;
    std::string authorization;
    wire::EmbeddingsRequest request;
  };
  Asked asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  grpc::Status Compute(const std::string& what, grpc::ServerContext& context,
                       const wire::EmbeddingsRequest& request, wire::EmbeddingsResponse& response) {
    const auto header = context.client_metadata().find("authorization");
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      asked_ = {.kind = what,
                .authorization = header == context.client_metadata().end()
                                     ? ""
                                     : std::string(header->second.data(), header->second.size()),
                .request = request};
      answer = answer_;
    }
    if (answer) {
      return answer(context, response);
    }
    response.set_model("apple/mobileclip_" + request.model());
    response.set_dimensions(2);
    response.add_embeddings(1);
    response.add_embeddings(2);
    return grpc::Status::OK;
  }

  std::mutex mutex_;
  Answer answer_;  // guarded by mutex_, as what follows
  Asked asked_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class MobileClip : public testing::Test {
 protected:
  MobileClip() { RegisterBuiltinEmbedders(context_.registry); }

  Result<std::unique_ptr<Embedder>> Open(const std::string& uri) {
    return context_.registry.OpenEmbedder(uri, context_.context());
  }
  std::unique_ptr<Embedder> OpenFake(std::string_view more = "") {
    auto embedder = Open(Concat("mobileclip://?client-uri=grpc://", fake_.address(), more));
    EXPECT_OK(embedder);
    return embedder.ok() ? *std::move(embedder) : nullptr;
  }
  Status AskWith(std::function<void(wire::EmbeddingsResponse&)> fill) {
    fake_.AnswerWith([fill = std::move(fill)](grpc::ServerContext&, wire::EmbeddingsResponse& out) {
      fill(out);
      return grpc::Status::OK;
    });
    return OpenFake()->Text({.model = "s0", .body = "a"}).status();
  }

  TestContext context_;
  FakeMobileClip fake_;
};

TEST_F(MobileClip, SendsTheModelByItsShortNameAndKeepsTheAnswers) {
  for (const std::string model : {"s0", "apple/mobileclip_s0"}) {
    const auto text = OpenFake()->Text({.model = model, .body = "a red fish"});
    ASSERT_OK(text);
    EXPECT_EQ(fake_.asked().kind, "text");
    EXPECT_EQ(fake_.asked().request.model(), "s0");
    EXPECT_EQ(fake_.asked().request.body(), "a red fish");
    EXPECT_EQ(fake_.asked().authorization, "");
    EXPECT_THAT(text->vector, ElementsAre(1.0F, 2.0F));
    EXPECT_EQ(text->model, "apple/mobileclip_s0");
  }
  ASSERT_OK(OpenFake()->Image({.model = "apple/mobileclip_blt", .body = kPng}));
  EXPECT_EQ(fake_.asked().kind, "image");
  EXPECT_EQ(fake_.asked().request.model(), "blt");
  EXPECT_EQ(fake_.asked().request.body(), kPng);
  ASSERT_OK(OpenFake("&model=s2")->Text({.model = "ours", .body = "a"}));
  EXPECT_EQ(fake_.asked().request.model(), "s2");
}

TEST_F(MobileClip, KnowsTheModelsOfItsFamily) {
  const auto embedder = OpenFake();
  for (const std::string_view model :
       {"", "s0", "s1", "s2", "blt", "apple/mobileclip_s0", "apple/mobileclip2_s4"}) {
    EXPECT_TRUE(embedder->Inputs(model).text && embedder->Inputs(model).image) << model;
  }
  EXPECT_FALSE(embedder->Inputs("openclip").text || embedder->Inputs("openclip").image);
  EXPECT_TRUE(OpenFake("&model=s0")->Inputs("openclip").image);
  EXPECT_FAILS(embedder->Text({.model = "openclip", .body = "a"}), kUnimplemented,
               "does not know the model \"openclip\"");
}

TEST_F(MobileClip, NamesItsModelWhenTheServerDoesNot) {
  fake_.AnswerWith([](grpc::ServerContext&, wire::EmbeddingsResponse& out) {
    out.add_embeddings(1);
    return grpc::Status::OK;
  });
  EXPECT_EQ(OpenFake()->Text({.model = "s0", .body = "a"})->model, "apple/mobileclip_s0");
  EXPECT_EQ(OpenFake()->Text({.model = "", .body = "a"})->model, "");
}

TEST_F(MobileClip, SendsPicturesOfTheLargestSize) {
  ASSERT_OK(
      OpenFake()->Image({.model = "s0", .body = kPng + std::string(64 * 1'024 * 1'024 - 17, 'a')}));
}

TEST_F(MobileClip, SendsTheToken) {
  EXPECT_OK(OpenFake("&token-uri=s3kret")->Text({.model = "s0", .body = "a"}));
  EXPECT_EQ(fake_.asked().authorization, "Bearer s3kret");
  EXPECT_OK(OpenFake("%3Ftoken-uri=inside")->Text({.model = "s0", .body = "a"}));
  EXPECT_EQ(fake_.asked().authorization, "Bearer inside");
}

std::string ReadWhole(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

/// Shows the certificate, and asks callers for the same one.
std::shared_ptr<grpc::ServerCredentials> Secure(const Certificate& certificate, bool ask) {
  grpc::SslServerCredentialsOptions options(
      ask ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
          : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  options.pem_root_certs = ReadWhole(certificate.pem);
  options.pem_key_cert_pairs.push_back({ReadWhole(certificate.key), ReadWhole(certificate.pem)});
  return grpc::SslServerCredentials(options);
}

TEST_F(MobileClip, TrustsOnlyTheCertificateItIsGiven) {
  const TempDir directory;
  const Certificate ours = MakeCertificate(directory, "ours");
  const Certificate other = MakeCertificate(directory, "other");
  FakeMobileClip secure(Secure(ours, false));
  const auto ask = [&](const std::string& options) {
    const auto embedder = Open(Concat("mobileclip://?client-uri=grpc://", secure.address(),
                                      "&token-uri=s3kret&timeout=20", options));
    EXPECT_OK(embedder);
    return (*embedder)->Text({.model = "s0", .body = "a"}).status();
  };
  EXPECT_FAILS(ask(Concat("&tls-certificate=", other.pem)), kUnavailable, "mobileclip at grpc://");
  EXPECT_EQ(secure.asked().authorization, "") << "the token went to a stranger";
  EXPECT_OK(ask(Concat("&tls-certificate=", ours.pem)));
  EXPECT_EQ(secure.asked().authorization, "Bearer s3kret");
  EXPECT_OK(ask(Concat("&tls-ca-certificate=", ours.pem)));
  EXPECT_OK(ask("&tls-insecure=true"));
}

TEST_F(MobileClip, ShowsItsOwnCertificateByGosNamesAndByOurs) {
  const TempDir directory;
  const Certificate ours = MakeCertificate(directory, "ours");
  FakeMobileClip secure(Secure(ours, true));
  const auto ask = [&](const std::string& options) {
    const auto embedder = Open(Concat("mobileclip://?client-uri=grpc://", secure.address(),
                                      "&timeout=20&tls-ca-certificate=", ours.pem, options));
    EXPECT_OK(embedder);
    return (*embedder)->Text({.model = "s0", .body = "a"}).status();
  };
  EXPECT_FAILS(ask(""), kUnavailable, "mobileclip at grpc://");
  EXPECT_OK(ask(Concat("&tls-certificate=", ours.pem, "&tls-key=", ours.key)));
  EXPECT_OK(ask(Concat("&tls-client-certificate=", ours.pem, "&tls-client-key=", ours.key)));
}

TEST_F(MobileClip, RefusesAnswersThatAreNoEmbedding) {
  EXPECT_FAILS(AskWith([](auto&) {}), kInternal, "no vector");
  EXPECT_FAILS(
      AskWith([](auto& out) { out.add_embeddings(std::numeric_limits<float>::quiet_NaN()); }),
      kInternal, "is NaN, which is not finite");
  EXPECT_FAILS(AskWith([](auto& out) {
                 out.set_dimensions(3);
                 out.add_embeddings(1);
               }),
               kInternal, "has 1 elements, its dimensions are 3");
  EXPECT_FAILS(AskWith([](auto& out) {
                 for (int i = 0; i < 10'000; ++i) {
                   out.add_embeddings(1);
                 }
               }),
               kInternal, "has 10000 elements, the limit is 8192");
}

TEST_F(MobileClip, SaysWhatWentWrongAndWhere) {
  const auto embedder = OpenFake();
  const auto ask = [&] { return embedder->Text({.model = "s0", .body = "a"}); };
  fake_.AnswerWith([](grpc::ServerContext&, wire::EmbeddingsResponse&) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no such model");
  });
  EXPECT_FAILS(ask(), kInvalidArgument,
               Concat("mobileclip at grpc://", fake_.address(), ": no such model"));
  fake_.AnswerWith([](grpc::ServerContext& context, wire::EmbeddingsResponse&) {
    while (!context.IsCancelled()) {
      std::this_thread::yield();
    }
    return grpc::Status::CANCELLED;
  });
  EXPECT_FAILS(OpenFake("&timeout=1")->Text({.model = "s0", .body = "a"}), kDeadlineExceeded,
               "mobileclip at grpc://");
  fake_.Stop();
  EXPECT_FAILS(OpenFake()->Text({.model = "s0", .body = "a"}), kUnavailable,
               "mobileclip at grpc://");
}

TEST_F(MobileClip, RefusesUrisThatCannotBeMeant) {
  for (const auto& [uri, why] : std::vector<std::pair<std::string, std::string>>{
           {"mobileclip://", "needs client-uri"},
           {"mobileclip://localhost:8080", "has a host or a path"},
           {"mobileclip://?client-uri=http://a:1", "is not grpc://HOST:PORT"},
           {"mobileclip://?client-uri=grpc://a", "no port"},
           {"mobileclip://?client-uri=grpc://a:1&tls-certificat=x",
            "did you mean tls-certificate?"},
           {"mobileclip://?client-uri=grpc://a:1%3Ftls-insecure=1&tls-insecure=1", "2 times"},
           {"mobileclip://?client-uri=grpc://a:1&timeout=0", "timeout"},
           {"mobileclip://?client-uri=grpc://a:1&token-uri=s3kret", "in the clear"}}) {
    const auto opened = Open(uri);
    EXPECT_FAILS(opened, kInvalidArgument, why);
    EXPECT_THAT(opened.status().message(), Not(HasSubstr("s3kret"))) << uri;
  }
  // go-embeddings' names: tls-certificate and tls-key are the client's own.
  EXPECT_FAILS(Open("mobileclip://?client-uri=grpc://a:1&tls-certificate=/no&tls-key=/no"),
               kNotFound, "tls-client-certificate");
}

}  // namespace
}  // namespace embeddingsdb
