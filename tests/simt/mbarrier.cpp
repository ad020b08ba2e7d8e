#include "tests/simt/mbarrier.h"

#include <map>
#include <stdexcept>
#include <utility>

#include "tests/simt/simt.h"

namespace simt {
namespace {

struct Barrier {
  std::uint32_t arrivals = 0, left = 0;
  std::int64_t bytes = 0;  ///< announced and not there yet
  std::uint32_t phase = 0;
  std::vector<Box> boxes;  ///< not written yet

  void end_phase_if_done() {
    if (left > 0 || bytes > 0) return;
    left = arrivals;
    ++phase;
  }
};

/// Of the block that runs: forgotten when the next one initialises its own at the same addresses.
std::map<std::uint64_t*, Barrier>& barriers() {
  static thread_local std::map<std::uint64_t*, Barrier> all;
  return all;
}

Barrier& barrier_at(std::uint64_t* address) {
  const auto found = barriers().find(address);
  if (found == barriers().end()) throw std::runtime_error("mbarrier: not initialised");
  return found->second;
}

}  // namespace

void init_barrier(std::uint64_t* barrier, std::uint32_t arrivals) {
  if (reinterpret_cast<std::uintptr_t>(barrier) % 8 != 0)
    throw std::runtime_error("mbarrier: address not aligned");
  barriers()[barrier] = {arrivals, arrivals, 0, 0, {}};
}

void arrive(std::uint64_t* barrier, std::uint32_t expected_bytes) {
  Barrier& b = barrier_at(barrier);
  if (b.left == 0) throw std::runtime_error("mbarrier: more arrivals than it was initialised for");
  release_to(barrier);
  b.bytes += expected_bytes;
  --b.left;
  b.end_phase_if_done();
}

void bring(std::uint64_t* barrier, const Box& box, std::uint32_t bytes) {
  Barrier& b = barrier_at(barrier);
  acquire_from(&b.boxes);  // where both blocks of a cluster bring: the list itself is no race
  b.boxes.push_back(box);
  release_to(&b.boxes);
  b.bytes -= bytes;
  release_to(barrier);
  b.end_phase_if_done();
}

std::vector<Box> wait_for_phase(std::uint64_t* barrier, std::uint32_t parity) {
  wait_until([barrier, parity] { return barrier_at(barrier).phase % 2 != parity; });
  acquire_from(barrier);
  return std::exchange(barrier_at(barrier).boxes, {});
}

}  // namespace simt
