// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_CORE_SIDE_THREAD_H_
#define EMBEDDINGSDB_CORE_SIDE_THREAD_H_

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <queue>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

namespace embeddingsdb {

/// A thread that does one task after the other while its owner does something else. One that is
/// kept, where std::async would make a thread for each task: DuckDB's allocator keeps memory by
/// thread, and gives all of it back to the system when the thread ends.
///
/// Run is for the owner's thread only. Destroying it waits for all tasks.
class SideThread {
 public:
  SideThread() = default;
  SideThread(const SideThread&) = delete;
  SideThread& operator=(const SideThread&) = delete;
  ~SideThread() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
  }

  /// What the task returns. Where no thread is to be had, get() does the task.
  template <typename Task>
  std::future<std::invoke_result_t<Task&>> Run(Task task) {
    if (!thread_.joinable() && !Start()) {
      return std::async(std::launch::deferred, std::move(task));
    }
    auto packaged =
        std::make_shared<std::packaged_task<std::invoke_result_t<Task&>()>>(std::move(task));
    std::future<std::invoke_result_t<Task&>> result = packaged->get_future();
    {
      const std::lock_guard lock(mutex_);
      tasks_.push([packaged] { (*packaged)(); });
    }
    changed_.notify_one();
    return result;
  }

 private:
  bool Start() {
    try {
      thread_ = std::jthread([this] { Work(); });
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  void Work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
      if (tasks_.empty()) {
        return;
      }
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::queue<std::function<void()>> tasks_;  // guarded by mutex_
  bool ending_ = false;                      // guarded by mutex_
  std::jthread thread_;                      // the last member: joined before the others go
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_SIDE_THREAD_H_
