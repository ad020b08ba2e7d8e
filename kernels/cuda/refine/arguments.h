// What the kernel of refine is told, and what a block keeps of the model at hand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/crystal/refinement_model.h"
#include "kernels/ops/refine.h"

namespace bragg::cuda {

inline constexpr int refine_threads = 128, refine_warps = refine_threads / 32;
/// Points of a tile: a warp takes one, a point for each lane.
inline constexpr int tile_points = 32;
/// Rows and columns of the normal equations that a part of a warp adds up together.
inline constexpr int block_rows = 8;
inline constexpr int most_refined_parameters =
    shared_parameters + most_refined_terms + most_refined_phases * phase_parameters;

constexpr std::int64_t rounded_up(std::int64_t n, std::int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

/// A line of a doublet where its phase's parameters put it, without the scale. Positions and widths in steps of the grid.
struct alignas(16) PlacedLine {
  float position, inverse_width;  ///< 1 / W
  float gaussian, lorentz;        ///< heights, were each alone
  float reach2;                   ///< in W, squared
  float ln_area_by_q, position_by_q, ln_width_by_q;
  float cosine;             ///< of theta
  float fwhm_share, slope;  ///< what ln W changes with ln FWHM and with its slope
  float damping;            ///< what ln area changes with B: -1/d^2 / 2
};

inline constexpr int even_area_at = most_strains + most_textures;
/// What stays of a line while its phase is refined: `form` is the change of 1/d^2 with each strain, then the terms of texture,
/// one behind the other, so that few loads bring all that a structure has. Behind them the line's area
/// without texture: of a phase with March's texture, area and first term are written whenever its lines are placed.
struct alignas(16) LineConstants {
  float form[even_area_at + 1];
  float q;     ///< 1/d^2 without strain
  float area;  ///< 0 of lines that only fill a warp
  std::int16_t h, k, l, unused;
};

/// Points [first, end) that a line, or one of 32, reaches.
struct PointRange {
  std::int32_t first, end;
};
inline constexpr int range_lines = 32;

/// How much of everything a block has room for, and where in its memory it lies: two sets of normal equations and the equations
/// of a step, then the lines of every phase.
struct RefineRoom {
  std::int32_t rows;   ///< of the normal equations, with the row of the residuals, whole block_rows
  std::int32_t lines;  ///< of a phase, of one wavelength, whole range_lines
  std::int32_t phases;
  std::int32_t chunk_points;  ///< whose derivatives lie in shared memory

  constexpr std::int64_t matrix_bytes() const {
    return std::int64_t{rows} * rows * std::int64_t{sizeof(double)};
  }
  constexpr std::int64_t placed_at() const { return lines * std::int64_t{sizeof(LineConstants)}; }
  constexpr std::int64_t range_at() const {
    return placed_at() + 2 * lines * std::int64_t{sizeof(PlacedLine)};
  }
  constexpr std::int64_t ranges_at() const {
    return range_at() + 2 * lines * std::int64_t{sizeof(PointRange)};
  }
  constexpr std::int64_t phase_bytes() const {
    return ranges_at() + 2 * (lines / range_lines) * std::int64_t{sizeof(PointRange)};
  }
  constexpr std::int64_t block_bytes() const {
    return rounded_up(3 * matrix_bytes() + phases * phase_bytes(), 128);
  }
  constexpr std::int64_t shared_bytes() const {
    return std::int64_t{rows} * chunk_points * std::int64_t{sizeof(float)};
  }
};

struct RefineArguments {
  RefineProblem p;
  const float* y;
  const float* weight;
  const RefinedPattern* pattern;
  const RefinedStructure* structure;
  const RefinedLine* line;
  const std::int32_t* model_pattern;
  const std::int32_t* phase_offset;
  const std::int32_t* phase_structure;
  const float* prior;
  float* parameters;
  RefinedFigures* figures;
  float* calculated;  ///< or nullptr
  double* curvature;  ///< or nullptr
  RefineRoom room;
  std::byte* memory;  ///< room.block_bytes() for each block
  unsigned* ticket;   ///< models that have been begun; 0 before and afterwards
};

struct RefinedPhase {
  std::int32_t structure;
  std::int16_t strains;
  bool has_axis;
  std::int32_t lines;  ///< of one wavelength, whole range_lines
};

/// How far the minimisation has come; thread 0 alone decides.
struct RefineProgress {
  double objective, damping;  ///< Q at the best parameters; lambda of the next step
  std::int32_t iterations, falls;
  std::int32_t passes;       ///< of the linear start that may still come
  std::int32_t best, tried;  ///< which set of normal equations is that of the best, which is made next
  std::int32_t last;         ///< which was made last
  bool is_begun;             ///< there is a best one
  bool is_taken;             ///< what was made last is the best
  bool is_linear, is_done;   ///< the step at hand is one of the linear start; nothing comes any more
};

/// The model that a block refines; in shared memory.
struct RefineState {
  std::int64_t model;
  bool is_sound;
  RefineProgress progress;
  RefinedPattern pattern;
  float start, step, inverse_step;  ///< of the grid
  const float *y, *weight, *prior;  ///< of its pattern, and its own
  std::int32_t phases, parameters, columns;
  std::int32_t rows;   ///< columns and the residuals, whole block_rows
  std::int32_t moved;  ///< columns that the step at hand moves
  bool holds_others;   ///< than the one before: linear parameters by their bounds
  unsigned held[(most_refined_parameters + 31) / 32];  ///< of which columns that is so, a bit each
  RefinedPhase phase[most_refined_phases];
  double parameter[most_refined_parameters];  ///< the best so far
  double tried[most_refined_parameters];
  float value[most_refined_parameters];       ///< those that are drawn, in floats
  std::int32_t row[most_refined_parameters];  ///< of each parameter's derivatives; -1 where it is not free
  RefinedColumn column[most_refined_parameters];
  // Of a step, by column, then by what is moved.
  double gradient[most_refined_parameters], diagonal[most_refined_parameters], root[most_refined_parameters];
  std::int32_t free[most_refined_parameters];
};

/// The lines of a phase in a block's memory; those of the second wavelength follow those of the first.
struct PhaseLines {
  LineConstants* constants;
  PlacedLine* placed;
  PointRange* range;   ///< of each line
  PointRange* ranges;  ///< of range_lines of them
};

}  // namespace bragg::cuda
