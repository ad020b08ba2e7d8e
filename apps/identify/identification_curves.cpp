#include "apps/identify/identification_curves.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bragg::apps {
namespace {

/// A curve on other points of 2 theta, NaN outside of it.
std::vector<float> interpolated(std::span<const float> curve, const TwoThetaGrid& from,
                                const TwoThetaGrid& to, double factor) {
  std::vector<float> values(static_cast<std::size_t>(to.points), std::numeric_limits<float>::quiet_NaN());
  for (std::int64_t i = 0; i < to.points; ++i) {
    const double at = (to.at(i) - from.start) / from.step, low = std::floor(at);
    if (low < 0 || low + 1 >= static_cast<double>(curve.size())) continue;
    const auto j = static_cast<std::size_t>(low);
    values[static_cast<std::size_t>(i)] = static_cast<float>(
        factor * (double{curve[j]} + (at - low) * (double{curve[j + 1]} - double{curve[j]})));
  }
  return values;
}

}  // namespace

void draw_curves(const OnTwoTheta& measured, const Findings& found, Identification& result) {
  const std::vector<double>& x = measured.pattern.x;
  const auto n = static_cast<std::int64_t>(x.size());
  const TwoThetaGrid grid{x.front(), (x.back() - x.front()) / static_cast<double>(n - 1), n};
  const data::GridValues values = data::resample(x, measured.pattern.intensity, grid);
  const double highest = *std::max_element(values.values.begin(), values.values.end());
  result.first = grid.start;
  result.step = grid.step;
  result.wavelength = measured.wavelength;
  for (const double value : values.values)
    result.values.push_back(static_cast<float>(highest > 0 ? value / highest : 0));
  if (!(highest > 0)) return;
  for (Candidate& candidate : result.candidates) {
    const auto of =
        std::find_if(found.matches.begin(), found.matches.end(),
                     [&](const data::SearchMatch& match) { return match.structure == candidate.structure; });
    const data::RefinedCurves& own =
        found.refined[static_cast<std::size_t>(of - found.matches.begin())].curves;
    candidate.calculated_curve = interpolated(own.calculated, own.grid, grid, 1 / highest);
    candidate.background_curve = interpolated(own.background, own.grid, grid, 1 / highest);
  }
}

}  // namespace bragg::apps
