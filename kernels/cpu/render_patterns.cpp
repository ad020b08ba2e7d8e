// Patterns in fp32, one thread each. Line positions are found in double precision; everything after them is
// relative to a position, in grid steps, and float is enough (isa/line_kernels.cpp).
#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/isa/crystal_kernels.h"
#include "kernels/crystal/crystal_math.h"
#include "kernels/crystal/pattern_math.h"
#include "kernels/crystal/pattern_processing.h"

namespace bragg::cpu {
namespace {

/// Lines that a thread has at a time: they stay in its first and second cache, and most crystals have fewer.
/// A multiple of every vector length.
constexpr std::int64_t lines_at_once = 4096;

/// A thread's memory: 64-byte aligned pieces of the workspace, one after the other.
struct Scratch {
  std::int64_t padded_points;  // a multiple of every vector length

  explicit Scratch(std::int64_t points) : padded_points((points + 15) / 16 * 16) {}
  std::size_t bytes() const {
    return 2 * padded_points * sizeof(float) +
           lines_at_once * (sizeof(Miller) + sizeof(double) + 6 * sizeof(float));
  }
};

struct Reflections {
  std::int64_t crystals;
  const std::uint64_t* offset;
  const ReciprocalMetric* metric;
  const Miller* miller;
  const float* f2;
  const LaueRotations* laue;

  explicit Reflections(const ReflectionSet& set)
      : crystals(set.crystals),
        offset(reinterpret_cast<const std::uint64_t*>(set.offset.data())),
        metric(reinterpret_cast<const ReciprocalMetric*>(set.metric.data())),
        miller(reinterpret_cast<const Miller*>(set.miller.data())),
        f2(reinterpret_cast<const float*>(set.f2.data())),
        laue(reinterpret_cast<const LaueRotations*>(set.laue.data())) {}
};

void check_rows(ConstTensor rows, std::int64_t N, std::int64_t crystals) {
  for (std::int64_t n = 0; n < N; ++n) {
    const std::int64_t crystal = rows.as<std::int32_t>()[n];
    if (crystal < 0 || crystal >= crystals)
      throw ProblemError(fmt::format("[render_patterns] crystal {} outside a set of {}", crystal, crystals));
  }
}

/// Whole vectors of them.
std::int64_t padded_lines(std::int64_t count) {
  return (count + 15) / 16 * 16;
}

/// The lines of a reflection: one, or those of the K-alpha doublet.
struct Radiation {
  int lines = 1;
  double wavelength[2];
  float share[2]{1, 0};  ///< of the area
};

Radiation radiation_of(const Instrument& instrument, double k_alpha2) {
  if (!(k_alpha2 > 0)) return {.lines = 1, .wavelength = {instrument.wavelength}};
  const auto both = instrument.k_alpha();
  const auto share = [&](double part) { return static_cast<float>(part / (1 + k_alpha2)); };
  return {.lines = 2, .wavelength = {both[0], both[1]}, .share = {share(1), share(k_alpha2)}};
}

/// One pattern after the other, in memory of its own.
class PatternWorker {
 public:
  PatternWorker(const PatternProblem& p, const Reflections& set, const CrystalKernels& kernels,
                std::byte* memory)
      : p_(p), set_(set), kernels_(kernels), padded_points_(Scratch(p.instrument.grid.points).padded_points) {
    position_ = reinterpret_cast<double*>(memory);
    miller_ = reinterpret_cast<Miller*>(position_ + lines_at_once);
    float* next = reinterpret_cast<float*>(miller_ + lines_at_once);
    for (float** array : {&f2_, &width_, &gaussian_, &lorentz_, &decay_, &side_}) {
      *array = next;
      next += lines_at_once;
    }
    y_ = next;
    other_ = y_ + padded_points_;
  }

  void render(std::int64_t crystal, const std::int32_t* impurity, const PatternParameters& pattern,
              float* dst);
  /// Room for a pattern, until the next is rendered.
  float* room() const { return other_; }

 private:
  /// Reflections `first`, first + 1, ... of the set at one of the wavelengths, and where in the arrays.
  struct Slice {
    std::uint64_t first;
    std::int64_t count;
    int which;
    std::int64_t at;
    bool is_weighed;  ///< the same reflections as before, at the other wavelength
  };

  /// What the slices of a crystal have in common; refers to the metric and the cosines.
  LineCall line_call(const ReciprocalMetric& metric, const PatternParameters& pattern,
                     const AxisCosines& cosines) const;
  /// Fills the arrays; returns the height of the highest line.
  float find_lines(const Slice&, const Radiation&, LineCall& call);
  /// Adds the first `lines` of the arrays to y.
  void draw(std::int64_t lines, float highest, const PatternParameters& pattern, float* y);
  /// The sum of a crystal's lines; returns its maximum.
  float draw_lines(std::int64_t crystal, const PatternParameters& pattern, bool impurity, float* y);
  void add_background(const PatternParameters& pattern, float scale, float other_scale);
  void add_noise(const PatternParameters& pattern);

