// The profiles of lines on the grid.
#include "kernels/cpu/isa/crystal_vector.h"
#include "kernels/cpu/isa/pattern_kernels.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

constexpr double cut = 2.2322392663715607;  // pattern_problem.h's profile_cut
constexpr float tail = 3e-4f;               // and tail_cut

// Where a line's centre is: at grid point `nearest` less `fraction`, at most half a step. The distance of a
// grid point from it is then an exact integer plus the fraction, rounded once, however narrow the line.
struct Centre {
  std::int64_t nearest;
  float fraction;

  explicit Centre(double position)
      : nearest(static_cast<std::int64_t>(__builtin_floor(position + 0.5))),
        fraction(static_cast<float>(static_cast<double>(nearest) - position)) {}

  // Whole steps from `nearest` to the points j, j + 1, ...
  Floats steps_to(std::int64_t j) const { return ramp() + static_cast<float>(j - nearest); }
};

// One line, 2^x at every point.
void draw_directly(const Centre& line, float scale, float height, std::int64_t begin, std::int64_t end,
                   float* y) {
  Floats steps = line.steps_to(begin);
  for (std::int64_t j = begin; j < end; j += lanes) {
    const Floats x = steps + line.fraction;
    store(y + j, load(y + j) + height * exp2(x * (x * scale)));
    steps += static_cast<float>(lanes);
  }
}

// One line by recurrence, from the block of its centre outwards: with x in grid steps and s = -4 / H^2,
//   g(x) = 2^(s x^2),  g(x + L) = g(x) r(x),  r(x) = 2^(s (2 x L + L^2)),  r(x + L) = r(x) q,  q = 2^(2 s
//   L^2),
// two multiplications a vector. Errors grow with the square of the distance and the profile falls faster:
// relative to the height they stay below 3e-6 for lines up to 20 vectors wide. A line narrower than half a
// vector would overflow r.
void draw_by_recurrence(Floats x, float scale, float height, float q, std::int64_t begin, std::int64_t centre,
                        std::int64_t end, float* y) {
  constexpr auto step = static_cast<float>(lanes);
  const Floats start = height * exp2(x * (x * scale)), ratio = exp2((2 * step * x + step * step) * scale);
  const Floats inverse = q / ratio;  // 1 / r(x - L)
  Floats right = start, right_ratio = ratio, left = start * inverse, left_ratio = inverse * q;
  float *up = y + centre, *down = y + centre - lanes;
  for (; up < y + end && down >= y + begin; up += lanes, down -= lanes) {
    store(up, load(up) + right);
    store(down, load(down) + left);
    right *= right_ratio;
    left *= left_ratio;
    right_ratio *= q;
    left_ratio *= q;
  }
  for (; up < y + end; up += lanes) {
    store(up, load(up) + right);
    right *= right_ratio;
    right_ratio *= q;
  }
  for (; down >= y + begin; down -= lanes) {
    store(down, load(down) + left);
    left *= left_ratio;
    left_ratio *= q;
  }
}

// The Lorentzian part of one line: scale = 4 / H^2.
void draw_tails(const Centre& line, float scale, float height, std::int64_t begin, std::int64_t end,
                float* y) {
  Floats steps = line.steps_to(begin);
  for (std::int64_t j = begin; j < end; j += lanes) {
    const Floats x = steps + line.fraction;
    store(y + j, load(y + j) + height / (1.0f + x * (x * scale)));
    steps += static_cast<float>(lanes);
  }
}

// Both parts, with another scale = 4 / H^2 on either side of the centre.
void draw_sides(const Centre& line, float low_scale, float high_scale, float gaussian, float lorentz,
                std::int64_t begin, std::int64_t end, float* y) {
  Floats steps = line.steps_to(begin);
  for (std::int64_t j = begin; j < end; j += lanes) {
    const Floats x = steps + line.fraction;
    const Floats x2 = x * (x * (x < 0.0f ? splat(low_scale) : splat(high_scale)));
    store(y + j, load(y + j) + gaussian * exp2(-x2) + lorentz / (1.0f + x2));
    steps += static_cast<float>(lanes);
  }
}

// The whole vectors of a grid that hold all points from low to high.
struct Interval {
  std::int64_t begin = 0, end = 0;

  Interval(double low, double high, std::int64_t points) {
    const auto last = static_cast<double>(points - 1);
    if (high < 0 || low > last) return;
    begin = low > 0 ? static_cast<std::int64_t>(low) / lanes * lanes : 0;
    end = high < last ? static_cast<std::int64_t>(high) + 1 : points;
  }
  bool is_empty() const { return begin >= end; }
};

}  // namespace

void draw_lines(const DrawCall& call) {
  const auto last = static_cast<double>(call.points - 1);
  const float least_tail = tail * call.highest;
  for (std::int64_t i = 0; i < call.lines; ++i) {
    const float gaussian = call.gaussian[i], lorentz = call.lorentz[i];
    if (!(gaussian + lorentz > 0)) continue;
    const double position = call.position[i];
    const float width = call.width[i], scale = 4.0f / (width * width);
    double reach = cut;  // in H
    if (lorentz > least_tail) {
      const double of_tail = 0.5 * __builtin_sqrt(static_cast<double>(lorentz / least_tail - 1.0f));
      reach = of_tail > reach ? of_tail : reach;
    }
    const Centre line(position);
    if (call.asymmetric && call.side[i] > 0) {
      const float low = 1 + call.side[i], high = 1 - call.side[i];
      const Interval on(position - reach * width * low, position + reach * width * high, call.points);
      if (!on.is_empty()) {
        draw_sides(line, scale / (low * low), scale / (high * high), gaussian, lorentz, on.begin, on.end,
                   call.y);
      }
      continue;
    }
    const Interval core(position - cut * width, position + cut * width, call.points);
    if (!core.is_empty() && gaussian > 0) {
      const bool inside = position >= 0 && position <= last;
      if (inside && width >= lanes / 2 && width <= 20 * lanes) {
        const std::int64_t centre = static_cast<std::int64_t>(position) / lanes * lanes;
        draw_by_recurrence(line.steps_to(centre) + line.fraction, -scale, gaussian, call.decay[i], core.begin,
                           centre, core.end, call.y);
      } else {
        draw_directly(line, -scale, gaussian, core.begin, core.end, call.y);
      }
    }
    if (lorentz > 0) {
      const Interval on(position - reach * width, position + reach * width, call.points);
      if (!on.is_empty()) draw_tails(line, scale, lorentz, on.begin, on.end, call.y);
    }
  }
}

}  // namespace bragg::cpu::BRAGG_ISA
