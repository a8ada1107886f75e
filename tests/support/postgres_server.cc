// SPDX-License-Identifier: BSD-3-Clause
#include "support/postgres_server.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <iostream>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "support/free_port.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void GiveUp(const std::string& why) {
  (void)std::fprintf(stderr, "PostgresServer: %s\n", why.c_str());
  std::abort();
}

/// Where initdb and postgres are: Debian keeps them out of the PATH, a folder for each version.
std::string FindPrograms() {
  std::vector<fs::path> folders;
  if (fs::is_directory("/usr/lib/postgresql")) {
    for (const auto& version : fs::directory_iterator("/usr/lib/postgresql")) {
      if (fs::exists(version.path() / "bin/initdb")) {
        folders.push_back(version.path() / "bin");
      }
    }
  }
  if (folders.empty()) {
    GiveUp("there is no PostgreSQL; scripts/setup --test installs it");
  }
  return std::max_element(folders.begin(), folders.end())->string();
}

const passwd* ServerUser() {
  return ::geteuid() == 0 ? ::getpwnam("postgres") : ::getpwuid(::geteuid());
}

void ReadLog(const std::string& folder) {
  const std::ifstream log(folder + "/log");
  std::cerr << log.rdbuf();
}

}  // namespace

PostgresServer::PostgresServer()
    : folder_(temp_.path()), programs_(FindPrograms()), port_(FreePort()), owner_(::getpid()) {
  const passwd* const user = ServerUser();
  if (user == nullptr || ::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) {
    GiveUp("there is no user postgres to run it as");
  }
  std::ofstream(folder_ + "/password") << kPassword << '\n';
  fs::permissions(folder_ + "/password", fs::perms::others_read, fs::perm_options::add);
  int status = 0;
  const pid_t initdb = Spawn(
      {programs_ + "/initdb", "--pgdata=" + folder_ + "/data", "--username=" + std::string(kUser),
       "--pwfile=" + folder_ + "/password", "--auth-local=trust", "--auth-host=scram-sha-256",
       "--encoding=UTF8", "--no-locale", "--no-sync"});
  if (::waitpid(initdb, &status, 0) != initdb || status != 0) {
    ReadLog(folder_);
    GiveUp("initdb failed");
  }
  Start();
}

PostgresServer::~PostgresServer() {
  if (::getpid() == owner_) {  // and not in a child that the test has forked
    Stop(SIGQUIT);
  }
}

std::string PostgresServer::Uri(std::string_view schema) const {
  return "postgres://" + std::string(kUser) + "@:" + std::to_string(port_) +
         "/postgres?host=" + folder_ + "&schema=" + std::string(schema);
}

void PostgresServer::Start() {
  process_ =
      Spawn({programs_ + "/postgres", "-D", folder_ + "/data", "-k", folder_, "-p",
             std::to_string(port_), "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB",
             "-c", "max_connections=60", "-c", "log_min_messages=warning"});
  const std::string address = "host=" + folder_ + " port=" + std::to_string(port_);
  for (int attempt = 0; attempt < 3'000; ++attempt) {
    if (::PQping(address.c_str()) == PQPING_OK) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // there is nothing to wait on
  }
  ReadLog(folder_);
  GiveUp("postgres does not start");
}

void PostgresServer::Stop(int signal) {
  if (process_ > 0) {
    ::kill(process_, signal);
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = 0;
  }
}

pid_t PostgresServer::Spawn(const std::vector<std::string>& command) const {
  std::vector<char*> words;
  for (const std::string& word : command) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  const std::string log = folder_ + "/log";
  const passwd* const user = ServerUser();
  std::vector<char*> environment = {const_cast<char*>("LC_ALL=C"), const_cast<char*>("TZ=UTC"),
                                    nullptr};
  const pid_t child = ::fork();
  if (child != 0) {
    return child;
  }
  const bool ready =
      ::chdir("/") == 0 &&
      (::geteuid() != 0 || (::setgroups(0, nullptr) == 0 && ::setgid(user->pw_gid) == 0 &&
                            ::setuid(user->pw_uid) == 0)) &&
      ::prctl(PR_SET_PDEATHSIG, SIGQUIT) == 0;
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(out, 1);
  ::dup2(out, 2);
  if (ready) {
    ::execve(words[0], words.data(), environment.data());
  }
  ::_exit(127);
}

std::string SchemaFor(std::string_view folder) {
  constexpr std::size_t kMaxName = 63;
  std::string name(folder.substr(folder.size() - std::min(folder.size(), kMaxName)));
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

PostgresServer& SharedPostgresServer() {
  static PostgresServer server;
  return server;
}

}  // namespace embeddingsdb
