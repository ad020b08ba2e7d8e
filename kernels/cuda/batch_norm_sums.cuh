// The sums of batch normalisation over all rows of a batch. Neighbouring threads have neighbouring packs of channels,
// then the next rows, so that a warp reads what lies side by side. Thread, block and chunk are joined in a fixed order,
// in double from the block on, by means and squares of deviations from them (Chan, Golub & LeVeque 1983): no
// cancellation, no atomics.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "kernels/cuda/by_packs.h"
#include "kernels/cuda/device/division.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/warp.cuh"
#include "kernels/ops/batch_norm.h"

namespace bragg::cuda::batch_norm {

inline constexpr int threads = 256, warps = threads / 32;

// A thread's rows at least, and chunks of a batch at most.
inline constexpr std::int32_t rows_of_thread = 16, most_chunks = 512;

/// How the rows of a batch are cut for sums. A function of the shape alone, never of the device.
struct Cut {
  std::int32_t rows, L, C, packs;
  std::int32_t tile;          ///< packs that lie side by side in a block
  std::int32_t rows_at_once;  ///< of a block
  std::int32_t rows_of_chunk, chunks;
  Division by_L, by_tile;

  Cut(const BatchNormProblem& p, int V)
      : rows(static_cast<std::int32_t>(p.rows())),
        L(static_cast<std::int32_t>(p.L)),
        C(static_cast<std::int32_t>(p.C)),
        packs(static_cast<std::int32_t>(p.C / V)),
        tile(packs < threads ? packs : threads),
        rows_at_once(threads / tile),
        by_L(p.L),
        by_tile(tile) {
    const std::int32_t least = rows_of_thread * rows_at_once;
    const std::int32_t wanted = (rows + least - 1) / least;
    const std::int32_t cut = wanted < most_chunks ? wanted : most_chunks;
    rows_of_chunk = (rows + cut - 1) / cut;
    chunks = (rows + rows_of_chunk - 1) / rows_of_chunk;
  }

  dim3 grid() const {
    return dim3(static_cast<unsigned>(chunks), static_cast<unsigned>((packs + tile - 1) / tile));
  }
  __device__ std::int32_t first_row(std::int32_t chunk) const { return chunk * rows_of_chunk; }
  __device__ std::int32_t last_row(std::int32_t chunk) const {
    return min(first_row(chunk) + rows_of_chunk, rows);
  }
};

/// A thread's place in a block: its pack, and its row among those at once.
struct Place {
  std::int32_t row, pack;
  bool has_channels;

