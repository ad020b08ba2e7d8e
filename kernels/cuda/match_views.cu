// Patterns looked up in a library by tensor cores (mma.sync, bfloat16, sums in fp32).
//
// A block owns a group of whole patterns, at most `columns` of their scales side by side, and goes through a part of
// the library by tiles of rows. A tile's products stay in shared memory; of each row and pattern the best scale is one
// key of 64 bits, in which similarity comes first, then the lower row. Keys above a pattern's threshold, its
// top-th best so far, are appended to a list, which is sorted and cut whenever it might run over. The last kernel
// joins the parts' lists. The order of keys is total: what is best depends neither on parts nor on who appended first.
#include <algorithm>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/copy_chunk.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/ops/match_views.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256, tile_rows = 128, columns = 64, k_step = 32, stages = 3;
constexpr int chunks = k_step / 8, pitch = k_step + 8;  // of an operand's row in shared memory
constexpr int stage = (tile_rows + columns) * pitch;    // elements
constexpr int c_pitch = columns + 1;
constexpr int most_patterns = columns;  // of a block
constexpr int least_room = 2 * tile_rows;
constexpr std::size_t products_bytes =
    std::max(sizeof(BFloat16) * stages * stage, sizeof(float) * tile_rows * c_pitch);

using Key = unsigned long long;

struct Arguments {
  const BFloat16* patterns;
  const BFloat16* library;
  const float* weight;
  const std::int32_t* rows;
  std::int64_t N, M, K;
  std::int32_t S, top;
  std::int32_t per_block;  ///< patterns of a block
  std::int32_t room;       ///< keys of a list: a power of 2, at least top + tile_rows
  std::int32_t parts;      ///< of the library's tiles
  bool own_rows;
  Key* lists;  ///< (N, parts, room)
};

__device__ std::uint32_t bits_of(float x) {
#ifdef __CUDACC__
  return __float_as_uint(x);
#else
  return std::bit_cast<std::uint32_t>(x);
#endif
}
__device__ float float_of(std::uint32_t bits) {
#ifdef __CUDACC__
  return __uint_as_float(bits);
#else
  return std::bit_cast<float>(bits);
#endif
}

constexpr std::uint32_t row_bits = 26, scale_bits = 32 - row_bits;
constexpr std::uint32_t last_row = (1u << row_bits) - 1;

/// Larger for the larger similarity, of equal ones for the lower m. 0 is no match.
__device__ Key key_of(float similarity, std::uint32_t m, std::uint32_t scale) {
  const std::uint32_t bits = bits_of(similarity + 0.0f);  // -0 is 0
  const std::uint32_t ordered = bits >> 31 ? ~bits : bits | 0x80000000u;
  return static_cast<Key>(ordered) << 32 | (last_row - m) << scale_bits | scale;
}
__device__ float similarity_of(Key key) {
  const auto ordered = static_cast<std::uint32_t>(key >> 32);
  return float_of(ordered >> 31 ? ordered & 0x7FFFFFFFu : ~ordered);
}
__device__ std::uint32_t row_of(Key key) {
  return last_row - (static_cast<std::uint32_t>(key) >> scale_bits);
}
__device__ std::uint32_t scale_of(Key key) {
  return static_cast<std::uint32_t>(key) & ((1u << scale_bits) - 1);
}

/// Keys in descending order, `count` a power of 2 (bitonic sort). Begins and ends with a barrier.
__device__ void sort_keys(Key* keys, int count) {
  for (int size = 2; size <= count; size *= 2)
    for (int distance = size / 2; distance > 0; distance /= 2) {
      __syncthreads();
      for (auto i = static_cast<int>(threadIdx.x); i < count / 2; i += threads) {
        const int low = i / distance * 2 * distance + i % distance, high = low + distance;
        const bool descends = (low & size) == 0;
        const Key a = keys[low], b = keys[high];
        if ((a < b) == descends) {
          keys[low] = b;
          keys[high] = a;
        }
      }
    }
  __syncthreads();
}

/// What a block's patterns have gathered; in shared memory.
struct Lists {
  unsigned count[most_patterns];
  Key threshold[most_patterns];
};

