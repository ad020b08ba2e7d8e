#include "data/search/structure_lines.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/search/pattern_views.h"
#include "kernels/base/bfloat16.h"
#include "kernels/crystal/crystal_math.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

constexpr double lowest = search_grid.start - search_grid.step / 2;  // degrees
constexpr double margin = 0.4;

double highest() {
  return search_grid.end() + search_grid.step / 2 + margin;
}

struct Line {
  double two_theta, area;
};

std::vector<Line> lines_of(const ReciprocalMetric& metric, std::span<const Miller> miller,
                           std::span<const float> f2) {
  std::vector<Line> lines;
  lines.reserve(miller.size());
  for (std::size_t i = 0; i < miller.size(); ++i) {
    const Miller& m = miller[i];
    const double q = inverse_d_squared(metric, m.h, m.k, m.l);
    const double sine = std::min(search_wavelength * std::sqrt(q) / 2, 1.0);
    const double two_theta = 2 * std::asin(sine) * 180 / std::numbers::pi;
    if (two_theta < lowest || two_theta > highest() || !(f2[i] > 0)) continue;
    lines.push_back({two_theta, m.multiplicity * double{f2[i]} * xrd::lorentz_polarisation(two_theta)});
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.two_theta < b.two_theta || (a.two_theta == b.two_theta && a.area < b.area);
  });
  return lines;
}

/// Lines that no grid of the search's could tell apart, as one.
void merge(std::vector<Line>& lines) {
  std::size_t kept = 0;
  for (const Line& line : lines) {
    if (kept > 0 && line.two_theta - lines[kept - 1].two_theta < lines_merge_within) {
      Line& last = lines[kept - 1];
      const double area = last.area + line.area;
      last = {(last.two_theta * last.area + line.two_theta * line.area) / area, area};
    } else {
      lines[kept++] = line;
    }
  }
  lines.resize(kept);
}

}  // namespace

ReflectionProblem search_reflections() {
  return {.stol_min = xrd::stol_from_two_theta(lowest, search_wavelength),
          .stol_max = xrd::stol_from_two_theta(highest(), search_wavelength)};
}

void append_lines(const ReciprocalMetric& metric, std::span<const Miller> miller, std::span<const float> f2,
                  std::vector<PackedLine>& dst) {
  std::vector<Line> lines = lines_of(metric, miller, f2);
  merge(lines);
  double strongest = 0;
  for (const Line& line : lines)
    strongest = std::max(strongest, line.area);
  constexpr double steps_per_degree = static_cast<double>(line_steps_per_bin) / search_grid.step;
  for (const Line& line : lines) {
    if (line.area < weakest_line * strongest) continue;
    dst.push_back({static_cast<std::uint16_t>(std::lround((line.two_theta - lowest) * steps_per_degree)),
                   to_bfloat16(static_cast<float>(line.area / strongest)).bits});
  }
}

}  // namespace bragg::data
