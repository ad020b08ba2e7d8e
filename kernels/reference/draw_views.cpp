// Structures drawn from their lines, as DrawViewsProblem says.
#include "kernels/ops/draw_views.h"

#include <cmath>
#include <vector>

#include "kernels/base/bfloat16.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {
namespace {

void add_line(const DrawViewsProblem& p, const DrawnView& view, PackedLine line, std::vector<double>& y) {
  const double x = static_cast<double>(line.place) / static_cast<double>(p.steps_per_bin) - 0.5;
  const double w = view.fwhm_low + (view.fwhm_high - view.fwhm_low) * x / static_cast<double>(p.bins - 1);
  for (std::int64_t i = p.first_bin; i < p.end_bin; ++i) {
    const double away = static_cast<double>(i) - x;
    if (std::abs(away) <= drawn_cut * w)
      y[static_cast<std::size_t>(i)] +=
          double{to_float(BFloat16{line.area})} / w * std::exp2(-4 * (away / w) * (away / w));
  }
}

}  // namespace

void ReferenceBackend::run_op(const DrawViews& op) {
  const DrawViewsProblem& p = op.problem;
  const auto* offset = op.line_offset.as<std::uint32_t>();
  for (std::int64_t n = 0; n < p.N; ++n)
    for (std::int64_t v = 0; v < p.views; ++v) {
      const DrawnView& view = p.view[static_cast<std::size_t>(v)];
      const std::int64_t structure = op.rows.as<std::int32_t>()[n];
      std::vector<double> y(static_cast<std::size_t>(p.bins));
      if (structure >= 0 && structure < p.structures)
        for (std::uint32_t l = offset[structure]; l < offset[structure + 1]; ++l)
          add_line(p, view, op.lines.as<PackedLine>()[l], y);
      double square = 0;
      for (double& value : y) {
        value = std::pow(value, view.power);
        square += value * value;
      }
      const double factor = square > 0 ? 1 / std::sqrt(square * static_cast<double>(p.views)) : 0;
      BFloat16* const dst = op.dst.as<BFloat16>() + (n * p.views + v) * p.bins;
      for (std::int64_t i = 0; i < p.bins; ++i)
        dst[i] = to_bfloat16(static_cast<float>(y[static_cast<std::size_t>(i)] * factor));
    }
}

}  // namespace bragg::reference
