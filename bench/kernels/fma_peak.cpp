#include "bench/kernels/fma_peak.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <time.h>

#include "kernels/base/thread_pool.h"
#include "kernels/cpu/instruction_set.h"

namespace bragg::bench {

namespace v2 {
double fma_loop(long iterations, float* result);
}
namespace v3 {
double fma_loop(long iterations, float* result);
}
namespace v4 {
double fma_loop(long iterations, float* result);
}
namespace v4_bf16 {
double fma_loop(long iterations, float* result);
}
namespace v4_amx {
double fma_loop(long iterations, float* result);
}

namespace {

/// CPU time of the calling thread: what other processes take away does not count.
double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

double measure_fma_peak(int threads, const std::string& precision) {
  const auto has = [](cpu::InstructionSet set) { return cpu::machine_has(set); };
  const bool bf16 = precision == "bf16";
  const auto loop = bf16 && has(cpu::InstructionSet::v4_amx) ? v4_amx::fma_loop
                    : bf16                                   ? v4_bf16::fma_loop
                    : has(cpu::InstructionSet::v4)           ? v4::fma_loop
                    : has(cpu::InstructionSet::v3)           ? v3::fma_loop
                                                             : v2::fma_loop;
  constexpr long iterations = 1'000'000;
  ThreadPool pool(threads);
  threads = pool.size();
  std::vector<double> best(static_cast<std::size_t>(threads));
  for (int repetition = 0; repetition < 20; ++repetition) {
    pool.run(threads, [&](std::int64_t task, int) {
      float result = 0;
      const double start = thread_seconds();
      const double operations = loop(iterations, &result);
      double& most = best[static_cast<std::size_t>(task)];
      most = std::max(most, operations / (thread_seconds() - start));
    });
  }
  return std::accumulate(best.begin(), best.end(), 0.0) / 1e9;
}

}  // namespace bragg::bench
