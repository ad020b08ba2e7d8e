// Patterns on the fly: a batch is a pure function of (crystals, recipe, seed, index). No disk, no wait.
// The trainer's interface is nn's BatchSource, which this folder does not know: apps/ joins the two.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/pattern_table.h"
#include "kernels/backend.h"
#include "xrd/crystal.h"
#include "xrd/recipe.h"

namespace bragg::data {

class CrystalSet;

/// Every reflection that can touch the grid when drawn by the recipe: from the grid's ends outwards by the
/// widest profile's tail.
ReflectionProblem reflections_on(const TwoThetaGrid&, double wavelength, const xrd::Recipe&,
                                 bool ignore_displacements = false);

/// The reflections of crystals in device memory, computed once and shared by the streams that draw from them.
/// Crystals are taken piecewise, so that only the reflections themselves ever exist twice.
class ReflectionStore {
 public:
  /// crystal(i) for i in [0, count); called in order.
  ReflectionStore(Backend&, std::int64_t count, const std::function<xrd::Crystal(std::int64_t)>& crystal,
                  const ReflectionProblem&);
  /// All crystals of several sets, one set after the other.
  ReflectionStore(Backend&, const std::vector<const CrystalSet*>& sets, const ReflectionProblem&);

  std::int64_t size() const { return set_.crystals; }
  const ReflectionSet& reflections() const { return set_; }

 private:
  ReflectionSet set_;
};

/// Patterns that somebody measured, on the stream's grid, for a share of its batches.
struct MeasuredPatterns {
  std::vector<float> patterns;       ///< (count, points), processed as the recipe says
  std::vector<std::int32_t> labels;  ///< (count): classes
  double share = 0;                  ///< of the patterns that are measured ones
};

struct StreamOptions {
  std::vector<std::int32_t> rows;  ///< of the store: what may be drawn; a row that stands there twice is
                                   ///< drawn twice as often
  DrawRowsProblem::Order order =
      DrawRowsProblem::Order::uniform;  ///< sequential: pattern i is of rows[i % size]
  std::vector<std::int32_t> labels;     ///< class of every row of the store
  std::vector<PatternVariant> variants;
  Processing processing;
  MeasuredPatterns measured;  ///< none: all are simulated
  TwoThetaGrid grid;
  double wavelength = 1.54184;  ///< A
  std::uint32_t seed = 0;
};

/// Draws patterns of a store: pattern number index, whatever the batch it is in, is the same numbers.
class PatternStream {
 public:
  /// The store must outlive the stream. Impurities are drawn from the same rows. Throws Error for an empty
  /// list of rows, labels of another length than the store, or measured patterns of another than the grid.
  PatternStream(const ReflectionStore&, StreamOptions);

  std::int64_t points() const { return options_.grid.points; }
  std::int64_t size() const { return static_cast<std::int64_t>(options_.rows.size()); }
  /// Allocates what batches of N need.
  void plan(Backend&, std::int64_t N);
  /// state: StepState. -> patterns (N, points, 1), maximum 1; labels i32 (N).
  void enqueue(Backend&, ConstTensor state, const Activations& patterns, Tensor labels);

 private:
  PatternProblem problem() const;
  bool has_measured() const { return options_.measured.share > 0; }

  const ReflectionStore& store_;
  StreamOptions options_;
  std::int64_t N_ = 0;
  Buffer candidates_;  ///< i32 (rows)
  Buffer labels_;      ///< i32 (store)
  Buffer rows_;        ///< i32 (N): of the batch at hand
  Buffer impurities_;  ///< i32 (N)
  PatternTable measured_;
};

}  // namespace bragg::data
