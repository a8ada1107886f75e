// SPDX-License-Identifier: BSD-3-Clause
#include "core/side_thread.h"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace embeddingsdb {
namespace {

TEST(SideThreadTest, DoesTasksInTheirOrderOnOneOtherThread) {
  SideThread side;
  std::vector<int> order;  // written by the tasks only, read when all are done
  std::vector<std::future<std::thread::id>> done;
  done.reserve(100);
  for (int i = 0; i < 100; ++i) {
    done.push_back(side.Run([&order, i] {
      order.push_back(i);
      return std::this_thread::get_id();
    }));
  }
  const std::thread::id first = done[0].get();
  EXPECT_NE(first, std::this_thread::get_id());
  for (std::size_t i = 1; i < done.size(); ++i) {
    EXPECT_EQ(done[i].get(), first);
  }
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  }
}

TEST(SideThreadTest, ItsEndWaitsForAllTasks) {
  std::atomic<int> done = 0;
  std::promise<void> go;
  std::jthread opener;
  {
    SideThread side;
    side.Run([&] {
      go.get_future().wait();
      ++done;
    });
    side.Run([&] { ++done; });
    opener = std::jthread([&] { go.set_value(); });
  }
  EXPECT_EQ(done, 2);
}

TEST(SideThreadTest, OneThatWasNeverAskedNeedsNoThread) {
  const SideThread side;
}

}  // namespace
}  // namespace embeddingsdb
