// A convolution, its bias, ReLU and dropout, and average pooling (kernel 3, stride 2) in one kernel for
// sm_90a: the convolution's output, twice the size of what is stored, stays in registers.
//
// A row of the product is 8 outputs of the convolution and the first of the next row, which the row's last
// pool window needs: (8 stride + kernel) C_in contiguous numbers of src. Its columns are the weights nine
// times over, each further down by a step, with zeros around them; K is little more than kernel * C_in where
// the stride is small. So a number of src that is not finite spoils all outputs of its row.
//
// Columns are ordered for the accumulator of wgmma, of which a lane has columns 8 j + 2 t + {0, 1}: 8
// channels of output 0, the same of output 1 ... of output 8, then the next 8 channels. A lane then holds all
// outputs of its rows for the 8 channels of a block of 32 that one random call serves, and pools without
// asking another one: a product with the unit matrix adds up the rounded outputs of both of its rows at once.
//
// Blocks stay: the columns of 32 channels lie in shared memory while the tiles of src, 64 rows each, come and
// go through a ring. The two warpgroups that multiply take turns, so that one stores while the other
// multiplies; what a block does is cut by its cost, a contiguous piece of the list (channels, tile).
#include <algorithm>

#include "kernels/cuda/conv1d_pool_rows.cuh"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/ring.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/device/tma.cuh"
#include "kernels/cuda/device/wgmma.cuh"
#include "kernels/cuda/gemm/flat_view.h"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

constexpr int tile_rows = 64, k_boxes = 3, longest_row = k_boxes * box_columns;
constexpr std::uint32_t box_row = box_columns * sizeof(BFloat16);
constexpr std::uint32_t src_box = tile_rows * box_row, weights_box = block_columns * box_row;
static_assert(src_box % 1024 == 0 && weights_box % 1024 == 0);
constexpr int multipliers = 2, stages = 2;  // of each
constexpr std::uint32_t tile_bytes = k_boxes * src_box, weights_bytes = k_boxes * products * weights_box;
constexpr int pool_threads = 128 * (1 + multipliers);

/// full[m][s]: stage s of warpgroup m has arrived; empty[m][s]: it is done with it. turn[m]: it may multiply.
struct Barriers {
  SharedBarrier full[multipliers][stages], empty[multipliers][stages], turn[multipliers];
  SharedBarrier weights_full, weights_empty;
};
constexpr std::uint32_t store_bytes = multipliers * 4 * OctetStage::bytes;  // by which warps store
constexpr std::size_t pool_shared_bytes =
    weights_bytes + multipliers * stages * tile_bytes + store_bytes + sizeof(Barriers);

// ---- the product ----

/// The first of the list's entries that begins at this cost or behind it.
__device__ std::int32_t first_at(const PoolArguments& p, std::int64_t cost) {
  const std::int64_t entries = std::int64_t{p.blocks - 1} * p.tiles, before_last = entries * p.cost;
  return static_cast<std::int32_t>(cost <= before_last
                                       ? (cost + p.cost - 1) / p.cost
                                       : entries + (cost - before_last + p.last_cost - 1) / p.last_cost);
}

/// This block's piece of the list.
struct Piece {
  std::int32_t begin, end;

  __device__ explicit Piece(const PoolArguments& p) {
    const std::int64_t total = (std::int64_t{p.blocks - 1} * p.cost + p.last_cost) * p.tiles;
    begin = first_at(p, total * blockIdx.x / gridDim.x);
    end = first_at(p, total * (blockIdx.x + 1) / gridDim.x);
  }
};

struct Shared {
  unsigned char *weights, *tiles, *store;
  Barriers* barriers;

  __device__ explicit Shared(unsigned char* memory)
      : weights(memory),
        tiles(memory + weights_bytes),
        store(tiles + multipliers * stages * tile_bytes),
        barriers(reinterpret_cast<Barriers*>(store + store_bytes)) {}
  __device__ unsigned char* tile(int multiplier, int stage) const {
    return tiles + (multiplier * stages + stage) * tile_bytes;
  }
};

/// The entries of the piece in order, by turns to either warpgroup.
[[maybe_unused]] __device__ void bring(const PoolArguments& p, const Shared& shared) {
  Barriers& barriers = *shared.barriers;
  const Piece piece(p);
  Ring ring;
  std::uint32_t weights_parity = 0;
  for (std::int32_t entry = piece.begin; entry < piece.end; ++entry) {
    const std::int32_t block = entry / p.tiles, tile = entry - block * p.tiles;
    if (entry == piece.begin || tile == 0) {
      wait_for(&barriers.weights_empty, weights_parity ^ 1);
      weights_parity ^= 1;
      arrive_expecting(&barriers.weights_full, static_cast<std::uint32_t>(p.boxes) * products * weights_box);
      for (int box = 0; box < p.boxes; ++box)
        for (int product = 0; product < products; ++product)
          copy_box(shared.weights + (box * products + product) * weights_box, &p.weights, box * box_columns,
                   (block * products + product) * block_columns, &barriers.weights_full);
    }
    const int to = (entry - piece.begin) % multipliers;
    SharedBarrier* const arrived = &barriers.full[to][ring.stage];
    wait_for(&barriers.empty[to][ring.stage], ring.parity ^ 1);
    arrive_expecting(arrived, static_cast<std::uint32_t>(p.boxes) * src_box);
    const bool whole = tile < p.whole_tiles;
    for (int box = 0; box < p.boxes; ++box)
      copy_box(shared.tile(to, ring.stage) + box * src_box, whole ? &p.src : &p.last_row, box * box_columns,
               whole ? tile * tile_rows : 0, arrived);
    if (to == multipliers - 1) ring.advance<stages>();
  }
}