  __device__ explicit Place(const Cut& cut) {
    row = static_cast<std::int32_t>(cut.by_tile.quotient(threadIdx.x));
    const std::int32_t in_tile = static_cast<std::int32_t>(threadIdx.x) - row * cut.tile;
    pack = static_cast<std::int32_t>(blockIdx.y) * cut.tile + in_tile;
    has_channels = row < cut.rows_at_once && pack < cut.packs;
  }
};

/// Calls visit(pack of the tile, v, channel) for the channels of a block's tile, each by a thread of its own.
template <int V, typename Visit>
__device__ void for_channels_of_tile(const Cut& cut, const Visit& visit) {
  for (auto i = static_cast<std::int32_t>(threadIdx.x); i < cut.tile * V; i += threads) {
    const auto v = static_cast<std::int32_t>(cut.by_tile.quotient(static_cast<std::uint32_t>(i)));
    const std::int32_t in_tile = i - v * cut.tile,
                       pack = static_cast<std::int32_t>(blockIdx.y) * cut.tile + in_tile;
    if (pack < cut.packs) visit(in_tile, v, pack * V + v);
  }
}

/// Two numbers of every channel of every chunk, (2, C, chunks).
struct Partials {
  double* numbers;
  std::int32_t C, chunks;
  __device__ double& at(int which, std::int32_t c, std::int32_t chunk) const {
    return numbers[(std::int64_t{which} * C + c) * chunks + chunk];
  }
};

template <int V, typename T>
__device__ Pack<T, V> load_row(const Cut& cut, const Items<const T>& a, std::int32_t row, std::int32_t pack) {
  const auto n = static_cast<std::int32_t>(cut.by_L.quotient(static_cast<std::uint32_t>(row)));
  const std::int32_t t = row - n * cut.L;
  return load<V>(a.data + n * a.stride + std::int64_t{t} * cut.C + pack * V);
}

/// Mean of a chunk's rows, and the squares of their deviations from it, of every channel. A thread's numbers
/// are taken from its first.
template <typename T, int V>
__global__ void __launch_bounds__(threads)
    moments_of_chunks(const Cut cut, const Items<const T> src, const Partials partials) {
  wait_for_previous_kernel();
  __shared__ double means[V][threads], squares[V][threads];  // of neighbouring threads side by side
  const Place place(cut);
  const auto chunk = static_cast<std::int32_t>(blockIdx.x);
  const std::int32_t begin = cut.first_row(chunk), last = cut.last_row(chunk);
  const std::int32_t mine = begin + place.row;
  if (place.has_channels && mine < last) {
    float first[V], sum[V] = {}, square[V] = {};
    const Pack<T, V> at_first = load_row<V>(cut, src, mine, place.pack);
#pragma unroll
    for (int v = 0; v < V; ++v)
      first[v] = as_float(at_first.at[v]);
    for (std::int32_t row = mine + cut.rows_at_once; row < last; row += cut.rows_at_once) {
      const Pack<T, V> x = load_row<V>(cut, src, row, place.pack);
#pragma unroll
      for (int v = 0; v < V; ++v) {
        const float apart = as_float(x.at[v]) - first[v];
        sum[v] += apart;
        square[v] += apart * apart;
      }
    }
    const double count = (last - mine + cut.rows_at_once - 1) / cut.rows_at_once;
#pragma unroll
    for (int v = 0; v < V; ++v) {
      const double shift = static_cast<double>(sum[v]) / count;
      means[v][threadIdx.x] = static_cast<double>(first[v]) + shift;
      squares[v][threadIdx.x] =
          fmax(static_cast<double>(square[v]) - static_cast<double>(sum[v]) * shift, 0.0);
    }
  }
  __syncthreads();
  // Of rows that are no multiple of rows_at_once the first threads have one more.
  const std::int32_t rows = last - begin, used = min(rows, cut.rows_at_once), each = rows / cut.rows_at_once,
                     left = rows - each * cut.rows_at_once;
  for_channels_of_tile<V>(cut, [&](std::int32_t in_tile, std::int32_t v, std::int32_t c) {
    const auto count_of = [&](std::int32_t row) { return static_cast<double>(row < left ? each + 1 : each); };
    double mean = 0, square = 0;
    for (std::int32_t row = 0; row < used; ++row)
      mean += count_of(row) * means[v][row * cut.tile + in_tile];
    mean /= rows;
    for (std::int32_t row = 0; row < used; ++row) {
      const double apart = means[v][row * cut.tile + in_tile] - mean;
      square += squares[v][row * cut.tile + in_tile] + count_of(row) * apart * apart;
    }
    partials.at(0, c, chunk) = mean;
    partials.at(1, c, chunk) = square;
  });
}

/// The channel of this warp; none: C or more.
__device__ inline std::int32_t channel_of_warp() {
  return static_cast<std::int32_t>(blockIdx.x * warps + threadIdx.x / 32);
}

struct Moments {
  float *mean, *inverse_deviation, *running_mean, *running_variance;
};

/// Of channel c, from its mean over so many rows and the squares of their deviations from it.
__device__ inline void leave_moments(const Moments& results, std::int32_t c, double rows, double mean,
                                     double square, double epsilon, double momentum) {
  results.mean[c] = static_cast<float>(mean);
  results.inverse_deviation[c] = static_cast<float>(1 / sqrt(square / rows + epsilon));
  const auto move = [&](float& running, double to) {
    running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * to);
  };
  move(results.running_mean[c], mean);
  move(results.running_variance[c], square / (rows - 1));
}

