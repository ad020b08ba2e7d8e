// What happens to the lines on their way to the detector: impurity, background, noise, missing ends. A
// thread does four neighbouring points at a time, which one call of the generator serves.
#pragma once

#include <cmath>

#include "kernels/crystal/data_random.h"
#include "kernels/crystal/pattern_math.h"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/pattern/arguments.h"

namespace bragg::cuda {

/// Calls f(group) for this thread's groups of four points, the last one perhaps beyond `points`.
template <typename F>
__device__ void for_groups(int points, const F& f) {
#pragma unroll 1  // registers
  for (int group = static_cast<int>(threadIdx.x); group < (points + 3) / 4; group += pattern_threads)
    f(group);
}

/// The background of a diffractometer and an amorphous part, at any point.
class DrawnBackground {
 public:
  __device__ DrawnBackground(const PatternArguments& a, const PatternParameters& pattern)
      : start_(a.instrument.grid.start),
        step_(a.instrument.grid.step),
        hump_centre_(pattern[Effect::hump_centre]),
        to_x_(a.points > 1 ? 2.0f / static_cast<float>(a.points - 1) : 0),
        first_x_(a.points > 1 ? -1.0f : 0.0f),
        air_scatter_(static_cast<float>(pattern[Effect::air_scatter])),
        polynomial_(static_cast<float>(pattern[Effect::chebyshev] / 2)),
        constant_(static_cast<float>(pattern[Effect::chebyshev] / 2 + pattern[Effect::floor])),
        hump_(static_cast<float>(pattern[Effect::hump])),
        hump_sharpness_(hump_ > 0 ? static_cast<float>(2 / pattern[Effect::hump_width]) : 0) {
    for (int k = 0; k < chebyshev_terms; ++k)
      coefficient_[k] = static_cast<float>(pattern.chebyshev[k] / chebyshev_terms);
  }

  __device__ float at(int i) const {
    float y = constant_;
    if (polynomial_ > 0) {
      const float x = static_cast<float>(i) * to_x_ + first_x_;
      float sum = 0, before = 1, now = x;  // T_0, T_1
      for (const float c : coefficient_) {
        sum += c * now;
        const float next = 2 * x * now - before;
        before = now;
        now = next;
      }
      y += polynomial_ * sum;
    }
    if (air_scatter_ > 0 || hump_ > 0) {
      const double two_theta = start_ + i * step_;
      if (air_scatter_ > 0 && start_ > 0)
        y += air_scatter_ * static_cast<float>(start_) / static_cast<float>(two_theta);
      if (hump_ > 0) {
        const float u = static_cast<float>(two_theta - hump_centre_) * hump_sharpness_;
        y += hump_ * exp2f(-u * u);
      }
    }
    return y;
  }

 private:
  double start_, step_, hump_centre_;
  float to_x_, first_x_, air_scatter_, polynomial_, constant_, hump_, hump_sharpness_;
  float coefficient_[chebyshev_terms];
};

/// y = scale y + other_scale other + the background; `other` may be nullptr. Returns this thread's highest.
__device__ inline float add_background(const PatternArguments& a, const PatternParameters& pattern,
                                       float scale, float other_scale, const float* other, float* y) {
  const DrawnBackground background(a, pattern);
  float highest = -INFINITY;
  for_groups(a.points, [&](int group) {
    auto values = load<4>(y + 4 * group);
    for (int k = 0; k < 4; ++k) {
      values.at[k] = values.at[k] * scale + background.at(4 * group + k);
      if (other) values.at[k] += other_scale * other[4 * group + k];
      if (4 * group + k < a.points) highest = larger(highest, values.at[k]);
    }
    store(y + 4 * group, values);
  });
  return highest;
}

/// Box-Muller, as normal_pair() in double.
struct Normals {
  float first, second;
};
__device__ inline Normals normals_of(std::uint32_t bits0, std::uint32_t bits1) {
  const float radius = std::sqrt(-2 * logf(1 - uniform01(bits0)));
  float sine, cosine;
  sincospif(2 * uniform01(bits1), &sine, &cosine);
  return {radius * cosine, radius * sine};
}

/// The paper's noise in parts of `highest`, or counting and Gaussian noise.
__device__ inline void add_noise(const PatternArguments& a, const PatternParameters& pattern, float highest,
                                 float* y) {
  const float uniform = static_cast<float>(pattern[Effect::noise]) * highest,
              gaussian = static_cast<float>(pattern[Effect::gaussian]),
              poisson = static_cast<float>(pattern[Effect::poisson]), p2 = poisson * poisson;
  const bool normal = gaussian > 0 || poisson > 0;
  for_groups(a.points, [&](int group) {
    auto values = load<4>(y + 4 * group);
    const Philox4 bits =
        data_call(pattern.seed, DataDraw::noise, static_cast<std::uint32_t>(group), pattern.index);
    if (pattern[Effect::noise] > 0) {
      for (int k = 0; k < 4; ++k)
        values.at[k] += uniform * uniform01(bits.data()[k]);
    }
    if (normal) {
      for (int pair = 0; pair < 4; pair += 2) {
        const Normals z = normals_of(bits.data()[pair], bits.data()[pair + 1]);
        for (int k = 0; k < 2; ++k) {
          float& value = values.at[pair + k];
          const float deviate = k == 0 ? z.first : z.second;
          if (poisson > 0) {
            // ((sqrt(y n + sigma^2 + 3/8) + z / 2)^2 - 3/8 - sigma^2) / n, multiplied out: nothing cancels.
            const float mean = fmaxf(value, 0.0f),
                        root = std::sqrt(p2 * (mean + 0.375f * p2) + gaussian * gaussian);
            value = mean + deviate * (root + deviate * (p2 / 4));
            if (gaussian == 0) value = fmaxf(value, 0.0f);
          } else {
            value += gaussian * deviate;
          }
        }
      }
    }
    store(y + 4 * group, values);
  });
}

/// Zeros where cut_low and cut_high are.
__device__ inline void cut_ends(const PatternArguments& a, const PatternParameters& pattern, float* y) {
  const PointRange kept = kept_points(a.instrument.grid, pattern);
  if (kept.begin <= 0 && kept.end >= a.points) return;
  for_groups(a.points, [&](int group) {
    for (int i = 4 * group; i < 4 * group + 4; ++i) {
      if (i < kept.begin || i >= kept.end) y[i] = 0;
    }
  });
}

}  // namespace bragg::cuda
