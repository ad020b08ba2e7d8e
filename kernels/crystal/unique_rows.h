// Which reflections of a row (h, k, .) are unique under a Laue group, how many equivalents they have and
// which are extinct: what the fast backends share. No hkl is compared with its orbit.
//
// For a row every element of the Laue group sends l to a reflection whose indices are linear in l. "Not
// larger than (h, k, l)" is then a bound on l, "equal to it" (which lowers the multiplicity, or extinguishes)
// holds for the whole row or for one l at an end of what is left, and an extinction along the row is a
// pattern of l modulo 24. So a row costs a few integer operations per group element, whatever its length.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/crystal/reflection_problem.h"

namespace bragg {

using Translation = std::array<std::int8_t, 3>;  ///< in 1/24

/// The elements R and -R of a Laue group, and the translations of the operators that have them as rotation.
struct RotationPair {
  std::array<std::int8_t, 9> rotation;
  std::array<bool, 2> is_operator;
  std::array<Translation, 2> translation;
};

/// The Laue group and what extinguishes. Of order 2 * pairs.
struct RotationGroup {
  std::vector<RotationPair> pairs;
  std::vector<Translation> centrings;  ///< without (0, 0, 0)
};
/// Throws ProblemError where the operators have more than 48 rotations.
RotationGroup rotation_group(std::span<const SymmetryOperator>);

/// [constant][slope]: which l modulo 24 (bits 0..23) give an integer phase (constant + slope l) / 24.
using IntegerPhases = std::array<std::array<std::uint32_t, 24>, 24>;
constexpr IntegerPhases make_integer_phases() {
  IntegerPhases table{};
  for (int constant = 0; constant < 24; ++constant) {
    for (int slope = 0; slope < 24; ++slope) {
      for (int l = 0; l < 24; ++l) {
        if ((constant + slope * l) % 24 == 0) table[constant][slope] |= 1u << l;
      }
    }
  }
  return table;
}

constexpr int modulo_24(int x) {
  return (x % 24 + 24) % 24;
}

/// The l of row (h, k) with 1/d^2 <= q: middle +- sqrt(reach_squared), none where that is negative.
struct RowExtent {
  double middle, reach_squared;
};
constexpr RowExtent row_extent(const ReciprocalMetric& g, double q, int h, int k) {
  const double middle = -(g[3] * k + g[4] * h) / (2 * g[2]);
  const double rest = (q - (g[0] * h * h + g[1] * k * k + g[5] * h * k)) / g[2];
  return {middle, rest + middle * middle};
}
/// Rounding must not lose an edge: indices are listed for q times the one, within the other more than their
/// reach, and InverseDSquaredRange::contains() has the last word.
inline constexpr double extent_slack = 1 + 1e-9, extent_margin = 1e-6;

/// The l of one row that are not smaller than any of their equivalents.
class UniqueRow {
 public:
  constexpr UniqueRow(int h, int k, int low, int high) : h_(h), k_(k), low_{low}, high_{high} {}

  /// Leaves out what a centring forbids. False: nothing is left.
  constexpr bool apply(const Translation& centring, const IntegerPhases& phases) {
    allowed_ &= allowed_l(centring, phases);
    return allowed_ != 0 && low_.l <= high_.l;
  }

  /// Leaves out the l that R or -R sends to a larger reflection. False: nothing is left.
  constexpr bool apply(const RotationPair& pair, const IntegerPhases& phases) {
    const auto& R = pair.rotation;
    const int c0 = h_ * R[0] + k_ * R[3], c1 = h_ * R[1] + k_ * R[4], c2 = h_ * R[2] + k_ * R[5];
    return apply(pair, 0, {c0 - h_, R[6]}, {c1 - k_, R[7]}, {c2, R[8] - 1}, phases) &&
           apply(pair, 1, {-c0 - h_, -R[6]}, {-c1 - k_, -R[7]}, {-c2, -R[8] - 1}, phases);
  }

  // Once every centring and pair of the group was applied:

  constexpr int low() const { return low_.l; }
  constexpr int high() const { return high_.l; }
  /// Bits of l modulo 24.
  constexpr std::uint32_t allowed() const { return allowed_; }
  /// Of an allowed l between low() and high(); 0 where it is extinct.
  constexpr int multiplicity(int l, int laue_order) const {
    int fixed_by = fixed_by_;
    bool extinct = false;
    if (l == low_.l) {
      fixed_by += low_.fixed_by;
      extinct = low_.extinct;
    }
    if (l == high_.l) {
      fixed_by += high_.fixed_by;
      extinct = extinct || high_.extinct;
    }
    return extinct ? 0 : laue_order / fixed_by;
  }

 private:
  // An index of the image minus that of the reflection itself: constant + slope l.
  struct Difference {
    int constant, slope;
    constexpr int at(int l) const { return constant + slope * l; }
  };
  // The last l on one side, and which elements leave it, and no other l of the row, as it is.
  struct End {
    int l;
    int fixed_by = 0;
    bool extinct = false;
  };

  constexpr std::uint32_t allowed_l(const Translation& t, const IntegerPhases& phases) const {
    return phases[modulo_24(h_ * t[0] + k_ * t[1])][modulo_24(t[2])];
  }

  // The differences of h, k and l: the first that is not zero decides.
  constexpr bool apply(const RotationPair& pair, int sign, Difference first, Difference second,
                       Difference third, const IntegerPhases& phases) {
    for (int i = 0; i < 3; ++i) {
      if (first.slope != 0) return bound(pair, sign, first, second, third);
      if (first.constant != 0) return first.constant < 0;
      first = second;
      second = third;
      third = {0, 0};
    }
    ++fixed_by_;
    if (pair.is_operator[sign]) allowed_ &= allowed_l(pair.translation[sign], phases);
    return allowed_ != 0;
  }

  // Keeps the l where `first`, which depends on l, is <= 0; where it is zero the others decide.
  constexpr bool bound(const RotationPair& pair, int sign, Difference first, Difference second,
                       Difference third) {
    const bool from_above = first.slope > 0;
    const int steps = from_above ? first.slope : -first.slope;
    const int at_zero =
        from_above ? -first.constant : first.constant;  // l = at_zero / steps, if that is an integer
    const int quotient = steps == 1 ? at_zero : at_zero / steps, rest = at_zero - quotient * steps;
    const int later = second.at(quotient) != 0 ? second.at(quotient) : third.at(quotient);
    const bool larger = rest == 0 && later > 0, fixed = rest == 0 && later == 0;
    const int limit = from_above ? quotient - (rest < 0) - larger : quotient + (rest > 0) + larger;
    End end = from_above ? high_ : low_;
    if (from_above ? limit < end.l : limit > end.l) end = {limit};
    if (fixed && end.l == quotient) {  // a fixed point is at the bound: it matters while that is the end
      const Translation& t = pair.translation[sign];
      ++end.fixed_by;
      end.extinct =
          end.extinct || (pair.is_operator[sign] && (h_ * t[0] + k_ * t[1] + quotient * t[2]) % 24 != 0);
    }
    if (from_above) {
      high_ = end;
    } else {
      low_ = end;
    }
    return low_.l <= high_.l;
  }

  int h_, k_;
  End low_, high_;
  std::uint32_t allowed_ = 0xFFFFFF;
  int fixed_by_ = 0;  // elements that leave the whole row as it is
};

}  // namespace bragg
