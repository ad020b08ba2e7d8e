// A step of Levenberg and Marquardt's method, in double precision, by a block: as kernels/crystal/levenberg_marquardt.cpp.
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/device/warp.cuh"
#include "kernels/cuda/refine/load_model.cuh"

namespace bragg::cuda {

__device__ inline const RefinedRule& rule_of(const RefineArguments& a, const RefinedColumn& column) {
  return a.p.rule[static_cast<std::size_t>(column.kind)];
}

/// Q at the parameters in s.tried. By one warp.
__device__ inline double objective_of(const RefineArguments& a, const RefineState& s,
                                      const double* products) {
  double sum = 0;
  for (auto i = static_cast<int>(threadIdx.x % 32); i < s.columns; i += 32) {
    const RefinedColumn column = s.column[i];
    const double deviation = rule_of(a, column).deviation;
    if (!(deviation > 0)) continue;
    const double away =
        (s.tried[column.parameter] - static_cast<double>(s.prior[column.parameter])) / deviation;
    sum += away * away;
  }
  return a.p.data_weight * products[s.columns * s.rows + s.columns] + warp_sum(sum);
}

/// What is no number stays none, as on the host.
__device__ inline double between(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

/// Gradient and diagonal of the equations at `parameters`, the columns that can be moved, and which linear ones are held by their
/// bounds. By one warp.
__device__ inline void choose_columns(const RefineArguments& a, RefineState& s, const double* parameters,
                                      const double* products, bool linear) {
  const auto lane = static_cast<int>(threadIdx.x);
  int moved = 0;
  bool holds_others = false;
  for (int begin = 0; begin < s.columns; begin += 32) {
    const int i = begin + lane;
    bool is_moved = false, is_held = false;
    if (i < s.columns) {
      const RefinedColumn column = s.column[i];
      const RefinedRule& rule = rule_of(a, column);
      const double value = parameters[column.parameter];
      double gradient = a.p.data_weight * products[s.columns * s.rows + i];
      double diagonal = a.p.data_weight * products[i * s.rows + i];
      if (rule.deviation > 0) {
        const double precision = 1 / (rule.deviation * rule.deviation);
        gradient += precision * (static_cast<double>(s.prior[column.parameter]) - value);
        diagonal += precision;
      }
      const bool is_pushed_out = (value <= rule.low && gradient < 0) || (value >= rule.high && gradient > 0);
      is_moved = (!linear || column.is_linear()) && !is_pushed_out && diagonal > 0;
      is_held = is_pushed_out && column.is_linear();
      s.gradient[i] = gradient;
      s.diagonal[i] = diagonal;
    }
    const unsigned who = __ballot_sync(all_lanes, is_moved), held = __ballot_sync(all_lanes, is_held);
    if (is_moved) s.free[moved + __popc(who & ((1u << lane) - 1))] = i;
    moved += __popc(who);
    holds_others = holds_others || held != s.held[begin / 32];
    __syncwarp();
    if (lane == 0) s.held[begin / 32] = held;
  }
  if (lane == 0) {
    s.moved = moved;
    s.holds_others = holds_others;
  }
}

/// Solves the equations (m + 1, m), of which the lower triangle is read and the last row is the right-hand side: it becomes the
/// solution. False where they are not positive definite, for all threads. Cholesky's factors; the right-hand side is one more
/// row of them. `diagonal`: the matrix's own; `root`: scratch. Begins and ends with a barrier.
__device__ inline bool solve_cholesky(double* equations, int m, const double* diagonal, double* root) {
  constexpr int width = 16, height = refine_threads / width;
  const auto thread = static_cast<int>(threadIdx.x), column = static_cast<int>(threadIdx.x % width),
             row = static_cast<int>(threadIdx.x / width);
  __syncthreads();
  for (int j = 0; j < m; ++j) {
    const double pivot = equations[j * m + j];
    if (!(pivot > least_pivot * diagonal[j])) return false;
    const double of_pivot = sqrt(pivot);
    if (thread == 0) root[j] = of_pivot;
    for (int i = j + 1 + thread; i <= m; i += refine_threads)
      equations[i * m + j] /= of_pivot;
    __syncthreads();
    for (int i = j + 1 + row; i <= m; i += height) {
      const double factor = equations[i * m + j];
      for (int k = j + 1 + column; k < m && k <= i; k += width)
        equations[i * m + k] -= factor * equations[k * m + j];
    }
    __syncthreads();
  }
  double* const solution = equations + m * m;
  for (int j = m - 1; j >= 0; --j) {
    const double x = solution[j] / root[j];
    for (int i = thread; i < j; i += refine_threads)
      solution[i] -= equations[j * m + i] * x;
    __syncthreads();
    if (thread == 0) solution[j] = x;
  }
  __syncthreads();
  return true;
}

/// A step to s.tried: with `damping` from s.parameter, where these are the equations of; or of the linear parameters alone from
/// s.tried, unless that is not the first one and the last one held the same. False where there is none or the equations can't be
/// solved, for all threads. `equations`: of a step. Begins and ends with a barrier.
__device__ inline bool step(const RefineArguments& a, RefineState& s, const double* products,
                            double* equations, bool linear, bool is_first, double damping) {
  const double* const from = linear ? s.tried : s.parameter;
  __syncthreads();
  if (threadIdx.x < 32) choose_columns(a, s, from, products, linear);
  __syncthreads();
  const int m = s.moved;
  if (m == 0 || (linear && !is_first && !s.holds_others)) return false;
  const auto thread = static_cast<int>(threadIdx.x);
  // The diagonal moves from its column's place to that among the moved ones: first all are read, then written.
  double diagonal[(most_refined_parameters + refine_threads - 1) / refine_threads];
#pragma unroll
  for (int n = 0; n < static_cast<int>(std::size(diagonal)); ++n) {
    const int i = thread + n * refine_threads;
    diagonal[n] = i < m ? (1 + damping) * s.diagonal[s.free[i]] : 0;
  }
  __syncthreads();
#pragma unroll
  for (int n = 0; n < static_cast<int>(std::size(diagonal)); ++n) {
    const int i = thread + n * refine_threads;
    if (i < m) s.diagonal[i] = diagonal[n];
    if (i < m) equations[i * m + i] = diagonal[n];
    if (i < m) equations[m * m + i] = s.gradient[s.free[i]];
  }
  for (int at = thread; at < m * m; at += refine_threads) {
    const int i = at / m, j = at % m;
    if (j < i) equations[at] = a.p.data_weight * products[s.free[i] * s.rows + s.free[j]];
  }
  if (!solve_cholesky(equations, m, s.diagonal, s.root)) return false;
  for (int i = thread; i < s.parameters; i += refine_threads)
    s.tried[i] = from[i];
  __syncthreads();
  for (int i = thread; i < m; i += refine_threads) {
    const RefinedColumn column = s.column[s.free[i]];
    const RefinedRule& rule = rule_of(a, column);
    const double change = between(equations[m * m + i], -rule.step, rule.step);
    s.tried[column.parameter] = between(from[column.parameter] + change, rule.low, rule.high);
  }
  __syncthreads();
  return true;
}

}  // namespace bragg::cuda
