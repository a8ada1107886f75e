// SPDX-License-Identifier: BSD-3-Clause
//
// CuttingProxy: stands between a client and a server and cuts the line at a chosen message.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_CUTTING_PROXY_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_CUTTING_PROXY_H_

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace embeddingsdb {

/// Listens on the loopback interface and hands everything on to a port there.
class CuttingProxy {
 public:
  explicit CuttingProxy(int server_port);
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;
  ~CuttingProxy();

  int port() const { return port_; }
  /// The next time that what a client sends holds `text`, its line is cut: before the server gets
  /// it, or after the server has answered, which the client never hears. Once.
  void CutBefore(std::string text) { Arm(std::move(text), false); }
  void CutAfter(std::string text) { Arm(std::move(text), true); }
  /// No new connections get through until this is false again.
  void Refuse(bool refuse) { refuse_ = refuse; }
  int cuts() const { return cuts_; }

 private:
  void Arm(std::string text, bool after);
  void Accept();
  void Serve(int client);
  /// Whether the bytes hold what the line is to be cut at; 0 no, 1 before, 2 after.
  int Cut(std::string_view sent);

  const int server_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> refuse_ = false;
  std::atomic<bool> done_ = false;
  std::atomic<int> cuts_ = 0;
  std::mutex mutex_;
  std::string text_;
  bool after_ = false;
  std::vector<std::jthread> lines_;
  std::jthread accepting_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_CUTTING_PROXY_H_
