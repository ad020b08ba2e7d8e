// The normal equations at the parameters that are tried.
//
// A chunk of points at a time: every lane takes a point and adds up its derivatives in registers while the lines that reach
// its tile go through, then writes them, a row for each free parameter, to shared memory. The products of all rows with one
// another are added up by blocks of 8 x 8: eight lanes have one, each the points of every 32 that are its own, in floats;
// what they have of the chunk goes to the sums of all chunks in double precision. All orders are fixed.
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/refine/place_lines.cuh"

namespace bragg::cuda {

/// What a point's phases add up to.
struct PointSums {
  float calculated, zero, displacement;
};

/// Where a point's derivatives go, times the root of its weight: rows of chunk_points.
template <int chunk_points>
struct PointRows {
  float* derivatives;  ///< of the point in row 0
  const std::int32_t* row;

  __device__ void put(int parameter, float value) const {
    if (row[parameter] >= 0) derivatives[row[parameter] * chunk_points] = value;
  }
};

/// The profile of a line t widths from its place, with its heights; 0 beyond its reach.
struct ProfileAt {
  float tail, gaussian, lorentz;
};
__device__ inline ProfileAt profile_at(float t2, float gaussian, float lorentz, float reach2) {
  const bool is_inside = t2 <= reach2;
  const float tail = __fdividef(1.0f, 1 + 4 * t2);
  return {tail, is_inside ? gaussian * exp2f(-4 * t2) : 0.0f, is_inside ? lorentz * tail : 0.0f};
}

/// Adds a phase at point i of a tile with the points [first, end).
template <int strains, int chunk_points>
__device__ void add_phase(const RefineArguments& a, const RefineState& s, int phase, int i, int first,
                          int end, float root_weight, const PointRows<chunk_points>& rows, PointSums& sums) {
  constexpr int textures = texture_terms(strains), packs = (strains + textures + 3) / 4;
  constexpr float eight_ln2 = 5.5451774444795625f;
  const PhaseLines lines = lines_of(a, phase);
  const int of_one = s.phase[phase].lines, count = s.pattern.second_share > 0 ? 2 * of_one : of_one;
  const int base = static_cast<int>(a.p.shared()) + phase * phase_parameters;
  const float x = static_cast<float>(i), share = s.value[base + lorentz_share_at];
  float value = 0, position = 0, displacement = 0, damping = 0, ln_fwhm = 0, slope = 0, of_share = 0;
  float strain[strains] = {}, texture[textures] = {};
  for_lines_at(lines, count, first, end, [&](int l) {
    const PlacedLine line = lines.placed[l];
    const float* const forms = lines.constants[l < of_one ? l : l - of_one].form;
    Pack<float, 4> form[packs];
#pragma unroll
    for (int j = 0; j < packs; ++j)
      form[j] = load<4>(forms + 4 * j);
    const float t = (x - line.position) * line.inverse_width;
    const ProfileAt profile = profile_at(t * t, line.gaussian, line.lorentz, line.reach2);
    const float difference = profile.lorentz - profile.gaussian, v = profile.gaussian + share * difference;
    const float fall =
        t * ((1 - share) * eight_ln2 * profile.gaussian + 8 * share * profile.lorentz * profile.tail);
    const float by_position = fall * line.inverse_width, by_ln_width = t * fall - v;
    const float by_q =
        v * line.ln_area_by_q + by_position * line.position_by_q + by_ln_width * line.ln_width_by_q;
    value += v;
    position += by_position;
    displacement += by_position * line.cosine;
    damping += v * line.damping;
    ln_fwhm += by_ln_width * line.fwhm_share;
    slope += by_ln_width * line.slope;
    of_share += difference;
#pragma unroll
    for (int j = 0; j < strains; ++j)
      strain[j] += by_q * form[j / 4].at[j % 4];
#pragma unroll
    for (int j = 0; j < textures; ++j)
      texture[j] += v * form[(strains + j) / 4].at[(strains + j) % 4];
  });
  const float scale = s.value[base + scale_at], scaled = scale * root_weight;
  rows.put(base + scale_at, root_weight * value);
#pragma unroll
  for (int j = 0; j < strains; ++j)
    rows.put(base + strain_at + j, scaled * strain[j]);
#pragma unroll
  for (int j = 0; j < textures; ++j)
    rows.put(base + texture_at + j, -2 * scaled * texture[j]);
  rows.put(base + damping_at, scaled * damping);
  rows.put(base + ln_fwhm_at, scaled * ln_fwhm);
  rows.put(base + fwhm_slope_at, scaled * slope);
  rows.put(base + lorentz_share_at, scaled * of_share);
  sums.calculated += scale * value;
  sums.zero += scaled * s.inverse_step * position;
  sums.displacement += scaled * s.inverse_step * displacement;
}

/// Calls visit(t, value of Chebyshev's polynomial t) for every term of the background.
template <typename Real, typename Visit>
__device__ void for_terms_at(const RefineArguments& a, const RefineState& s, int i, const Visit& visit) {
  const Real x = chebyshev_variable<Real>(s.pattern, i);
  Real polynomial = 1, next = x;
  for (int t = 0; t < static_cast<int>(a.p.terms); ++t) {
    visit(t, polynomial);
    const Real after = 2 * x * next - polynomial;
    polynomial = next;
    next = after;
  }
}

/// The derivatives and the residual of a lane's point of the tile that begins at `first`. Behind the last one they are zeros: its
/// own, that are numbers, times a weight of 0.
template <int chunk_points>
__device__ void put_point(const RefineArguments& a, const RefineState& s, int first,
                          const PointRows<chunk_points>& rows) {
  const int end = min(first + tile_points, s.pattern.end), lane = static_cast<int>(threadIdx.x % 32);
  const int i = min(first + lane, end - 1);
  const bool is_measured = first + lane < end;
  const float root_weight = is_measured ? sqrtf(s.weight[i]) : 0.0f;
  PointSums sums{};
  for (int phase = 0; phase < s.phases; ++phase) {
    switch (s.phase[phase].strains) {
      case 1:
        add_phase<1>(a, s, phase, i, first, end, root_weight, rows, sums);
        break;
      case 2:
        add_phase<2>(a, s, phase, i, first, end, root_weight, rows, sums);
        break;
      case 3:
        add_phase<3>(a, s, phase, i, first, end, root_weight, rows, sums);
        break;
      case 4:
        add_phase<4>(a, s, phase, i, first, end, root_weight, rows, sums);
        break;
      default:
        add_phase<6>(a, s, phase, i, first, end, root_weight, rows, sums);
    }
  }
  rows.put(0, sums.zero);
  rows.put(1, sums.displacement);
  for_terms_at<float>(a, s, i, [&](int t, float polynomial) {
    rows.put(shared_parameters + t, root_weight * polynomial);
    sums.calculated += s.value[shared_parameters + t] * polynomial;
  });
  rows.derivatives[s.columns * chunk_points] = is_measured ? root_weight * (s.y[i] - sums.calculated) : 0.0f;
}

/// Of 8 x 8 numbers that each of eight neighbouring lanes has: afterwards lane `part` has the sums of row `part` of them, as the
/// first eight. Every step gives one half away and adds the other lane's to what is kept.
template <int half = block_rows* block_rows / 2>
__device__ void add_over_parts(float (&sum)[block_rows * block_rows], int part) {
  constexpr int distance = half / block_rows;
  const bool is_upper = (part & distance) != 0;
#pragma unroll
  for (int i = 0; i < half; ++i) {
    const float other = __shfl_xor_sync(all_lanes, is_upper ? sum[i] : sum[half + i], distance);
    sum[i] = (is_upper ? sum[half + i] : sum[i]) + other;
  }
  if constexpr (distance > 1) add_over_parts<half / 2>(sum, part);
}

/// Adds the products of a chunk's rows to the equations that are tried, (rows, rows), of which the blocks on and below the diagonal
/// are used. Where they lie is asked for when they are there: the loop before needs all registers.
template <int chunk_points>
__device__ void add_products(const RefineArguments& a, const RefineState& s, const float* derivatives,
                             int tiles) {
  constexpr int parts = block_rows, blocks_per_warp = 32 / parts;
  static_assert(tile_points == 4 * parts);
  const int blocks = s.rows / block_rows, pairs = blocks * (blocks + 1) / 2;
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32),
            part = lane % parts;
  for (int begin = warp * blocks_per_warp; begin < pairs; begin += refine_warps * blocks_per_warp) {
    const int mine = begin + lane / parts, pair = min(mine, pairs - 1);
    int block = 0;  // of the rows; the other one's number is what is left of the pair's
    while ((block + 1) * (block + 2) / 2 <= pair)
      ++block;
    const int other_block = pair - block * (block + 1) / 2;
    const float* const left = derivatives + block * block_rows * chunk_points + 4 * part;
    const float* const right = derivatives + other_block * block_rows * chunk_points + 4 * part;
    float sum[block_rows * block_rows] = {};
#pragma unroll 1
    for (int point = 0; point < tiles * tile_points; point += tile_points) {
      Pack<float, 4> x[block_rows];
#pragma unroll
      for (int r = 0; r < block_rows; ++r)
        x[r] = load<4>(left + r * chunk_points + point);
#pragma unroll
      for (int c = 0; c < block_rows; ++c) {
        const Pack<float, 4> y = load<4>(right + c * chunk_points + point);
#pragma unroll
        for (int r = 0; r < block_rows; ++r)
#pragma unroll
          for (int k = 0; k < 4; ++k)
            sum[r * block_rows + c] += x[r].at[k] * y.at[k];
      }
    }
    add_over_parts(sum, part);
    if (mine >= pairs) continue;
    double* const to =
        equations_of(a, s.progress.tried) + (block * block_rows + part) * s.rows + other_block * block_rows;
#pragma unroll
    for (int c = 0; c < block_rows; ++c)
      to[c] += static_cast<double>(sum[c]);
  }
}