/// Sorts a list, keeps the first `top` of it, and behind them zeros. `keys`: room of them in shared memory.
__device__ void cut_list(const Arguments& a, Lists& lists, int pattern, Key* list, Key* keys) {
  const auto count = static_cast<int>(lists.count[pattern]);
  int size = 2;
  while (size < count)
    size *= 2;
  for (auto i = static_cast<int>(threadIdx.x); i < size; i += threads)
    keys[i] = i < count ? list[i] : 0;
  sort_keys(keys, size);
  for (auto i = static_cast<int>(threadIdx.x); i < a.top; i += threads)
    list[i] = i < size ? keys[i] : 0;
  __syncthreads();
  if (threadIdx.x == 0) {
    lists.count[pattern] = min(count, a.top);
    lists.threshold[pattern] = count >= a.top ? keys[a.top - 1] : 0;
  }
  __syncthreads();
}

/// An operand's rows on their way to shared memory: `size` of them, k_step numbers each.
template <int size, bool aligned>
class Fetch {
 public:
  /// row(i): the address of row i, or nullptr.
  template <typename Row>
  __device__ Fetch(const BFloat16* anywhere, const Row& row) : anywhere_(anywhere) {
#pragma unroll
    for (int i = 0; i < per_thread; ++i)
      row_[i] = row(at(i) / chunks);
  }
  __device__ void start(std::int64_t k0, std::int64_t K, BFloat16* tile) const {
#pragma unroll
    for (int i = 0; i < per_thread; ++i) {
      const std::int64_t k = k0 + 8 * (at(i) % chunks);
      const auto count = static_cast<int>(row_[i] == nullptr || k >= K ? 0
                                          : K - k < 8                  ? K - k
                                                                       : std::int64_t{8});
      copy_chunk<aligned>(tile + at(i) / chunks * pitch + at(i) % chunks * 8, row_[i] + k, count, anywhere_);
    }
  }

 private:
  static constexpr int per_thread = size * chunks / threads;
  static_assert(size * chunks % threads == 0);
  __device__ static int at(int i) {
    return static_cast<int>(threadIdx.x) + threads * i;
  }

  const BFloat16* anywhere_;
  const BFloat16* row_[per_thread];
};

/// Tiles of 32 x 32 by each of 4 x 2 warps: c = rows x columns over all of K. Ends with all copies done, without a barrier.
template <bool aligned>
__device__ void multiply(const Arguments& a, const Fetch<tile_rows, aligned>& fetch_rows,
                         const Fetch<columns, aligned>& fetch_columns, BFloat16* memory,
                         float (&c)[2][4][4]) {
  const auto steps = static_cast<int>((a.K + k_step - 1) / k_step);
  const auto fetch = [&](int step) {
    if (step < steps) {
      BFloat16* const to = memory + step % stages * stage;
      fetch_rows.start(std::int64_t{step} * k_step, a.K, to);
      fetch_columns.start(std::int64_t{step} * k_step, a.K, to + tile_rows * pitch);
    }
    commit_copies();  // an empty group keeps the count
  };
  const int warp = static_cast<int>(threadIdx.x / 32), lane = static_cast<int>(threadIdx.x % 32);
  const int low = lane % 8, matrix_low = lane / 8 % 2, matrix_high = lane / 16;
  const int warp_row = warp % 4 * 32, warp_column = warp / 4 * 32;
#pragma unroll
  for (int step = 0; step < stages - 1; ++step)
    fetch(step);
  for (int step = 0; step < steps; ++step) {
    wait_for_copies<stages - 2>();
    // Everyone's copies of this step are there, and everyone is done with the step whose stage is filled next.
    __syncthreads();
    fetch(step + stages - 1);
    const BFloat16* const rows = memory + step % stages * stage;
    const BFloat16* const other = rows + tile_rows * pitch;
#pragma unroll
    for (int k = 0; k < k_step; k += 16) {
      std::uint32_t row_fragment[2][4], column_fragment[2][4];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        load_matrices<false>(row_fragment[i],
                             rows + (warp_row + 16 * i + 8 * matrix_low + low) * pitch + k + 8 * matrix_high);
        load_matrices<false>(
            column_fragment[i],
            other + (warp_column + 16 * i + 8 * matrix_high + low) * pitch + k + 8 * matrix_low);
      }
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const std::uint32_t column[2] = {column_fragment[j / 2][j % 2 * 2],
                                           column_fragment[j / 2][j % 2 * 2 + 1]};
          mma_m16n8k16_bf16(c[i][j], row_fragment[i], column);
        }
    }
  }
  wait_for_copies<0>();
}

