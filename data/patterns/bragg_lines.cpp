#include "data/patterns/bragg_lines.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "data/patterns/measured_run.h"
#include "data/patterns/pattern_set.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

using Index = std::int64_t;

/// The narrowest filter, degrees: what a good diffractometer resolves.
constexpr double narrowest_line = 0.04;
/// The widest one tells humps from lines.
constexpr double widest_filter = 3.4;
/// Of some 10^4 independent positions and widths, normal noise reaches 5 in one pattern of 300; that of few
/// counts has a longer tail.
constexpr double least_significance = 7, least_lone_significance = 12;

/// Share of the intensity that sharp lines hold at least, and four or more broad ones, which glasses may
/// mimic.
constexpr double least_share = 0.003, least_broad_share = 0.1, least_lone_share = 0.01;
constexpr Index fewest_broad_lines = 4;
/// A little below Ag K-alpha, A; what is shorter comes from a synchrotron, whose lines are narrow.
constexpr double shortest_tube = 0.55;
/// Degrees from the first point in which a lone line may be the shadow's edge of a beam stop.
constexpr double beam_stop = 2;

using Run = MeasuredRun;

/// The filter of one width: c channels in the middle, c on either side twice, a gap of c / 2 between.
struct Filter {
  Index c, gap;
  double near, far;  ///< weights of the side means in the parabola at the middle
  double norm;       ///< noise of the filter's output over that of a point, where noise is white

  explicit Filter(Index channels) : c(channels), gap((channels + 1) / 2) {
    const auto square = [&](double from) {  // mean squared distance of c channels from the middle
      const double n = static_cast<double>(c), centre = from + (n - 1) / 2;
      return centre * centre + (n * n - 1) / 12;
    };
    const double n = static_cast<double>(c), side = static_cast<double>(gap) + (n + 1) / 2;
    const double m0 = (n * n - 1) / 12, m1 = square(side), m2 = square(side + n);
    near = (m2 - m0) / (m2 - m1);
    far = 1 - near;
    norm = std::sqrt((1 + near * near / 2 + far * far / 2) / n);
  }
  Index reach() const { return gap + 2 * c; }  ///< channels on either side of the middle ones
};

struct Sides {
  double middle, left_near, left_far, right_near, right_far;
};
Sides sides_at(const Run& run, const Filter& f, Index i) {  // i: the first of the middle channels
  return {run.mean(i, f.c), run.mean(i - f.gap - f.c, f.c), run.mean(i - f.gap - 2 * f.c, f.c),
          run.mean(i + f.c + f.gap, f.c), run.mean(i + 2 * f.c + f.gap, f.c)};
}
double background_of(const Filter& f, const Sides& s) {
  return f.near * (s.left_near + s.right_near) / 2 + f.far * (s.left_far + s.right_far) / 2;
}

/// The filter's output along a run, every `stride` channels.
struct Response {
  Filter filter;
  Index first, stride;
  std::vector<double> significance, height;
  double smoothed = 1;  ///< what significances were divided by
};

Response respond(const Run& run, Index channels) {
  const Filter f(channels);
  Response r{f, f.reach(), std::max<Index>(1, channels / 3), {}, {}};
  const Index last = run.size() - f.c - f.reach();
  const auto count = static_cast<std::size_t>(last < r.first ? 0 : (last - r.first) / r.stride + 1);
  r.height.resize(count);
  r.significance.resize(count);
  std::vector<double> sample;
  const std::size_t every = std::max<std::size_t>(1, static_cast<std::size_t>(f.c / 2 / r.stride));
  for (std::size_t k = 0; k < count; ++k) {
    const Index i = r.first + static_cast<Index>(k) * r.stride;
    const Sides s = sides_at(run, f, i);
    const double background = background_of(f, s);
    r.height[k] = s.middle - background;
    // On a steep slope a window's noise is too little for its upper end.
    const double level = run.level[run.window_of(i)];
    const double more = level > 0 && background > level ? std::sqrt(background / level) : 1;
    const double noise = run.noise_at(i) * f.norm * more;
    r.significance[k] = noise > 0 ? r.height[k] / noise : 0;
    if (k % every == 0 && noise > 0) sample.push_back(std::abs(r.significance[k]));
  }
  // Noise that was smoothed is larger in wide filters than its points tell. What the calmest 0.3 of the
  // pattern show, which lines leave free; 0.385: that quantile of a normal |z|.
  r.smoothed = std::max(1.0, value_at_share(sample, 0.3) / 0.385);
  for (double& value : r.significance)
    value /= r.smoothed;
  return r;
}

/// The highest significance within `around` channels of the channel `middle`.
double highest_near(const Response& r, double middle, double around) {
  const double offset = static_cast<double>(r.first) + static_cast<double>(r.filter.c - 1) / 2;
  const double stride = static_cast<double>(r.stride);
  const auto low = std::max<Index>(0, static_cast<Index>(std::ceil((middle - around - offset) / stride)));
  const auto high = std::min(static_cast<Index>(r.significance.size()) - 1,
                             static_cast<Index>(std::floor((middle + around - offset) / stride)));
  double highest = 0;
  for (Index k = low; k <= high; ++k)
    highest = std::max(highest, r.significance[k]);
  return highest;
}

