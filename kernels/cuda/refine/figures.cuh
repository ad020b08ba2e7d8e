// What is said of a refined model: its pattern, how well it fits (as kernels/crystal/refinement_figures.cpp), its curvature.
#pragma once

#include <cuda_runtime.h>

#include "kernels/crystal/refinement_figures.h"
#include "kernels/cuda/device/warp.cuh"
#include "kernels/cuda/refine/normal_equations.cuh"
#include "kernels/cuda/refine/step.cuh"

namespace bragg::cuda {

/// What all phases add to the background at point i of a tile with the points [first, end).
__device__ inline float lines_at(const RefineArguments& a, const RefineState& s, int i, int first, int end) {
  const float x = static_cast<float>(i);
  float sum = 0;
  for (int phase = 0; phase < s.phases; ++phase) {
    const PhaseLines lines = lines_of(a, phase);
    const int of_one = s.phase[phase].lines, count = s.pattern.second_share > 0 ? 2 * of_one : of_one;
    const float* const own = s.value + a.p.shared() + phase * phase_parameters;
    const float share = own[lorentz_share_at];
    float value = 0;
    for_lines_at(lines, count, first, end, [&](int l) {
      const PlacedLine& line = lines.placed[l];
      const float t = (x - line.position) * line.inverse_width;
      const ProfileAt profile = profile_at(t * t, line.gaussian, line.lorentz, line.reach2);
      value += profile.gaussian + share * (profile.lorentz - profile.gaussian);
    });
    sum += own[scale_at] * value;
  }
  return sum;
}

/// Sums over the points of a model.
struct FigureSums {
  double chi_squared, weighed, product, net2, f2, roots, positive, calculated, unexplained, there, absent;
};
inline constexpr int figure_sums = sizeof(FigureSums) / sizeof(double);

/// `least`: what a line has to be more than.
__device__ inline void add_point(FigureSums& sums, double w, double y, double calculated, double background,
                                 double two_noise, double least) {
  const double rest = y - calculated, net = y - background, above = calculated - background;
  const double f = above > least ? above : 0;
  sums.chi_squared += w * rest * rest;
  sums.weighed += w * y * y;
  sums.product += net * f;
  sums.net2 += net * net;
  sums.f2 += f * f;
  sums.roots += sqrt(fmax(net, 0.0) * f);
  sums.positive += fmax(net, 0.0);
  sums.calculated += f;
  sums.unexplained += fmax(0.0, net - f - two_noise);
  sums.there += fmax(0.0, net - two_noise);
  sums.absent += fmax(0.0, f - net - two_noise);
}

/// Of what the threads have, for thread 0. Begins with a barrier.
__device__ inline FigureSums sum_over_block(const FigureSums& mine) {
  __shared__ double of_warp[refine_warps][figure_sums];
  const double* const numbers = &mine.chi_squared;
  __syncthreads();
#pragma unroll
  for (int n = 0; n < figure_sums; ++n) {
    const double sum = warp_sum(numbers[n]);
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32][n] = sum;
  }
  __syncthreads();
  FigureSums all{};
  if (threadIdx.x == 0) {
    double* const to = &all.chi_squared;
#pragma unroll
    for (int n = 0; n < figure_sums; ++n)
      for (int warp = 0; warp < refine_warps; ++warp)
        to[n] += of_warp[warp][n];
  }
  return all;
}

__device__ inline float ratio(double part, double whole) {
  return whole > 0 ? static_cast<float>(part / whole) : 0.0f;
}

/// Figures and, where it is asked for, the pattern, of the parameters in s.parameter.
__device__ inline void put_figures(const RefineArguments& a, RefineState& s) {
  const auto thread = static_cast<int>(threadIdx.x);
  for (int i = thread; i < s.parameters; i += refine_threads)
    s.value[i] = static_cast<float>(s.parameter[i]);
  __syncthreads();
  for (int phase = 0; phase < s.phases; ++phase)
    place_lines(a, s, phase);
  float* const calculated = a.calculated ? a.calculated + s.model * a.p.points : nullptr;
  const double two_noise = 2 * static_cast<double>(s.pattern.noise);
  double least = 0;
  for (int t = 0; t < static_cast<int>(a.p.terms); ++t)
    least += line_rounding * fabs(s.parameter[shared_parameters + t]);
  FigureSums sums{};
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  for (int first = s.pattern.first + warp * tile_points; first < s.pattern.end;
       first += refine_warps * tile_points) {
    const int end = min(first + tile_points, s.pattern.end), i = min(first + lane, end - 1);
    const float lines = lines_at(a, s, i, first, end);
    if (first + lane >= end) continue;
    double background = 0;
    for_terms_at<double>(a, s, i, [&](int t, double polynomial) {
      background += s.parameter[shared_parameters + t] * polynomial;
    });
    const auto f = static_cast<float>(background + static_cast<double>(lines));
    if (calculated) calculated[i] = f;
    if (!(s.weight[i] > 0)) continue;
    add_point(sums, static_cast<double>(s.weight[i]), static_cast<double>(s.y[i]), static_cast<double>(f),
              background, two_noise, least);
  }
  const FigureSums all = sum_over_block(sums);
  if (thread == 0)
    a.figures[s.model] = {
        .chi_squared = static_cast<float>(all.chi_squared),
        .objective = static_cast<float>(s.progress.objective),
        .weighed = static_cast<float>(all.weighed),
        .correlation = ratio(all.product, sqrt(all.net2 * all.f2)),
        .root_cosine = ratio(all.roots, sqrt(all.positive * all.calculated)),
        .explained = all.there > 0 ? static_cast<float>(1 - all.unexplained / all.there) : 0,
        .absent = ratio(all.absent, all.calculated),
        .iterations = static_cast<float>(s.progress.iterations)};
  if (!calculated) return;
  for (int i = thread; i < static_cast<int>(a.p.points); i += refine_threads)
    if (i < s.pattern.first || i >= s.pattern.end) calculated[i] = 0;
}

/// From the lower triangle of `products`.
__device__ inline void put_curvature(const RefineArguments& a, const RefineState& s, const double* products) {
  const auto size = static_cast<int>(a.p.parameters_per_model());
  double* const curvature = a.curvature + s.model * size * size;
  for (auto at = static_cast<int>(threadIdx.x); at < size * size; at += refine_threads) {
    const int i = at / size, j = at % size;
    const int row = i < s.parameters ? s.row[i] : -1, column = j < s.parameters ? s.row[j] : -1;
    double value = 0;
    if (row >= 0 && column >= 0) {
      value = a.p.data_weight * products[max(row, column) * s.rows + min(row, column)];
      const double deviation = rule_of(a, s.column[row]).deviation;
      if (row == column && deviation > 0) value += 1 / (deviation * deviation);
    }
    curvature[at] = value;
  }
}

/// Of a model whose indices lead out of memory: figures that are no numbers, zeros else; the parameters stay.
__device__ inline void put_nothing(const RefineArguments& a, std::int64_t model) {
  const auto thread = static_cast<std::int64_t>(threadIdx.x);
  const std::int64_t size = a.p.parameters_per_model();
  float* const figures = reinterpret_cast<float*>(a.figures + model);
  for (std::int64_t i = thread; i < refined_figures; i += refine_threads)
    figures[i] = NAN;
  for (std::int64_t i = thread; a.calculated && i < a.p.points; i += refine_threads)
    a.calculated[model * a.p.points + i] = 0;
  for (std::int64_t i = thread; a.curvature && i < size * size; i += refine_threads)
    a.curvature[model * size * size + i] = 0;
}

}  // namespace bragg::cuda
