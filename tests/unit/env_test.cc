// SPDX-License-Identifier: BSD-3-Clause
#include "core/env.h"

#include <array>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::UnorderedElementsAre;

class EnvTest : public ::testing::Test {
 protected:
  Status Write(const std::string& path, std::string_view content) {
    EDB_ASSIGN(const std::unique_ptr<AtomicFile> file, env_->CreateAtomic(path));
    EDB_TRY(file->Append(content));
    return file->Commit();
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  TempDir dir_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
};

TEST_F(EnvTest, TellsTheTime) {
  const std::time_t before = std::time(nullptr);
  const std::int64_t now = env_->NowUnixSeconds();
  EXPECT_GE(now, before - 1);
  EXPECT_LE(now, std::time(nullptr) + 1);
}

TEST_F(EnvTest, LinksAFileUnderASecondNameButNotOverAnother) {
  const std::string path = dir_.File("file");
  ASSERT_EQ(Write(path, "content"), Status());
  ASSERT_EQ(env_->Link(path, dir_.File("second")), Status());
  ASSERT_EQ(Write(path, "new"), Status());
  EXPECT_EQ(env_->ReadFile(dir_.File("second"), 100).value(), "content");
  EXPECT_EQ(env_->Link(path, dir_.File("second")).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(env_->Link(dir_.File("absent"), dir_.File("third")).code(), StatusCode::kNotFound);
}

TEST_F(EnvTest, ReadsWhatItWrote) {
  const std::string path = dir_.File("file");
  std::string content(1'000'003, 'x');
  content[500'000] = '\0';
  ASSERT_EQ(Write(path, content), Status());
  EXPECT_EQ(env_->ReadFile(path, content.size()).value(), content);
  EXPECT_THAT(Names(), UnorderedElementsAre("file"));
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0600U, 0600U);
  EXPECT_EQ(info.st_mode & 0133U, 0U);
}

TEST_F(EnvTest, GathersManyAppends) {
  const std::unique_ptr<AtomicFile> file = env_->CreateAtomic(dir_.File("file")).value();
  std::string whole;
  for (int i = 0; i < 50'000; ++i) {
    const std::string line = std::to_string(i) + "\n";
    whole += line;
    ASSERT_TRUE(file->Append(line).ok());
  }
  ASSERT_EQ(file->Commit(), Status());
  EXPECT_EQ(env_->ReadFile(dir_.File("file"), whole.size()).value(), whole);
  EXPECT_EQ(file->Append("x").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(file->Commit().code(), StatusCode::kFailedPrecondition);
}

TEST_F(EnvTest, ReadingLimitsTheSizeAndNamesWhatIsMissing) {
  ASSERT_EQ(Write(dir_.File("file"), "12345"), Status());
  EXPECT_EQ(env_->ReadFile(dir_.File("file"), 5).value(), "12345");
  EXPECT_EQ(env_->ReadFile(dir_.File("file"), 4).status(),
            ResourceExhaustedError("file \"" + dir_.File("file") +
                                   "\" is longer than the limit of 4 bytes"));
  const Status absent = env_->ReadFile(dir_.File("absent"), 5).status();
  EXPECT_EQ(absent, NotFoundError("cannot open \"" + dir_.File("absent") +
                                  "\": No such file or directory"));
  EXPECT_EQ(env_->ReadFile(dir_.path(), 5).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EnvTest, AnUncommittedFileLeavesTheOldOneAndNoTrace) {
  const std::string path = dir_.File("file");
  ASSERT_EQ(Write(path, "old"), Status());
  {
    const std::unique_ptr<AtomicFile> file = env_->CreateAtomic(path).value();
    ASSERT_TRUE(file->Append(std::string(200'000, 'n')).ok());
    EXPECT_EQ(env_->ReadFile(path, 10).value(), "old");
    EXPECT_LE(Names().size(), 2U);
  }
  EXPECT_EQ(env_->ReadFile(path, 10).value(), "old");
  EXPECT_THAT(Names(), UnorderedElementsAre("file"));
}

TEST_F(EnvTest, AKilledProcessLeavesNoTraceWhereFilesCanBeNameless) {
  const std::string path = dir_.File("file");
  ASSERT_EQ(Write(path, "old"), Status());
  const pid_t child = ::fork();
  if (child == 0) {
    const std::unique_ptr<AtomicFile> file = env_->CreateAtomic(path).value();
    ::_exit(file->Append(std::string(200'000, 'n')).ok() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(env_->ReadFile(path, 10).value(), "old");
  const int nameless = ::open(dir_.path().c_str(), O_WRONLY | O_TMPFILE, 0600);
  EXPECT_EQ(Names().size(), nameless >= 0 ? 1U : 2U);
  ::close(nameless);
}

TEST_F(EnvTest, WhatAKilledProcessLeftIsRemovedByTheNextThatWritesTheFile) {
  const std::string mine = ".file.tmp-" + std::to_string(::getpid()) + "-0";
  for (const std::string& name : {mine, std::string(".file.tmp-1-0"), std::string(".file.tmp-1-0+"),
                                  std::string(".other.tmp-1-0"), std::string(".file.tmp-1-0.txt"),
                                  std::string("file.tmp-1-0")}) {
    std::ofstream(dir_.File(name)) << "of a killed process";
  }
  ASSERT_EQ(Write(dir_.File("file"), "new"), Status());
  EXPECT_THAT(Names(),
              UnorderedElementsAre("file", ".other.tmp-1-0", ".file.tmp-1-0.txt", "file.tmp-1-0"));
  EXPECT_EQ(env_->ReadFile(dir_.File("file"), 10).value(), "new");
}

TEST_F(EnvTest, WhatIsStillBeingWrittenIsNoLeftover) {
  const std::string other = dir_.File(".file.tmp-1-0");
  std::ofstream(other) << "of a process that writes";
  const int fd = ::open(other.c_str(), O_WRONLY);
  ASSERT_EQ(::flock(fd, LOCK_EX | LOCK_NB), 0);
  ASSERT_EQ(Write(dir_.File("file"), "new"), Status());
  EXPECT_THAT(Names(), UnorderedElementsAre("file", ".file.tmp-1-0"));
  ::close(fd);
  ASSERT_EQ(Write(dir_.File("file"), "newer"), Status());
  EXPECT_THAT(Names(), UnorderedElementsAre("file"));
}

TEST_F(EnvTest, TwoWritersOfAFileLeaveEachOtherAlone) {
  const std::string path = dir_.File("file");
  const std::unique_ptr<AtomicFile> first = env_->CreateAtomic(path).value();
  const std::unique_ptr<AtomicFile> second = env_->CreateAtomic(path).value();
  ASSERT_EQ(first->Append("first"), Status());
  ASSERT_EQ(second->Append("second"), Status());
  ASSERT_EQ(first->Commit(), Status());
  ASSERT_EQ(second->Commit(), Status());
  EXPECT_EQ(env_->ReadFile(path, 10).value(), "second");
  EXPECT_THAT(Names(), UnorderedElementsAre("file"));
}

TEST_F(EnvTest, WritingNeedsADirectoryAndAName) {
  EXPECT_EQ(Write(dir_.File("absent/file"), "x").code(), StatusCode::kNotFound);
  EXPECT_EQ(Write(dir_.path() + "/", "x").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Write("", "x").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Write(dir_.File(std::string(300, 'n')), "x").code(), StatusCode::kInvalidArgument);
  ASSERT_EQ(env_->MakeDirectories(dir_.File("dir/sub")), Status());
  EXPECT_FALSE(Write(dir_.File("dir"), "x").ok());
  EXPECT_THAT(Names(), UnorderedElementsAre("dir"));
}

TEST_F(EnvTest, AFullDeviceIsResourceExhaustedAndKeepsTheOldFile) {
  const std::string path = dir_.File("file");
  ASSERT_EQ(Write(path, "old"), Status());
  // A limit on the size of files stands in for the full disk: write() fails in the same place.
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small{100'000, before.rlim_max};
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = Write(path, std::string(1'000'000, 'n'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_NE(std::signal(SIGXFSZ, handler), SIG_ERR);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(env_->ReadFile(path, 10).value(), "old");
  EXPECT_THAT(Names(), UnorderedElementsAre("file"));
  if (env_->Exists("/dev/full")) {
    EXPECT_FALSE(env_->ReadFile("/dev/full", 10).ok());  // endless zeros stop at the limit
  }
}

TEST_F(EnvTest, MakesDirectoriesWithTheirParents) {
  EXPECT_EQ(env_->MakeDirectories(dir_.File("a/b//c/")), Status());
  EXPECT_TRUE(env_->IsDirectory(dir_.File("a/b/c")));
  EXPECT_EQ(env_->MakeDirectories(dir_.File("a/b")), Status());
  EXPECT_EQ(env_->MakeDirectories("/"), Status());
  EXPECT_EQ(env_->MakeDirectories("").code(), StatusCode::kInvalidArgument);
  ASSERT_EQ(Write(dir_.File("file"), ""), Status());
  EXPECT_EQ(env_->MakeDirectories(dir_.File("file")).code(), StatusCode::kAlreadyExists);
  EXPECT_FALSE(env_->MakeDirectories(dir_.File("file/x")).ok());
}

TEST_F(EnvTest, MakesDirectoriesRelativeToTheWorkingDirectory) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(dir_.path());
  EXPECT_EQ(env_->MakeDirectories("rel/sub"), Status());
  EXPECT_EQ(Write("rel/file", "x"), Status());
  EXPECT_EQ(Write("file", "x"), Status());
  std::filesystem::current_path(before);
  EXPECT_TRUE(env_->IsDirectory(dir_.File("rel/sub")));
  EXPECT_TRUE(env_->Exists(dir_.File("file")));
}

TEST_F(EnvTest, SaysWhatExists) {
  ASSERT_EQ(Write(dir_.File("file"), ""), Status());
  EXPECT_TRUE(env_->Exists(dir_.File("file")));
  EXPECT_TRUE(env_->Exists(dir_.path()));
  EXPECT_FALSE(env_->Exists(dir_.File("absent")));
  EXPECT_FALSE(env_->IsDirectory(dir_.File("file")));
  EXPECT_FALSE(env_->IsDirectory(dir_.File("absent")));
}

TEST_F(EnvTest, RenamesOverAnotherFile) {
  ASSERT_EQ(Write(dir_.File("from"), "new"), Status());
  ASSERT_EQ(env_->MakeDirectories(dir_.File("dir")), Status());
  ASSERT_EQ(Write(dir_.File("dir/to"), "old"), Status());
  EXPECT_EQ(env_->Rename(dir_.File("from"), dir_.File("dir/to")), Status());
  EXPECT_EQ(env_->ReadFile(dir_.File("dir/to"), 10).value(), "new");
  EXPECT_FALSE(env_->Exists(dir_.File("from")));
  EXPECT_EQ(env_->Rename(dir_.File("from"), dir_.File("to")).code(), StatusCode::kNotFound);
}

TEST_F(EnvTest, RemovesFilesAndEmptyDirectories) {
  ASSERT_EQ(Write(dir_.File("file"), "x"), Status());
  ASSERT_EQ(env_->MakeDirectories(dir_.File("dir/sub")), Status());
  EXPECT_EQ(env_->Remove(dir_.File("file")), Status());
  EXPECT_EQ(env_->Remove(dir_.File("file")), Status());
  EXPECT_EQ(env_->Remove(dir_.File("dir")).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(env_->Remove(dir_.File("dir/sub")), Status());
  EXPECT_EQ(env_->Remove(dir_.File("dir")), Status());
  EXPECT_TRUE(Names().empty());
}

TEST_F(EnvTest, OneHandleHoldsALockAndIsNamed) {
  const std::string path = dir_.File("LOCK");
  {
    const auto lock = env_->Lock(path);
    ASSERT_TRUE(lock.ok()) << lock.status();
    const Status refused = NewPosixEnv()->Lock(path).status();
    EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
    EXPECT_THAT(refused.message(),
                MatchesRegex("\"" + path + "\" is locked by process " + std::to_string(::getpid()) +
                             " \\(env_test, since 20.*UTC\\)"));
  }
  EXPECT_TRUE(env_->Lock(path).ok());
  EXPECT_EQ(env_->Lock(dir_.File("absent/LOCK")).status().code(), StatusCode::kNotFound);
}

TEST_F(EnvTest, ALockOfAKilledProcessIsFree) {
  const std::string path = dir_.File("LOCK");
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = env_->Lock(path);
    const char ready = lock.ok() ? 'y' : 'n';
    if (::write(pipe[1], &ready, 1) != 1) {
      ::_exit(1);
    }
    while (true) {
      ::pause();
    }
  }
  char ready = 0;
  EXPECT_EQ(::read(pipe[0], &ready, 1), 1);
  EXPECT_EQ(ready, 'y');
  EXPECT_THAT(env_->Lock(path).status().message(),
              HasSubstr("locked by process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(env_->Lock(path).ok());
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace embeddingsdb
