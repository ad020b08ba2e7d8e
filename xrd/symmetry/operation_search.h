// Which rotations of a lattice, with which translations, map the atoms of a primitive cell onto each other.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "xrd/symmetry/lattice_reduction.h"

namespace bragg::xrd {

using Point = std::array<double, 3>;  ///< fractional

/// What the search needs to know of the atoms of a cell.
struct AtomSet {
  std::vector<Point> position;     ///< within [0, 1)
  std::vector<std::int32_t> kind;  ///< atoms of equal kind are alike; from 0, in ascending order

  std::size_t size() const { return position.size(); }
};

/// x -> rotation x + translation, and where each atom goes.
struct Operation {
  IntMatrix rotation;
  Point translation;
  std::vector<std::int32_t> image;  ///< by atom: the atom that its image is
};

/// Thrown where a search would take longer than it may.
struct SearchTooLong {};

/// The atoms of one cell, in bins. Positions and operations in the basis of the metric.
class OperationSearch {
 public:
  OperationSearch(const Metric&, const AtomSet&);

  /// The operation with this rotation: every atom's image lies within `tolerance` (A) of an atom of its kind,
  /// one on one, where the translation is the best one (the mean of the deviations is zero). Empty where
  /// there is none. Throws SearchTooLong.
  std::optional<Operation> find(const IntMatrix& rotation, double tolerance);

  /// Generators of the pure translations, the lattice's own left out: none for a primitive cell. Throws
  /// SearchTooLong.
  std::vector<Operation> translations(double tolerance);

  /// |v| in A.
  double length(const Point& v) const;

 private:
  /// The operation that takes the first atom to `target`, if it is one.
  std::optional<Operation> try_target(const IntMatrix& rotation, std::size_t target, double tolerance);
  /// The nearest atom of the kind within `reach` of a point, -1: none. `offset`: atom - point.
  std::int32_t nearest(const Point&, std::int32_t kind, double reach, Point& offset) const;
  std::size_t bin_of(const Point&) const;

  Metric metric_;
  const AtomSet& atoms_;
  Point reciprocal_{};                   ///< a*, b*, c* in 1/A
  std::array<std::int64_t, 3> bins_{};   ///< along the axes
  std::vector<std::int32_t> bin_begin_;  ///< into bin_atoms_
  std::vector<std::int32_t> bin_atoms_;
  std::size_t first_kind_ = 0;  ///< atoms of the first kind
  std::int64_t work_ = 0;       ///< images looked up so far
  std::vector<Point> offset_;   ///< of the operation at hand: from each atom's image to the atom there
  std::vector<std::int32_t> image_;
};

}  // namespace bragg::xrd
