// Random numbers of one synthetic crystal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/base/random.h"
#include "kernels/crystal/data_random.h"

namespace bragg::data {

/// The numbers of one crystal, in the order in which they are asked for.
class Draws {
 public:
  Draws(std::uint32_t seed, std::uint64_t index) : seed_(seed), index_(index) {}

  std::uint32_t bits() {
    if (used_ == 4) {
      words_ = random_call(seed_, RandomStream::crystals, call_++, 0, index_);
      used_ = 0;
    }
    return words_[used_++];
  }
  float uniform() { return uniform01(bits()); }
  std::size_t below(std::size_t count) { return uniform_below(bits(), count); }
  double normal() {
    const std::uint32_t first = bits(), second = bits();
    return normal_pair(first, second).first;
  }
  /// Index into cumulative weights.
  std::size_t from(const std::vector<double>& cumulative) {
    const double u = (bits() + 0.5) * 0x1p-32 * cumulative.back();
    const auto found = std::upper_bound(cumulative.begin(), cumulative.end() - 1, u);
    return static_cast<std::size_t>(found - cumulative.begin());
  }

 private:
  std::uint32_t seed_;
  std::uint64_t index_;
  std::uint32_t call_ = 0;
  Philox4 words_{};
  std::size_t used_ = 4;
};

}  // namespace bragg::data
