// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/signatures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "core/sha256.h"
#include "signatures/manifest.h"
#include "signatures/manifest_row.h"
#include "signatures/merkle_tree.h"
#include "signatures/sign_records.h"
#include "signatures/signature_file.h"
#include "signatures/signature_schemes.h"
#include "support/parquet_files.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;

Record OneRecord() {
  Record record = MakeRecord("p", "d<1>", "m", {0.5F, -1e-7F, 3.0F});
  record.subject_id = "s";
  record.created = 7;
  record.attributes = {{"a", "x & y"}};
  return record;
}

/// Signs with a hash of the payload and a name: enough to tell keys and payloads apart.
class NamedKey : public Signer, public Verifier {
 public:
  explicit NamedKey(std::string name) : name_(std::move(name)) {}

  Result<std::string> Sign(std::string_view payload) const override {
    return name_ + ToHex(Sha256().Of(payload));
  }
  const std::string& public_key() const override { return name_; }
  Result<std::unique_ptr<Verifier>> NewVerifier() const override {
    return std::unique_ptr<Verifier>(std::make_unique<NamedKey>(name_));
  }
  Result<bool> Verify(std::string_view payload, std::string_view signature) const override {
    return signature == Sign(payload).value();
  }

 private:
  std::string name_;
};

TEST(RecordHash, IsThatOfTheJsonByteForByte) {
  EXPECT_EQ(SignedPayload(OneRecord()),
            R"({"provider":"p","depiction_id":"d\u003c1\u003e","subject_id":"s","model":"m",)"
            R"("embeddings":[0.5,-1e-7,3],"created":7,"attributes":{"a":"x \u0026 y"}})");
  // By sha256sum.
  EXPECT_EQ(RecordHash(OneRecord()),
            "8960d589d65c8ffe39885b32dca98a03a47f10d93da7b48d4af697e283338228");
  Record record = OneRecord();
  record.attributes.clear();
  EXPECT_THAT(SignedPayload(record), ::testing::EndsWith(R"("attributes":{}})"));
}

TEST(Digests, AreReadAsTheyAreWritten) {
  const std::string hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(ToHex(Sha256().Of("abc")), hex);  // FIPS 180-2
  ASSERT_TRUE(DigestFromHex(hex));
  EXPECT_EQ(ToHex(*DigestFromHex(hex)), hex);
  EXPECT_FALSE(DigestFromHex(hex.substr(1)));
  EXPECT_FALSE(DigestFromHex("g" + hex.substr(1)));
  EXPECT_FALSE(DigestFromHex(""));
}

// RFC 6962 by its definition, to check the tree that grows leaf by leaf.
Digest DefinedRoot(const std::vector<Digest>& leaves, std::size_t begin, std::size_t end) {
  if (end - begin == 1) {
    return leaves[begin];
  }
  std::size_t left = 1;
  while (left * 2 < end - begin) {
    left *= 2;
  }
  return Sha256().Of(std::string(1, '\x01') +
                     std::string(BytesOf(DefinedRoot(leaves, begin, begin + left))) +
                     std::string(BytesOf(DefinedRoot(leaves, begin + left, end))));
}

