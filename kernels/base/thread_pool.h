// The threads of the CPU backends. Work is cut into tasks whose results do not depend on who runs them, so
// that every result has the same bits for any number of threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bragg {

class ThreadPool {
 public:
  /// threads = 0: as many as the machine offers to this process. The calling thread works too.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls task(i, worker) for every i in [0, tasks), in any order; 0 <= worker < size() names the scratch
  /// memory that the task may use. Returns when all are done. The first exception is thrown again here, after
  /// the others ended. Not re-entrant: a task must not call run().
  void run(std::int64_t tasks, const std::function<void(std::int64_t task, int worker)>& task);

 private:
  void work(int worker);
  void take_tasks(int worker);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_, finish_;
  const std::function<void(std::int64_t, int)>* task_ = nullptr;
  std::int64_t tasks_ = 0;
  std::atomic<std::int64_t> next_{0};
  std::uint64_t generation_ = 0;
  int active_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
};

}  // namespace bragg
