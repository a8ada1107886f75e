// SPDX-License-Identifier: BSD-3-Clause
#include "index/filtered_slots.h"

#include <gtest/gtest.h>
#include <string>

#include "core/text.h"
#include "support/records.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kFew = 100;
using Slots = std::vector<Slot>;

class FilteredSlotsTest : public testing::Test {
 protected:
  /// `details` null: the index does not keep them.
  void Append(std::string_view provider, std::string_view subject_id, const Attributes* details) {
    RowDetailsWriter writer;
    const auto id = static_cast<RowId>(rows_.size() + 1);
    ASSERT_OK(
        rows_.Append({.id = id,
                      .provider = provider,
                      .depiction_id = Concat("d", id),
                      .details = details == nullptr ? "" : writer.Write(subject_id, *details)},
                     std::vector<float>{1}));
  }
  void AppendKind(std::string_view kind) {
    const Attributes attributes = {{"kind", std::string(kind)}};
    Append("p", "s", &attributes);
  }
  Slots SlotsOf(const std::vector<Filter>& filters) {
    const auto matching = filtered_.Of(rows_, "m", filters, kFew);
    EXPECT_TRUE(matching->decided);
    EXPECT_EQ(matching->count, matching->slots.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const auto slot = static_cast<Slot>(i);
      EXPECT_EQ(matching->allowed[i],
                std::count(matching->slots.begin(), matching->slots.end(), slot) == 1);
    }
    return matching->slots;
  }
  bool Decides(const std::vector<Filter>& filters) {
    return filtered_.Of(rows_, "m", filters, kFew)->decided;
  }

  CodedRows rows_{std::make_shared<const VectorCodec>(Metric::kL2, Precision::kF32, 1)};
  FilteredSlots filtered_;
};

TEST_F(FilteredSlotsTest, DecidesByColumnsAndAttributes) {
  const Attributes red = {{"colour", "red"}, {"empty", ""}};
  const Attributes blue = {{"colour", "blue"}};
  Append("a", "s", &red);
  Append("b", "s", &blue);
  Append("b", "t", &red);
  EXPECT_EQ(SlotsOf({{Column::kAttribute, "red", "colour"}}), (Slots{0, 2}));
  EXPECT_EQ(SlotsOf({{Column::kAttribute, "", "empty"}}), (Slots{0, 2}));
  EXPECT_EQ(SlotsOf({{Column::kAttribute, "", "none"}}), Slots());
  EXPECT_EQ(SlotsOf({{Column::kSubjectId, "s"}}), (Slots{0, 1}));
  EXPECT_EQ(SlotsOf({{Column::kProvider, "b"}}), (Slots{1, 2}));
  EXPECT_EQ(SlotsOf({{Column::kDepictionId, "d3"}}), Slots{2});
  EXPECT_EQ(SlotsOf({{Column::kModel, "m"}}), (Slots{0, 1, 2}));
  EXPECT_EQ(SlotsOf({{Column::kModel, "other"}}), Slots());
  EXPECT_EQ(SlotsOf({{Column::kProvider, "b"}, {Column::kAttribute, "red", "colour"}}), Slots{2});
}

TEST_F(FilteredSlotsTest, SaysWhenARowDoesNotSay) {
  AppendKind("x");
  Append("p", "", nullptr);
  EXPECT_FALSE(Decides({{Column::kAttribute, "x", "kind"}}));
  EXPECT_FALSE(Decides({{Column::kSubjectId, "s"}}));
  EXPECT_TRUE(Decides({{Column::kProvider, "p"}}));
  // Another filter leaves the row out.
  EXPECT_EQ(SlotsOf({{Column::kAttribute, "x", "kind"}, {Column::kDepictionId, "d1"}}), Slots{0});
  EXPECT_FALSE(FilteredSlots::CanDecide({{Column::kProvider, "p"}, {Column::kWords, "x"}}));
  EXPECT_TRUE(FilteredSlots::CanDecide({{Column::kProvider, "p"}}));
}

TEST_F(FilteredSlotsTest, ARowThatIsGoneNeedsNoDecision) {
  AppendKind("x");
  Append("p", "", nullptr);
  ASSERT_TRUE(rows_.Remove(2));
  EXPECT_EQ(SlotsOf({{Column::kAttribute, "x", "kind"}}), Slots{0});
}

TEST_F(FilteredSlotsTest, LooksAtNewRowsOnly) {
  const std::vector<Filter> filters = {{Column::kAttribute, "x", "kind"}};
  AppendKind("x");
  const auto first = filtered_.Of(rows_, "m", filters, kFew);
  EXPECT_EQ(filtered_.Of(rows_, "m", filters, kFew), first);  // the very same
  AppendKind("y");
  AppendKind("x");
  EXPECT_EQ(SlotsOf(filters), (Slots{0, 2}));
  EXPECT_EQ(first->slots, Slots{0});  // whoever has it keeps it
  Append("p", "", nullptr);
  EXPECT_FALSE(Decides(filters));
  filtered_.Clear();
  ASSERT_TRUE(rows_.Remove(4));
  EXPECT_EQ(SlotsOf(filters), (Slots{0, 2}));
}

TEST_F(FilteredSlotsTest, ListsFewOnly) {
  const std::vector<Filter> filters = {{Column::kAttribute, "x", "kind"}};
  for (std::size_t i = 0; i < kFew; ++i) {
    AppendKind("x");
  }
  EXPECT_EQ(SlotsOf(filters).size(), kFew);
  for (int more = 0; more < 2; ++more) {
    AppendKind("x");
    const auto matching = filtered_.Of(rows_, "m", filters, kFew);
    EXPECT_EQ(matching->count, rows_.size());
    EXPECT_TRUE(matching->slots.empty());
    EXPECT_TRUE(matching->allowed.back());
  }
}

TEST_F(FilteredSlotsTest, ForgetsWhatWasAskedLongAgo) {
  AppendKind("x");
  const auto ask = [&](int kind) {
    return filtered_.Of(rows_, "m", {{Column::kAttribute, Concat(kind), "kind"}}, kFew);
  };
  const auto first = ask(0);
  const auto second = ask(1);
  for (int kind = 2; kind < 32; ++kind) {
    EXPECT_NE(ask(kind), first);
  }
  EXPECT_EQ(ask(0), first);
  ask(32);  // one too many
  EXPECT_EQ(ask(0), first);
  EXPECT_NE(ask(1), second);
}

}  // namespace
}  // namespace embeddingsdb
