#include "tests/simt/simt.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(BRAGG_SIMT_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace simt {
namespace {

/// What happened before release(p) has happened before what follows acquire(p): for ThreadSanitizer alone.
void release([[maybe_unused]] void* p) {
#if defined(BRAGG_SIMT_TSAN)
  __tsan_release(p);
#endif
}
void acquire([[maybe_unused]] void* p) {
#if defined(BRAGG_SIMT_TSAN)
  __tsan_acquire(p);
#endif
}

constexpr std::size_t stack_bytes = 128 << 10;
constexpr unsigned warp = 32;

enum class Waits { nothing, at_barrier, at_cluster_barrier, at_collective, for_condition, has_returned };

struct Fibre {
  ucontext_t context;
  std::unique_ptr<std::byte[]> stack = std::make_unique_for_overwrite<std::byte[]>(stack_bytes);
  Place place;
  unsigned linear = 0;  ///< within the block
  unsigned rank = 0;    ///< of the block within the cluster
  Waits waits = Waits::nothing;
  unsigned mask = 0;
  const std::function<bool()>* condition = nullptr;
  std::shared_ptr<void> storage;
  int parity = 0;  ///< of its collectives
  struct Copy {
    std::byte* dst;
    const std::byte* src;
    std::size_t bytes, whole;
  };
  std::vector<std::vector<Copy>> copy_groups;  ///< the last one is open
  unsigned votes = 0;                          ///< barriers with a vote that it has come to
  void* fake_stack = nullptr;
  void* sanitizer_fibre = nullptr;
};

/// What the lanes of a warp give each other. A lane writes one half while slower ones still read the other.
struct WarpSlots {
  std::array<std::array<std::uint64_t, warp>, 2> value{};
  alignas(8) std::array<std::array<std::byte, warp * WarpBlock::bytes>, 2> block;
};

/// What the threads of a block have in common.
struct Block {
  std::unique_ptr<std::byte[]> memory;
  std::vector<WarpSlots> warps;
  char barrier = 0;  ///< stands for __syncthreads to ThreadSanitizer
  /// Of the vote before, read by slow threads still, this one and the next.
  std::array<std::atomic<bool>, 3> votes{};

  Block(unsigned threads, std::size_t shared_bytes)
      // Of exactly this size and new for every block, so that AddressSanitizer sees what lies beyond.
      : memory(
            std::make_unique_for_overwrite<std::byte[]>(std::max<std::size_t>(shared_bytes, 1) + alignment)),
        warps((threads + warp - 1) / warp) {
    std::memset(memory.get(), 0xFF, shared_bytes + alignment);
    for (std::atomic<bool>& vote : votes)
      vote = true;
  }
  std::byte* shared() const {
    const auto address = reinterpret_cast<std::uintptr_t>(memory.get());
    return memory.get() + (alignment - address % alignment) % alignment;
  }

 private:
  static constexpr std::size_t alignment = 1024;
};

/// One cluster at a time, most often of one block.
class Cluster {
 public:
  /// `index`: of the first of its blocks.
  void run(dim3 index, unsigned blocks, dim3 grid, dim3 size, std::size_t shared_bytes,
           const std::function<void()>& thread) {
    threads_ = size.x * size.y * size.z;
    while (fibres_.size() < blocks * threads_)
      fibres_.push_back(std::make_unique<Fibre>());
    blocks_.clear();
    thread_ = &thread;
    for (unsigned rank = 0; rank < blocks; ++rank) {
      blocks_.push_back(std::make_unique<Block>(threads_, shared_bytes));
      for (unsigned i = 0; i < threads_; ++i) {
        fibres_[rank * threads_ + i]->rank = rank;
        start(*fibres_[rank * threads_ + i], i, {index.x + rank, index.y, index.z}, grid, size);
      }
    }
    schedule();
    acquire(&end_);
  }

  Fibre& current() { return *current_; }
  Block& block() const { return *blocks_[current_->rank]; }
  WarpSlots& slots() { return block().warps[current_->linear / warp]; }
  std::byte* in_block(const void* p, unsigned rank) const {
    if (rank >= blocks_.size()) throw std::runtime_error("cluster: no block " + std::to_string(rank));
    bool runs = false;
    for (unsigned i = 0; i < threads_; ++i)
      runs = runs || fibres_[rank * threads_ + i]->waits != Waits::has_returned;
    if (!runs) throw std::runtime_error("cluster: block " + std::to_string(rank) + " has ended");
    return blocks_[rank]->shared() + (static_cast<const std::byte*>(p) - block().shared());
  }

  /// The running fibre waits; returns when the scheduler lets it go on.
  void wait(Waits what) {
    Fibre& fibre = *current_;
    fibre.waits = what;
    release(&end_);  // whoever never returns ends here
    switch_from(fibre);
  }

