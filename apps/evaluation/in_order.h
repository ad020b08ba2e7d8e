// Work on many files by several threads whose results are taken in order.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/base/thread_pool.h"

namespace bragg::apps {

/// What results may take that wait to be taken: as much as the largest file of measurements makes.
inline constexpr std::size_t in_order_bytes = std::size_t{512} << 20;

/// Calls make(i) for every i in [0, count), some at a time, on `threads` threads (0: all that the process may use), and
/// take(result) for each in order on this one. At most `portion` results wait in memory, and none is begun while those
/// that wait take `budget` by bytes_of(result), so that they exceed it by no more than one result a thread.
template <typename Result>
void in_order(std::int64_t count, int threads, const std::function<Result(std::int64_t)>& make,
              const std::function<std::size_t(const Result&)>& bytes_of,
              const std::function<void(Result)>& take, std::size_t budget = in_order_bytes) {
  constexpr std::int64_t portion = 64;
  std::optional<ThreadPool> pool;
  if (count > 1) pool.emplace(threads);
  std::vector<std::optional<Result>> waiting;  // of begin, begin + 1 ...
  std::atomic<std::size_t> held = 0;
  for (std::int64_t begin = 0; begin < count;) {
    const std::int64_t size = std::min(portion, count - begin);
    waiting.resize(static_cast<std::size_t>(size));
    const auto work = [&](std::int64_t i, int) {
      std::optional<Result>& place = waiting[static_cast<std::size_t>(i)];
      // The next one is made in any case: else nothing would go on.
      if (place || (i > 0 && held >= budget)) return;
      place = make(begin + i);
      held += bytes_of(*place);
    };
    pool ? pool->run(size, work) : work(0, 0);
    std::size_t taken = 0;
    for (; taken < waiting.size() && waiting[taken]; ++taken) {
      held -= bytes_of(*waiting[taken]);
      take(std::move(*waiting[taken]));
      waiting[taken].reset();
    }
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(taken));
    begin += static_cast<std::int64_t>(taken);
  }
}

}  // namespace bragg::apps
