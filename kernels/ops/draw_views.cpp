#include "kernels/ops/draw_views.h"

#include <cmath>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {

void DrawViewsProblem::validate() const {
  const auto at_least = [](const char* name, std::int64_t value, std::int64_t least) {
    require_at_least(DrawViews::name, name, value, least);
  };
  at_least("N", N, 0);
  at_least("structures", structures, N > 0 ? 1 : 0);
  at_least("lines", lines, 0);
  at_least("bins", bins, 2);
  at_least("first_bin", first_bin, 0);
  at_least("end_bin", end_bin, first_bin);
  at_least("bins", bins, end_bin);
  if (bins > most_bins)
    throw ProblemError(fmt::format("[{}] bins {} > {}", DrawViews::name, bins, most_bins));
  at_least("steps_per_bin", steps_per_bin, 1);
  at_least("views", views, 1);
  if (views > most_views)
    throw ProblemError(fmt::format("[{}] views {} > {}", DrawViews::name, views, most_views));
  constexpr double widest = 1e4;
  for (std::int64_t v = 0; v < views; ++v) {
    const DrawnView& drawn = view[static_cast<std::size_t>(v)];
    // Below half a bin a line may fall between two.
    require_within(DrawViews::name, "fwhm_low", drawn.fwhm_low, 0.5, widest);
    require_within(DrawViews::name, "fwhm_high", drawn.fwhm_high, 0.5, widest);
    if (!(drawn.power > 0 && drawn.power <= 1))
      throw ProblemError(fmt::format("[{}] power {} is not in (0, 1]", DrawViews::name, drawn.power));
  }
}

std::string DrawViewsProblem::text() const {
  std::string text = fmt::format("N {} structures {} lines {} bins {} window {} {} steps_per_bin {} views", N,
                                 structures, lines, bins, first_bin, end_bin, steps_per_bin);
  for (std::int64_t v = 0; v < views; ++v) {
    const DrawnView& drawn = view[static_cast<std::size_t>(v)];
    text += fmt::format(" {} {} {}", drawn.fwhm_low, drawn.fwhm_high, drawn.power);
  }
  return text;
}

}  // namespace bragg