  char barrier = 0;  ///< as a block's, of the cluster

 private:
  void start(Fibre& f, unsigned linear, dim3 index, dim3 grid, dim3 size) {
    f.linear = linear;
    f.place = {{linear % size.x, linear / size.x % size.y, linear / (size.x * size.y)},
               {index.x, index.y, index.z},
               size,
               grid};
    f.waits = Waits::nothing;
    f.parity = 0;
    f.votes = 0;
    f.copy_groups.assign(1, {});
    f.storage.reset();
    f.fake_stack = nullptr;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.get();
    f.context.uc_stack.ss_size = stack_bytes;
    f.context.uc_link = nullptr;
    makecontext(&f.context, &Cluster::enter, 0);
#if defined(BRAGG_SIMT_TSAN)
    // Made once: it costs more than a small block. So thread i of a block comes after thread i of the one
    // before.
    if (f.sanitizer_fibre == nullptr) f.sanitizer_fibre = __tsan_create_fiber(0);
#endif
    release(&begin_);
  }

  static void enter();

  void schedule() {
    const auto blocks = static_cast<unsigned>(blocks_.size()), count = blocks * threads_;
    while (true) {
      bool ran = false;
      unsigned left = 0, at_barrier = 0, at_cluster_barrier = 0;
      for (unsigned rank = 0; rank < blocks; ++rank) {
        unsigned left_of_block = 0, at_barrier_of_block = 0;
        for (unsigned i = rank * threads_; i < (rank + 1) * threads_; ++i) {
          Fibre& f = *fibres_[i];
          ran = turn(f) || ran;
          left_of_block += f.waits != Waits::has_returned;
          at_barrier_of_block += f.waits == Waits::at_barrier;
          at_cluster_barrier += f.waits == Waits::at_cluster_barrier;
        }
        left += left_of_block;
        at_barrier += at_barrier_of_block;
        if (left_of_block > 0 && at_barrier_of_block == left_of_block) {
          let_go(rank * threads_, (rank + 1) * threads_, Waits::at_barrier);
          ran = true;
        }
      }
      if (left == 0) return;
      if (at_cluster_barrier == left) {
        let_go(0, count, Waits::at_cluster_barrier);
      } else if (!ran) {
        acquire(&end_);
        throw std::runtime_error("block waits for ever: of " + std::to_string(left) + " threads " +
                                 std::to_string(at_barrier) +
                                 " are at __syncthreads, the others at a warp collective or an mbarrier");
      }
    }
  }

  /// Lets the fibre go on if what it waits for is there; returns whether it was.
  bool turn(Fibre& f) {
    if (f.waits == Waits::at_collective && everyone_is_there(f)) f.waits = Waits::nothing;
    if (f.waits == Waits::for_condition && (*f.condition)()) f.waits = Waits::nothing;
    if (f.waits != Waits::nothing) return false;
    switch_to(f);
    return true;
  }

  void let_go(unsigned begin, unsigned end, Waits from) {
    for (unsigned i = begin; i < end; ++i)
      if (fibres_[i]->waits == from) fibres_[i]->waits = Waits::nothing;
  }

  /// All lanes of its mask have come as far as this fibre's collective, or are past it.
  bool everyone_is_there(const Fibre& f) const {
    const unsigned first = f.linear / warp * warp;
    for (unsigned i = 0; i < warp; ++i) {
      if (!(f.mask >> i & 1)) continue;
      if (first + i >= threads_) return false;
      const Fibre& other = *fibres_[f.rank * threads_ + first + i];
      const bool here = other.waits == Waits::at_collective && other.parity == f.parity;
      const bool past = other.parity != f.parity;
      if (!here && !past) return false;
    }
    return true;
  }

  void switch_to(Fibre& f) {
    current_ = &f;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&scheduler_fake_stack_, f.stack.get(), stack_bytes);
#endif
#if defined(BRAGG_SIMT_TSAN)
    scheduler_fibre_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(f.sanitizer_fibre, __tsan_switch_to_fiber_no_sync);
#endif
    swapcontext(&scheduler_, &f.context);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(scheduler_fake_stack_, nullptr, nullptr);
#endif
  }

  void switch_from(Fibre& f) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(f.waits == Waits::has_returned ? nullptr : &f.fake_stack, scheduler_stack_,
                                   scheduler_stack_bytes_);
#endif
#if defined(BRAGG_SIMT_TSAN)
    __tsan_switch_to_fiber(scheduler_fibre_, __tsan_switch_to_fiber_no_sync);
#endif
    swapcontext(&f.context, &scheduler_);
    arrived(f);
  }

  void arrived([[maybe_unused]] Fibre& f) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(f.fake_stack, &scheduler_stack_, &scheduler_stack_bytes_);
