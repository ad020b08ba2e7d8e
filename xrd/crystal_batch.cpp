#include "xrd/crystal_batch.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/scattering/anomalous_dispersion.h"
#include "xrd/symmetry/site_symmetry.h"

namespace bragg::xrd {
namespace {

constexpr int denominator = translation_denominator;
constexpr std::array<std::int8_t, 9> identity_rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};
constexpr std::array<std::int8_t, 9> inversion_rotation{-1, 0, 0, 0, -1, 0, 0, 0, -1};

double nearest(double x) {
  return x - std::round(x);
}
double wrapped(double x) {
  const double w = x - std::floor(x);
  return w < 1 ? w : 0;
}

/// The group as the batch wants it: origin on an inversion centre, and one operator for each class modulo
/// centring and inversion.
struct ReducedGroup {
  std::vector<SymmetryOperator> operators;  ///< all, about the new origin
  std::vector<SymmetryOperator> classes;
  std::vector<std::array<double, 3>> centring;  ///< the zero vector first
  bool centrosymmetric = false;
  Fractional origin;  ///< of the new in the old
};

/// The rotation as a number; equal for R and -R where the inversion is in the group.
std::uint64_t class_key(const std::array<std::int8_t, 9>& rotation, bool centrosymmetric) {
  std::uint64_t plain = 0, negated = 0;
  for (const std::int8_t r : rotation) {
    plain = plain << 4 | static_cast<std::uint64_t>(8 + r);
    negated = negated << 4 | static_cast<std::uint64_t>(8 - r);
  }
  return centrosymmetric ? std::min(plain, negated) : plain;
}

ReducedGroup reduce(const Crystal& crystal) {
  ReducedGroup out;
  out.operators = crystal.group.operators;
  const auto inversion =
      std::find_if(out.operators.begin(), out.operators.end(),
                   [](const SymmetryOperator& op) { return op.rotation == inversion_rotation; });
  out.centrosymmetric = inversion != out.operators.end();
  if (out.centrosymmetric) {
    // The inversion at t/2. x' = x - t/2 turns {R|w} into {R|w + (R - 1) t/2}: a multiple of 1/24 again,
    // since w and its image by the inversion differ by a lattice vector.
    const auto t = inversion->translation;
    out.origin = {t[0] / (2.0 * denominator), t[1] / (2.0 * denominator), t[2] / (2.0 * denominator)};
    for (SymmetryOperator& op : out.operators) {
      for (std::size_t i = 0; i < 3; ++i) {
        int twice = 2 * op.translation[i] - t[i];
        for (std::size_t j = 0; j < 3; ++j)
          twice += op.rotation[3 * i + j] * t[j];
        if (twice % 2 != 0)
          throw Error(fmt::format("{}: operator {} has no translation in 1/{} about the inversion centre",
                                  crystal.name, triplet(op), denominator));
        const int moved = twice / 2 % denominator;
        op.translation[i] = static_cast<std::int8_t>(moved < 0 ? moved + denominator : moved);
      }
    }
  }
  std::vector<std::uint64_t> keys;
  for (const SymmetryOperator& op : out.operators) {
    if (op.rotation == identity_rotation)
      out.centring.push_back({op.translation[0] / double{denominator},
                              op.translation[1] / double{denominator},
                              op.translation[2] / double{denominator}});
    const std::uint64_t key = class_key(op.rotation, out.centrosymmetric);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    keys.push_back(key);
    out.classes.push_back(op);
  }
  return out;
}

}  // namespace

FormFactor CrystalBatchBuilder::form_factor_of(Species species) const {
  FormFactor f = form_factor(species).form_factor;
  if (!anomalous_) return f;
  if (const auto dispersion = anomalous_dispersion(species.atomic_number, *anomalous_)) {
    f.dispersion_real = static_cast<float>(dispersion->real);
    f.dispersion_imaginary = static_cast<float>(dispersion->imaginary);
  }
  return f;
}

