#include "kernels/crystal/reflection_problem.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/crystal/crystal_math.h"

namespace bragg {
namespace {

template <typename... T>
[[noreturn]] void fail(const char* op, fmt::format_string<T...> text, T&&... values) {
  throw ProblemError(fmt::format("[{}] {}", op, fmt::format(text, std::forward<T>(values)...)));
}

template <typename Values>
bool all_finite(const Values& values) {
  for (const auto value : values) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

void check_offsets(const std::vector<std::uint64_t>& offset, std::size_t crystals, std::size_t end,
                   const char* what) {
  constexpr auto op = "structure_factors";
  if (offset.size() != crystals + 1)
    fail(op, "{} offsets {} != crystals {} + 1", what, offset.size(), crystals);
  if (offset.front() != 0) fail(op, "first {} offset {} != 0", what, offset.front());
  if (offset.back() != end) fail(op, "last {} offset {} != {} {}s", what, offset.back(), end, what);
  for (std::size_t i = 0; i < crystals; ++i) {
    if (offset[i] > offset[i + 1]) {
      fail(op, "crystal {}: {} offset {} > the next {}", i, what, offset[i], offset[i + 1]);
    }
  }
}

// A metric is one of a cell if its principal minors are positive (Sylvester).
bool is_positive_definite(const ReciprocalMetric& g) {
  const double yz = g[3] / 2, xz = g[4] / 2, xy = g[5] / 2;
  const double minor = g[0] * g[1] - xy * xy;
  const double determinant = g[2] * minor + yz * (xy * xz - g[0] * yz) + xz * (xy * yz - g[1] * xz);
  return g[0] > 0 && minor > 0 && determinant > 0;
}

constexpr SymmetryOperator identity{{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};

}  // namespace

LaueRotations laue_rotations(std::span<const SymmetryOperator> operators) {
  LaueRotations laue{};
  for (const SymmetryOperator& op : operators) {
    std::array<std::int8_t, 9> opposite{};
    std::transform(op.rotation.begin(), op.rotation.end(), opposite.begin(), std::negate<>());
    const auto end = laue.rotation.begin() + laue.count;
    if (std::find_if(laue.rotation.begin(), end,
                     [&](const auto& r) { return r == op.rotation || r == opposite; }) != end) {
      continue;
    }
    if (laue.count == laue.rotation.size())
      fail("structure_factors", "more than {} rotations in a Laue group", laue.rotation.size());
    laue.rotation[laue.count++] = op.rotation;
  }
  return laue;
}

// |h| <= a / d, with a from the inverse of the reciprocal metric.
std::array<int, 3> largest_indices(const ReciprocalMetric& g, double q_max, std::int64_t crystal) {
  constexpr int limit = std::numeric_limits<std::int16_t>::max();
  const double yz = g[3] / 2, xz = g[4] / 2, xy = g[5] / 2;
  const double determinant =
      g[0] * g[1] * g[2] + 2 * xy * yz * xz - g[0] * yz * yz - g[1] * xz * xz - g[2] * xy * xy;
  const std::array<double, 3> edge2{(g[1] * g[2] - yz * yz) / determinant,
                                    (g[0] * g[2] - xz * xz) / determinant,
                                    (g[0] * g[1] - xy * xy) / determinant};
  std::array<int, 3> largest{};
  for (int i = 0; i < 3; ++i) {
    const double bound = std::sqrt(edge2[i] * q_max) + 1;  // + 1: rounding must not lose an edge
    if (!(bound < limit))
      fail("structure_factors", "crystal {}: Miller indices up to {} > {}", crystal, bound, limit);
    largest[i] = static_cast<int>(bound);
  }
  return largest;
}

void CrystalBatch::validate() const {
  constexpr auto op = "structure_factors";
  const std::size_t n = metric.size();
  if (centrosymmetric.size() != n) fail(op, "centrosymmetric {} != crystals {}", centrosymmetric.size(), n);
  if (centring.size() != n) fail(op, "centring {} != crystals {}", centring.size(), n);
  check_offsets(atom_offset, n, atoms.size(), "atom");
  check_offsets(operator_offset, n, operators.size(), "operator");
  for (std::size_t i = 0; i < n; ++i) {
    if (!all_finite(metric[i]) || !is_positive_definite(metric[i])) {
      fail(op, "crystal {}: reciprocal metric ({}) is not that of a cell", i, fmt::join(metric[i], ", "));
    }
    if (centring[i] < 1) fail(op, "crystal {}: centring {} < 1", i, centring[i]);
    const std::uint64_t first = operator_offset[i];
    if (first == operator_offset[i + 1] || operators[first] != identity) {
      fail(op, "crystal {}: the first operator is not the identity", i);
    }
  }
  std::int8_t lowest = 0, highest = 0;  // without a branch for each element: there are hundreds to a crystal
  for (const SymmetryOperator& o : operators) {
    for (const std::int8_t element : o.rotation) {
      lowest = std::min(lowest, element);
      highest = std::max(highest, element);
    }
  }
  if (lowest < -9 || highest > 9)
    fail(op, "a rotation with elements from {} to {}, outside -9..9", lowest, highest);
  for (std::size_t j = 0; j < atoms.size(); ++j) {
    const ScatteringAtom& a = atoms[j];
    if (!std::isfinite(a.x) || !std::isfinite(a.y) || !std::isfinite(a.z) || !std::isfinite(a.occupancy) ||
        !std::isfinite(a.u_iso)) {
      fail(op, "atom {}: ({}, {}, {}), occupancy {}, u_iso {} are not all finite", j, a.x, a.y, a.z,
           a.occupancy, a.u_iso);
    }
    if (a.form_factor < 0 || static_cast<std::size_t>(a.form_factor) >= form_factors.size()) {
      fail(op, "atom {}: form factor {} outside a list of {}", j, a.form_factor, form_factors.size());
    }
    if (a.anisotropic < -1 || a.anisotropic >= static_cast<std::int64_t>(beta.size())) {
      fail(op, "atom {}: anisotropic {} outside a list of {}", j, a.anisotropic, beta.size());
    }
  }
  for (std::size_t j = 0; j < beta.size(); ++j) {
    if (!all_finite(beta[j])) fail(op, "beta {}: ({}) is not finite", j, fmt::join(beta[j], ", "));
  }
  for (std::size_t j = 0; j < form_factors.size(); ++j) {
    const FormFactor& f = form_factors[j];
    if (!all_finite(f.a) || !all_finite(f.b) || !all_finite(f.high.a) || !all_finite(f.high.b) ||
        !all_finite(std::array{f.c, f.high.c, f.high.decay, f.dispersion_real, f.dispersion_imaginary})) {
      fail(op, "form factor {} is not finite", j);
    }
    if (!(f.four_gaussians_to > 0))
      fail(op, "form factor {}: four Gaussians up to s^2 = {} <= 0", j, f.four_gaussians_to);
  }
}

std::string ReflectionProblem::text() const {
  return fmt::format("stol {} .. {}", stol_min, stol_max);
}

void ReflectionProblem::validate() const {
  if (!std::isfinite(stol_min) || stol_min < 0) fail("structure_factors", "stol_min {} < 0", stol_min);
  if (!std::isfinite(stol_max) || stol_max < stol_min) {
    fail("structure_factors", "stol_max {} < stol_min {}", stol_max, stol_min);
  }
}

}  // namespace bragg