/// Of the parameters in s.tried. Product (row, column) of the lower triangle, the last row that of the residuals: sums of
/// w df/dp df/dq, w (y - f) df/dp and w (y - f)^2. Begins and ends with a barrier. `derivatives`: room.rows x chunk_points
/// in shared memory, zero in rows that nothing is put into.
template <int chunk_points>
__device__ void evaluate(const RefineArguments& a, RefineState& s, float* derivatives) {
  for (auto i = static_cast<int>(threadIdx.x); i < s.parameters; i += refine_threads)
    s.value[i] = static_cast<float>(s.tried[i]);
  double* const products = equations_of(a, s.progress.tried);
  for (auto i = static_cast<int>(threadIdx.x); i < s.rows * s.rows; i += refine_threads)
    products[i] = 0;
  __syncthreads();
  for (int phase = 0; phase < s.phases; ++phase)
    place_lines(a, s, phase);
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  for (int chunk = s.pattern.first; chunk < s.pattern.end; chunk += chunk_points) {
    const int tiles = (min(chunk_points, s.pattern.end - chunk) + tile_points - 1) / tile_points;
    for (int tile = warp; tile < tiles; tile += refine_warps)
      put_point<chunk_points>(a, s, chunk + tile * tile_points,
                              {derivatives + tile * tile_points + lane, s.row});
    __syncthreads();
    add_products<chunk_points>(a, s, derivatives, tiles);
    __syncthreads();
  }
}

}  // namespace bragg::cuda