/// Whether the significance s of filter k is a maximum over widths, with noise as each filter shows it or as the points do: a
/// calculated pattern has none, so that its lines' own tails are taken for it, and more so in wide filters.
bool stands_out_most(const std::vector<Response>& scales, std::size_t k, double middle, double s) {
  const double around =
      static_cast<double>(scales[k].filter.c) / 3 + 0.5;  // as far as two positions may lie apart
  bool as_shown = true, as_points = true;
  for (const std::size_t other : {k - 1, k + 1}) {
    if (other >= scales.size()) continue;  // k - 1 of 0, too
    const double there = highest_near(scales[other], middle, around);
    as_shown = as_shown && there <= s;
    as_points = as_points && there * scales[other].smoothed <= s * scales[k].smoothed;
  }
  return as_shown || as_points;
}

/// Rises over both sides and out of their noise, which edges do not; and over the straight lines through the
/// two means of either side, which kinks and humps do not. `noise`: of a mean of c channels.
bool rises_on_both_sides(const Filter& f, const Sides& s, double height, double noise) {
  const double c = static_cast<double>(f.c), e1 = c + static_cast<double>(f.gap), e2 = e1 + c;
  const double left = (e2 * s.left_near - e1 * s.left_far) / c,
               right = (e2 * s.right_near - e1 * s.right_far) / c;
  const double rise = s.middle - std::max(s.left_near, s.right_near);
  return rise > 0.4 * height && rise > 4 * std::sqrt(2.0) * noise &&
         s.middle - std::max(left, right) > 0.4 * height;
}

/// As wide as an instrument can make a line, where that shows above the noise.
bool in_several_channels(const Run& run, const Filter& f, Index i, double background, double noise) {
  const auto begin = run.y.begin() + i;
  const Index top = std::max_element(begin, begin + f.c) - run.y.begin();
  const double peak = run.y[top] - background;
  Index wide = 1;
  for (const Index step : {-1, 1}) {
    for (Index k = top + step; k >= 0 && k < run.size() && run.y[k] - background > peak / 3; k += step)
      ++wide;
  }
  return wide >= std::llround(narrowest_line / run.step) || peak < 8 * noise;
}

/// Single counts add up by Poisson's law, whose tail is longer than the normal one: by the square roots.
bool enough_counts(const Run& run, const Filter& f, double middle, double background) {
  if (!(run.unit > 0) || background > 4 * run.unit) return true;
  const double counts = middle * static_cast<double>(f.c) / run.unit;
  const double expected = std::max(0.0, background * static_cast<double>(f.c) / run.unit);
  return 2 * (std::sqrt(counts + 0.375) - std::sqrt(expected + 0.375)) > least_significance;
}

struct Candidate {
  BraggLine line;
  double area;
};

void find_lines(const Run& run, std::vector<Candidate>& found) {
  std::vector<Response> scales;
  for (double width = narrowest_line; width < widest_filter; width *= std::sqrt(2.0)) {
    const Index channels = std::max<Index>(2, std::llround(width / run.step));
    if (!scales.empty() && channels <= scales.back().filter.c) continue;
    if (2 * Filter(channels).reach() + channels > run.size()) break;
    scales.push_back(respond(run, channels));
  }
  for (std::size_t k = 0; k < scales.size(); ++k) {
    const Response& r = scales[k];
    const Filter& f = r.filter;
    const double width = static_cast<double>(f.c) * run.step;
    if (width > widest_line) break;
    for (std::size_t j = 0; j < r.significance.size(); ++j) {
      const double s = r.significance[j];
      if (s < least_significance) continue;
      if ((j > 0 && r.significance[j - 1] > s) ||
          (j + 1 < r.significance.size() && r.significance[j + 1] >= s))
        continue;
      const Index i = r.first + static_cast<Index>(j) * r.stride;
      const double middle = static_cast<double>(i) + static_cast<double>(f.c - 1) / 2;
      if (!stands_out_most(scales, k, middle, s)) continue;
      const Sides sides = sides_at(run, f, i);
      const double background = background_of(f, sides);
      const double noise = r.height[j] / s / f.norm / std::sqrt(static_cast<double>(f.c));
      if (!rises_on_both_sides(f, sides, r.height[j], noise)) continue;
      if (!in_several_channels(run, f, i, background, run.noise_at(i))) continue;
      if (!enough_counts(run, f, sides.middle, background)) continue;
      found.push_back({{run.start + middle * run.step, r.height[j], width, s, f.c}, r.height[j] * width});
    }
  }
}

