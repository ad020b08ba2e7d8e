// The bfloat16 main loop for sm_90a where k is short, so that storing a tile takes about as long as multiplying it. Both operands
// go by rows of k. Of a block's two warpgroups that multiply, each has tiles of its own, and one stores while the other multiplies:
// turn[g] says that warpgroup g may begin. All steps of a tile's columns of B stay in shared memory, while those of A come and go
// through a ring of stages, in the order of the tiles.
//
// full[s]: stage s has arrived, empty[s]: the four warps that multiply it are done with it. b_full[k]: step k of B has arrived,
// b_empty: all eight warps are done with its columns. ready[s]: what has arrived is changed, where it is (gemm_wgmma.cuh).
//
// The order of the sums is that of gemm_wgmma.cuh.
#pragma once

#include "kernels/cuda/gemm/gemm_wgmma.cuh"

namespace bragg::cuda {

/// k: of all tiles as one row of single steps, a piece to a block.
struct TurnsArguments : WgmmaArguments {
  std::int32_t steps, stages;
};

/// What `put` must know of the tile of a warpgroup.
template <int n_, int warp_stage_>
struct TurnsTile {
  static constexpr int m = rows_in_turns, n = n_, m_blocks = m / 64;
  static constexpr int warp_stage = warp_stage_, warps = 4;
  static constexpr int groups = 2, threads = 128 * (1 + groups);
  static constexpr std::uint32_t box_row = box_columns * sizeof(BFloat16);
  static constexpr std::uint32_t a_bytes = m * box_row, b_bytes = n * box_row;  // of a step
  static_assert(b_bytes % 1024 == 0 && wgmma_k_step == box_columns);
  static constexpr int store_bytes = groups * warps * warp_stage;
  static_assert(store_bytes % 1024 == 0);
};

namespace wgmma_in_turns {

struct Barriers {
  SharedBarrier full[most_stages_in_turns], empty[most_stages_in_turns], ready[most_stages_in_turns],
      b_full[most_steps_in_turns], turn[2], b_empty;
};
static_assert(sizeof(Barriers) <= barrier_bytes_in_turns);

/// Where what lies in shared memory: in an order in which all but B has its place at compile time.
template <typename Tile>
struct Shared {
  unsigned char* memory;

  __device__ Barriers& barriers() const { return *reinterpret_cast<Barriers*>(memory); }
  __device__ unsigned char* store() const { return memory + barrier_bytes_in_turns; }
  __device__ unsigned char* a(int stage) const {
    return store() + Tile::store_bytes + stage * static_cast<int>(Tile::a_bytes);
  }
  __device__ unsigned char* b(const TurnsArguments& p, int step) const {
    return a(p.stages) + step * static_cast<int>(Tile::b_bytes);
  }
  static std::size_t bytes(const TurnsArguments& p) {
    return barrier_bytes_in_turns + Tile::store_bytes + static_cast<std::size_t>(p.stages) * Tile::a_bytes +
           static_cast<std::size_t>(p.steps) * Tile::b_bytes;
  }
};

/// A block's piece of the list of all tiles, in which those with the same columns are neighbours: one such run after the other.
class Runs {
 public:
  __device__ explicit Runs(const TurnsArguments& p)
      : tiles_m_(p.tiles_m),
        begin_(p.k.begin(static_cast<std::int32_t>(blockIdx.x))),
        end_(p.k.begin(static_cast<std::int32_t>(blockIdx.x) + 1)),
        last(begin_) {}

  __device__ bool next() {
    if (last >= end_) return false;
    first = last;
    columns = first / tiles_m_;
    last = min(end_, (columns + 1) * tiles_m_);
    return true;
  }
  /// The first tile of the run for a warpgroup, which has every second one of the piece.
  __device__ std::int32_t first_of(int group) const { return first + (first - begin_ + group) % 2; }
  __device__ std::int32_t row_of(std::int32_t tile) const { return tile - columns * tiles_m_; }

 private:
  std::int32_t tiles_m_, begin_, end_;

