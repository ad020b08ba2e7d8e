// The main loop of gemm_wgmma.cuh with an operand B that is made instead of brought: gradients of a convolution's outputs, which
// would be twice as much to read as what a pooling behind it got of them, and first to be written.
//
// A block is three warpgroups, as there. Two multiply. The threads of the first lay gradients down as TMA would a box by rows of k,
// each from numbers that it asked for a stage ahead, and one of them has TMA bring A.
#include <algorithm>

#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/proxy.cuh"
#include "kernels/cuda/gemm/join_pieces.cuh"
#include "kernels/cuda/gemm/pooled_gradient.h"
#include "kernels/cuda/gemm/store_gradient.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

constexpr int channels = pooled_gradient_channels, octets = channels / 8, outputs_of_tile = 2;
using Tile = WgmmaTile<256, outputs_of_tile * channels, Contiguous::mn, Contiguous::mn, 0>;

constexpr int maker_warps = 4;
/// A lane has a row of a warp's 16, and every second octet of it: 8 neighbouring rows of one octet are laid down at once, which the
/// swizzle spreads over all banks.
constexpr int lane_octets = octets / 2, kept_words_of_row = (channels + 31) / 32;
static_assert(Tile::k_step == 16 * maker_warps && octets % 2 == 0);

/// What a lane has of a row: of two neighbouring outputs the windows that they are in and their bits.
struct PooledRow {
  const BFloat16* window = nullptr;     ///< the last one's octet
  const std::uint32_t* kept = nullptr;  ///< the first output's words
  /// The second output is in the last window alone.
  bool has_output = false, has_second = false, has_window = false, has_before = false;

  PooledRow() = default;
  __device__ PooledRow(const PooledGradient& g, std::int32_t k, std::int32_t first_output, int octet) {
    const std::uint32_t item = g.pitch.quotient(static_cast<std::uint32_t>(k));
    const std::int32_t in_item = k - static_cast<std::int32_t>(item * g.pitch.divisor);
    const std::int32_t output = in_item * g.outputs + first_output, t = output / 2;
    has_output = k < g.rows && output < g.outputs_per_item;
    has_second = has_output && output + 1 < g.outputs_per_item;
    has_window = has_output && t < g.windows;
    has_before = has_output && t > 0;
    window = g.diff_dst + item * g.item_stride + (t * channels + 8 * octet);
    kept = g.kept + multiply_wide(item * static_cast<std::uint32_t>(g.outputs_per_item) +
                                      static_cast<std::uint32_t>(output),
                                  kept_words_of_row);
  }
};

/// Two neighbours, each where its bit is set; otherwise 0, and a NaN stays one.
__device__ std::uint32_t passed(float low, float high, std::uint32_t bits, int v, float scale) {
  return pack_bf16(low * ((bits >> v & 1) != 0 ? scale : 0.0f),
                   high * ((bits >> (v + 1) & 1) != 0 ? scale : 0.0f));
}

/// A lane's part of a stage, on its way.
class Asked {
 public:
  __device__ void ask(const PooledRow& row, int index) {
    Part& to = parts_[index];
    to = {};
    if (row.has_window) to.last = load_octet(row.window + 16 * index);
    if (row.has_before) to.before = load_octet(row.window + (16 * index - channels));
    if (row.has_output) to.kept[0] = row.kept[index / 2];
    if (row.has_second) to.kept[1] = row.kept[index / 2 + kept_words_of_row];
  }

  /// Asks for `next` as it goes. `row`: of the stage; octet o of output j goes to column 8 (j octets + o).
  __device__ void put(unsigned char* b, int row, int octet, float scale, const PooledRow& next) {
    unsigned char* const begin = b + row * static_cast<int>(Tile::box_row);
    const int swizzle = (octet ^ row % 8) * 16;
#pragma unroll
    for (int index = 0; index < lane_octets; ++index) {
      const Part part = parts_[index];
      ask(next, index);
      const std::uint32_t bits[] = {part.kept[0] >> 8 * octet, part.kept[1] >> 8 * octet};
      std::uint32_t words[outputs_of_tile][4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const Pack<float, 2> x = unpack_bf16(part.before.at[i]), y = unpack_bf16(part.last.at[i]);
        const int bit = index % 2 * 16 + 2 * i;
        words[0][i] = passed(x.at[0] + y.at[0], x.at[1] + y.at[1], bits[0], bit, scale);
        words[1][i] = passed(y.at[0], y.at[1], bits[1], bit, scale);
      }
#pragma unroll
      for (int output = 0; output < outputs_of_tile; ++output) {
        const int column = output * octets + 2 * index;  // and the lane's octet, 0 or 1
        store_octet(reinterpret_cast<BFloat16*>(begin + column / 8 * static_cast<int>(Tile::k_box) +
                                                (column % 8 * 16 ^ swizzle)),
                    words[output]);
      }
    }
  }

 private:
  struct Part {
    Octet last, before;
    std::uint32_t kept[2];
  };
  Part parts_[lane_octets];
};

/// A block's steps, one after the other.
class Steps {
 public:
  __device__ explicit Steps(const WgmmaArguments& p) : work_(p.k, static_cast<std::int32_t>(blockIdx.x)) {
    begin_piece();
  }
  __device__ void next() {
    if (++step >= work_.last) begin_piece();
  }

