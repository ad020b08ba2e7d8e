// CUDA kernels on the host: every thread of a block is a fibre, barriers and warp collectives are real.
// Blocks run one after another, those of a cluster together; the fibres of a block run in turn, each until it waits. AddressSanitizer and
// ThreadSanitizer are told of every switch, the latter without making it a synchronisation: two threads of a
// block that touch the same word without a barrier between them are a race there as they are on a GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace simt {

/// Where the running fibre is.
struct Place {
  uint3 thread{}, block{};
  dim3 block_size, grid_size;
};
const Place& place();

/// The block's dynamic shared memory; filled with NaNs when the block starts.
std::byte* shared_memory();
/// What lies at the same place in the shared memory of block `rank` of the cluster. Throws std::runtime_error where there is no such
/// block, or its threads have all returned.
std::byte* in_block(const void*, unsigned rank);

/// Bytes from its start.
std::uint32_t shared_address(const void*);
/// Of the running thread within its block.
unsigned linear_thread();
/// What an emulated instruction keeps for the running thread; empty when the thread starts.
std::shared_ptr<void>& thread_storage();

/// Waits until `done`, which is asked again and again, says so; the scheduler asks. What happened before
/// release_to(p) has happened before what follows acquire_from(p), for ThreadSanitizer.
void wait_until(const std::function<bool()>& done);
void release_to(void* p);
void acquire_from(void* p);

/// __syncthreads: waits for every thread of the block that has not returned.
void barrier();
/// The same for the threads of all blocks of the cluster.
void cluster_barrier();
/// __syncthreads_and: the same, and whether `mine` is true of all of them.
bool barrier_and(bool mine);
/// Waits for the lanes of `mask`, then returns what each of them gave, lane by lane: the stuff of shuffles
/// and votes. The values stay valid until the fibre's next collective.
const std::uint64_t* exchange(unsigned mask, std::uint64_t value);
unsigned lane();
/// The same for a whole warp and up to 48 bytes: lane -> what it gave.
class WarpBlock {
 public:
  explicit WarpBlock(const std::byte* first) : first_(first) {}
  const void* operator()(unsigned lane) const { return first_ + lane * bytes; }
  static constexpr std::size_t bytes = 48;

 private:
  const std::byte* first_;
};
WarpBlock exchange_block(const void* mine, std::size_t bytes);

/// Copies `bytes` from src and zeros behind them up to `whole`, but not before wait_for_copies: a thread that
/// does not wait finds what was there before.
void copy_later(void* dst, const void* src, std::size_t bytes, std::size_t whole);
/// Ends a group of this thread's copies; wait_for_copies makes all but the last `pending` groups.
void commit_copies();
void wait_for_copies(unsigned pending);

/// Runs `thread` for every thread of the grid, `cluster` neighbouring blocks along x together. Throws std::runtime_error where threads wait for what never
/// comes (a barrier that not all of them reach, a collective that a lane of its mask does not join).
void run(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& thread,
         unsigned cluster = 1);

}  // namespace simt
