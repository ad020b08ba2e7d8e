// Patterns by parameters that are given, whoever gives them: for pictures, comparisons and refinement. What
// chance makes of a recipe is in simulate.h and stream.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/patterns/reflection_store.h"
#include "kernels/backend.h"
#include "kernels/crystal/pattern_parameters.h"

namespace bragg::data {

/// Which crystal is to be rendered how.
struct GivenPattern {
  std::int32_t crystal = 0, impurity = 0;  ///< rows of the store; the latter's part is Effect::impurity
  PatternParameters parameters{};
};

/// As PatternProblem: what all patterns have in common.
struct RenderOptions {
  Instrument instrument;
  double maximum = 1000;
  Processing processing;
};

/// A recipe that draws these parameters and no others: what reflections_on() asks for the reflections that
/// the patterns need.
Recipe recipe_of(std::span<const PatternParameters>);

/// (N, points), as many as are left after the processing, one pattern after the other. Throws ProblemError,
/// naming the pattern, for parameters that validate() refuses on the grid and for a row outside the store.
std::vector<float> render_patterns(Backend&, const ReflectionStore&, std::span<const GivenPattern>,
                                   const RenderOptions&);

/// Batches of patterns into host memory: memory for one, planned once.
class BatchRenderer {
 public:
  /// N: patterns in a batch, at most.
  BatchRenderer(Backend&, const PatternProblem&);

  /// Where the parameters of a batch have to be before it is rendered: PatternParameters (N), u8.
  Tensor parameters() const { return {parameters_.data(), DType::u8}; }
  /// (count, problem.points()) until the next call; crystals and, where the problem has any, impurities are
  /// rows of the set, `count` each.
  std::span<const float> render(const ReflectionSet&, std::span<const std::int32_t> crystals,
                                std::span<const std::int32_t> impurities);

 private:
  Backend& backend_;
  PatternProblem problem_;
  Buffer crystals_, impurities_, parameters_, patterns_;
  std::vector<float> host_;
};

}  // namespace bragg::data
