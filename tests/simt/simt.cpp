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

enum class Waits { nothing, at_barrier, at_collective, for_condition, has_returned };

struct Fibre {
  ucontext_t context;
  std::unique_ptr<std::byte[]> stack = std::make_unique_for_overwrite<std::byte[]>(stack_bytes);
  Place place;
  unsigned linear = 0;  ///< within the block
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

/// One block at a time.
class Block {
 public:
  void run(dim3 index, dim3 grid, dim3 size, std::size_t shared_bytes, const std::function<void()>& thread) {
    const unsigned count = size.x * size.y * size.z;
    while (fibres_.size() < count)
      fibres_.push_back(std::make_unique<Fibre>());
    // Of exactly this size and new for every block, so that AddressSanitizer sees what lies beyond.
    shared_ = std::make_unique_for_overwrite<std::byte[]>(std::max<std::size_t>(shared_bytes, 1) + alignment);
    std::memset(shared_.get(), 0xFF, shared_bytes + alignment);
    warps_.assign((count + warp - 1) / warp, {});
    thread_ = &thread;
    for (std::atomic<bool>& vote : votes)
      vote = true;
    for (unsigned i = 0; i < count; ++i)
      start(*fibres_[i], i, index, grid, size);
    schedule(count);
    acquire(&end_);
  }

  Fibre& current() { return *current_; }
  WarpSlots& slots() { return warps_[current_->linear / warp]; }
  std::byte* shared() const {
    const auto address = reinterpret_cast<std::uintptr_t>(shared_.get());
    return shared_.get() + (alignment - address % alignment) % alignment;
  }

  /// The running fibre waits; returns when the scheduler lets it go on.
  void wait(Waits what) {
    Fibre& fibre = *current_;
    fibre.waits = what;
    release(&end_);  // whoever never returns ends here
    switch_from(fibre);
  }

  char barrier = 0;  ///< stands for __syncthreads to ThreadSanitizer
  /// Of the vote before, read by slow threads still, this one and the next.
  std::array<std::atomic<bool>, 3> votes{};

 private:
  static constexpr std::size_t alignment = 1024;

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
    makecontext(&f.context, &Block::enter, 0);
#if defined(BRAGG_SIMT_TSAN)
    // Made once: it costs more than a small block. So thread i of a block comes after thread i of the one
    // before.
    if (f.sanitizer_fibre == nullptr) f.sanitizer_fibre = __tsan_create_fiber(0);
#endif
    release(&begin_);
  }

  static void enter();

  void schedule(unsigned count) {
    while (true) {
      bool ran = false;
      unsigned left = 0, at_barrier = 0;
      for (unsigned i = 0; i < count; ++i) {
        Fibre& f = *fibres_[i];
        if (f.waits == Waits::at_collective && everyone_is_there(f)) f.waits = Waits::nothing;
        if (f.waits == Waits::for_condition && (*f.condition)()) f.waits = Waits::nothing;
        if (f.waits == Waits::nothing) {
          switch_to(f);
          ran = true;
        }
        left += f.waits != Waits::has_returned;
        at_barrier += f.waits == Waits::at_barrier;
      }
      if (left == 0) return;
      if (at_barrier == left) {
        for (unsigned i = 0; i < count; ++i)
          if (fibres_[i]->waits == Waits::at_barrier) fibres_[i]->waits = Waits::nothing;
      } else if (!ran) {
        acquire(&end_);
        throw std::runtime_error("block waits for ever: of " + std::to_string(left) + " threads " +
                                 std::to_string(at_barrier) +
                                 " are at __syncthreads, the others at a warp collective or an mbarrier");
      }
    }
  }

  /// All lanes of its mask have come as far as this fibre's collective, or are past it.
  bool everyone_is_there(const Fibre& f) const {
    const unsigned first = f.linear / warp * warp;
    for (unsigned i = 0; i < warp; ++i) {
      if (!(f.mask >> i & 1)) continue;
      if (first + i >= fibres_.size()) return false;
      const Fibre& other = *fibres_[first + i];
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
  std::unique_ptr<std::byte[]> shared_;
  std::vector<WarpSlots> warps_;
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

Block& block() {
  static thread_local Block one;
  return one;
}

void Block::enter() {
  Block& b = block();
  Fibre& f = b.current();
  b.arrived(f);
  acquire(&b.begin_);
  (*b.thread_)();
  b.wait(Waits::has_returned);
}

}  // namespace

const Place& place() {
  return block().current().place;
}

std::byte* shared_memory() {
  return block().shared();
}

unsigned lane() {
  return block().current().linear % warp;
}

std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(static_cast<const std::byte*>(p) - block().shared());
}

unsigned linear_thread() {
  return block().current().linear;
}

std::shared_ptr<void>& thread_storage() {
  return block().current().storage;
}

void wait_until(const std::function<bool()>& done) {
  Block& b = block();
  b.current().condition = &done;
  b.wait(Waits::for_condition);
}
void release_to(void* p) {
  release(p);
}
void acquire_from(void* p) {
  acquire(p);
}

void barrier() {
  Block& b = block();
  release(&b.barrier);
  b.wait(Waits::at_barrier);
  acquire(&b.barrier);
}

bool barrier_and(bool mine) {
  Block& b = block();
  const unsigned vote = b.current().votes++;
  // Nobody votes in the next before all are here, and nobody reads the one before the last any more.
  b.votes[(vote + 1) % 3].store(true, std::memory_order_relaxed);
  if (!mine) b.votes[vote % 3].store(false, std::memory_order_relaxed);
  barrier();
  return b.votes[vote % 3].load(std::memory_order_relaxed);
}

const std::uint64_t* exchange(unsigned mask, std::uint64_t value) {
  Block& b = block();
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
  Block& b = block();
  Fibre& f = b.current();
  auto& slots = b.slots().block[static_cast<std::size_t>(f.parity)];
  std::memcpy(slots.data() + f.linear % warp * WarpBlock::bytes, mine, std::min(bytes, WarpBlock::bytes));
  exchange(0xFFFFFFFFu, 0);  // everyone's are there
  return WarpBlock(slots.data());
}

void copy_later(void* dst, const void* src, std::size_t bytes, std::size_t whole) {
  block().current().copy_groups.back().push_back(
      {static_cast<std::byte*>(dst), static_cast<const std::byte*>(src), bytes, whole});
}

void commit_copies() {
  block().current().copy_groups.emplace_back();
}

void wait_for_copies(unsigned pending) {
  auto& groups = block().current().copy_groups;
  while (groups.size() > pending + 1) {
    for (const auto& copy : groups.front()) {
      std::memcpy(copy.dst, copy.src, copy.bytes);
      std::memset(copy.dst + copy.bytes, 0, copy.whole - copy.bytes);
    }
    groups.erase(groups.begin());
  }
}

void run(dim3 grid, dim3 block_size, std::size_t shared_bytes, const std::function<void()>& thread) {
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x)
        block().run({x, y, z}, grid, block_size, shared_bytes, thread);
}

}  // namespace simt
