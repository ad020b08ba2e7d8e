#include "data/patterns/nothing_patterns.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/crystal/data_random.h"

namespace bragg::data {
namespace {

constexpr double wavelength = 1.54184;

double q_of(double two_theta) {
  return 4 * std::numbers::pi * std::sin(two_theta * std::numbers::pi / 360) / wavelength;
}

using Point = std::array<double, 3>;

double distance(const Point& a, const Point& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

Point random_direction(NothingDraws& draws) {
  Point p{draws.normal(), draws.normal(), draws.normal()};
  const double length = std::hypot(p[0], p[1], p[2]);
  for (double& v : p)
    v /= length;
  return p;
}

/// Centres no closer than `least`, put one after the other into a sphere wherever there is room.
std::vector<Point> packed(NothingDraws& draws, double radius, double least) {
  std::vector<Point> centres;
  for (int failures = 0; failures < 200;) {
    Point p = random_direction(draws);
    const double r = radius * std::cbrt(draws.uniform());
    for (double& v : p)
      v *= r;
    const bool free = std::all_of(centres.begin(), centres.end(),
                                  [&](const Point& other) { return distance(p, other) >= least; });
    free ? centres.push_back(p) : static_cast<void>(++failures);
  }
  return centres;
}

struct Atom {
  Point at;
  double electrons;
};

/// Spheres (metals, liquids), tetrahedra (silica, water) or pyramids (chalcogenides) in a sphere.
std::vector<Atom> draw_atoms(NothingDraws& draws) {
  struct Kind {
    double least, bond;
    int ligands;
    double centre, ligand;
  };
  constexpr std::array<Kind, 5> kinds{{{2.5, 0, 0, 28, 0},      // a metallic glass
                                       {3.1, 1.61, 4, 14, 8},   // silica
                                       {2.75, 0.96, 2, 8, 1},   // water
                                       {3.5, 2.28, 3, 33, 16},  // arsenic sulfide
                                       {3.6, 1.48, 3, 5, 8}}};  // a borate
  const Kind kind = kinds[static_cast<std::size_t>(draws.below(5))];
  const double least = kind.least * draws.uniform(0.92, 1.08);
  std::vector<Atom> atoms;
  for (const Point& centre : packed(draws, draws.uniform(3.5, 6) * least, least)) {
    atoms.push_back({centre, kind.centre});
    Point first = random_direction(draws);
    for (int k = 0; k < kind.ligands; ++k) {
      // Turned away from the ligand before: near enough to the angle of a tetrahedron.
      Point next = random_direction(draws);
      const double along = next[0] * first[0] + next[1] * first[1] + next[2] * first[2];
      double length = 0;
      for (int a = 0; a < 3; ++a) {
        next[a] = k == 0 ? first[a]
                         : -first[a] / 3 + 0.94 * (next[a] - along * first[a]) / std::sqrt(1 - along * along);
        length += next[a] * next[a];
      }
      Atom ligand{centre, kind.ligand};
      for (int a = 0; a < 3; ++a)
        ligand.at[a] += kind.bond * draws.normal() * 0.03 + kind.bond * next[a] / std::sqrt(length);
      atoms.push_back(ligand);
    }
  }
  return atoms;
}

/// Debye's formula on a grid of q: sum over pairs of f f' sin(q r) / (q r), the pairs gathered by distance.
std::vector<double> debye(const std::vector<Atom>& atoms, const std::vector<double>& q, bool without_shape) {
  constexpr double bin = 0.05;
  std::vector<double> pairs(1600);
  double self = 0, radius = 0, total = 0;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    self += atoms[i].electrons * atoms[i].electrons;
    total += atoms[i].electrons;
    radius = std::max(radius, distance(atoms[i].at, {}));
    for (std::size_t j = 0; j < i; ++j)
      pairs[std::min<std::size_t>(distance(atoms[i].at, atoms[j].at) / bin, pairs.size() - 1)] +=
          2 * atoms[i].electrons * atoms[j].electrons;
  }
  std::vector<double> result(q.size(), self);
  const double step = q[1] - q[0];
  for (std::size_t b = 0; b < pairs.size(); ++b) {
    if (pairs[b] == 0) continue;
    // sin(q r) at even steps of q, each from the two before it.
    const double r = (static_cast<double>(b) + 0.5) * bin, twice = 2 * std::cos(step * r);
    double before = std::sin((q[0] - step) * r), now = std::sin(q[0] * r);
    for (std::size_t i = 0; i < q.size(); ++i) {
      result[i] += pairs[b] * now / (q[i] * r);
      before = std::exchange(now, twice * now - before);
    }
  }
  for (std::size_t i = 0; i < q.size(); ++i) {
    if (without_shape) {  // what a piece of that size and mean density scatters
      const double x = q[i] * radius, sphere = 3 * (std::sin(x) - x * std::cos(x)) / (x * x * x);
      result[i] -= total * total * sphere * sphere;
    }
    // A form factor that falls off, and thermal motion within it.
    result[i] = std::max(0.0, result[i]) / self * std::exp(-0.08 * q[i] * q[i]);
  }
  return result;
}

double hump(double x, double centre, double fwhm, double lorentz) {
  const double t = std::pow((x - centre) / (fwhm / 2), 2);
  return (1 - lorentz) * std::exp2(-t) + lorentz / (1 + t);
}

/// Air, sample holder, fluorescence, small angles.
double background(double x, double level, double steep, double power) {
  return level + steep * std::pow(5 / x, power);
}

void scale_to(std::vector<double>& y, double highest) {
  const double top = *std::max_element(y.begin(), y.end());
  if (!(top > 0)) return;
  for (double& v : y)
    v *= highest / top;
}

void smooth(std::vector<double>& y, int half) {
  std::vector<double> sums(1);
  for (const double v : y)
    sums.push_back(sums.back() + v);
  const int n = static_cast<int>(y.size());
  for (int i = 0; i < n; ++i) {
    const int low = std::max(0, i - half), high = std::min(n, i + half + 1);
    y[i] = (sums[high] - sums[low]) / (high - low);
  }
}

/// The sum of humps in a list of centre, FWHM, height.
using Humps = std::vector<std::array<double, 3>>;
std::vector<double> on_background(NothingDraws& draws, const std::vector<double>& x, const Humps& humps,
                                  double steepest) {
  const double level = draws.log_uniform(0.03, 3),
               steep = draws.one_in(3) ? 0 : draws.log_uniform(0.03, steepest), power = draws.uniform(1, 4),
               lorentz = draws.uniform(0, 0.8);
  std::vector<double> y;
  for (const double at : x) {
    double value = background(at, level, steep, power);
    for (const auto& [centre, fwhm, height] : humps)
      value += height * hump(at, centre, fwhm, lorentz);
    y.push_back(value);
  }
  scale_to(y, 1);
  return y;
}

std::vector<double> draw_flat(NothingDraws& draws, const std::vector<double>& x) {
  const int kind = draws.below(6);
  const double level = draws.log_uniform(1, 1e6), slope = draws.uniform(-1, 1), first = x.front(),
               last = x.back();
  const double edge = draws.uniform(first, last), wide = draws.uniform(0.3, 15);
  std::vector<double> y;
  for (const double at : x) {
    const double share = (at - first) / (last - first);
    switch (kind) {
      case 0:  // constant
        y.push_back(level);
        break;
      case 1:  // a ramp, without noise
        y.push_back(level * (1 + slope * share));
        break;
      case 2:  // dead but for single counts
        y.push_back(draws.poisson(1e-3));
        break;
      case 3:  // saturated: noise cut off from above
        y.push_back(std::min(level, draws.poisson(level * draws.uniform(0.99, 1.0 + 0.2 * share))));
        break;
      case 4:  // one module of the detector is dead or counts more
        y.push_back(draws.poisson(level * (at > edge && at < edge + wide ? std::max(0.0, slope) * 2 : 1)));
        break;
      default:  // saturated on both sides of a slope
        y.push_back(std::clamp(draws.poisson(level * (1 + slope * share)), 0.8 * level, 1.2 * level));
    }
  }
  return y;
}

}  // namespace

double NothingDraws::uniform(double low, double high) {
  if (left_ == 0) {
    bits_ = random_call(seed_, RandomStream::test, call_++, purpose_, index_);
    left_ = 4;
  }
  return low + (high - low) * uniform01(bits_[static_cast<std::size_t>(--left_)]);
}
double NothingDraws::log_uniform(double low, double high) {
  return low * std::pow(high / low, uniform());
}
int NothingDraws::below(int count) {
  return static_cast<int>(uniform() * count);
}
double NothingDraws::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}
double NothingDraws::poisson(double mean) {
  if (mean > 60) return std::max(0.0, std::round(mean + std::sqrt(mean) * normal()));
  int count = -1;
  for (double left = 1, limit = std::exp(-mean); left > limit || count < 0; ++count)
    left *= 1 - uniform();
  return count;
}

