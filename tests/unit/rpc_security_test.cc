// SPDX-License-Identifier: BSD-3-Clause
//
// Who may call, over what, and where a server may listen.
#include <fstream>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "rpc/listener.h"
#include "support/certificate.h"
#include "support/running_server.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

constexpr char kToken[] = "s3kret-Token";

/// Calls any method with a message of these bytes.
grpc::Status CallByName(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                        const std::string& message, std::string& answer) {
  grpc::GenericStub stub(channel);
  CallContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice slice(message);
  const grpc::ByteBuffer request(&slice, 1);
  const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  std::vector<grpc::Slice> slices;
  if (status.ok() && response.Dump(&slices).ok()) {
    for (const grpc::Slice& piece : slices) {
      answer.append(reinterpret_cast<const char*>(piece.begin()), piece.size());
    }
  }
  return status;
}

constexpr char kHealth[] = "/grpc.health.v1.Health/Check";
constexpr char kReflection[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

/// The outcome of one call of each kind, all of which must be the same.
std::vector<grpc::Status> CallsWith(RunningServer& server, const std::string& authorization) {
  std::vector<grpc::Status> outcomes;
  const auto legacy_stub = server.LegacyStub();
  const auto v1_stub = server.V1Stub();
  {
    CallContext context(authorization);
    legacy::GetModelsResponse response;
    outcomes.push_back(legacy_stub->GetModels(&context, {}, &response));
  }
  {
    CallContext context(authorization);
    v1::CountRecordsResponse response;
    outcomes.push_back(v1_stub->CountRecords(&context, {}, &response));
  }
  {
    CallContext context(authorization);
    const auto call = v1_stub->ScanRecords(&context, {});
    v1::ScanRecordsResponse response;
    EXPECT_FALSE(call->Read(&response));
    outcomes.push_back(call->Finish());
  }
  {
    CallContext context(authorization);
    const auto call = v1_stub->AddRecords(&context);
    v1::AddRecordsResponse response;
    if (call->Read(&response)) {
      call->WritesDone();
    }
    outcomes.push_back(call->Finish());
  }
  return outcomes;
}

TEST(Token, IsNeededForEveryCallAndAllFailuresLookAlike) {
  RunningServer server({.token = kToken});
  const std::string long_token(4'000, 'x');
  for (const std::string& authorization :
       {std::string(), std::string("Bearer"), std::string("Bearer "), std::string("wrong"),
        std::string("Bearer wrong"), std::string("Bearer s3kret-Toke"),
        std::string("Bearer s3kret-Token2"), std::string("Bearer S3KRET-TOKEN"),
        std::string("Basic s3kret-Token"), std::string("Bearer Bearer s3kret-Token"), long_token}) {
    for (const grpc::Status& status : CallsWith(server, authorization)) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << authorization;
      EXPECT_EQ(status.error_message(), "invalid token") << authorization;
    }
  }
}

TEST(Token, IsTakenWithAndWithoutBearer) {
  RunningServer server({.token = kToken});
  for (const std::string& authorization : {Concat("Bearer ", kToken), std::string(kToken)}) {
    for (const grpc::Status& status : CallsWith(server, authorization)) {
      EXPECT_TRUE(status.ok()) << status.error_message();
    }
  }
}

TEST(Token, RefusedImportStoresNothing) {
  RunningServer server({.token = kToken});
  VectorCursor source(MakeRecords(10));
  const ImportReport report = server.OpenClient()->AddRecords(source, nullptr);
  EXPECT_FAILS(report.status, kUnauthenticated, "invalid token");
  EXPECT_EQ(source.taken(), 0U);
  EXPECT_EQ(server.hooks.stored, 0);
}

TEST(Token, IsSentByOurClientFromAFileTrimmed) {
  RunningServer server({.token = kToken});
  const TempDir directory;
  std::ofstream(directory.File("token")) << "  " << kToken << "\r\n";
  const auto client =
      server.OpenClient("token-uri=" + PercentEncode("file://" + directory.File("token")));
  EXPECT_OK(client->Count({}));
  VectorCursor source(MakeRecords(10));
  EXPECT_OK(client->AddRecords(source, nullptr).status);
  EXPECT_OK(client->Scan({}));
  EXPECT_FAILS(server.OpenClient("token-uri=other")->Count({}), kUnauthenticated, "invalid token");
}

TEST(Token, NeverAppearsInTheLog) {
  RunningServer server({.token = kToken});
  EXPECT_OK(server.OpenClient(Concat("token-uri=", kToken))->Count({}));
  CallsWith(server, "wrong-one");
  EXPECT_TRUE(server.log().Contains("Set up token interceptor"));
  EXPECT_FALSE(server.log().Contains(kToken));
  EXPECT_FALSE(server.log().Contains("wrong-one"));
}

TEST(Token, ReflectionIsOffWithItAndOnWithoutHealthIsAlwaysOpen) {
  for (const std::string token : {"", kToken}) {
    const RunningServer server({.token = token});
    std::string answer;
    const grpc::Status reflection = CallByName(server.Channel(), kReflection, "", answer);
    EXPECT_EQ(reflection.error_code(),
              token.empty() ? grpc::StatusCode::OK : grpc::StatusCode::UNIMPLEMENTED)
        << reflection.error_message();
    answer.clear();
    EXPECT_GRPC(CallByName(server.Channel(), kHealth, "", answer), OK, "");
    EXPECT_EQ(answer, "\x08\x01");  // status = SERVING
    answer.clear();
    const std::string service =
        "\x0a\x1c"
        "embeddingsdb.v1.EmbeddingsDB";
    EXPECT_GRPC(CallByName(server.Channel(), kHealth, service, answer), OK, "");
    EXPECT_EQ(answer, "\x08\x01");
  }
}

class ServerUri : public testing::Test {
 protected:
  Result<GrpcServerOptions> Parse(std::string_view text) {
    const Result<Uri> uri = Uri::Parse(text);
    EXPECT_OK(uri);
    return GrpcServerOptions::FromUri(*uri, *context_.env);
  }
  TestContext context_;
  TempDir directory_;
};

TEST_F(ServerUri, ReadsItsOptions) {
  const auto options = Parse(
      "grpc://localhost:8081?database-uri=x&token-uri=%20abc%20"
      "&max-msg-size=5000");
  ASSERT_OK(options);
  EXPECT_EQ(options->host, "localhost");
  EXPECT_EQ(options->port, 8081);
  EXPECT_EQ(options->token, "abc");
  EXPECT_EQ(options->max_receive_bytes, 5'000);
  EXPECT_FALSE(options->tls.enabled());
}

TEST_F(ServerUri, AnEmptyTokenUriMeansNoToken) {
  const auto options = Parse("grpc://localhost:8081?token-uri=");
  ASSERT_OK(options);
  EXPECT_EQ(options->token, "");
}

TEST_F(ServerUri, RefusesTokensThatCannotBe) {
  EXPECT_FAILS(Parse("grpc://localhost:1?token-uri=constant%3A%2F%2F%3Fval%3D%20"),
               kInvalidArgument, "empty token");
  EXPECT_FAILS(Parse("grpc://localhost:1?token-uri=%C3%A9t%C3%A9"), kInvalidArgument, "ASCII");
  EXPECT_FAILS(Parse("grpc://localhost:1?token-uri=file%3A%2F%2F%2Fno%2Fsuch"), kNotFound,
               "token-uri");
  std::ofstream(directory_.File("empty")) << "\n \n";
  EXPECT_FAILS(
      Parse("grpc://localhost:1?token-uri=file%3A%2F%2F" + PercentEncode(directory_.File("empty"))),
      kInvalidArgument, "empty token");
}

TEST_F(ServerUri, RefusesByName) {
  EXPECT_FAILS(Parse("grpc://localhost"), kInvalidArgument, "port");
  EXPECT_FAILS(Parse("grpc://localhost:1/path"), kInvalidArgument, "path");
  EXPECT_FAILS(Parse("grpc://localhost:1?tokn-uri=x"), kInvalidArgument, "token-uri");
  EXPECT_FAILS(Parse("grpc://localhost:1?max-msg-size=many"), kInvalidArgument, "max-msg-size");
  EXPECT_FAILS(Parse("grpc://localhost:1?tls-certificate=/x"), kInvalidArgument,
               "tls-certificate needs tls-key");
  EXPECT_FAILS(Parse("grpc://localhost:1?tls-key=/x"), kInvalidArgument,
               "tls-key needs tls-certificate");
  EXPECT_FAILS(Parse("grpc://localhost:1?tls-certificate=&tls-key="), kInvalidArgument,
               "tls-certificate is empty");
  EXPECT_FAILS(Parse("grpc://localhost:1?tls-certificate=/no/such&tls-key=/no/such"), kNotFound,
               "/no/such");
}

TEST_F(ServerUri, RefusesToListenBeyondLoopbackInTheClear) {
  for (const char* host : {"0.0.0.0", "[::]", "192.168.1.5", "example.org", "", "[2001:db8::1]",
                           "localhost.example.org", "128.0.0.1"}) {
    EXPECT_FAILS(Parse(Concat("grpc://", host, ":8081?token-uri=abc")), kInvalidArgument,
                 "allow-plaintext");
    EXPECT_OK(Parse(Concat("grpc://", host, ":8081?allow-plaintext=true")));
  }
  for (const char* host : {"localhost", "127.0.0.1", "127.8.9.10", "[::1]"}) {
    EXPECT_OK(Parse(Concat("grpc://", host, ":8081")));
  }
}

TEST_F(ServerUri, OpeningNeedsADatabase) {
  RegisterBuiltinServers(context_.registry);
  const auto open = [&](std::string_view uri) {
    return context_.registry.OpenServer(uri, context_.context());
  };
  EXPECT_FAILS(open("grpc://127.0.0.1:0"), kInvalidArgument, "Missing database URI");
  EXPECT_FAILS(open("grpc://127.0.0.1:0?database-uri="), kInvalidArgument, "Missing database URI");
  const auto server = open("grpc://127.0.0.1:0?database-uri=memory%3A%2F%2F");
  ASSERT_OK(server);
  EXPECT_NE((*server)->address(), "127.0.0.1:0");
  EXPECT_TRUE(context_.log.Contains(Concat("Server listening address=", (*server)->address())));
  // Nobody else can listen there, which gRPC's default would allow.
  EXPECT_FAILS(open(Concat("grpc://", (*server)->address(), "?database-uri=memory%3A%2F%2F")),
               kUnavailable, "Address already in use");
}

TEST_F(ServerUri, ListensOnIPv6AndOnNames) {
  RegisterBuiltinServers(context_.registry);
  RegisterBuiltinClients(context_.registry);
  for (const char* host : {"localhost", "[::1]"}) {
    const auto server = context_.registry.OpenServer(
        Concat("grpc://", host, ":0?database-uri=memory%3A%2F%2F"), context_.context());
    if (!server.ok() && std::string_view(host) == "[::1]") {
      GTEST_SKIP() << "no IPv6 here";
    }
    ASSERT_OK(server);
    EXPECT_THAT((*server)->address(), testing::StartsWith(host));
    const auto client =
        context_.registry.OpenClient(Concat("grpc://", (*server)->address()), context_.context());
    ASSERT_OK(client);
    EXPECT_OK((*client)->Count({}));
  }
}

/// With the certificates `server`, `other` and `client`.
class Tls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<TempDir>();
    for (const char* name : {"server", "other", "client"}) {
      MakeCertificate(*directory_, name);
    }
  }
  static void TearDownTestSuite() { directory_.reset(); }
  static std::string Pem(std::string_view name, std::string_view extension) {
    return directory_->File(Concat(name, ".", extension));
  }
  static GrpcServerOptions Options(const std::string& options) {
    TestContext context;
    const Result<Uri> uri =
        Uri::Parse(Concat("grpc://127.0.0.1:0?tls-certificate=", Pem("server", "pem"),
                          "&tls-key=", Pem("server", "key"), options));
    EXPECT_OK(uri);
    const auto parsed = GrpcServerOptions::FromUri(*uri, *context.env);
    EXPECT_OK(parsed);
    return *parsed;
  }

  static std::unique_ptr<TempDir> directory_;
};
std::unique_ptr<TempDir> Tls::directory_;

