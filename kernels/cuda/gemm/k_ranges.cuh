// Which steps of k of which tiles a block computes. Either whole tiles are dealt out, or the steps of all
// tiles in a row are cut into equal ranges, one to a block (Osama et al., "Stream-K", PPoPP 2023): then no
// multiprocessor waits for the last wave, and a tile's sum comes from the blocks whose ranges meet it. They
// leave theirs in memory, and a second kernel adds them up in the order of k, each of its blocks a slice of a
// tile (join_pieces.cuh): the same bits every time, and no block waits for another.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

struct KRanges {
  std::int32_t tiles = 0, steps = 1;  ///< steps of a tile; all tiles have fewer than 2^31
  std::int32_t ranges = 1;            ///< blocks, or pairs of them
  bool even = false;
  float* sums = nullptr;  ///< blocks x 2 x slot_length: pieces
  std::int32_t slot_length = 0;
  std::int32_t length = 0, longer = 0;  ///< steps of a range; so many of the first have one more

  KRanges() = default;
  KRanges(std::int32_t tiles_, std::int32_t steps_, std::int32_t ranges_, bool even_, float* sums_,
          std::int32_t slot_length_)
      : tiles(tiles_),
        steps(steps_),
        ranges(ranges_),
        even(even_),
        sums(sums_),
        slot_length(slot_length_),
        length(tiles_ * steps_ / ranges_),
        longer(tiles_ * steps_ % ranges_) {}

  /// Where range r begins in the row of all steps.
  __device__ std::int32_t begin(std::int32_t r) const { return length * r + (r < longer ? r : longer); }
  /// Where a block leaves its range's piece of a tile: of one whose first step it has, its last, or of one whose first step another
  /// range has, its first.
  __device__ float* slot(std::int32_t block, bool has_first_step) const {
    return sums + (std::int64_t{2} * block + (has_first_step ? 0 : 1)) * slot_length;
  }
};

/// Steps [first, last) of a tile, one such piece after the other.
class Work {
 public:
  __device__ Work(const KRanges& k, std::int32_t range)
      : k_(k), at_(k.even ? k.begin(range) : range), end_(k.even ? k.begin(range + 1) : k.tiles) {}

  __device__ bool next() {
    if (at_ >= end_) return false;
    if (k_.even) {
      tile = at_ / k_.steps;
      first = at_ - tile * k_.steps;
      last = min(first + (end_ - at_), k_.steps);
      at_ += last - first;
    } else {
      tile = at_;
      first = 0;
      last = k_.steps;
      at_ += k_.ranges;
    }
    return true;
  }

  std::int32_t tile = 0, first = 0, last = 0;

 private:
  const KRanges& k_;
  std::int32_t at_, end_;
};

}  // namespace bragg::cuda