  const PatternProblem& p_;
  const Reflections& set_;
  const CrystalKernels& kernels_;
  std::int64_t padded_points_;
  double* position_;
  Miller* miller_;
  float *f2_, *width_, *gaussian_, *lorentz_, *decay_, *side_, *y_, *other_;
};

LineCall PatternWorker::line_call(const ReciprocalMetric& metric, const PatternParameters& pattern,
                                  const AxisCosines& cosines) const {
  return {.miller = reinterpret_cast<const std::int16_t*>(miller_),
          .f2 = f2_,
          .weighed = false,
          .lines = 0,
          .metric = metric.data(),
          .wavelength = p_.instrument.wavelength,
          .start = p_.instrument.grid.start,
          .step = p_.instrument.grid.step,
          .radius = p_.instrument.radius,
          .U = pattern.U,
          .V = pattern.V,
          .effects = pattern.value,
          .area = 1,
          .axes = cosines.axes,
          .axis = {cosines.axis[0], cosines.axis[1], cosines.axis[2]}};
}

float PatternWorker::find_lines(const Slice& slice, const Radiation& radiation, LineCall& call) {
  const std::int64_t padded = padded_lines(slice.count);
  call.weighed = slice.is_weighed;
  if (!slice.is_weighed) {
    std::memcpy(miller_, set_.miller + slice.first, slice.count * sizeof(Miller));
    std::memcpy(f2_, set_.f2 + slice.first, slice.count * sizeof(float));
    std::fill(miller_ + slice.count, miller_ + padded, Miller{1, 0, 0, 0});
    std::fill(f2_ + slice.count, f2_ + padded, 0.0f);
  }
  call.lines = padded;
  call.wavelength = radiation.wavelength[slice.which];
  call.area = radiation.share[slice.which];
  call.position = position_ + slice.at;
  call.width = width_ + slice.at;
  call.gaussian = gaussian_ + slice.at;
  call.lorentz = lorentz_ + slice.at;
  call.decay = decay_ + slice.at;
  call.side = side_ + slice.at;
  return kernels_.lines(call);
}

void PatternWorker::draw(std::int64_t lines, float highest, const PatternParameters& pattern, float* y) {
  kernels_.draw({.position = position_,
                 .width = width_,
                 .gaussian = gaussian_,
                 .lorentz = lorentz_,
                 .decay = decay_,
                 .side = side_,
                 .lines = lines,
                 .asymmetric = pattern[Effect::asymmetry] > 0,
                 .highest = highest,
                 .points = p_.instrument.grid.points,
                 .y = y});
}

float PatternWorker::draw_lines(std::int64_t crystal, const PatternParameters& pattern, bool impurity,
                                float* y) {
  std::fill_n(y, padded_points_, 0.0f);
  const ReciprocalMetric metric =
      impurity ? set_.metric[crystal]
               : strained_metric(set_.metric[crystal], set_.laue[crystal], pattern[Effect::strain],
                                 pattern[Effect::distortion], pattern.distortion);
  AxisCosines cosines{};
  if (!impurity && pattern[Effect::texture] > 0)
    cosines = axis_cosines(texture_axes_of(set_.laue[crystal], texture_axis(pattern.axis)), metric);
  LineCall call = line_call(metric, pattern, cosines);
  const Radiation radiation = radiation_of(p_.instrument, pattern[Effect::k_alpha2]);
  const std::uint64_t begin = set_.offset[crystal], end = set_.offset[crystal + 1];
  const auto count = static_cast<std::int64_t>(end - begin), padded = padded_lines(count);
  float highest = 0;
  if (radiation.lines * padded <= lines_at_once) {
    for (int which = 0; which < radiation.lines; ++which) {
      const Slice all{
          .first = begin, .count = count, .which = which, .at = which * padded, .is_weighed = which > 0};
      highest = std::max(highest, find_lines(all, radiation, call));
    }
    draw(radiation.lines * padded, highest, pattern, y);
  } else {
    // The tails' cut needs the highest line before the first is drawn: computed twice.
    const auto for_slices = [&](auto&& function) {
      for (int which = 0; which < radiation.lines; ++which) {
        for (std::uint64_t first = begin; first < end; first += lines_at_once) {
          const auto some = std::min<std::int64_t>(lines_at_once, static_cast<std::int64_t>(end - first));
          const Slice slice{.first = first, .count = some, .which = which, .at = 0, .is_weighed = false};
          function(find_lines(slice, radiation, call));
        }
      }
    };
    const bool has_tails = pattern[Effect::size] > 0 || pattern[Effect::microstrain] > 0;
    if (has_tails) for_slices([&](float height) { highest = std::max(highest, height); });
    for_slices([&](float) { draw(call.lines, highest, pattern, y); });
  }
  return kernels_.maximum(y, p_.instrument.grid.points);
}

void PatternWorker::add_background(const PatternParameters& pattern, float scale, float other_scale) {
  kernels_.background({.scale = scale,
                       .other_scale = other_scale,
                       .other = other_scale > 0 ? other_ : nullptr,
                       .start = p_.instrument.grid.start,
                       .step = p_.instrument.grid.step,
                       .effects = pattern.value,
                       .chebyshev = pattern.chebyshev,
                       .points = p_.instrument.grid.points,
                       .y = y_});
}

void PatternWorker::add_noise(const PatternParameters& pattern) {
  const std::int64_t points = p_.instrument.grid.points;
  if (pattern[Effect::noise] > 0) {
    const float level = static_cast<float>(pattern[Effect::noise]) * kernels_.maximum(y_, points);
    kernels_.add_uniform_noise(level, pattern.seed, pattern.index, points, y_);
  }
  if (pattern[Effect::poisson] > 0 || pattern[Effect::gaussian] > 0) {
    kernels_.noise(
        {.effects = pattern.value, .seed = pattern.seed, .index = pattern.index, .points = points, .y = y_});
  }
}

void PatternWorker::render(std::int64_t crystal, const std::int32_t* impurity,
                           const PatternParameters& pattern, float* dst) {
  const std::int64_t points = p_.instrument.grid.points, read = p_.points();
  const float highest = draw_lines(crystal, pattern, false, y_);
  if (!(highest > 0)) {
    std::fill_n(dst, read, 0.0f);
    return;
  }
  float other_scale = 0;
  if (pattern[Effect::impurity] > 0) {
    const float other = draw_lines(*impurity, pattern, true, other_);
    if (other > 0) other_scale = static_cast<float>(pattern[Effect::impurity]) / other;
  }
  add_background(pattern, 1 / highest, other_scale);
  add_noise(pattern);
  const PointRange kept = kept_points(p_.instrument.grid, pattern);
  std::fill_n(y_, std::clamp<std::int64_t>(kept.begin, 0, points), 0.0f);
  const std::int64_t end = std::clamp<std::int64_t>(kept.end, 0, points);
  std::fill(y_ + end, y_ + points, 0.0f);

  average_points(p_.processing, p_.instrument.grid, std::span(y_, points));
  if (p_.processing.background_window > 0)
    subtract_background(p_.processing, p_.processing.read_grid(p_.instrument.grid), std::span(y_, read));
  const float top = kernels_.maximum(y_, read), maximum = static_cast<float>(p_.maximum);
  if (p_.processing.square_root) {
    kernels_.root(y_, top > 0 ? maximum * maximum / top : 0, read, dst);
  } else {
    kernels_.scale(y_, top > 0 ? maximum / top : 0, read, dst);
  }
}

}  // namespace

std::size_t CpuBackend::workspace_of(const PatternProblem& p) const {
  return pool_.size() * Scratch(p.instrument.grid.points).bytes();
}

void CpuBackend::run_op(const RenderPatterns& op) {
  const PatternProblem& p = op.problem;
  const Reflections reflections(*op.set);
  check_rows(op.crystals, p.N, op.set->crystals);
  if (p.impurities) check_rows(op.impurities, p.N, op.set->crystals);
  check_parameters(p, op.parameters.as<PatternParameters>());
  auto* memory = static_cast<std::byte*>(workspace("render_patterns", workspace_of(p)));
  const bool is_rounded = op.dst.dtype == DType::bf16;
  pool_.run(p.N, [&](std::int64_t n, int worker) {
    const std::int64_t points = p.instrument.grid.points;
    PatternWorker pattern(p, reflections, crystal_, memory + worker * Scratch(points).bytes());
    float* y = is_rounded ? pattern.room() : op.dst.item<float>(n);
    pattern.render(op.crystals.as<std::int32_t>()[n],
                   p.impurities ? op.impurities.as<std::int32_t>() + n : nullptr,
                   op.parameters.as<PatternParameters>()[n], y);
    if (is_rounded) network_.of<BFloat16>().scale_f32(y, p.points(), 1, op.dst.item<BFloat16>(n));
  });
}

}  // namespace bragg::cpu
