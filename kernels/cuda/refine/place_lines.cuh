// The lines of a phase where the parameters that are tried put them, and the points that they reach.
#pragma once

#include <climits>

#include <cuda_runtime.h>

#include "kernels/cuda/device/block.cuh"
#include "kernels/cuda/refine/load_model.cuh"

namespace bragg::cuda {

/// What March's texture makes of the lines of a phase that has it. By all threads; ends with a barrier.
__device__ inline void put_march_texture(const RefineArguments& a, const RefineState& s, int phase,
                                         float ln_r) {
  const RefinedPhase& own = s.phase[phase];
  const AxisCosines& axis = a.structure[own.structure].march;
  const MarchFunction<float> march = march_function(ln_r);
  LineConstants* const constants = lines_of(a, phase).constants;
  for (auto i = static_cast<int>(threadIdx.x); i < own.lines; i += refine_threads) {
    LineConstants& line = constants[i];
    const MarchTexture<float> texture =
        march_texture(axis, march, static_cast<float>(line.h), static_cast<float>(line.k),
                      static_cast<float>(line.l), line.q);
    line.form[own.strains] = texture.term;
    line.area = line.form[even_area_at] * texture.factor;
  }
  __syncthreads();
}

/// Without its reach.
__device__ inline PlacedLine place_line(const RefineState& s, const float* own,
                                        const LineSettings<float>& settings, const LineConstants& constants,
                                        int strains, int textures) {
  float q = constants.q, texture = 0;
  for (int j = 0; j < strains; ++j)
    q += own[strain_at + j] * constants.form[j];
  for (int j = 0; j < textures; ++j)
    texture += own[texture_at + j] * constants.form[strains + j];
  const ShapedLine<float> line = shaped_line(settings, q, constants.area, texture);
  PlacedLine placed{};
  if (!line.is_reached) return placed;
  const float height = line.area / line.width;
  placed.position = (line.position - s.start) * s.inverse_step;
  placed.inverse_width = s.step / line.width;
  placed.gaussian = static_cast<float>(gaussian_height) * height;
  placed.lorentz = static_cast<float>(lorentz_height) * height;
  placed.ln_area_by_q = line.ln_area_by_q;
  placed.position_by_q = line.position_by_q * s.inverse_step;
  placed.ln_width_by_q = line.ln_width_by_q;
  placed.cosine = line.cosine;
  placed.fwhm_share = line.fwhm_share;
  placed.slope = line.fwhm_share * line.away;
  placed.damping = -q / 2;
  return placed;
}

/// Of points that were measured. A line that reaches none begins behind every point and ends before it.
__device__ inline PointRange range_of(const RefineState& s, const PlacedLine& line, float reach) {
  constexpr PointRange nothing{INT_MAX, INT_MIN};
  if (!(line.gaussian > 0)) return nothing;
  const float steps = reach / line.inverse_width, low = line.position - steps, high = line.position + steps;
  const auto first = static_cast<float>(s.pattern.first), last = static_cast<float>(s.pattern.end - 1);
  if (!(high >= first && low <= last)) return nothing;
  return {static_cast<std::int32_t>(fmaxf(low, first)), static_cast<std::int32_t>(fminf(high, last)) + 1};
}

/// By all threads, from s.value; begins and ends with a barrier.
__device__ inline void place_lines(const RefineArguments& a, const RefineState& s, int phase) {
  const PhaseLines lines = lines_of(a, phase);
  const float* const own = s.value + a.p.shared() + phase * phase_parameters;
  const bool has_axis = s.phase[phase].has_axis;
  const int strains = s.phase[phase].strains, textures = has_axis ? 0 : texture_terms(strains);
  if (has_axis) put_march_texture(a, s, phase, own[texture_at]);
  const bool is_doublet = s.pattern.second_share > 0;
  const int of_one = s.phase[phase].lines, count = is_doublet ? 2 * of_one : of_one;
  const float both = is_doublet ? 1 + s.pattern.second_share : 1.0f;
  float highest = 0;
  for (auto i = static_cast<int>(threadIdx.x); i < count; i += refine_threads) {
    const int which = i < of_one ? 0 : 1;
    const LineSettings<float> settings{.zero = s.value[0],
                                       .displacement = s.value[1],
                                       .damping = own[damping_at],
                                       .ln_fwhm = own[ln_fwhm_at],
                                       .fwhm_slope = own[fwhm_slope_at],
                                       .wavelength = s.pattern.wavelength[which],
                                       .share = (which == 0 ? 1.0f : s.pattern.second_share) / both,
                                       .blur = static_cast<float>(a.p.blur)};
    const PlacedLine line =
        place_line(s, own, settings, lines.constants[i - which * of_one], strains, textures);
    highest = fmaxf(highest, line.gaussian);
    lines.placed[i] = line;
  }
  highest = fmaxf(block_max<refine_threads>(highest), 1e-30f);
  for (auto i = static_cast<int>(threadIdx.x); i < count; i += refine_threads) {
    PlacedLine& line = lines.placed[i];
    const float reach =
        reach_of(own[lorentz_share_at], line.gaussian / highest, static_cast<float>(a.p.tail_cut));
    line.reach2 = reach * reach;
    const PointRange range = range_of(s, line, reach);
    lines.range[i] = range;
    const PointRange all{__reduce_min_sync(all_lanes, range.first), __reduce_max_sync(all_lanes, range.end)};
    if (threadIdx.x % range_lines == 0) lines.ranges[i / range_lines] = all;
  }
  __syncthreads();
}

/// Calls visit(i) for the lines of a phase that reach points [first, end), in order. By whole warps.
template <typename Visit>
__device__ void for_lines_at(const PhaseLines& lines, int count, int first, int end, const Visit& visit) {
  const int lane = static_cast<int>(threadIdx.x % 32), groups = count / range_lines;
  const auto reaches = [&](const PointRange& range) { return range.first < end && range.end > first; };
  for (int begin = 0; begin < groups; begin += 32) {
    const bool is_near = begin + lane < groups && reaches(lines.ranges[begin + lane]);
    for (unsigned near = __ballot_sync(all_lanes, is_near); near != 0; near &= near - 1) {
      const int group = (begin + __ffs(static_cast<int>(near)) - 1) * range_lines;
      for (unsigned there = __ballot_sync(all_lanes, reaches(lines.range[group + lane])); there != 0;
           there &= there - 1)
        visit(group + __ffs(static_cast<int>(there)) - 1);
    }
  }
}

}  // namespace bragg::cuda