/// A warp per channel.
static __global__ void __launch_bounds__(threads)
    join_moments(const Cut cut, const Partials partials, double epsilon, double momentum,
                 const Moments results) {
  wait_for_previous_kernel();
  const std::int32_t c = channel_of_warp();
  if (c >= cut.C) return;
  const auto lane = static_cast<std::int32_t>(threadIdx.x % 32);
  const auto count_of = [&](std::int32_t chunk) {
    return static_cast<double>(cut.last_row(chunk) - cut.first_row(chunk));
  };
  double mean = 0, square = 0;
  for (std::int32_t chunk = lane; chunk < cut.chunks; chunk += 32)
    mean += count_of(chunk) * partials.at(0, c, chunk);
  mean = warp_sum(mean) / cut.rows;
  for (std::int32_t chunk = lane; chunk < cut.chunks; chunk += 32) {
    const double apart = partials.at(0, c, chunk) - mean;
    square += partials.at(1, c, chunk) + count_of(chunk) * apart * apart;
  }
  square = warp_sum(square);
  if (lane == 0) leave_moments(results, c, cut.rows, mean, square, epsilon, momentum);
}

/// Sums of diff and of diff (src - mean) over a chunk's rows, of every channel.
template <typename T, int V>
__global__ void __launch_bounds__(threads)
    gradients_of_chunks(const Cut cut, const Items<const T> diff, const Items<const T> src,
                        const float* __restrict__ mean, const Partials partials) {
  wait_for_previous_kernel();
  __shared__ double sums[V][threads], products[V][threads];  // of neighbouring threads side by side
  const Place place(cut);
  const auto chunk = static_cast<std::int32_t>(blockIdx.x);
  if (place.has_channels) {
    float sum[V] = {}, product[V] = {}, middle[V];
#pragma unroll
    for (int v = 0; v < V; ++v)
      middle[v] = mean[place.pack * V + v];
    for (std::int32_t row = cut.first_row(chunk) + place.row; row < cut.last_row(chunk);
         row += cut.rows_at_once) {
      const Pack<T, V> d = load_row<V>(cut, diff, row, place.pack),
                       x = load_row<V>(cut, src, row, place.pack);
#pragma unroll
      for (int v = 0; v < V; ++v) {
        sum[v] += as_float(d.at[v]);
        product[v] += as_float(d.at[v]) * (as_float(x.at[v]) - middle[v]);
      }
    }
#pragma unroll
    for (int v = 0; v < V; ++v) {
      sums[v][threadIdx.x] = static_cast<double>(sum[v]);
      products[v][threadIdx.x] = static_cast<double>(product[v]);
    }
  }
  __syncthreads();
  for_channels_of_tile<V>(cut, [&](std::int32_t in_tile, std::int32_t v, std::int32_t c) {
    double sum = 0, product = 0;
    for (std::int32_t row = 0; row < cut.rows_at_once; ++row) {
      sum += sums[v][row * cut.tile + in_tile];
      product += products[v][row * cut.tile + in_tile];
    }
    partials.at(0, c, chunk) = sum;
    partials.at(1, c, chunk) = product;
  });
}

/// A warp per channel.
static __global__ void __launch_bounds__(threads)
    join_gradients(const Cut cut, const Partials partials, const float* __restrict__ inverse_deviation,
                   float* __restrict__ diff_scale, float* __restrict__ diff_shift) {
  wait_for_previous_kernel();
  const std::int32_t c = channel_of_warp();
  if (c >= cut.C) return;
  const auto lane = static_cast<std::int32_t>(threadIdx.x % 32);
  double sum = 0, product = 0;
  for (std::int32_t chunk = lane; chunk < cut.chunks; chunk += 32) {
    sum += partials.at(0, c, chunk);
    product += partials.at(1, c, chunk);
  }
  sum = warp_sum(sum);
  product = warp_sum(product);
  if (lane != 0) return;
  diff_shift[c] = static_cast<float>(sum);
  diff_scale[c] = static_cast<float>(product * static_cast<double>(inverse_deviation[c]));
}

}  // namespace bragg::cuda::batch_norm