/// A tile's products side by side in shared memory.
__device__ void put_products(const float (&c)[2][4][4], float* products) {
  const int warp = static_cast<int>(threadIdx.x / 32), lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int i = 0; i < 2; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int row = warp % 4 * 32 + 16 * i + e / 2 * 8 + lane / 4;
        const int column = warp / 4 * 32 + 8 * j + lane % 4 * 2 + e % 2;
        products[row * c_pitch + column] = c[i][j][e];
      }
}

/// The best scale of each row of the tile for each of the block's patterns: appended where it is among the best so far.
__device__ void gather(const Arguments& a, const float* products, std::int64_t first_m, std::int64_t first_n,
                       int patterns, Lists& lists) {
  for (auto item = static_cast<int>(threadIdx.x); item < patterns * tile_rows; item += threads) {
    const int row = item % tile_rows, pattern = item / tile_rows;
    const std::int64_t m = first_m + row;
    if (m >= a.M) continue;
    float best = 0;
    int scale = -1;
    for (int s = 0; s < a.S; ++s) {
      const float product = products[row * c_pitch + pattern * a.S + s];
      if (scale < 0 ? product > -INFINITY : product > best) {
        best = product;
        scale = s;
      }
    }
    if (scale < 0) continue;
    if (a.weight != nullptr) {
      const std::int64_t in_library = a.rows != nullptr ? a.rows[m]
                                      : a.own_rows      ? (first_n + pattern) * a.M + m
                                                        : m;
      best *= a.weight[in_library];
    }
    const Key key = key_of(best, static_cast<std::uint32_t>(m), static_cast<std::uint32_t>(scale));
    if (key <= lists.threshold[pattern]) continue;
    const unsigned place = atomicAdd(&lists.count[pattern], 1u);
    a.lists[((first_n + pattern) * a.parts + blockIdx.y) * a.room + place] = key;
  }
}

/// Grid: (groups of patterns, parts of the library's tiles).
template <bool aligned>
__global__ void __launch_bounds__(threads) match_tiles(const Arguments a) {
  wait_for_previous_kernel();
  BFloat16* const memory = shared_memory<BFloat16>();
  __shared__ Lists lists;
  const std::int64_t first_n = std::int64_t{blockIdx.x} * a.per_block;
  const auto patterns = static_cast<int>(a.N - first_n < a.per_block ? a.N - first_n : a.per_block);
  for (auto i = static_cast<int>(threadIdx.x); i < patterns; i += threads) {
    lists.count[i] = 0;
    lists.threshold[i] = 0;
  }
  __syncthreads();
  const Fetch<columns, aligned> fetch_columns(a.patterns, [&](int column) -> const BFloat16* {
    return column < patterns * a.S ? a.patterns + (first_n * a.S + column) * a.K : nullptr;
  });
  const auto list_of = [&](int pattern) {
    return a.lists + ((first_n + pattern) * a.parts + blockIdx.y) * a.room;
  };
  for (std::int64_t first_m = std::int64_t{blockIdx.y} * tile_rows; first_m < a.M;
       first_m += std::int64_t{a.parts} * tile_rows) {
    const Fetch<tile_rows, aligned> fetch_rows(a.library, [&](int row) -> const BFloat16* {
      const std::int64_t m = first_m + row;
      if (m >= a.M) return nullptr;
      return a.library + (a.rows != nullptr ? a.rows[m] : a.own_rows ? first_n * a.M + m : m) * a.K;
    });
    float c[2][4][4] = {};
    multiply<aligned>(a, fetch_rows, fetch_columns, memory, c);
    __syncthreads();  // the stages become products
    auto* const products = reinterpret_cast<float*>(memory);
    put_products(c, products);
    __syncthreads();
    gather(a, products, first_m, first_n, patterns, lists);
    __syncthreads();
    for (int pattern = 0; pattern < patterns; ++pattern)
      if (static_cast<int>(lists.count[pattern]) + tile_rows > a.room)
        cut_list(a, lists, pattern, list_of(pattern), reinterpret_cast<Key*>(memory));
  }
  for (int pattern = 0; pattern < patterns; ++pattern)
    cut_list(a, lists, pattern, list_of(pattern), reinterpret_cast<Key*>(memory));
}

