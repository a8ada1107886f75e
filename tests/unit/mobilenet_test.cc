// SPDX-License-Identifier: BSD-3-Clause
//
// mobilenet:// against the demo's records, whose vectors were made from the original pictures by
// other programs: five of the originals are in tests/pictures.
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <numeric>
#include <openssl/evp.h>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "embeddingsdb/parquet.h"

#include "embedders/builtin_embedders.h"
#include "embedders/mobilenet/mobilenet_embedder.h"
#include "embedders/mobilenet/network.h"
#include "pictures/picture.h"
#include "support/records.h"

namespace embeddingsdb {
namespace {

using mobilenet::BuiltinWeights;
using mobilenet::Network;
using ::testing::HasSubstr;

/// Wide and tall ones, larger and smaller than 224 pixels and just as large, with and without
/// transparency.
constexpr std::array<std::string_view, 5> kOriginals = {
    "food/fruit/an_apple_01", "geography/tasmania-black",
    "recreation/games/chess/chesspieces-bishop", "recreation/music/quaver_nathan_eady_01",
    "transportation/roadsigns/stop"};

std::vector<Record> DemoRecords() {
  const auto reader = ParquetReader::Open(EDB_DEMO_PARQUET).value();
  return Drain(*reader).value();
}

const Record& Find(const std::vector<Record>& records, std::string_view id) {
  const auto found = std::ranges::find(
      records, id, [](const Record& record) { return std::string_view(record.key.depiction_id); });
  EXPECT_NE(found, records.end()) << id;
  return *found;
}

std::string ReadOriginal(std::string_view id) {
  std::ifstream in(EDB_TEST_PICTURES + std::string(id) + ".png", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The picture in a record's preview.
std::string ReadThumbnail(const Record& record) {
  constexpr std::string_view kPrefix = "data:image/png;base64,";
  const std::string& preview = record.attributes.at("preview");
  const std::string base64 = preview.substr(kPrefix.size());
  std::string bytes(base64.size() / 4 * 3, '\0');
  EXPECT_EQ(EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                            reinterpret_cast<const unsigned char*>(base64.data()),
                            static_cast<int>(base64.size())),
            static_cast<int>(bytes.size()));
  return bytes;
}

double Cosine(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  const double product = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  return product / std::sqrt(std::inner_product(a.begin(), a.end(), a.begin(), 0.0) *
                             std::inner_product(b.begin(), b.end(), b.begin(), 0.0));
}

std::unique_ptr<Embedder> Open() {
  Registry registry;
  RegisterBuiltinEmbedders(registry);
  return registry.OpenEmbedder("mobilenet://", {}).value();
}

TEST(Mobilenet, ReproducesTheDemosVectors) {
  const std::vector<Record> records = DemoRecords();
  const auto embedder = Open();
  for (const std::string_view id : kOriginals) {
    const Record& record = Find(records, id);
    const auto embedding = embedder->Image({.model = record.key.model, .body = ReadOriginal(id)});
    ASSERT_TRUE(embedding.ok()) << embedding.status();
    EXPECT_EQ(embedding->model, record.key.model);
    EXPECT_NEAR(Cosine(embedding->vector, embedding->vector), 1, 1e-9);
    EXPECT_NEAR(std::inner_product(embedding->vector.begin(), embedding->vector.end(),
                                   embedding->vector.begin(), 0.0),
                1, 1e-5);
    EXPECT_GE(Cosine(embedding->vector, record.embedding), 0.9995) << id;
  }
}

/// The least cosine over the coloured originals when the network is given something else.
template <typename Change>
double LeastCosine(const Change& change) {
  const std::vector<Record> records = DemoRecords();
  const auto network = Network::Load(BuiltinWeights()).value();
  double least = 1;
  for (const std::string_view id : kOriginals) {
    std::vector<float> pixels =
        FitOnWhite(DecodePicture(ReadOriginal(id)).value(), mobilenet::kSide);
    change(pixels);
    least = std::min(least, Cosine(network->Run(pixels), Find(records, id).embedding));
  }
  return least;
}

// Canaries: what is nearly right does not reach the bound.
TEST(Mobilenet, TheBoundSeesWrongColoursAndScales) {
  EXPECT_GE(LeastCosine([](std::vector<float>&) {}), 0.9995);
  EXPECT_LT(LeastCosine([](std::vector<float>& pixels) {  // blue first
              for (std::size_t i = 0; i < pixels.size(); i += 3) {
                std::swap(pixels[i], pixels[i + 2]);
              }
            }),
            0.99);
  EXPECT_LT(LeastCosine([](std::vector<float>& pixels) {  // from -1 to 1
              for (float& value : pixels) {
                value = 2 * value - 1;
              }
            }),
            0.99);
  EXPECT_LT(LeastCosine([](std::vector<float>& pixels) {  // a row further down
              std::ranges::rotate(pixels, pixels.end() - 3 * 224);
            }),
            0.9995);
}

// A thumbnail of 96 pixels is another picture to the model than the original that the record's
// vector is of. 0.80 on average over all 1,465 of them.
TEST(Mobilenet, ThumbnailsComeNear) {
  const std::vector<Record> records = DemoRecords();
  const auto embedder = Open();
  double sum = 0;
  int count = 0;
  for (std::size_t i = 0; i < records.size(); i += 100, ++count) {
    const auto embedding = embedder->Image({.model = "", .body = ReadThumbnail(records[i])});
    ASSERT_TRUE(embedding.ok()) << embedding.status();
    sum += Cosine(embedding->vector, records[i].embedding);
  }
  EXPECT_GE(sum / count, 0.70);
}

TEST(Mobilenet, AllProcessorsComputeTheSame) {
  const auto best = Network::Load(BuiltinWeights()).value();
  const auto generic = Network::Load(BuiltinWeights(), mobilenet::GenericKernels()).value();
  const std::vector<float> pixels =
      FitOnWhite(DecodePicture(ReadOriginal(kOriginals[0])).value(), mobilenet::kSide);
  const std::vector<float> a = best->Run(pixels);
  const std::vector<float> b = generic->Run(pixels);
  ASSERT_EQ(a.size(), mobilenet::kFeatures);
  ASSERT_EQ(b.size(), mobilenet::kFeatures);
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], 1e-3) << i;
  }
}