std::string_view name_of(Nothing kind) {
  constexpr std::array<std::string_view, nothing_kinds.size()> names{"noise",        "flat", "glass",
                                                                     "ferrihydrite", "opal", "organic"};
  return names.at(static_cast<std::size_t>(kind));
}

std::vector<double> draw_positions(NothingDraws& draws) {
  constexpr std::array<double, 5> steps{0.01, 0.02, 0.0167113, 0.03, 0.05};
  const bool usual = draws.one_in(2);
  const double first = usual ? 5 : draws.uniform(2, 10), last = usual ? 89.99 : draws.uniform(60, 90);
  const double step = usual && draws.one_in(2) ? 0.01 : steps[static_cast<std::size_t>(draws.below(5))];
  std::vector<double> x;
  for (int i = 0; first + i * step <= last; ++i)
    x.push_back(first + i * step);
  return x;
}

std::vector<double> draw_glass(NothingDraws& draws, const std::vector<double>& x) {
  std::vector<double> q;
  constexpr double step = 0.02;
  for (double k = 0.1; k < q_of(x.back()) + 2 * step; k += step)
    q.push_back(k);
  const std::vector<double> debye_of_q = debye(draw_atoms(draws), q, !draws.one_in(4));
  std::vector<double> y;
  for (const double at : x) {
    const double place = (q_of(at) - q[0]) / step;
    const auto i = static_cast<std::size_t>(place);
    const double t = place - static_cast<double>(i);
    y.push_back((1 - t) * debye_of_q[i] + t * debye_of_q[i + 1]);
  }
  scale_to(y, 1);
  const double level = draws.log_uniform(0.01, 1), steep = draws.one_in(2) ? 0 : draws.log_uniform(0.03, 3),
               power = draws.uniform(1, 3);
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] += background(x[i], level, steep, power);
  scale_to(y, 1);
  return y;
}

