// Structures drawn from their lines for a comparison with measured patterns.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "kernels/ops/op.h"

namespace bragg {

/// How one view of a pattern is drawn: lines as Gaussians, then a power that makes weak ones count.
struct DrawnView {
  double fwhm_low = 0, fwhm_high = 0;  ///< bins, at the first and the last bin, in between linearly
  double power = 0.5;                  ///< of the sum of all lines, 0..1
  bool operator==(const DrawnView&) const = default;
};

inline constexpr std::int64_t most_views = 4, most_bins = 8192;

/// A line in a word of 32 bits.
struct PackedLine {
  std::uint16_t place;  ///< above the lower end of the first bin, in 1 / steps_per_bin of a bin
  std::uint16_t area;   ///< bits of a BFloat16, at least 0
  bool operator==(const PackedLine&) const = default;
};
static_assert(sizeof(PackedLine) == 4);

/// View v of row n, bin i of [first_bin, end_bin), of others 0:
///   y_i = sum over the lines of structure rows[n], in their order, of area 2^(-4 ((i - x) / w)^2) / w,
///         x = place / steps_per_bin - 1/2, w = fwhm_low + (fwhm_high - fwhm_low) x / (bins - 1), in bins,
///         as far as |i - x| <= drawn_cut w
///   dst = y^power / |y^power| / sqrt(views), or zeros where there is no line
/// so that the dot product with views of a pattern, each of length 1 / sqrt(views), is the mean of their cosines.
struct DrawViewsProblem {
  std::int64_t N = 0;           ///< rows of dst
  std::int64_t structures = 0;  ///< that have lines
  std::int64_t lines = 0;       ///< of all of them
  std::int64_t bins = 0, first_bin = 0, end_bin = 0;
  std::int64_t steps_per_bin = 1;
  std::int64_t views = 0;
  std::array<DrawnView, most_views> view{};

  std::int64_t row_length() const { return views * bins; }
  void validate() const;
  std::string text() const;
};

/// Of w on either side of a line: beyond, it is below 1e-5 of its height. sqrt(ln(1e5) / (4 ln 2))
inline constexpr double drawn_cut = 2.0377;

/// line_offset u32 (structures + 1): structure s has the lines [line_offset[s], line_offset[s + 1]), ascending in
/// place; lines: PackedLine (lines), as u32; rows i32 (N) of [0, structures), others give zeros.
/// -> dst bf16 (N, views * bins)
struct DrawViews {
  static constexpr const char* name = "draw_views";
  DrawViewsProblem problem{};
  ConstTensor line_offset{}, lines{}, rows{};
  Tensor dst{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "line_offset", NumberType::u32}, op.line_offset,
          RowsExtent{1, op.problem.structures + 1});
    visit(OperandInfo{Role::in, "lines", NumberType::u32, op.problem.lines == 0}, op.lines,
          RowsExtent{1, op.problem.lines});
    visit(OperandInfo{Role::in, "rows", NumberType::i32}, op.rows, RowsExtent{1, op.problem.N});
    visit(OperandInfo{Role::out, "dst", NumberType::any}, op.dst,
          RowsExtent{1, op.problem.N * op.problem.row_length()});
  }
  void check_more(const Check& check) const { check.is("dst", dst.dtype, DType::bf16); }
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