 private:
  __device__ void begin_piece() {
    exists = work_.next();
    tile = work_.tile;
    step = work_.first;
  }
  Work work_;

 public:
  bool exists = false;
  std::int32_t tile = 0, step = 0;
};

/// Unused where the kernel is empty: of other architectures.
[[maybe_unused]] __device__ void make(const WgmmaArguments& p, const PooledGradient& gradient,
                                      unsigned char* memory, SharedBarrier* full, SharedBarrier* empty) {
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, octet = lane / 16,
            row = thread / 32 * 16 + lane % 16;
  const auto row_of = [&](const Steps& at) {
    const std::int32_t first_output = wgmma_gemm::place_of(p, at.tile, 0).n * outputs_of_tile;
    return at.exists ? PooledRow(gradient, at.step * Tile::k_step + row, first_output, octet) : PooledRow();
  };
  Steps at(p);
  Asked asked;
  const PooledRow first = row_of(at);
#pragma unroll
  for (int index = 0; index < lane_octets; ++index)
    asked.ask(first, index);
  for (Ring ring; at.exists; ring.advance<Tile::stages>()) {
    const std::int32_t k = at.step * Tile::k_step, m0 = wgmma_gemm::place_of(p, at.tile, 0).m * Tile::m;
    at.next();
    const PooledRow next = row_of(at);
    wait_for(&empty[ring.stage], ring.parity ^ 1);
    SharedBarrier* const arrived = &full[ring.stage];
    unsigned char* const a = memory + ring.stage * Tile::stage_bytes;
    if (thread == 0) {
      arrive_expecting(arrived, Tile::a_bytes);
      wgmma_gemm::bring_operand<Tile::a_order, Tile::m / box_columns, Tile>(a, p.a, k, m0, 0, 0, arrived);
    }
    __syncwarp();
    asked.put(a + Tile::a_bytes, row, octet, gradient.scale, next);
    fence_async_proxy();
    __syncwarp();
    if (lane == 0) arrive(arrived);
  }
}

/// Grid: p.k.ranges blocks.
__global__ void __launch_bounds__(Tile::threads, 1)
    pooled_backward_weights(const __grid_constant__ WgmmaArguments p, const TransposedStore store,
                            const __grid_constant__ PooledGradient gradient) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  unsigned char* const memory = shared_memory<unsigned char>();
  auto* const full = reinterpret_cast<SharedBarrier*>(memory + Tile::stages * Tile::stage_bytes);
  SharedBarrier* const empty = full + Tile::stages;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Tile::stages; ++stage) {
      init_barrier(&full[stage], 1 + maker_warps);
      init_barrier(&empty[stage], Tile::warps);
    }
    fence_barrier_init();
  }
  wait_for_previous_kernel();
  __syncthreads();
  if (threadIdx.x < 128) {
    release_registers<128>();
    make(p, gradient, memory, full, empty);
  } else {
    request_registers<192>();
    wgmma_gemm::multiply_all<Tile>(p, store, memory, full, empty);
  }
#endif
}

}  // namespace

void gemm_pooled_backward_weights(const Describe& describe_op, const GemmTarget& target,
                                  const FlatView& windows, const PooledGradient& gradient,
                                  const WeightGradient& diff) {
  WgmmaArguments p{};
  p.a = make_tensor_map(windows, wgmma_k_step);
  p.M = static_cast<std::int32_t>(windows.row_length);
  p.N = gradient.outputs * channels;
  p.pitch = Division(p.M);
  p.rows_per_item = p.M;
  p.pairs = Pairs::none;
  p.tiles_m = (p.M + Tile::m - 1) / Tile::m;
  p.tiles_n = p.N / Tile::n;
  p.b_sums = diff.bias;
  const std::int32_t tiles = p.tiles_m * p.tiles_n,
                     steps = static_cast<std::int32_t>((windows.rows + Tile::k_step - 1) / Tile::k_step);
  WgmmaConfig config{.tile_m = Tile::m, .tile_n = Tile::n};
  config.blocks = std::clamp(tiles * steps / 4, 1, target.multiprocessors);
  config.even = config.blocks > 1 && tiles % config.blocks != 0;
  if (target.choices) target.choices->push_back(describe(config, p.M, p.N, windows.rows));
  constexpr double clocks_of_step = Tile::m * Tile::n / 32;  // gemm_config.cpp's
  if (target.clocks) *target.clocks += clocks_of_step * tiles * steps;
  const auto blocks = static_cast<std::int32_t>(config.blocks);
  p.k = {tiles, steps, blocks, config.even, target.sums, Tile::slot_length};
  const TransposedStore store{diff.weights, diff.row_stride};
  launch(describe_op, target.launches,
         {dim3(static_cast<unsigned>(blocks)), dim3(Tile::threads), Tile::shared_bytes, 1},
         pooled_backward_weights, p, store, gradient);
  if (!config.even) return;
  constexpr auto slices = static_cast<unsigned>(wgmma_gemm::slices<Tile, TransposedStore>());
  launch(describe_op, target.launches,
         {dim3(static_cast<unsigned>(blocks), slices), dim3(128 * Tile::consumers), Tile::store_bytes, 1},
         join_pieces<Tile, TransposedStore>, p, store);
}

}  // namespace bragg::cuda