template <bool relu, bool dropout>
__device__ void multiply(const PoolArguments& p, const ForwardEpilogue& epilogue, const DropoutCalls& calls,
                         const Shared& shared) {
  Barriers& barriers = *shared.barriers;
  const int thread = static_cast<int>(threadIdx.x) - 128, me = thread / 128, warp = thread % 128 / 32,
            lane = thread % 32;
  const bool is_lane_0 = lane == 0;
  const DropoutStep drawn(calls, dropout ? epilogue.state->step : 0);
  const OctetStage stage(shared.store + (thread / 32) * OctetStage::bytes);
  const Adder adder;
  const Piece piece(p);
  Ring ring;
  std::uint32_t weights_parity = 0, turn_parity = me == 0;
  for (std::int32_t first = piece.begin, last = 0; first < piece.end; first = last) {
    const std::int32_t block = first / p.tiles;
    last = min(piece.end, (block + 1) * p.tiles);
    const std::int32_t c = block * channels + 2 * (lane % 4);
    const Biases bias(epilogue, c, p.C);
    wait_for(&barriers.weights_full, weights_parity);
    weights_parity ^= 1;
    for (std::int32_t entry = first + (first - piece.begin + me) % multipliers; entry < last;
         entry += multipliers, ring.advance<stages>()) {
      wait_for(&barriers.full[me][ring.stage], ring.parity);
      wait_for(&barriers.turn[me], turn_parity);
      turn_parity ^= 1;
      const std::uint32_t a = shared_address(shared.tile(me, ring.stage)), b = shared_address(shared.weights);
      float d[products][block_columns / 2];
      wgmma_fence();
      for (std::int32_t k = 0; k < p.k_steps; ++k) {
        constexpr std::int32_t in_box = box_columns / 16;
        const std::int32_t box = k / in_box;
        const std::uint32_t in_row = static_cast<std::uint32_t>(k % in_box) * 32;
#pragma unroll
        for (int product = 0; product < products; ++product)
          wgmma_m64k16<block_columns, false, false>(
              d[product], wgmma_descriptor(a + box * src_box + in_row, src_box),
              wgmma_descriptor(b + (box * products + product) * weights_box + in_row, weights_box), k > 0);
      }
      wgmma_commit();
      wgmma_wait<0>();
      __syncwarp();
      if (is_lane_0) {
        arrive(&barriers.turn[1 - me]);
        arrive(&barriers.empty[me][ring.stage]);
      }
      const std::int32_t tile = entry - block * p.tiles;
      const bool whole = tile < p.whole_tiles;
      const std::int32_t m0 = whole ? tile * tile_rows : p.whole_rows, end = p.whole_rows + (whole ? 0 : 1);
      const std::int32_t m = m0 + 16 * warp + lane / 4;
      PooledRow rows[] = {{p, calls, m, end, block}, {p, calls, m + 8, end, block}};
      pool_rows<relu, dropout>(p, epilogue, calls, drawn, bias, adder, d, stage, block, rows);
    }
    __syncwarp();
    if (is_lane_0) arrive(&barriers.weights_empty);
  }
}

/// Grid: as many blocks as run at a time, or entries if they are fewer.
template <bool relu, bool dropout>
__global__ void __launch_bounds__(pool_threads, 1)
    conv_pool(const __grid_constant__ PoolArguments p, const __grid_constant__ ForwardEpilogue epilogue,
              const __grid_constant__ DropoutCalls calls) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  const Shared shared(shared_memory<unsigned char>());
  if (threadIdx.x == 0) {
    Barriers& barriers = *shared.barriers;
    for (int m = 0; m < multipliers; ++m) {
      for (int stage = 0; stage < stages; ++stage) {
        init_barrier(&barriers.full[m][stage], 1);
        init_barrier(&barriers.empty[m][stage], 4);  // warps
      }
      init_barrier(&barriers.turn[m], 4);
    }
    init_barrier(&barriers.weights_full, 1);
    init_barrier(&barriers.weights_empty, 4 * multipliers);
    fence_barrier_init();
  }
  wait_for_previous_kernel();
  __syncthreads();
  if (threadIdx.x < 128) {
    release_registers<40>();
    if (threadIdx.x == 0) bring(p, shared);
  } else {
    request_registers<232>();
    multiply<relu, dropout>(p, epilogue, calls, shared);
  }