 public:
  std::int32_t first = 0, last, columns = 0;  ///< tiles [first, last)
};

/// A ring of so many stages as there is memory for.
struct LongRing : Ring {
  __device__ void advance(std::int32_t count, std::int32_t stages) {
    stage += count;
    for (; stage >= stages; parity ^= 1)
      stage -= stages;
  }
};

template <typename Tile>
__device__ void bring(const TurnsArguments& p, const Shared<Tile>& shared) {
  Barriers& barriers = shared.barriers();
  LongRing ring;
  std::uint32_t run_parity = 0;
  for (Runs run(p); run.next(); run_parity ^= 1) {
    wait_for(&barriers.b_empty, run_parity ^ 1);
    for (std::int32_t tile = run.first; tile < run.last; ++tile) {
      for (std::int32_t step = 0; step < p.steps; ++step, ring.advance(1, p.stages)) {
        const std::int32_t k = step * wgmma_k_step;
        if (tile == run.first) {
          arrive_expecting(&barriers.b_full[step], Tile::b_bytes);
          copy_box(shared.b(p, step), &p.b, k, run.columns * Tile::n, &barriers.b_full[step]);
        }
        SharedBarrier* const arrived = &barriers.full[ring.stage];
        wait_for(&barriers.empty[ring.stage], ring.parity ^ 1);
        arrive_expecting(arrived, Tile::a_bytes);
        copy_box(shared.a(ring.stage), &p.a, k, run.row_of(tile) * Tile::m, arrived);
      }
    }
  }
}

/// As wgmma_gemm::change.
template <typename Tile, typename Source>
__device__ void change(const TurnsArguments& p, const Source& source, const Shared<Tile>& shared, int warp) {
  Barriers& barriers = shared.barriers();
  LongRing ring;
  for (Runs run(p); run.next();) {
    for (std::int32_t tile = run.first; tile < run.last; ++tile) {
      const auto part = source.template part<Tile::m>(run.row_of(tile) * Tile::m, warp);
      for (std::int32_t step = 0; step < p.steps; ++step, ring.advance(1, p.stages)) {
        wait_for(&barriers.full[ring.stage], ring.parity);
        source.template change<1>(shared.a(ring.stage), 0, part, step * wgmma_k_step, warp);
        fence_async_proxy();
        __syncwarp();
        if (threadIdx.x % 32 == 0) arrive(&barriers.ready[ring.stage]);
      }
    }
  }
}

/// The sums of a tile, and the turn to the other warpgroup as soon as all products are under way. `awaits_b`: of the warpgroup's
/// first tile of a run, with that run's parity; `arrived`: Barriers::full or ready.
template <typename Tile>
__device__ void multiply(const TurnsArguments& p, const Shared<Tile>& shared, SharedBarrier* arrived,
                         int group, LongRing& ring, bool awaits_b, std::uint32_t run_parity,
                         float (&d)[Tile::m_blocks][Tile::n / 2]) {
  Barriers& barriers = shared.barriers();
  const bool speaks = threadIdx.x % 32 == 0;
  constexpr std::uint32_t m_block = 64 * Tile::box_row;
  int before = 0;
  for (std::int32_t step = 0; step < p.steps; ++step, ring.advance(1, p.stages)) {
    wait_for(&arrived[ring.stage], ring.parity);
    if (awaits_b) wait_for(&barriers.b_full[step], run_parity);
    const std::uint32_t a = shared_address(shared.a(ring.stage)), b = shared_address(shared.b(p, step));
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < wgmma_k_step / 16; ++i)
#pragma unroll
      for (int block = 0; block < Tile::m_blocks; ++block)
        wgmma_m64k16<Tile::n, false, false>(d[block], wgmma_descriptor(a + block * m_block + i * 32, m_block),
                                            wgmma_descriptor(b + i * 32, Tile::b_bytes), step > 0 || i > 0);
    wgmma_commit();
    // The step before is done: its stage may be filled again.
    wgmma_wait<1>();
    __syncwarp();
    if (speaks && step > 0) arrive(&barriers.empty[before]);
    before = ring.stage;
  }
  if (speaks) arrive(&barriers.turn[1 - group]);
  wgmma_wait<0>();
  __syncwarp();
  if (speaks) arrive(&barriers.empty[before]);
}

template <typename Tile, typename Store>
__device__ void multiply_all(const TurnsArguments& p, const Store& store, const Shared<Tile>& shared,
                             SharedBarrier* arrived) {
  const int group = static_cast<int>(threadIdx.x) / 128 - 1, thread = static_cast<int>(threadIdx.x) % 128;
  Barriers& barriers = shared.barriers();
  unsigned char* const of_group = shared.store() + group * Tile::warps * Tile::warp_stage;
  // The first turn is warpgroup 0's. Between two tiles of a warpgroup lies one of the other: none is two runs behind.
  std::uint32_t turn_parity = group == 0, run_parity = 0;
  auto warp_sums = wgmma_gemm::sums_of_warp<Tile>(store, shared.store(), group * Tile::warps + thread / 32);
  LongRing ring;
  if (group == 1) ring.advance(p.steps, p.stages);
  for (Runs run(p); run.next(); run_parity ^= 1) {
    for (std::int32_t tile = run.first_of(group); tile < run.last; tile += Tile::groups) {
      const std::int32_t tile_m = run.row_of(tile), n0 = run.columns * Tile::n;
      if constexpr (requires { store.template prefetch<Tile::n>(FlatRow{}, 0); })
        store.template prefetch<Tile::n>(wgmma_gemm::flat_row(p, tile_m * Tile::m + thread), n0);
      warp_sums.begin_tile(n0);
      wait_for(&barriers.turn[group], turn_parity);
      turn_parity ^= 1;
      float d[Tile::m_blocks][Tile::n / 2];
      multiply<Tile>(p, shared, arrived, group, ring, tile - run.first < Tile::groups, run_parity, d);
      ring.advance(p.steps, p.stages);  // the other warpgroup's
      wgmma_gemm::put<Tile, Tile::m_blocks, Tile::n>(p, store, tile_m, n0, 0, thread, d, of_group, warp_sums);
    }
    __syncwarp();
    if (thread % 32 == 0) arrive(&barriers.b_empty);
  }
  warp_sums.end();
}
}  // namespace wgmma_in_turns

