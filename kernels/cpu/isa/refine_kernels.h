// The vector code of refinement, one table of functions per instruction set. Plain pointers only, as crystal_kernels.h.
//
// Positions and widths are in steps of the pattern's grid, points counted from its first one in memory. A tile is as many points as
// a vector has lanes; a line lies in the lists of the tiles that it reaches.
#pragma once

#include <cstdint>

namespace bragg::cpu {

/// What is known of a line, an array of each over the lines. The first ones are written by shape(), forms are given.
enum RefineLineArray {
  line_position,
  line_inverse_width,  ///< 1 / W
  line_gaussian,       ///< height of the Gaussian, were it alone; without the scale
  line_lorentz,        ///< the same of the Lorentzian
  line_reach2,         ///< how far it reaches, in W, squared; by reach()
  line_ln_area_by_q,
  line_position_by_q,
  line_ln_width_by_q,
  line_cosine,  ///< of theta
  line_fwhm_share,
  line_slope,    ///< what ln W changes with the FWHM's slope
  line_damping,  ///< what ln area changes with B: -1/d^2 / 2
  line_strain,   ///< six arrays: the change of 1/d^2 with each strain
  line_texture =
      line_strain + 6,        ///< five arrays: the terms; of March's texture the first is written by shape()
  line_q = line_texture + 5,  ///< 1/d^2 without strain
  line_area,                  ///< 0 of lines that only fill a vector
  refine_line_arrays,
  // Of March's texture alone, with which shape() writes line_area:
  line_even_area = refine_line_arrays,  ///< the area without texture
  line_axis_cosine2,                    ///< as many arrays as the axis has images
};

struct ShapeCall {
  float* arrays;  ///< array a begins at arrays + a * stride
  std::int64_t stride;
  std::int64_t begin, end;  ///< lines, whole vectors
  int strains, textures;    ///< textures: 0 where there is an axis
  int axes;                 ///< images of the axis of March's texture, 0: it has none
  const float* strain;      ///< parameters of the phase
  const float* texture;
  float march_along, march_across;  ///< as MarchFunction
  float damping, ln_fwhm, fwhm_slope;
  float zero, displacement, wavelength, share, blur;  ///< as LineSettings
  float start, step;                                  ///< of the grid, degrees
};

struct ReachCall {
  float* arrays;
  std::int64_t stride, lines;
  float lorentz_share, tail_cut;
  float highest;                        ///< of line_gaussian
  float first, last;                    ///< points that count
  std::int32_t *first_tile, *end_tile;  ///< (lines), of each; equal where it reaches none
};

struct RefinePhase {
  const float* arrays;
  std::int64_t stride;
  const std::uint32_t* tile_offset;  ///< (tiles + 1)
  const std::uint32_t* tile_lines;
  int strains;
  float scale, lorentz_share;
  /// Rows of the derivatives, by parameter of the phase; a row that nobody reads for what is not free.
  std::int32_t row[16];
};

struct AccumulateCall {
  std::int64_t tiles_begin, tiles_end;
  const float* y;            ///< whole vectors
  const float* root_weight;  ///< the same; 0 where nothing was measured
  float* calculated;         ///< the same
  std::int64_t phases;
  const RefinePhase* phase;
  std::int64_t terms;
  const float* background;  ///< (terms)
  const std::int32_t* background_row;
  float chebyshev_middle, chebyshev_scale;  ///< the variable is (2 i - middle) scale, the first term exact
  std::int32_t zero_row, displacement_row;
  float inverse_step;
  /// Derivatives times root_weight, rows of chunk_points numbers; the last of `rows` is that of the residuals, behind it one for
  /// what is not read. Rows up to the next multiple of block_rows are zero.
  float* derivatives;
  std::int64_t rows;
  float* sums;       ///< scratch, refine_sums_floats(rows)
  double* products;  ///< (rows, rows), lower triangle: of all rows with one another
};

struct RefineKernels {
  int lanes, block_rows;
  std::int64_t chunk_points;
  float (*shape)(const ShapeCall&);  ///< the highest line_gaussian
  void (*reach)(const ReachCall&);
  void (*accumulate)(const AccumulateCall&);
};
/// Of AccumulateCall::sums.
inline std::int64_t refine_sums_floats(const RefineKernels& kernels, std::int64_t rows) {
  const std::int64_t blocks = (rows + kernels.block_rows - 1) / kernels.block_rows;
  return blocks * (blocks + 1) / 2 * kernels.block_rows * kernels.block_rows * kernels.lanes;
}

namespace v2 {
extern const RefineKernels refine_kernels;
}
namespace v3 {
extern const RefineKernels refine_kernels;
}
namespace v4 {
extern const RefineKernels refine_kernels;
}

}  // namespace bragg::cpu