TEST_F(Tls, TrustsTheCertificateItIsGiven) {
  RunningServer server(Options("&token-uri=abc"));
  const auto client =
      server.OpenClient(Concat("tls-certificate=", Pem("server", "pem"), "&token-uri=abc"));
  EXPECT_OK(client->Add(MakeRecord("p", "d", "m", {1})));
  EXPECT_EQ(*client->Count({}), 1);
  EXPECT_TRUE(server.log().Contains("Set up TLS"));
}

TEST_F(Tls, TrustsACertificateOfTheExtraFile) {
  RunningServer server(Options(""));
  EXPECT_OK(server
                .OpenClient(Concat("tls-certificate=", Pem("other", "pem"),
                                   "&tls-ca-certificate=", Pem("server", "pem")))
                ->Count({}));
  EXPECT_OK(server.OpenClient(Concat("tls-ca-certificate=", Pem("server", "pem")))->Count({}));
}

TEST_F(Tls, RefusesAStrangersCertificateUnlessInsecure) {
  RunningServer server(Options(""));
  const std::string other = Concat("tls-certificate=", Pem("other", "pem"));
  EXPECT_FAILS(server.OpenClient(other)->Count({}), kUnavailable, "");
  EXPECT_OK(server.OpenClient(other + "&tls-insecure=true")->Count({}));
  EXPECT_OK(server.OpenClient("tls-insecure=true")->Count({}));
  EXPECT_FAILS(server.OpenClient()->Count({}), kUnavailable, "");  // plaintext
}

