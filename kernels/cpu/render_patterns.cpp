// Patterns in fp32, one thread each. Line positions are found in double precision; everything after them is
// relative to a position, in grid steps, and float is enough (isa/pattern_kernels.cpp).
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/isa/crystal_kernels.h"
#include "kernels/crystal_math.h"
#include "kernels/error.h"

namespace bragg::cpu {
namespace {

// Lines are drawn so many at a time, which bounds the memory a thread needs. A multiple of every vector
// length.
constexpr std::int64_t lines_at_once = 512;

// A thread's scratch memory: 64-byte aligned pieces of the workspace, one after the other.
struct Scratch {
  std::int64_t padded_points;  // a multiple of every vector length

  explicit Scratch(std::int64_t points) : padded_points((points + 15) / 16 * 16) {}
  std::size_t bytes() const {
    return padded_points * sizeof(float) +
           lines_at_once * (sizeof(Miller) + sizeof(double) + 4 * sizeof(float));
  }
};

}  // namespace

std::size_t CpuBackend::workspace_bytes(const PatternProblem& p) const {
  return pool_.size() * Scratch(p.grid.points).bytes();
}

void CpuBackend::do_render_patterns(const PatternProblem& p, const ReflectionSet& set, ConstTensor crystals,
                                    ConstTensor state, const Activations& dst) {
  const auto* offset = reinterpret_cast<const std::uint64_t*>(set.offset.data());
  const auto* metric = reinterpret_cast<const ReciprocalMetric*>(set.metric.data());
  const auto* miller = reinterpret_cast<const Miller*>(set.miller.data());
  const auto* f2 = reinterpret_cast<const float*>(set.f2.data());
  const std::uint64_t first_index = state.as<StepState>()->first_index;
  const std::int64_t points = p.grid.points;
  const Scratch scratch(points);
  auto* memory = static_cast<std::byte*>(workspace("render_patterns", workspace_bytes(p)));

  for (std::int64_t n = 0; n < p.N; ++n) {
    const std::int64_t crystal = crystals.as<std::int32_t>()[n];
    if (crystal < 0 || crystal >= set.crystals) {
      throw ProblemError(
          fmt::format("[render_patterns] crystal {} outside a set of {}", crystal, set.crystals));
    }
  }
  pool_.run(p.N, [&](std::int64_t n, int worker) {
    auto* position = reinterpret_cast<double*>(memory + worker * scratch.bytes());
    auto* some = reinterpret_cast<Miller*>(position + lines_at_once);
    auto* some_f2 = reinterpret_cast<float*>(some + lines_at_once);
    float *width = some_f2 + lines_at_once, *height = width + lines_at_once, *decay = height + lines_at_once,
          *y = decay + lines_at_once;

    const std::int64_t crystal = crystals.as<std::int32_t>()[n];
    const std::uint64_t index = first_index + static_cast<std::uint64_t>(n);
    const DrawnPattern drawn = draw_pattern(p, index);
    std::fill_n(y, scratch.padded_points, 0.0f);
    LineCall call{.miller = reinterpret_cast<const std::int16_t*>(some),
                  .f2 = some_f2,
                  .lines = 0,
                  .metric = metric[crystal].data(),
                  .wavelength = p.wavelength,
                  .start = p.grid.start,
                  .step = p.grid.step,
                  .U = drawn.variant->U,
                  .V = drawn.variant->V,
                  .W = drawn.W,
                  .position = position,
                  .width = width,
                  .height = height,
                  .decay = decay};
    for (std::uint64_t first = offset[crystal]; first < offset[crystal + 1]; first += lines_at_once) {
      call.lines =
          std::min<std::int64_t>(lines_at_once, static_cast<std::int64_t>(offset[crystal + 1] - first));
      const std::int64_t padded = (call.lines + 15) / 16 * 16;
      std::memcpy(some, miller + first, call.lines * sizeof(Miller));
      std::memcpy(some_f2, f2 + first, call.lines * sizeof(float));
      std::fill(some + call.lines, some + padded, Miller{1, 0, 0, 0});
      std::fill(some_f2 + call.lines, some_f2 + padded, 0.0f);
      crystal_.lines(call);
      crystal_.draw(position, width, height, decay, call.lines, points, y);
    }

    float highest = crystal_.maximum(y, points);
    if (drawn.noise > 0 && highest > 0) {
      crystal_.add_noise(static_cast<float>(drawn.noise) * highest, p.seed, index, points, y);
      highest = crystal_.maximum(y, points);
    }
    crystal_.scale(y, highest > 0 ? static_cast<float>(p.maximum) / highest : 0, points, dst.item<float>(n));
  });
}

}  // namespace bragg::cpu
