// Patterns on the fly: a batch is a pure function of (crystals, recipe, seed, index). No disk, no wait.
// The trainer's interface is nn's BatchSource, which this folder does not know: apps/ joins the two.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "xrd/crystal.h"
#include "xrd/recipe.h"

namespace bragg::data {

class CrystalSet;

/// The reflections of crystals in device memory with one label each, computed once; shared by the training stream and
/// the held-out sequence.
class ReflectionStore {
 public:
  /// `stol_max` covers the grid's end and the widest profile's tail.
  ReflectionStore(Backend&, const std::vector<const CrystalSet*>& sets, const xrd::Recipe&, const TwoThetaGrid&,
                  double wavelength);
  std::int64_t size() const;
  const ReflectionSet& reflections() const;
  ConstTensor space_groups() const;  ///< i32 (size), 1..230
};

/// Uniformly drawn (training) or taken in order (evaluation) from `rows` of the store.
class PatternStream {
 public:
  PatternStream(const ReflectionStore&, std::vector<std::int32_t> rows, DrawRowsProblem::Order, const xrd::Recipe&,
                const TwoThetaGrid&, double wavelength, std::uint32_t seed, std::vector<std::int32_t> labels);
  std::int64_t points() const;
  std::int64_t size() const;
  void plan(Backend&, std::int64_t N);
  void enqueue(Backend&, ConstTensor state, const Activations& patterns, Tensor labels);
};

}  // namespace bragg::data