std::vector<double> measure(NothingDraws& draws, const std::vector<double>& mean, double counts) {
  std::vector<double> y;
  for (const double v : mean)
    y.push_back(draws.poisson(v * counts));
  const int done = draws.below(9);
  if (done != 0 && draws.one_in(5)) {  // cosmic rays; smoothed, they could not be told from lines
    for (int k = draws.below(6); k >= 0; --k)
      y[static_cast<std::size_t>(draws.below(static_cast<int>(y.size())))] += counts * draws.uniform(0.1, 5);
  }
  switch (done) {
    case 0:  // smoothed
      smooth(y, 1 + draws.below(6));
      if (draws.one_in(2)) smooth(y, 1 + draws.below(4));
      break;
    case 1: {  // without a background that was estimated below or within the noise, cut at zero
      std::vector<double> smoothed = y;
      for (int k = 0; k < 3; ++k)
        smooth(smoothed, static_cast<int>(y.size()) / 40);
      const double share = draws.uniform(0.7, 1.02);
      for (std::size_t i = 0; i < y.size(); ++i)
        y[i] = std::max(0.0, y[i] - share * smoothed[i]);
      break;
    }
    case 2:
      scale_to(y, 1000);
      for (double& v : y)
        v = std::round(v);
      break;
    default:
      break;
  }
  return y;
}