#endif
}

/// Rows of the product that an item has: the last one may have the convolution's last output as its ninth.
std::int64_t rows_of(const Conv1dProblem& p) {
  return std::max<std::int64_t>((p.L_out() - 1 + row_step - 1) / row_step, 1);
}

}  // namespace

bool CudaBackend::has_op(const Conv1dPoolForward& op) const {
  const Conv1dProblem& p = op.problem;
  return conv1d_wgmma_ && op.pool.kernel == pool_kernel && op.pool.stride == pool_stride &&
         p.C_out % group == 0 && (row_step * p.stride + p.kernel) * p.C_in <= longest_row &&
         conv1d_steps(p) % row_step == 0;
}

std::size_t CudaBackend::workspace_of(const Conv1dPoolForward& op) const {
  return op.problem.N > 0 && has_op(op) ? SteppedWeights(*this, op.problem).bytes() : 0;
}

void CudaBackend::run_op(const Conv1dPoolForward& op) {
  const Conv1dProblem& p = op.problem;
  const auto describe = [&] { return text(op); };
  const std::int64_t step = p.stride * p.C_in, row_stride = row_step * step;
  const SteppedWeights stepped(*this, p);
  const WeightOrder order = order_of(*this, p, stepped, op.weights.data);
  const auto* const columns_of_b =
      in_order<BFloat16>(order, workspace("conv1d_pool_forward", stepped.bytes()));
  note(order);

  const std::int64_t rows_per_item = rows_of(p),
                     pitch = p.N > 1 ? op.src.item_stride / row_stride : rows_per_item,
                     rows = (p.N - 1) * pitch + rows_per_item, K = stepped.row_length;
  // Rows up to the last lie in src, as the next one's first window does; the last one may not.
  const std::int64_t last_row_length =
      std::min(K, (p.N - 1) * op.src.item_stride + p.L_in * p.C_in - (rows - 1) * row_stride);
  const std::int64_t whole_rows = last_row_length == K ? rows : rows - 1;
  const auto* const data = op.src.item<BFloat16>(0);
  const FlatView last_row{data + (rows - 1) * row_stride, row_stride, last_row_length, 1, 1, 1};
  const FlatView all_whole{data, row_stride, K, whole_rows, pitch, rows_per_item};

  PoolArguments arguments{};
  arguments.last_row = make_tensor_map(last_row, tile_rows);
  arguments.src = whole_rows > 0 ? make_tensor_map(all_whole, tile_rows) : arguments.last_row;
  arguments.weights = make_tensor_map(
      {columns_of_b, stepped.row_stride, K, stepped.rows, stepped.rows, stepped.rows}, block_columns);
  arguments.whole_rows = static_cast<std::int32_t>(whole_rows);
  arguments.whole_tiles = static_cast<std::int32_t>((whole_rows + tile_rows - 1) / tile_rows);
  arguments.tiles = arguments.whole_tiles + static_cast<std::int32_t>(rows - whole_rows);
  arguments.pitch = Division(pitch);
  arguments.rows_per_item = static_cast<std::int32_t>(rows_per_item);
  arguments.L_out = static_cast<std::int32_t>(p.L_out());
  arguments.C = static_cast<std::int32_t>(p.C_out);
  arguments.boxes = static_cast<std::int32_t>((K + box_columns - 1) / box_columns);
  arguments.k_steps = static_cast<std::int32_t>((K + 15) / 16);
  arguments.blocks = stepped.rows / (products * block_columns);
  // In fourths of what one of its groups of channels takes: the random calls of a block's tile are as much work as 18
  // (instructions of the compiled kernel), however many groups there are.
  constexpr std::int32_t of_group = 4;
  const std::int32_t draws = op.epilogue.dropout.p > 0 ? 18 : 0;
  const auto last_groups = static_cast<std::int32_t>(p.C_out / group) - (arguments.blocks - 1) * block_groups;
  arguments.cost = draws + of_group * block_groups;
  arguments.last_cost = draws + of_group * last_groups;
  arguments.dst = op.dst.item<BFloat16>(0);
  arguments.dst_item_stride = op.dst.item_stride;
  arguments.kept = op.kept.as<std::uint32_t>();
  const std::int64_t entries = std::int64_t{arguments.blocks} * arguments.tiles;
  const ForwardEpilogue epilogue(op.epilogue);
  const auto run = [&](const auto& kernel) {
    launch(describe, launches(),
           {dim3(static_cast<unsigned>(std::min<std::int64_t>(entries, multiprocessors_))),
            dim3(pool_threads), pool_shared_bytes},
           kernel, arguments, epilogue, DropoutCalls(epilogue, p.C_out));
  };
  if (epilogue.drop_below > 0) {
    run(epilogue.relu ? conv_pool<true, true> : conv_pool<false, true>);
  } else {
    run(epilogue.relu ? conv_pool<true, false> : conv_pool<false, false>);
  }
}

}  // namespace bragg::cuda
