// SPDX-License-Identifier: BSD-3-Clause
//
// A server that runs out of file descriptors serves again when they are free. gRPC 1.51 by itself
// does not: its listener stops for good.
#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "rpc/listener.h"
#include "support/running_server.h"

namespace embeddingsdb {
namespace {

/// A process that opens many connections on command. Made before gRPC has threads.
class Flooder {
 public:
  Flooder() {
    EXPECT_EQ(pipe(command_.data()), 0);
    EXPECT_EQ(pipe(answer_.data()), 0);
    child_ = fork();
    if (child_ == 0) {
      Run();
    }
  }
  Flooder(const Flooder&) = delete;
  Flooder& operator=(const Flooder&) = delete;
  ~Flooder() {
    close(command_[1]);
    EXPECT_EQ(waitpid(child_, nullptr, 0), child_);
    close(command_[0]);
    close(answer_[0]);
    close(answer_[1]);
  }
  /// Opens connections to the port; 0 closes them. True when done.
  bool Send(std::uint16_t port) {
    char done = 0;
    return write(command_[1], &port, sizeof(port)) == static_cast<ssize_t>(sizeof(port)) &&
           read(answer_[0], &done, 1) == 1;
  }

 private:
  [[noreturn]] void Run() {
    close(command_[1]);
    std::vector<int> sockets;
    std::uint16_t port = 0;
    while (read(command_[0], &port, sizeof(port)) == static_cast<ssize_t>(sizeof(port))) {
      for (const int fd : sockets) {
        close(fd);
      }
      sockets.clear();
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address.sin_port = htons(port);
      for (int i = 0; port != 0 && i < 150; ++i) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        // NOLINTNEXTLINE(bugprone-unused-return-value): the backlog takes what the server does not
        (void)connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
        sockets.push_back(fd);
      }
      if (write(answer_[1], "d", 1) != 1) {
        break;
      }
    }
    _exit(0);
  }

  std::array<int, 2> command_{};
  std::array<int, 2> answer_{};
  pid_t child_ = 0;
};

std::uint16_t PortOf(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

/// As many as a call and the checks of sanitizers take: these call memory unreadable when they get
/// no pipe to try it with.
bool HasFreeDescriptors() {
  std::array<int, 16> spare{};
  for (int& fd : spare) {
    fd = dup(STDERR_FILENO);
  }
  for (const int fd : spare) {
    (void)close(fd);
  }
  return spare.back() >= 0;
}

TEST(Watchdog, ServesAgainAfterFileDescriptorsRanOut) {
  Flooder flooder;
  // What the watchdog may do while there are no descriptors, done once: the sanitizer remembers the
  // types that it has looked at.
  ASSERT_OK(RunningServer().OpenClient()->Count({}));
  const rlimit few{.rlim_cur = 64, .rlim_max = 64};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  RunningServer server({.watchdog_interval = std::chrono::milliseconds(100),
                        .probe_timeout = std::chrono::milliseconds(500)});
  const std::string address = server.address();
  ASSERT_OK(server.OpenClient()->Count({}));

  // Nothing but system calls while there are no descriptors: sanitizers need some for their checks.
  const std::uint16_t port = PortOf(address);
  const bool flooded = flooder.Send(port);
  sleep(1);  // the listener meets EMFILE
  const bool calm = flooder.Send(0);
  ASSERT_TRUE(flooded && calm);

  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  Status status = UnavailableError("not tried");
  while (!status.ok() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (!HasFreeDescriptors()) {
      continue;  // the server has not closed all connections of the flood yet
    }
    // A new channel, and so a new connection, each time.
    const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
    CallContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
    v1::CountRecordsResponse response;
    status = FromGrpc(v1::EmbeddingsDB::NewStub(channel)->CountRecords(&context, {}, &response));
  }
  EXPECT_OK(status);
  EXPECT_EQ(server.address(), address);
  EXPECT_TRUE(server.log().Contains("Few file descriptors"));
  EXPECT_TRUE(server.log().Contains("Server accepts no connections, restarting it"))
      << "this gRPC survives: the watchdog may go";
}

TEST(ProbeListener, TellsAnAnswerFromSilenceAndFromNothing) {
  const RunningServer server;
  const std::uint16_t port = PortOf(server.address());
  EXPECT_EQ(ProbeListener("127.0.0.1", port, std::chrono::seconds(5), {}), ProbeResult::kAlive);

  // Listens, so the kernel connects, but nobody accepts.
  const int deaf = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(deaf, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(deaf, 5), 0);
  ASSERT_EQ(getsockname(deaf, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::uint16_t deaf_port = ntohs(address.sin_port);
  ProbeResult result = ProbeResult::kUnknown;  // which a busy machine may give
  for (int i = 0; i < 50 && result == ProbeResult::kUnknown; ++i) {
    result = ProbeListener("127.0.0.1", deaf_port, std::chrono::milliseconds(100), {});
  }
  EXPECT_EQ(result, ProbeResult::kSilent);
  EXPECT_EQ(WhyNotListen("127.0.0.1", deaf_port), "Address already in use");
  close(deaf);
  EXPECT_EQ(ProbeListener("127.0.0.1", deaf_port, std::chrono::milliseconds(100), {}),
            ProbeResult::kUnknown);
  EXPECT_EQ(WhyNotListen("127.0.0.1", deaf_port), "");
}

}  // namespace
}  // namespace embeddingsdb