TEST(MerkleTree, HasTheRootOfItsDefinition) {
  MerkleTree tree;
  EXPECT_EQ(ToHex(tree.Root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  std::vector<Digest> leaves;
  for (int i = 0; i < 70; ++i) {
    leaves.push_back(Sha256().Of(std::to_string(i)));
    tree.Add(leaves.back());
    ASSERT_EQ(tree.Root(), DefinedRoot(leaves, 0, leaves.size())) << i;
  }
}

TEST(MerkleTree, HasANodeForEachBlock) {
  MerkleTree tree;
  std::vector<Digest> leaves;
  const auto block = static_cast<std::size_t>(kManifestBlockRows);
  for (std::size_t i = 0; i < 2 * block + 3; ++i) {
    leaves.push_back(Sha256().Of(std::to_string(i)));
    tree.Add(leaves.back());
  }
  EXPECT_THAT(tree.Blocks(),
              ElementsAre(DefinedRoot(leaves, 0, block), DefinedRoot(leaves, block, 2 * block),
                          DefinedRoot(leaves, 2 * block, leaves.size())));
  EXPECT_EQ(tree.Root(), DefinedRoot(leaves, 0, leaves.size()));
}

TEST(ManifestHasher, EveryFieldChangesTheLeaf) {
  ManifestHasher hasher;
  ManifestRow row;
  const auto leaf = [&](const Record& record) {
    hasher.Fill(record, row);
    return hasher.Leaf(row);
  };
  const Record record = OneRecord();
  const Digest before = leaf(record);
  EXPECT_EQ(leaf(record), before);
  std::vector<Record> changed(9, record);
  changed[0].key.provider += "d";
  changed[0].key.depiction_id.erase(0, 1);  // the same letters, joined
  changed[1].key.depiction_id += "x";
  changed[2].key.model += "x";
  changed[3].subject_id += "x";
  changed[4].created += 1;
  changed[5].embedding[1] = 1e-7F;
  changed[6].embedding.push_back(0);
  changed[7].attributes["a"] += "x";
  changed[8].attributes["b"] = "";
  for (const Record& one : changed) {
    EXPECT_NE(leaf(one), before);
  }
}

class Manifests : public ::testing::Test {
 protected:
  Result<ManifestReport> Verify(const std::vector<Record>& records,
                                const Verifier& key = NamedKey("me")) {
    EDB_TRY(WriteParquet(dir_.File("now.parquet"), records));
    return VerifyManifest(dir_.File("now.parquet"), dir_.File("m.parquet"), key, 100);
  }
  Status Sign(const std::vector<Record>& records) {
    EDB_TRY(WriteParquet(dir_.File("then.parquet"), records));
    EDB_ASSIGN(std::unique_ptr<AtomicFile> file, env_->CreateAtomic(dir_.File("m.parquet")));
    return WriteManifest(dir_.File("then.parquet"), std::move(file), NamedKey("me")).status();
  }
  static std::vector<Record> Some(int count) {
    std::vector<Record> records;
    for (int i = 0; i < count; ++i) {
      records.push_back(MakeRecord("p", "d" + std::to_string(i), "m", {static_cast<float>(i), 1}));
    }
    return records;
  }
  static std::vector<std::string> Named(const ManifestReport& report) {
    std::vector<std::string> lines;
    for (const ChangedRecord& one : report.named) {
      lines.push_back(std::to_string(one.row) + " " + one.key.depiction_id + " " +
                      std::string(ChangeName(one.change)));
    }
    return lines;
  }

  TempDir dir_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
};

TEST_F(Manifests, NameEverythingThatHappenedAtOnce) {
  std::vector<Record> records = Some(10'000);
  ASSERT_OK(Sign(records));
  const Result<ManifestReport> same = Verify(records);
  ASSERT_OK(same);
  EXPECT_TRUE(same->all_valid());
  EXPECT_EQ(same->valid, 10'000);

  records[5'000].embedding[0] += 1;
  records.erase(records.begin() + 17);
  std::swap(records[8'000], records[8'001]);
  records.push_back(MakeRecord("p", "new", "m", {1, 2}));
  const Result<ManifestReport> report = Verify(records);
  ASSERT_OK(report);
  EXPECT_FALSE(report->all_valid());
  EXPECT_THAT(Named(*report), ElementsAre("4999 d5000 changed", "8000 d8002 moved",
                                          "9999 new added", "17 d17 missing"));
  EXPECT_EQ(report->valid, 9'997);
}

TEST_F(Manifests, OfNothingAreOfNothing) {
  ASSERT_OK(Sign({}));
  const Result<ManifestReport> report = Verify({});
  ASSERT_OK(report);
  EXPECT_TRUE(report->all_valid());
  EXPECT_THAT(Named(Verify(Some(1)).value()), ElementsAre("0 d0 added"));
}

TEST_F(Manifests, AllGoneIsNotValid) {
  ASSERT_OK(Sign(Some(2)));
  const Result<ManifestReport> report = Verify({});
  ASSERT_OK(report);
  EXPECT_FALSE(report->all_valid());
  EXPECT_THAT(Named(*report), ElementsAre("0 d0 missing", "1 d1 missing"));
}

TEST_F(Manifests, ByAnotherKeyAreRefused) {
  ASSERT_OK(Sign(Some(2)));
  EXPECT_FAILS(Verify(Some(2), NamedKey("you")), kDataLoss, "is not signed by this key");
}

TEST_F(Manifests, SignaturesAreOfTheRecordsOfTheFile) {
  const std::vector<Record> records = Some(600);  // more than a batch
  ASSERT_OK(WriteParquet(dir_.File("a.parquet"), records));
  Result<std::unique_ptr<AtomicFile>> file = env_->CreateAtomic(dir_.File("s.parquet"));
  ASSERT_OK(file);
  const NamedKey me("me");
  const auto report = SignRecords(dir_.File("a.parquet"), *std::move(file), me, {.workers = 3});
  ASSERT_OK(report);
  EXPECT_EQ(*report, (SignReport{.signed_records = 600, .verified = 600}));
  Result<SignatureReader> reader = SignatureReader::Open(dir_.File("s.parquet"));
  ASSERT_OK(reader);
  Signature signature;
  for (const Record& record : records) {
    ASSERT_TRUE(reader->Next(signature).value());
    ASSERT_EQ(signature.key, record.key);
    ASSERT_EQ(signature.record_hash, RecordHash(record));
  }
  const Result<SignatureStore> store =
      SignatureStore::Load(std::vector<std::string>{dir_.File("s.parquet")});
  ASSERT_OK(store);
  const auto verified = VerifyRecords(dir_.File("a.parquet"), *store, me, {.workers = 3});
  ASSERT_OK(verified);
  EXPECT_EQ(verified->valid, 600);
}

TEST(Schemes, AreNamedWhenOneIsUnknown) {
  SignatureSchemes schemes;
  RegisterBuiltinSignatures(schemes);
  const std::unique_ptr<Env> env = NewPosixEnv();
  EXPECT_FAILS(schemes.OpenSigner("acm://x", *env), kInvalidArgument, "pgp, tls, x509");
  EXPECT_FAILS(schemes.OpenSigner("tls://?certificate-uri=a&cert=b", *env), kInvalidArgument,
               "cert");
  EXPECT_FAILS(schemes.OpenVerifier("x509://", *env), kInvalidArgument,
               "certificate-uri is missing");
  EXPECT_FAILS(schemes.OpenVerifier("pgp://?public-key-uri=/none/there", *env), kNotFound,
               "public-key-uri");
}

}  // namespace
}  // namespace embeddingsdb
