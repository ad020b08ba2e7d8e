// Structures drawn from their lines, a view of one a task.
#include "kernels/ops/draw_views.h"

#include <cmath>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/isa/view_kernels.h"

namespace bragg::cpu {
namespace {

/// A thread's row of sums: whole lines of the cache, and what a vector may reach beyond the last bin.
std::int64_t scratch_floats(const DrawViewsProblem& p) {
  return (p.bins + 47) / 16 * 16;
}

}  // namespace

std::size_t CpuBackend::workspace_of(const DrawViewsProblem& p) const {
  return sizeof(float) * static_cast<std::size_t>(scratch_floats(p) * pool_.size());
}

void CpuBackend::run_op(const DrawViews& op) {
  const DrawViewsProblem& p = op.problem;
  auto* const scratch = static_cast<float*>(workspace(DrawViews::name, workspace_of(p)));
  const auto* const offset = op.line_offset.as<std::uint32_t>();
  pool_.run(p.N, [&](std::int64_t n, int worker) {
    const std::int64_t structure = op.rows.as<std::int32_t>()[n];
    const bool is_there = structure >= 0 && structure < p.structures;
    const std::uint32_t first = is_there ? offset[structure] : 0;
    for (std::int64_t v = 0; v < p.views; ++v) {
      const DrawnView& view = p.view[static_cast<std::size_t>(v)];
      views_.draw({.lines = op.lines.as<std::uint32_t>() + first,
                   .count = is_there ? std::int64_t{offset[structure + 1]} - first : 0,
                   .steps_per_bin = static_cast<float>(p.steps_per_bin),
                   .bins = p.bins,
                   .first_bin = p.first_bin,
                   .end_bin = p.end_bin,
                   .fwhm_low = static_cast<float>(view.fwhm_low),
                   .fwhm_slope =
                       static_cast<float>((view.fwhm_high - view.fwhm_low) / static_cast<double>(p.bins - 1)),
                   .power = static_cast<float>(view.power),
                   .length = static_cast<float>(1 / std::sqrt(static_cast<double>(p.views))),
                   .y = scratch + worker * scratch_floats(p),
                   .dst = op.dst.as<BFloat16>() + (n * p.views + v) * p.bins});
    }
  });
}

}  // namespace bragg::cpu