TEST(Mobilenet, WeightsOfAnotherLengthAreRefused) {
  const std::string_view weights = BuiltinWeights();
  for (const std::string_view other : {weights.substr(1), weights.substr(0, 0)}) {
    EXPECT_EQ(Network::Load(other).status().code(), StatusCode::kDataLoss);
  }
}

TEST(Mobilenet, TakesPicturesOfItsModelOnly) {
  const auto embedder = Open();
  EXPECT_TRUE(embedder->Inputs(kMobilenetModel).image);
  EXPECT_FALSE(embedder->Inputs(kMobilenetModel).text);
  EXPECT_TRUE(embedder->Inputs("").image);  // as others of one model have it
  for (const std::string_view other : {"mobilenet_v2_1.0_192", "apple/mobileclip_s0"}) {
    EXPECT_FALSE(embedder->Inputs(other).image) << other;
  }
  EXPECT_EQ(embedder->Text({.model = "", .body = "a"}).status().code(), StatusCode::kUnimplemented);
  const auto other = embedder->Image({.model = "clip", .body = ReadOriginal(kOriginals[3])});
  EXPECT_EQ(other.status().code(), StatusCode::kUnimplemented);
  EXPECT_THAT(other.status().message(),
              HasSubstr("mobilenet:// (mobilenet_v2_1.0_224) does not know the model \"clip\""));
  for (const std::string_view body : {"", "no picture", "\x89PNG\r\n\x1a\n"}) {
    EXPECT_EQ(embedder->Image({.model = "", .body = std::string(body)}).status().code(),
              StatusCode::kInvalidArgument);
  }
}

TEST(Mobilenet, TakesNoAddressAndNoOptions) {
  Registry registry;
  RegisterBuiltinEmbedders(registry);
  for (const std::string_view uri : {"mobilenet://host", "mobilenet:///path", "mobilenet://?a=b"}) {
    EXPECT_EQ(registry.OpenEmbedder(uri, {}).status().code(), StatusCode::kInvalidArgument) << uri;
  }
}

TEST(Mobilenet, ThreadsGetTheSameVectors) {
  const auto embedder = Open();
  const EmbedRequest request = {.model = "", .body = ReadOriginal(kOriginals[3])};
  std::array<std::vector<float>, 3> vectors;
  {
    std::vector<std::jthread> threads;
    for (std::vector<float>& vector : vectors) {
      threads.emplace_back([&] { vector = embedder->Image(request).value().vector; });
    }
  }
  EXPECT_EQ(vectors[0].size(), mobilenet::kFeatures);
  EXPECT_EQ(vectors[1], vectors[0]);
  EXPECT_EQ(vectors[2], vectors[0]);
}

}  // namespace
}  // namespace embeddingsdb
