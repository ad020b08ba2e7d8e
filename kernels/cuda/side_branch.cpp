#include "kernels/cuda/side_branch.h"

#include <algorithm>

#include "kernels/cuda/multiprocessors_beside.h"

namespace bragg::cuda {

bool SideBranch::meets_branch(const MemoryRange& range, bool writes) const {
  return is_open_ && std::any_of(ranges_.begin(), ranges_.end(), [&](const Used& used) {
           return (writes || used.is_written) && used.range.meets(range);
         });
}

bool SideBranch::open(double clocks) {
  if (!is_open_) {
    is_open_ = true;
    if (is_planned_) {
      const Segment& segment = segments_.at(next_++);
      branch_ = multiprocessors_beside(segment.branch, segment.other, multiprocessors_);
    } else {
      segments_.emplace_back();
    }
  }
  if (!is_planned_) segments_.back().branch += clocks;
  if (branch_ == 0) return false;
  // What the op reads has been enqueued; an op that comes later in the branch follows the one before it.
  fork_.record(main_);
  side_.wait_for(fork_);
  return true;
}

bool SideBranch::close() {
  const bool has_branch = is_open_ && branch_ > 0;
  if (has_branch) {
    join_.record(side_);
    main_.wait_for(join_);
  }
  is_open_ = false;
  branch_ = 0;
  ranges_.clear();
  return has_branch;
}

bool SideBranch::end() {
  const bool had_branch = close();
  is_planned_ = true;
  next_ = 0;
  return had_branch;
}

}  // namespace bragg::cuda