/// The parts' lists of a pattern as one, in order. Grid: patterns. Shared memory: `room` keys.
__global__ void __launch_bounds__(threads)
    join_lists(const Arguments a, std::int32_t* row, std::int32_t* scale, float* similarity) {
  wait_for_previous_kernel();
  Key* const keys = shared_memory<Key>();
  const std::int64_t n = blockIdx.x;
  const int half = a.room / 2;  // at least top
  const Key* const lists = a.lists + n * a.parts * a.room;
  for (auto i = static_cast<int>(threadIdx.x); i < half; i += threads)
    keys[i] = i < a.top ? lists[i] : 0;
  __syncthreads();
  for (int part = 1; part < a.parts; ++part) {
    const Key* const list = lists + std::int64_t{part} * a.room;
    if (list[0] <= keys[a.top - 1]) continue;
    for (auto i = static_cast<int>(threadIdx.x); i < half; i += threads)
      keys[half + i] = i < a.top ? list[i] : 0;
    sort_keys(keys, 2 * half);
  }
  for (auto i = static_cast<int>(threadIdx.x); i < a.top; i += threads) {
    const Key key = keys[i];
    const std::int64_t to = n * a.top + i;
    const auto m = static_cast<std::int32_t>(row_of(key));
    row[to] = key == 0 ? -1 : a.rows != nullptr ? a.rows[m] : m;
    scale[to] = key == 0 ? -1 : static_cast<std::int32_t>(scale_of(key));
    similarity[to] = key == 0 ? 0 : similarity_of(key);
  }
}

std::int64_t patterns_of_block(const MatchViewsProblem& p) {
  return p.own_rows ? 1 : columns / p.S;
}

/// Half of a list holds what is kept, so that two of them can be joined in its room.
std::int64_t room_of(const MatchViewsProblem& p) {
  std::int64_t room = least_room;
  while (room < 2 * p.top || room < p.top + tile_rows)
    room *= 2;
  return room;
}

/// Enough blocks for all multiprocessors, each with a tile at least. The result does not depend on it.
std::int64_t parts_of(const MatchViewsProblem& p, int multiprocessors) {
  const std::int64_t groups = (p.N + patterns_of_block(p) - 1) / patterns_of_block(p);
  const std::int64_t tiles = std::max<std::int64_t>((p.M + tile_rows - 1) / tile_rows, 1);
  constexpr std::int64_t most = 128;
  return std::clamp<std::int64_t>(2 * multiprocessors / std::max<std::int64_t>(groups, 1), 1,
                                  std::min(tiles, most));
}

}  // namespace

std::size_t CudaBackend::workspace_of(const MatchViewsProblem& p) const {
  return sizeof(Key) * static_cast<std::size_t>(p.N * parts_of(p, multiprocessors_) * room_of(p));
}

void CudaBackend::run_op(const MatchViews& op) {
  const MatchViewsProblem& p = op.problem;
  const Arguments a{.patterns = op.patterns.as<BFloat16>(),
                    .library = op.library.as<BFloat16>(),
                    .weight = op.weight.as<float>(),
                    .rows = op.rows.as<std::int32_t>(),
                    .N = p.N,
                    .M = p.M,
                    .K = p.K,
                    .S = static_cast<std::int32_t>(p.S),
                    .top = static_cast<std::int32_t>(p.top),
                    .per_block = static_cast<std::int32_t>(patterns_of_block(p)),
                    .room = static_cast<std::int32_t>(room_of(p)),
                    .parts = static_cast<std::int32_t>(parts_of(p, multiprocessors_)),
                    .own_rows = p.own_rows,
                    .lists = static_cast<Key*>(workspace(MatchViews::name, workspace_of(p)))};
  const auto describe = [&] { return text(op); };
  const std::size_t sort_bytes = static_cast<std::size_t>(a.room) * sizeof(Key);
  const LaunchShape shape{
      dim3(static_cast<unsigned>((p.N + a.per_block - 1) / a.per_block), static_cast<unsigned>(a.parts)),
      dim3(threads), std::max(products_bytes, sort_bytes)};
  if (holds_packs<8>(a.patterns, p.K) && holds_packs<8>(a.library, p.K)) {
    launch(describe, launches(), shape, match_tiles<true>, a);
  } else {
    launch(describe, launches(), shape, match_tiles<false>, a);
  }
  launch(describe, launches(), {dim3(static_cast<unsigned>(p.N)), dim3(threads), sort_bytes}, join_lists, a,
         op.row.as<std::int32_t>(), op.scale.as<std::int32_t>(), op.similarity.as<float>());
}

}  // namespace bragg::cuda