/// Grid: p.k.ranges blocks.
template <typename Tile, typename Store, typename Source>
__global__ void __launch_bounds__(Tile::threads, 1)
    gemm_wgmma_in_turns(const __grid_constant__ TurnsArguments p, const Store store,
                        [[maybe_unused]] const Source source) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  const wgmma_in_turns::Shared<Tile> shared{shared_memory<unsigned char>()};
  wgmma_in_turns::Barriers& barriers = shared.barriers();
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < p.stages; ++stage) {
      init_barrier(&barriers.full[stage], 1);
      init_barrier(&barriers.empty[stage], Tile::warps);
      if constexpr (Source::changes) init_barrier(&barriers.ready[stage], Source::warps);
    }
    for (int step = 0; step < p.steps; ++step)
      init_barrier(&barriers.b_full[step], 1);
    for (int group = 0; group < Tile::groups; ++group)
      init_barrier(&barriers.turn[group], Tile::warps);
    init_barrier(&barriers.b_empty, Tile::groups * Tile::warps);
    fence_barrier_init();
  }
  wait_for_previous_kernel();
  __syncthreads();
  if (threadIdx.x < 128) {
    release_registers<Source::bringing_registers>();
    if (threadIdx.x == 0) wgmma_in_turns::bring<Tile>(p, shared);
    if constexpr (Source::changes)
      if (threadIdx.x >= 32)
        wgmma_in_turns::change(p, source, shared, static_cast<int>(threadIdx.x) / 32 - 1);
    wgmma_gemm::end_tiles<Store>();
  } else {
    request_registers<Source::multiplying_registers>();
    wgmma_in_turns::multiply_all<Tile>(p, started(store), shared,
                                       Source::changes ? barriers.ready : barriers.full);
    wgmma_gemm::leave_sums<Tile>(store, shared.store());
  }
#endif
}

}  // namespace bragg::cuda
