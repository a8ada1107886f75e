// SPDX-License-Identifier: BSD-3-Clause
//
// lmdb:// and bleve:// URIs, and which folders are opened. What the database does behind them is
// the conformance suite's business.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <lmdb.h>

#include "core/env.h"
#include "core/log.h"
#include "engines/builtin_engines.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

class LmdbDatabaseTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Database>> Open(const std::string& text) {
    EDB_ASSIGN(const Uri uri, Uri::Parse(text));
    return OpenLmdbDatabase(uri, {.env = env_.get(), .log = &log_, .registry = nullptr});
  }
  /// Refused by writer and reader, and the folder is left as it is.
  void ExpectRefused(const std::string& folder, StatusCode code, std::string_view text) {
    const auto names = [&] {
      std::size_t count = 0;
      for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) {
        ++count;
      }
      return count;
    };
    const std::size_t before = names();
    for (const std::string options : {"", "?read-only=true"}) {
      const auto opened = Open("lmdb://" + folder + options);
      EXPECT_EQ(opened.status().code(), code) << opened.status();
      EXPECT_NE(opened.status().message().find(text), std::string::npos) << opened.status();
    }
    EXPECT_EQ(names(), before);
  }
  std::string Folder(std::string_view name) {
    std::filesystem::create_directory(dir_.File(name));
    return dir_.File(name);
  }
  static void Write(const std::string& path, std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
  }

  /// What any other program could do.
  static void PutRaw(const std::string& folder, const char* table, std::string key,
                     std::string value) {
    MDB_env* env = nullptr;
    ASSERT_EQ(mdb_env_create(&env), 0);
    ASSERT_EQ(mdb_env_set_maxdbs(env, 16), 0);
    ASSERT_EQ(mdb_env_open(env, folder.c_str(), 0, 0644), 0);
    MDB_txn* txn = nullptr;
    ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
    MDB_dbi dbi = 0;
    ASSERT_EQ(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
    MDB_val key_val = {key.size(), key.data()};
    MDB_val value_val = {value.size(), value.data()};
    ASSERT_EQ(mdb_put(txn, dbi, &key_val, &value_val, 0), 0);
    ASSERT_EQ(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
  }

  TempDir dir_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
  Logger log_;
};

TEST_F(LmdbDatabaseTest, OpensTheFolderThatTheUriNames) {
  EXPECT_OK(Open("lmdb://" + dir_.File("made")));
  EXPECT_OK(Open("lmdb://" + dir_.File("slash") + "/"));
  EXPECT_OK(Open("lmdb://" + Folder("there")));
  EXPECT_OK(Open("bleve://" + dir_.File("alias") + "?dimensions=512&max-distance=5&max-results=3"));
  for (const char* name : {"made", "slash", "there", "alias"}) {
    EXPECT_TRUE(std::filesystem::exists(dir_.File(name) + "/data.mdb")) << name;
  }
  EXPECT_FAILS(Open("lmdb://" + dir_.File("absent/x")), kNotFound, "absent");
}

TEST_F(LmdbDatabaseTest, OneFolderIsOneDatabaseWhateverItIsCalled) {
  const auto first = Open("lmdb://" + Folder("x")).value();
  std::filesystem::create_directory_symlink(dir_.File("x"), dir_.File("link"));
  EXPECT_FAILS(Open("lmdb://" + dir_.File("link")), kFailedPrecondition, "locked by process");
  EXPECT_OK(Open("lmdb://" + dir_.File("link") + "?read-only=true"));
}

TEST_F(LmdbDatabaseTest, RefusesAUriWithoutAFolder) {
  EXPECT_FAILS(Open("lmdb://"), kInvalidArgument, "lmdb:///path");
  EXPECT_FAILS(Open("bleve://?dimensions=512"), kInvalidArgument, "memory://");
  EXPECT_FAILS(Open("lmdb://" + dir_.File("x") + "?dsn=y"), kInvalidArgument, "dsn");
}

TEST_F(LmdbDatabaseTest, RefusesABleveIndexNamingTheWayToMigrate) {
  const std::string folder = Folder("bleve");
  Write(folder + "/index_meta.json", R"({"storage":"","index_type":"scorch","config":{}})");
  std::filesystem::create_directory(folder + "/store");
  ExpectRefused(folder, StatusCode::kFailedPrecondition, "parquet-export");
  ExpectRefused(folder, StatusCode::kFailedPrecondition, "parquet-import");
}

TEST_F(LmdbDatabaseTest, RefusesFoldersOfOthers) {
  const std::string other = Folder("other");
  Write(other + "/embeddings.csv", "id\n");
  ExpectRefused(other, StatusCode::kFailedPrecondition, "\"embeddings.csv\"");
  Write(dir_.File("file"), "x");
  EXPECT_FAILS(Open("lmdb://" + dir_.File("file")), kFailedPrecondition, "is a file");
  EXPECT_FAILS(Open("lmdb://" + Folder("empty") + "?read-only=true"), kNotFound, "empty");
}

TEST_F(LmdbDatabaseTest, RefusesFilesThatAreNotOurs) {
  const std::string text = Folder("text");
  Write(text + "/data.mdb", std::string(100'000, 'x'));
  EXPECT_FAILS(Open("lmdb://" + text), kFailedPrecondition, "text");
  Write(text + "/data.mdb", "short");
  EXPECT_FAILS(Open("lmdb://" + text), kFailedPrecondition, "text");
  const std::string other = Folder("other");
  PutRaw(other, "users", "alice", "1");
  EXPECT_FAILS(Open("lmdb://" + other), kFailedPrecondition, "another program");
  PutRaw(other, "meta", "version", "1");
  EXPECT_FAILS(Open("lmdb://" + other), kFailedPrecondition, "another program");
  EXPECT_FAILS(Open("lmdb://" + other + "?read-only=true"), kFailedPrecondition, "another program");
}

TEST_F(LmdbDatabaseTest, RefusesANewerFormatNamingBoth) {
  const std::string folder = dir_.File("newer");
  ASSERT_OK(Open("lmdb://" + folder).value()->Close());
  PutRaw(folder, "meta", "format", "embeddingsdb 7");
  EXPECT_FAILS(Open("lmdb://" + folder), kFailedPrecondition, "\"embeddingsdb 7\"");
  EXPECT_FAILS(Open("lmdb://" + folder), kFailedPrecondition, "\"embeddingsdb 1\"");
}

TEST_F(LmdbDatabaseTest, MakesADatabaseOfAnEmptyFile) {
  const std::string folder = Folder("x");
  Write(folder + "/data.mdb", "");
  EXPECT_FAILS(Open("lmdb://" + folder + "?read-only=true"), kFailedPrecondition, "empty");
  EXPECT_OK(Open("lmdb://" + folder));
}

TEST_F(LmdbDatabaseTest, RefusesAFileWhoseEndIsMissing) {
  const std::string folder = dir_.File("x");
  {
    const auto database = Open("lmdb://" + folder).value();
    for (int i = 0; i < 20; ++i) {
      ASSERT_OK(database->Add(MakeRecord("p", std::to_string(i), "m", std::vector<float>(512, 1))));
    }
    ASSERT_OK(database->Close());
  }
  const std::string file = folder + "/data.mdb";
  const std::uintmax_t size = std::filesystem::file_size(file);
  for (const std::uintmax_t cut : {size - 4'096, size / 2, std::uintmax_t{8'192}}) {
    std::filesystem::resize_file(file, cut);
    EXPECT_FAILS(Open("lmdb://" + folder), kDataLoss, "its end is missing");
    EXPECT_FAILS(Open("lmdb://" + folder + "?read-only=true"), kDataLoss, "its end is missing");
  }
}

TEST_F(LmdbDatabaseTest, OpensAFileThatLacksPagesNobodyReads) {
  const std::string uri = "lmdb://" + dir_.File("x");
  const std::string file = dir_.File("x") + "/data.mdb";
  const auto record = [](int i) {
    return MakeRecord("p", std::to_string(i), "m", std::vector<float>(512, 1));
  };
  for (int i = 0; i < 200; ++i) {
    ASSERT_OK(Open(uri).value()->Add(record(i)));
  }
  bool opened = false;
  for (int i = 0; i < 200 && !opened; ++i) {
    ASSERT_OK(Open(uri).value()->Remove(record(i).key));
    const std::uintmax_t size = std::filesystem::file_size(file);
    std::filesystem::copy_file(file, dir_.File("copy"),
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(file, size - 4'096);
    EXPECT_FAILS(Open(uri + "?read-only=true"), kDataLoss, "its end is missing");
    const auto database = Open(uri);
    opened = database.ok();
    if (opened) {
      EXPECT_EQ((*database)->Count({}).value(), 199 - i);
      EXPECT_TRUE((*database)->Verify().value().problems.empty());
      EXPECT_GE(std::filesystem::file_size(file), size);
    } else {
      EXPECT_EQ(database.status().code(), StatusCode::kDataLoss) << database.status();
      EXPECT_EQ(std::filesystem::file_size(file), size - 4'096);
      std::filesystem::copy_file(dir_.File("copy"), file,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  EXPECT_TRUE(opened);
}

TEST_F(LmdbDatabaseTest, BufferedRecordsAreThereAfterFlushAndClose) {
  const std::string uri = "lmdb://" + dir_.File("x") + "?durability=buffered";
  auto database = Open(uri).value();
  ASSERT_OK(database->Add(MakeRecord("p", "d", "m", {1})));
  EXPECT_OK(database->Flush());
  EXPECT_OK(database->Close());
  EXPECT_EQ(Open(uri).value()->Count({}).value(), 1);
}

TEST_F(LmdbDatabaseTest, ExportIsNotACapability) {
  const auto database = Open("lmdb://" + dir_.File("x")).value();
  EXPECT_FALSE(database->capabilities().exports);
  EXPECT_FAILS(database->Export(dir_.File("out")), kUnimplemented, "export");
}

}  // namespace
}  // namespace embeddingsdb