DrawnScan draw_nothing(Nothing kind, std::uint32_t seed, std::uint64_t index) {
  NothingDraws draws(seed, static_cast<std::uint32_t>(kind), index);
  DrawnScan scan{draw_positions(draws), {}};
  const std::vector<double>& x = scan.two_theta;
  const double counts = draws.log_uniform(3, 1e6);
  std::vector<double> mean(x.size(), 1);
  switch (kind) {
    case Nothing::noise: {
      const double slope = draws.uniform(-0.9, 0.9), steep = draws.one_in(2) ? 0 : draws.log_uniform(0.1, 20);
      for (std::size_t i = 0; i < x.size(); ++i)
        mean[i] = background(x[i], 1 + slope * (x[i] - x[0]) / (x.back() - x[0]), steep, 2);
      scan.intensity = measure(draws, mean, draws.log_uniform(0.02, 1e6));
      return scan;
    }
    case Nothing::flat:
      scan.intensity = draw_flat(draws, x);
      return scan;
    case Nothing::glass:
      mean = draw_glass(draws, x);
      break;
    case Nothing::ferrihydrite:  // 2.5 to 2.6 and 1.46 to 1.52 A (Drits et al., Clay Minerals 28 (1993) 185)
      mean = on_background(draws, x,
                           {{draws.uniform(34, 36), draws.uniform(4, 9), 1},
                            {draws.uniform(61, 63.5), draws.uniform(4, 10), draws.uniform(0.4, 1)}},
                           20);
      break;
    case Nothing::opal: {  // opal-A, or the doublet of 4.3 and 4.1 A of poorly ordered opal-CT
      const double centre = draws.uniform(21.4, 22.2), fwhm = draws.uniform(1, 3);
      mean =
          draws.one_in(2)
              ? on_background(draws, x, {{draws.uniform(21.5, 24), draws.uniform(4, 9), 1}}, 3)
              : on_background(
                    draws, x,
                    {{centre, fwhm, 1},
                     {centre - draws.uniform(1, 1.5), fwhm * draws.uniform(0.8, 1.6), draws.uniform(0.2, 1)},
                     {draws.uniform(35.5, 36.3), fwhm * draws.uniform(0.8, 2), draws.uniform(0.05, 0.4)},
                     {draws.uniform(22, 25), draws.uniform(5, 10), draws.uniform(0, 1)}},
                    3);
      break;
    }
    case Nothing::organic:
      mean = on_background(draws, x,
                           {{draws.uniform(19, 23), draws.uniform(5, 12), 1},
                            {draws.uniform(14, 17), draws.uniform(2.5, 8), draws.uniform(0, 0.6)},
                            {draws.uniform(38, 45), draws.uniform(8, 20), draws.uniform(0, 0.5)}},
                           50);
      break;
  }
  scan.intensity = measure(draws, mean, counts);
  return scan;
}

DrawnScan draw_in_glass(NothingDraws& draws, std::span<const float> pattern, const TwoThetaGrid& grid,
                        double counts) {
  const auto points = static_cast<int>(grid.points);
  const int step = draws.one_in(2) ? 1 : 1 + draws.below(5);
  const int first = draws.one_in(2) ? 0 : draws.below(1500);
  const int last = draws.one_in(2) ? points : std::min(points, 5500 + draws.below(3000));
  DrawnScan scan;
  double crystal = 0;
  for (int i = first; i < last; i += step) {
    scan.two_theta.push_back(grid.at(i));
    crystal += double{pattern[static_cast<std::size_t>(i)]};
  }
  std::vector<double> mean = draw_glass(draws, scan.two_theta);
  const double lowest = *std::min_element(mean.begin(), mean.end());
  const double glass =
      std::accumulate(mean.begin(), mean.end(), 0.0) - lowest * static_cast<double>(mean.size());
  for (std::size_t k = 0; k < mean.size(); ++k)
    mean[k] += double{pattern[static_cast<std::size_t>(first) + k * static_cast<std::size_t>(step)]} * glass /
               crystal / 9;
  const double top = *std::max_element(mean.begin(), mean.end());
  for (const double value : mean)
    scan.intensity.push_back(draws.poisson(value / top * counts));
  return scan;
}

}  // namespace bragg::data
