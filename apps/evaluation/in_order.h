// Work on many files by several threads whose results are taken in order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "kernels/base/thread_pool.h"

namespace bragg::apps {

/// Calls make(i) for every i in [0, count), some at a time, on `threads` threads (0: all that the process may use), and
/// take(result) for each in order on this one. At most `portion` results wait in memory.
template <typename Result>
void in_order(std::int64_t count, int threads, const std::function<Result(std::int64_t)>& make,
              const std::function<void(Result)>& take) {
  constexpr std::int64_t portion = 64;
  std::optional<ThreadPool> pool;
  if (count > 1) pool.emplace(threads);
  std::vector<Result> results;
  for (std::int64_t begin = 0; begin < count; begin += portion) {
    const std::int64_t size = std::min(portion, count - begin);
    results.clear();
    results.resize(static_cast<std::size_t>(size));
    const auto work = [&](std::int64_t i, int) { results[static_cast<std::size_t>(i)] = make(begin + i); };
    pool ? pool->run(size, work) : work(0, 0);
    for (Result& result : results)
      take(std::move(result));
  }
}

}  // namespace bragg::apps
