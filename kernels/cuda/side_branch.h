// What a recording runs beside what follows it: the long updates of dense weights, which memory limits, beside the gradients of
// convolutions, which products limit. Each has multiprocessors of its own, so that both end together, until an op needs what the
// branch writes or writes what it reads.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/memory_range.h"
#include "kernels/cuda/runtime.h"

namespace bragg::cuda {

/// The branches of a recording. Its ops are gone through twice: first to find out how long each branch and what is beside it take, when
/// all runs one after the other, then to be recorded.
class SideBranch {
 public:
  SideBranch(const Stream& main, const Stream& side, int multiprocessors)
      : main_(main), side_(side), multiprocessors_(multiprocessors) {}

  /// Before an op is recorded. Returns whether the branch had to end first: the op's kernels may then not come in before what was
  /// enqueued has ended.
  template <typename O>
  bool before(const O& op) {
    bool meets = false;
    for_each_range(
        op, [&](const MemoryRange& range, bool writes) { meets = meets || meets_branch(range, writes); });
    return meets && close();
  }
  bool before(const MemoryRange& range, bool writes) { return meets_branch(range, writes) && close(); }

  /// Begins with such a branch or adds to it. Returns whether the op's kernels go there: to launches(), on
  /// branch_multiprocessors(). `clocks`: of one multiprocessor.
  template <typename O>
  bool begin(const O& op, double clocks) {
    for_each_range(op, [&](const MemoryRange& range, bool writes) { ranges_.push_back({range, writes}); });
    return open(clocks);
  }
  LaunchTarget launches() const { return {side_.get(), false, false}; }
  int branch_multiprocessors() const { return branch_; }
  /// Those that the branch leaves to other ops.
  int other_multiprocessors() const { return multiprocessors_ - branch_; }
  /// Where products beside a branch add up their clocks of one multiprocessor; nullptr where nobody asks.
  double* clocks_beside() { return is_open_ && !is_planned_ ? &segments_.back().other : nullptr; }

  /// At the end of each time. Returns as before().
  bool end();
  bool is_any() const { return !segments_.empty(); }

 private:
  struct Segment {
    double branch = 0, other = 0;
  };
  struct Used {
    MemoryRange range;
    bool is_written;
  };

  bool meets_branch(const MemoryRange&, bool writes) const;
  bool open(double clocks);
  bool close();

  const Stream &main_, &side_;
  const int multiprocessors_;
  const Event fork_, join_;
  std::vector<Segment> segments_;
  std::vector<Used> ranges_;  ///< of the branch that is open
  std::size_t next_ = 0;      ///< segment to begin with
  int branch_ = 0;
  bool is_open_ = false, is_planned_ = false;
};

}  // namespace bragg::cuda