void CrystalBatchBuilder::add(const Crystal& crystal) {
  const ReducedGroup group = reduce(crystal);
  const auto reciprocal = crystal.cell.reciprocal_lengths();
  const auto& s = reciprocal;
  constexpr double two_pi_squared = 2 * std::numbers::pi * std::numbers::pi;
  const Tensor to_beta{two_pi_squared * s[0] * s[0], two_pi_squared * s[1] * s[1],
                       two_pi_squared * s[2] * s[2], two_pi_squared * s[1] * s[2],
                       two_pi_squared * s[0] * s[2], two_pi_squared * s[0] * s[1]};
  const auto same_position = [&](double x, double y, double z) {
    for (const auto& c : group.centring)
      if (std::abs(nearest(x - c[0])) < 1e-7 && std::abs(nearest(y - c[1])) < 1e-7 &&
          std::abs(nearest(z - c[2])) < 1e-7)
        return true;
    return false;
  };

  for (const Site& site : crystal.sites) {
    if (site.occupancy == 0) continue;
    const auto [entry, is_new] =
        form_factor_index_.try_emplace(site.species, static_cast<std::int32_t>(batch_.form_factors.size()));
    if (is_new) batch_.form_factors.push_back(form_factor_of(site.species));
    Tensor beta{};
    if (site.u_aniso)
      for (std::size_t k = 0; k < 6; ++k)
        beta[k] = (*site.u_aniso)[k] * to_beta[k];

    const Fractional p{site.position.x - group.origin.x, site.position.y - group.origin.y,
                       site.position.z - group.origin.z};
    const std::size_t first = batch_.atoms.size();
    const bool general = static_cast<std::size_t>(site.multiplicity) == group.operators.size();
    for (const SymmetryOperator& op : group.classes) {
      const Fractional q = apply(op, p);
      const bool known =
          !general && std::any_of(batch_.atoms.begin() + static_cast<std::ptrdiff_t>(first),
                                  batch_.atoms.end(), [&](const ScatteringAtom& atom) {
                                    return same_position(q.x - atom.x, q.y - atom.y, q.z - atom.z) ||
                                           (group.centrosymmetric &&
                                            same_position(q.x + atom.x, q.y + atom.y, q.z + atom.z));
                                  });
      if (known) continue;
      const bool on_centre = !general && group.centrosymmetric && same_position(2 * q.x, 2 * q.y, 2 * q.z);
      ScatteringAtom atom{wrapped(q.x),
                          wrapped(q.y),
                          wrapped(q.z),
                          static_cast<float>(on_centre ? site.occupancy / 2 : site.occupancy),
                          entry->second,
                          static_cast<float>(site.u_iso),
                          -1};
      if (site.u_aniso) {
        const Tensor image = rotated(beta, op.rotation);
        atom.anisotropic = static_cast<std::int32_t>(batch_.beta.size());
        batch_.beta.push_back({static_cast<float>(image[0]), static_cast<float>(image[1]),
                               static_cast<float>(image[2]), static_cast<float>(2 * image[3]),
                               static_cast<float>(2 * image[4]), static_cast<float>(2 * image[5])});
      }
      batch_.atoms.push_back(atom);
    }
  }
  batch_.metric.push_back(crystal.cell.reciprocal_metric());
  batch_.centrosymmetric.push_back(group.centrosymmetric ? 1 : 0);
  if (group.centring.size() > 255)
    throw Error(fmt::format("{}: {} lattice points a cell", crystal.name, group.centring.size()));
  batch_.centring.push_back(static_cast<std::uint8_t>(group.centring.size()));
  batch_.atom_offset.push_back(batch_.atoms.size());
  batch_.operators.insert(batch_.operators.end(), group.operators.begin(), group.operators.end());
  batch_.operator_offset.push_back(batch_.operators.size());
}

CrystalBatch CrystalBatchBuilder::take() {
  CrystalBatch out = std::move(batch_);
  batch_ = {};
  // Numbered by species, not by which came first: a backend may add atoms up in the order of their form
  // factors, and a crystal's sums must have the same bits whatever else is in the batch.
  std::vector<FormFactor> ordered;
  std::vector<std::int32_t> renumbered(form_factor_index_.size());
  for (const auto& [species, index] : form_factor_index_) {
    renumbered[static_cast<std::size_t>(index)] = static_cast<std::int32_t>(ordered.size());
    ordered.push_back(out.form_factors[static_cast<std::size_t>(index)]);
  }
  for (ScatteringAtom& atom : out.atoms)
    atom.form_factor = renumbered[static_cast<std::size_t>(atom.form_factor)];
  out.form_factors = std::move(ordered);
  form_factor_index_.clear();
  return out;
}

void append_batch(CrystalBatch& batch, const CrystalBatch& more) {
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  const auto append_offsets = [](std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& from) {
    const std::uint64_t before = to.back();
    std::transform(from.begin() + 1, from.end(), std::back_inserter(to),
                   [&](std::uint64_t offset) { return before + offset; });
  };
  const auto first_factor = static_cast<std::int32_t>(batch.form_factors.size()),
             first_beta = static_cast<std::int32_t>(batch.beta.size());
  for (ScatteringAtom atom : more.atoms) {
    atom.form_factor += first_factor;
    if (atom.anisotropic >= 0) atom.anisotropic += first_beta;
    batch.atoms.push_back(atom);
  }
  append(batch.metric, more.metric);
  append(batch.centrosymmetric, more.centrosymmetric);
  append(batch.centring, more.centring);
  append_offsets(batch.atom_offset, more.atom_offset);
  append(batch.operators, more.operators);
  append_offsets(batch.operator_offset, more.operator_offset);
  append(batch.beta, more.beta);
  append(batch.form_factors, more.form_factors);
}

CrystalBatch make_batch(std::span<const Crystal> crystals, std::optional<double> anomalous) {
  CrystalBatchBuilder builder(anomalous);
  for (const Crystal& crystal : crystals)
    builder.add(crystal);
  return builder.take();
}

}  // namespace bragg::xrd