/// Of all points, above the lowest mean of half a degree.
double intensity_above_lowest(const std::vector<Run>& runs) {
  double lowest = INFINITY, sum = 0, range = 0;
  for (const Run& run : runs) {
    const Index block = std::min(run.size(), std::max<Index>(5, static_cast<Index>(0.5 / run.step)));
    for (Index i = 0; i + block <= run.size(); i += block)
      lowest = std::min(lowest, run.mean(i, block));
    sum += run.sum.back() * run.step;
    range += static_cast<double>(run.size()) * run.step;
  }
  return sum - lowest * range;
}

}  // namespace

BraggLines bragg_lines(std::span<const double> two_theta, std::span<const double> intensity, double sharp) {
  BraggLines result;
  const std::vector<Run> runs = measured_runs(two_theta, intensity);
  if (runs.empty()) return result;
  result.first = runs.front().start;
  result.sharp_width = sharp;
  std::vector<Candidate> found;
  std::vector<double> noise;
  for (const Run& run : runs) {
    find_lines(run, found);
    noise.insert(noise.end(), run.noise.begin(), run.noise.end());
  }
  result.noise = value_at_share(noise, 0.5);
  std::sort(found.begin(), found.end(),
            [](const Candidate& a, const Candidate& b) { return a.line.significance > b.line.significance; });
  double area = 0;
  for (const Candidate& candidate : found) {
    const auto same = [&](const BraggLine& line) {
      return std::abs(line.two_theta - candidate.line.two_theta) < std::max(line.width, candidate.line.width);
    };
    if (std::any_of(result.lines.begin(), result.lines.end(), same)) continue;
    result.lines.push_back(candidate.line);
    area += candidate.area;
    result.sharp += candidate.line.width <= sharp ? 1 : 0;
  }
  const double total = intensity_above_lowest(runs);
  result.share = total > 0 ? std::min(1.0, area / total) : 0;
  std::sort(result.lines.begin(), result.lines.end(),
            [](const BraggLine& a, const BraggLine& b) { return a.two_theta < b.two_theta; });
  return result;
}

std::string nothing_there(const BraggLines& found) {
  const auto lines = static_cast<Index>(found.lines.size());
  if (found.sharp >= 2 && found.share >= least_share) return "";
  if (lines >= fewest_broad_lines && found.share >= least_broad_share) return "";
  const auto alone = [&](const BraggLine& line) {
    return line.width <= 0.7 * found.sharp_width && line.channels > 2 &&
           line.significance >= least_lone_significance && line.two_theta > found.first + beam_stop;
  };
  if (found.share >= least_lone_share && std::any_of(found.lines.begin(), found.lines.end(), alone))
    return "";
  return fmt::format(
      "no Bragg lines to read an answer from: {} above the noise, {} of them not wider than {:.2g} degrees, "
      "{:.3g} % of the intensity in them; at least two such lines and {:.2g} % are needed, or {} wider ones "
      "and {:.2g} %",
      lines == 1 ? "1 line" : fmt::format("{} lines", lines), found.sharp, found.sharp_width,
      100 * found.share, 100 * least_share, fewest_broad_lines, 100 * least_broad_share);
}

void require_bragg_lines(const MeasuredPattern& pattern, double measured_wavelength,
                         const Instrument& instrument) {
  const TwoThetaGrid& grid = instrument.grid;
  const auto near = [](double a) { return std::abs(a / copper_k_alpha - 1) < 0.02; };
  const bool as_measured =
      pattern.abscissa == Abscissa::two_theta && near(measured_wavelength) && near(instrument.wavelength);
  // One axis for all radiation: a line's width in degrees depends on it.
  const MeasuredPattern on_copper =
      as_measured ? MeasuredPattern{} : to_two_theta(pattern, measured_wavelength, copper_k_alpha);
  const std::span<const double> x = as_measured ? pattern.x : on_copper.x;
  const std::span<const double> y = as_measured ? pattern.intensity : on_copper.intensity;
  const auto there = [&](double two_theta) {
    const double converted =
        as_measured
            ? two_theta
            : xrd::two_theta_from_d(xrd::d_from_two_theta(two_theta, instrument.wavelength), copper_k_alpha);
    return std::isfinite(converted) ? converted : 180.0;
  };
  const auto begin = std::lower_bound(x.begin(), x.end(), there(grid.start)) - x.begin();
  const auto end = std::upper_bound(x.begin(), x.end(), there(grid.end())) - x.begin();
  if (begin >= end) return;
  // A laboratory's instrument widens lines by as many degrees of its own axis, whatever its radiation.
  const bool tube = pattern.abscissa == Abscissa::two_theta && measured_wavelength > shortest_tube;
  const double widened = tube ? std::max(1.0, copper_k_alpha / measured_wavelength) : 1;
  const std::string reason = nothing_there(
      bragg_lines(x.subspan(begin, end - begin), y.subspan(begin, end - begin), sharp_line * widened));
  if (!reason.empty()) throw PatternRefused(reason);
}

}  // namespace bragg::data
