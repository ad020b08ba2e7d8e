// A model as it is before it is refined: what its indices lead to, its free parameters, the lines of its phases.
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/device/warp.cuh"
#include "kernels/cuda/refine/arguments.h"

namespace bragg::cuda {

/// The block's memory for equations `which`: 0 and 1 are normal equations, 2 those of a step.
__device__ inline double* equations_of(const RefineArguments& a, int which) {
  return reinterpret_cast<double*>(a.memory + blockIdx.x * a.room.block_bytes() +
                                   which * a.room.matrix_bytes());
}

__device__ inline PhaseLines lines_of(const RefineArguments& a, int phase) {
  std::byte* const begin =
      a.memory + blockIdx.x * a.room.block_bytes() + 3 * a.room.matrix_bytes() + phase * a.room.phase_bytes();
  return {reinterpret_cast<LineConstants*>(begin), reinterpret_cast<PlacedLine*>(begin + a.room.placed_at()),
          reinterpret_cast<PointRange*>(begin + a.room.range_at()),
          reinterpret_cast<PointRange*>(begin + a.room.ranges_at())};
}

/// Whether all that the model's indices lead to is there. A kernel can't refuse them, but nothing outside of memory is read.
__device__ inline bool is_sound(const RefineArguments& a, std::int64_t model) {
  const std::int32_t pattern = a.model_pattern[model];
  if (pattern < 0 || pattern >= a.p.patterns) return false;
  const RefinedPattern& measured = a.pattern[pattern];
  if (measured.first < 0 || measured.first > measured.end || measured.end > a.p.points ||
      !(measured.step > 0) || !(measured.wavelength[0] > 0) ||
      (measured.second_share > 0 && !(measured.wavelength[1] > 0)))
    return false;
  const std::int64_t first = a.phase_offset[model], end = a.phase_offset[model + 1];
  if (first < 0 || end < first || end > a.p.phases || end - first > a.p.phases_per_model) return false;
  for (std::int64_t phase = first; phase < end; ++phase) {
    const std::int32_t index = a.phase_structure[phase];
    if (index < 0 || index >= a.p.structures) return false;
    const RefinedStructure& structure = a.structure[index];
    if (structure.strains < 1 || structure.strains > most_strains || structure.strains == 5) return false;
    if (structure.march.axes < 0 || structure.march.axes > most_axes) return false;
    if (structure.first_line < 0 || structure.lines < 0 ||
        structure.first_line + std::int64_t{structure.lines} > a.p.lines)
      return false;
  }
  return true;
}

/// By one thread.
__device__ inline void load_parameters(const RefineArguments& a, RefineState& s) {
  const std::int64_t model = s.model;
  const std::int64_t pattern = a.model_pattern[model], first = a.phase_offset[model];
  s.pattern = a.pattern[pattern];
  s.start = static_cast<float>(s.pattern.start);
  s.step = static_cast<float>(s.pattern.step);
  s.inverse_step = static_cast<float>(1 / s.pattern.step);
  s.y = a.y + pattern * a.p.points;
  s.weight = a.weight + pattern * a.p.points;
  s.phases = static_cast<std::int32_t>(a.phase_offset[model + 1] - first);
  for (int n = 0; n < s.phases; ++n) {
    s.phase[n].structure = a.phase_structure[first + n];
    const PhaseFreedom of = a.structure[s.phase[n].structure].freedom();
    s.phase[n].strains = static_cast<std::int16_t>(of.strains);
    s.phase[n].has_axis = of.has_axis;
  }
  const std::int64_t at = model * a.p.shared() + first * phase_parameters;
  const auto shared = static_cast<int>(a.p.shared());
  s.prior = a.prior + at;
  s.parameters = shared + s.phases * phase_parameters;
  s.columns = 0;
  for (int i = 0; i < s.parameters; ++i) {
    s.parameter[i] = s.tried[i] = static_cast<double>(a.parameters[at + i]);
    PhaseFreedom of{};
    if (i >= shared) {
      const RefinedPhase& phase = s.phase[(i - shared) / phase_parameters];
      of = {phase.strains, phase.has_axis};
    }
    const int kind = free_kind_of(a.p, i, of);
    s.row[i] = kind >= 0 ? s.columns : -1;
    if (kind >= 0) s.column[s.columns++] = {i, static_cast<RefinedKind>(kind)};
  }
  s.rows = static_cast<std::int32_t>(rounded_up(s.columns + 1, block_rows));
}

/// How many threads before this one say `yes`, and how many of all of them. Ends with a barrier.
struct Place {
  int mine, all;
};
__device__ inline Place place_among(bool yes) {
  __shared__ int of_warp[refine_warps];
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const unsigned who = __ballot_sync(all_lanes, yes);
  if (lane == 0) of_warp[warp] = __popc(who);
  __syncthreads();
  Place place{__popc(who & ((1u << lane) - 1)), 0};
  for (int i = 0; i < refine_warps; ++i) {
    if (i < warp) place.mine += of_warp[i];
    place.all += of_warp[i];
  }
  __syncthreads();
  return place;
}

/// The lines of a phase that are drawn, in their order; false where there are more of them than the room, as their ranks are
/// not all different. By all threads, which know s; ends with a barrier.
__device__ inline bool load_lines(const RefineArguments& a, int phase, RefineState& s) {
  const RefinedStructure& structure = a.structure[s.phase[phase].structure];
  const int strains = structure.strains, textures = texture_terms(strains);
  LineConstants* const constants = lines_of(a, phase).constants;
  int count = 0;
  for (int first = 0; first < structure.lines; first += refine_threads) {
    const int l = first + static_cast<int>(threadIdx.x);
    const RefinedLine* const line = a.line + structure.first_line + l;
    const bool is_drawn = l < structure.lines && line->rank < a.p.lines_per_phase;
    const Place place = place_among(is_drawn);
    const int to = count + place.mine;
    if (is_drawn && to < a.room.lines) {
      const auto forms = line_forms<float>(structure, *line);
      for (int j = 0; j < strains; ++j)
        constants[to].form[j] = forms.strain[j];
      for (int j = 0; j < textures; ++j)
        constants[to].form[strains + j] = forms.texture[j];
      constants[to].form[even_area_at] = line->area;
      constants[to].q = forms.q;
      constants[to].area = line->area;
      constants[to].h = line->h;
      constants[to].k = line->k;
      constants[to].l = line->l;
    }
    count += place.all;
  }
  if (count > a.room.lines) return false;
  const auto lines = static_cast<int>(rounded_up(count, range_lines));
  for (int i = count + static_cast<int>(threadIdx.x); i < lines; i += refine_threads)
    constants[i] = {};
  if (threadIdx.x == 0) s.phase[phase].lines = lines;
  __syncthreads();
  return true;
}

}  // namespace bragg::cuda
