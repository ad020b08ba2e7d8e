// Reflections by the book: every hkl of the sphere, its orbit under every operator, the direct sum over the
// atoms.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <numbers>
#include <set>

#include "kernels/crystal/crystal_math.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {
namespace {

using Hkl = std::array<int, 3>;

// (hkl) R: the reflection that an operator (R, t) carries hkl to.
Hkl image(const Hkl& hkl, const SymmetryOperator& op) {
  Hkl result{};
  for (int j = 0; j < 3; ++j) {
    for (int i = 0; i < 3; ++i)
      result[j] += hkl[i] * op.rotation[3 * i + j];
  }
  return result;
}

// F(hR) = F(h) exp(-2 pi i h t): where h R = h and h t is no integer, F is zero (International Tables
// B, 1.4.4).
bool is_extinct(const Hkl& hkl, std::span<const SymmetryOperator> operators) {
  return std::any_of(operators.begin(), operators.end(), [&](const SymmetryOperator& op) {
    int phase = 0;
    for (int i = 0; i < 3; ++i)
      phase += hkl[i] * op.translation[i];
    return image(hkl, op) == hkl && phase % 24 != 0;
  });
}

// The orbit under the Laue group: the operators' rotations and the inversion (Friedel's law).
std::set<Hkl> orbit(const Hkl& hkl, std::span<const SymmetryOperator> operators) {
  std::set<Hkl> members;
  for (const SymmetryOperator& op : operators) {
    const Hkl a = image(hkl, op);
    members.insert(a);
    members.insert({-a[0], -a[1], -a[2]});
  }
  return members;
}

// f0 + f'.
double form_factor(const FormFactor& f, double stol2) {
  if (stol2 > f.four_gaussians_to) return high_angle_form_factor(f.high, stol2) + f.dispersion_real;
  double value = f.c;
  for (int i = 0; i < 4; ++i)
    value += double{f.a[i]} * std::exp(-double{f.b[i]} * stol2);
  return value + f.dispersion_real;
}

double displacement_exponent(const CrystalBatch& batch, const ScatteringAtom& atom, const Hkl& hkl,
                             double stol2) {
  if (atom.anisotropic < 0) return 8 * std::numbers::pi * std::numbers::pi * double{atom.u_iso} * stol2;
  const auto& b = batch.beta[atom.anisotropic];
  const double h = hkl[0], k = hkl[1], l = hkl[2];
  return b[0] * h * h + b[1] * k * k + b[2] * l * l + b[3] * k * l + b[4] * h * l + b[5] * h * k;
}

double structure_factor_squared(const ReflectionProblem& p, const CrystalBatch& batch, std::int64_t crystal,
                                const Hkl& hkl, double stol2) {
  std::complex<double> sum = 0, imaginary = 0;  // A and B of CrystalBatch
  for (auto j = batch.atom_offset[crystal]; j < batch.atom_offset[crystal + 1]; ++j) {
    const ScatteringAtom& atom = batch.atoms[j];
    const double exponent = p.ignore_displacements ? 0 : displacement_exponent(batch, atom, hkl, stol2);
    const double phase = 2 * std::numbers::pi * (hkl[0] * atom.x + hkl[1] * atom.y + hkl[2] * atom.z);
    const FormFactor& f = batch.form_factors[atom.form_factor];
    sum += atom.occupancy * form_factor(f, stol2) * std::exp(-exponent) * std::polar(1.0, phase);
    imaginary += atom.occupancy * f.dispersion_imaginary * std::exp(-exponent) * std::polar(1.0, phase);
  }
  if (batch.centrosymmetric[crystal]) {
    sum = 2 * sum.real();
    imaginary = 2 * imaginary.real();
  }
  const double centring = batch.centring[crystal];
  return std::norm(centring * sum) + std::norm(centring * imaginary);
}

}  // namespace

ReflectionSet ReferenceBackend::do_structure_factors(const ReflectionProblem& p, const CrystalBatch& batch) {
  const InverseDSquaredRange range(p);
  std::vector<std::uint64_t> offset{0};
  std::vector<Miller> miller;
  std::vector<double> f2;
  std::vector<LaueRotations> laue;
  for (std::int64_t crystal = 0; crystal < batch.crystals(); ++crystal) {
    const ReciprocalMetric& metric = batch.metric[crystal];
    const std::span operators(batch.operators.data() + batch.operator_offset[crystal],
                              batch.operators.data() + batch.operator_offset[crystal + 1]);
    const auto [h_max, k_max, l_max] = largest_indices(metric, range.max, crystal);
    for (int h = h_max; h >= 0; --h) {
      for (int k = k_max; k >= -k_max; --k) {
        for (int l = l_max; l >= -l_max; --l) {
          const double q = inverse_d_squared(metric, h, k, l);
          const Hkl hkl{h, k, l};
          if (!range.contains(q)) continue;
          const auto members = orbit(hkl, operators);
          if (hkl != *members.rbegin() || is_extinct(hkl, operators)) continue;
          miller.push_back({static_cast<std::int16_t>(h), static_cast<std::int16_t>(k),
                            static_cast<std::int16_t>(l), static_cast<std::uint16_t>(members.size())});
          f2.push_back(structure_factor_squared(p, batch, crystal, hkl, q / 4));
        }
      }
    }
    offset.push_back(miller.size());
    laue.push_back(laue_rotations(operators));
  }

  const auto copy = [this](const auto& values) {
    const std::size_t bytes = values.size() * sizeof values[0];
    Buffer buffer = allocate(bytes);
    if (bytes) std::memcpy(buffer.data(), values.data(), bytes);
    return buffer;
  };
  return {batch.crystals(), static_cast<std::int64_t>(miller.size()),
          copy(offset),     copy(batch.metric),
          copy(miller),     copy(f2),
          copy(laue)};
}

}  // namespace bragg::reference
