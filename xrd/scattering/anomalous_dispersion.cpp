#include "xrd/scattering/anomalous_dispersion.h"

#include <cmath>
#include <set>
#include <vector>

#include <gemmi/fprime.hpp>

namespace bragg::xrd {
namespace {

using Orbital = gemmi::impl_fprim::OrbitalCoef;

constexpr double hc = 12398.41984;  // eV A
// From gold on the K shell's integral holds below its edge alone.
constexpr int first_below_k_edge = 79;
// Nodes of the five-point Gauss-Legendre rule on 0 .. 1.
constexpr double nodes[] = {0.04691007703067, 0.23076534494716, 0.5, 0.76923465505284, 0.95308992296933};

// An orbital's cross sections are integrated over the nodes x, at energies binding / x^power.
double power_of(const Orbital& orbital, bool deep_k) {
  return orbital.nparm == 11 ? 1 : deep_k ? 0.5 : 2;
}

class Element {
 public:
  // A sum over the nodes has a pole at the energy of each, which cancels where the binding energy is the one
  // that the energies belong to. For a few orbitals gemmi's is not (L1 of Ar, by 1.9 %, N4 of Ce, N5 of Bi,
  // whose f' at Cu K-alpha is an electron off by it), and one of Ce is listed with the wrong number of
  // energies. Both follow from the nodes.
  explicit Element(int atomic_number) : atomic_number_(atomic_number) {
    int count = 0;
    const Orbital* first = gemmi::impl_fprim::get_orbital_coefficients(atomic_number, &count);
    orbitals_.assign(first, first + count);
    for (Orbital& o : orbitals_) {
      if (o.nparm == 11 && o.xnrg[5] == 0) o.nparm = 10;
      o.binden = static_cast<float>(o.xnrg[2] * std::pow(0.5, power_of(o, is_deep_k(o))));
    }
  }

  /// Energies in eV.
  bool knows(double energy) const {
    return atomic_number_ < first_below_k_edge || energy < 1000 * orbitals_.front().binden;
  }
  Dispersion at(double energy) const {
    Dispersion d = sum(energy);
    // What rounding leaves of a pole is narrow: f' is interpolated over it.
    constexpr double width = 1e-4;
    for (const Orbital& o : orbitals_) {
      for (const double x : nodes) {
        const double pole = 1000 * o.binden / std::pow(x, power_of(o, is_deep_k(o)));
        if (std::abs(energy - pole) > width * pole) continue;
        const double low = (1 - width) * pole, high = (1 + width) * pole,
                     share = (energy - low) / (high - low);
        d.real = (1 - share) * sum(low).real + share * sum(high).real;
        return d;
      }
    }
    return d;
  }

 private:
  bool is_deep_k(const Orbital& o) const {
    return atomic_number_ >= first_below_k_edge && &o == &orbitals_.front();
  }
  Dispersion sum(double energy) const {
    Dispersion d;
    gemmi::impl_fprim::cromer(atomic_number_, energy, static_cast<int>(orbitals_.size()), orbitals_.data(),
                              &d.real, &d.imaginary);
    d.real += gemmi::impl_fprim::calculate_correction(atomic_number_);
    return d;
  }

  int atomic_number_;
  std::vector<Orbital> orbitals_;
};

}  // namespace

std::optional<Dispersion> anomalous_dispersion(int atomic_number, double wavelength) {
  const bool is_known = atomic_number >= first_dispersive_element &&
                        atomic_number <= last_dispersive_element && wavelength >= shortest_dispersion &&
                        wavelength <= longest_dispersion;
  if (!is_known) return std::nullopt;
  const Element element(atomic_number);
  const double energy = hc / wavelength;
  if (!element.knows(energy)) return std::nullopt;
  return element.at(energy);
}

std::vector<int> without_dispersion(const Crystal& crystal, double wavelength) {
  std::set<int> unknown;
  for (const Site& site : crystal.sites) {
    if (!anomalous_dispersion(site.species.atomic_number, wavelength))
      unknown.insert(site.species.atomic_number);
  }
  return {unknown.begin(), unknown.end()};
}

}  // namespace bragg::xrd