TEST_F(Tls, AsksForAClientCertificate) {
  RunningServer server(Options(Concat("&tls-client-ca=", Pem("client", "pem"))));
  const std::string trust = Concat("tls-certificate=", Pem("server", "pem"));
  const auto with = [](std::string_view name) {
    return Concat("&tls-client-certificate=", Pem(name, "pem"),
                  "&tls-client-key=", Pem(name, "key"));
  };
  EXPECT_OK(server.OpenClient(trust + with("client"))->Count({}));
  EXPECT_OK(server.OpenClient("tls-insecure=true" + with("client"))->Count({}));
  EXPECT_FAILS(server.OpenClient(trust)->Count({}), kUnavailable, "");
  EXPECT_FAILS(server.OpenClient(trust + with("other"))->Count({}), kUnavailable, "");
}

TEST_F(Tls, TheWatchdogsProbeIsAnsweredToo) {
  const RunningServer server(Options(""));
  const Result<Uri> uri = Uri::Parse(Concat("grpc://", server.address()));
  ASSERT_OK(uri);
  EXPECT_EQ(ProbeListener(uri->host(), *uri->port(), std::chrono::seconds(5), {}),
            ProbeResult::kAlive);
}

TEST_F(Tls, NamesBadFiles) {
  TestContext context;
  RegisterBuiltinClients(context.registry);
  const auto server = [&](std::string_view certificate, std::string_view key) {
    const auto uri =
        Uri::Parse(Concat("grpc://127.0.0.1:0?tls-certificate=", certificate, "&tls-key=", key));
    return GrpcServerOptions::FromUri(*uri, *context.env);
  };
  EXPECT_FAILS(server(Pem("server", "pem"), Pem("other", "key")), kInvalidArgument,
               "tls-key is not the private key of tls-certificate");
  EXPECT_FAILS(server(Pem("server", "key"), Pem("server", "key")), kInvalidArgument,
               "holds no PEM certificate");
  EXPECT_FAILS(server(Pem("server", "pem"), Pem("server", "pem")), kInvalidArgument,
               "holds no unencrypted PEM private key");
  const auto client = [&](std::string_view options) {
    return context.registry.OpenClient(Concat("grpc://localhost:1?", options), context.context());
  };
  EXPECT_FAILS(client("tls-certificate=/no/such"), kNotFound, "/no/such");
  EXPECT_FAILS(client(Concat("tls-ca-certificate=", Pem("server", "key"))), kInvalidArgument,
               "tls-ca-certificate");
  EXPECT_FAILS(client(Concat("tls-client-certificate=", Pem("client", "pem"))), kInvalidArgument,
               "tls-client-certificate needs tls-client-key");
}

TEST_F(Tls, ATokenNeedsItExceptOnLoopback) {
  TestContext context;
  RegisterBuiltinClients(context.registry);
  const auto open = [&](std::string_view uri) {
    return context.registry.OpenClient(uri, context.context());
  };
  EXPECT_FAILS(open("grpc://example.org:1?token-uri=abc"), kInvalidArgument, "token-uri");
  EXPECT_OK(
      open(Concat("grpc://example.org:1?token-uri=abc&tls-certificate=", Pem("server", "pem"))));
  EXPECT_OK(open("grpc://127.0.0.1:1?token-uri=abc"));
}

}  // namespace
}  // namespace embeddingsdb