#endif
  }

  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::vector<std::unique_ptr<Block>> blocks_;
  unsigned threads_ = 0;  ///< of a block
  const std::function<void()>* thread_ = nullptr;
  ucontext_t scheduler_{};
  Fibre* current_ = nullptr;
  [[maybe_unused]] void* scheduler_fake_stack_ = nullptr;
  [[maybe_unused]] void* scheduler_fibre_ = nullptr;
  [[maybe_unused]] const void* scheduler_stack_ = nullptr;
  [[maybe_unused]] std::size_t scheduler_stack_bytes_ = 0;
  /// Stand for the start and the end of a block's threads to ThreadSanitizer: not one for both, or a thread
  /// that starts late would come after one that has returned.
  char begin_ = 0, end_ = 0;
};

Cluster& cluster() {
  static thread_local Cluster one;
  return one;
}

void Cluster::enter() {
  Cluster& c = cluster();
  Fibre& f = c.current();
  c.arrived(f);
  acquire(&c.begin_);
  (*c.thread_)();
  c.wait(Waits::has_returned);
}

}  // namespace

const Place& place() {
  return cluster().current().place;
}

std::byte* shared_memory() {
  return cluster().block().shared();
}

std::byte* in_block(const void* p, unsigned rank) {
  return cluster().in_block(p, rank);
}

unsigned lane() {
  return cluster().current().linear % warp;
}

std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(static_cast<const std::byte*>(p) - cluster().block().shared());
}

unsigned linear_thread() {
  return cluster().current().linear;
}

std::shared_ptr<void>& thread_storage() {
  return cluster().current().storage;
}

void wait_until(const std::function<bool()>& done) {
  Cluster& c = cluster();
  c.current().condition = &done;
  c.wait(Waits::for_condition);
}
void release_to(void* p) {
  release(p);
}
void acquire_from(void* p) {
  acquire(p);
}

void barrier() {
  char& barrier = cluster().block().barrier;
  release(&barrier);
  cluster().wait(Waits::at_barrier);
  acquire(&barrier);
}

void cluster_barrier() {
  char& barrier = cluster().barrier;
  release(&barrier);
  cluster().wait(Waits::at_cluster_barrier);
  acquire(&barrier);
}

bool barrier_and(bool mine) {
  Block& b = cluster().block();
  const unsigned vote = cluster().current().votes++;
  // Nobody votes in the next before all are here, and nobody reads the one before the last any more.
  b.votes[(vote + 1) % 3].store(true, std::memory_order_relaxed);
  if (!mine) b.votes[vote % 3].store(false, std::memory_order_relaxed);
  barrier();
  return b.votes[vote % 3].load(std::memory_order_relaxed);
}

const std::uint64_t* exchange(unsigned mask, std::uint64_t value) {
  Cluster& b = cluster();
  Fibre& f = b.current();
  auto& slots = b.slots().value[static_cast<std::size_t>(f.parity)];
  slots[f.linear % warp] = value;
  f.mask = mask;
  release(slots.data());
  b.wait(Waits::at_collective);
  acquire(slots.data());
  f.parity ^= 1;
  return slots.data();
}

WarpBlock exchange_block(const void* mine, std::size_t bytes) {
  Cluster& b = cluster();
  Fibre& f = b.current();
  auto& slots = b.slots().block[static_cast<std::size_t>(f.parity)];
  std::memcpy(slots.data() + f.linear % warp * WarpBlock::bytes, mine, std::min(bytes, WarpBlock::bytes));
  exchange(0xFFFFFFFFu, 0);  // everyone's are there
  return WarpBlock(slots.data());
}

void copy_later(void* dst, const void* src, std::size_t bytes, std::size_t whole) {
  cluster().current().copy_groups.back().push_back(
      {static_cast<std::byte*>(dst), static_cast<const std::byte*>(src), bytes, whole});
}

void commit_copies() {
  cluster().current().copy_groups.emplace_back();
}

void wait_for_copies(unsigned pending) {
  auto& groups = cluster().current().copy_groups;
  while (groups.size() > pending + 1) {
    for (const auto& copy : groups.front()) {
      std::memcpy(copy.dst, copy.src, copy.bytes);
      std::memset(copy.dst + copy.bytes, 0, copy.whole - copy.bytes);
    }
    groups.erase(groups.begin());
  }
}

void run(dim3 grid, dim3 block_size, std::size_t shared_bytes, const std::function<void()>& thread,
         unsigned blocks) {
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; x += blocks)
        cluster().run({x, y, z}, blocks, grid, block_size, shared_bytes, thread);
}

}  // namespace simt
