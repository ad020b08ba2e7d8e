// A grid-stride loop of 16-byte loads.
#include <string>

#include "bench/kernels/cold_caches.h"
#include "kernels/cuda/launch.h"

namespace bragg::bench {
namespace {

constexpr std::size_t more_than_a_cache = std::size_t{256} << 20;
constexpr int threads = 256;

/// `memory` is zeros: their sum is stored only so that they must be read.
__global__ void read_through(uint4* memory, std::int64_t count) {
  std::uint32_t sum = 0;
  for (std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x; i < count;
       i += std::int64_t{gridDim.x} * threads) {
    const uint4 x = memory[i];
    sum += x.x + x.y + x.z + x.w;
  }
  if (sum != 0) memory[0].x = sum;
}

}  // namespace

ColdCaches::ColdCaches(Backend& backend) : backend_(backend), other_(backend.allocate(more_than_a_cache)) {}

void ColdCaches::between_runs() const {
  const auto count = static_cast<std::int64_t>(other_.bytes() / sizeof(uint4));
  cuda::launch([] { return std::string("read_through"); }, static_cast<cudaStream_t>(backend_.stream()),
               {dim3(cuda::blocks_for(count, threads)), dim3(threads)}, read_through,
               reinterpret_cast<uint4*>(other_.data()), count);
}

}  // namespace bragg::bench
