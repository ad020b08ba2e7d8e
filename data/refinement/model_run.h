// Op refine for models of several phases on one pattern: what is told of them, and what they become.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "data/refinement/refined_structures.h"
#include "data/refinement/refinement_pattern.h"
#include "kernels/backend.h"
#include "kernels/ops/refine.h"

namespace bragg::data {

/// The parameters of a model as a person names them; op refine has them in this order.
struct ModelParameters {
  float zero = 0, displacement = 0;
  std::vector<float> background;
  std::vector<std::array<float, phase_parameters>> phases;
  bool operator==(const ModelParameters&) const = default;
};

/// How models are refined; the words are RefineProblem's.
struct ModelRules {
  std::int64_t terms = 5, lines = 0, iterations = 0;
  double blur = 0, data_weight = 1, converged = 1e-4, tail_cut = 2e-4;
  bool linear_start = true;
  std::array<RefinedRule, refined_kinds> rule{};
};

/// An objective that can be put in order: what is no number comes last.
inline double comparable(double objective) {
  return std::isfinite(objective) ? objective : std::numeric_limits<double>::max();
}

/// Structures in a backend's memory, and on the host.
class StructuresThere {
 public:
  StructuresThere(Backend&, RefinedStructures);
  /// Those of several patterns, one behind the other. `host` keeps the structures without their lines, which are many.
  StructuresThere(Backend&, std::span<const RefinedStructures>);
  const RefinedStructures host;

 private:
  friend class ModelRun;
  Buffer structures_, lines_;
  std::int64_t line_count_;
};

/// Models of any patterns as op refine reads them, one behind the other.
struct ModelList {
  std::int64_t terms = 0;                     ///< of the background of each
  std::vector<std::int32_t> pattern{};        ///< (models)
  std::vector<std::int32_t> phase_offset{0};  ///< (models + 1)
  std::vector<std::int32_t> structure{};      ///< (phases)
  std::vector<float> parameters{}, prior{};   ///< in the op's order

  std::int64_t size() const { return std::ssize(pattern); }
  /// A model whose phase i is of structure structures[i]; the background of both is brought to `terms`.
  void add(std::int32_t pattern, std::span<const std::int32_t> structures, const ModelParameters& begin,
           const ModelParameters& prior);
  /// Those of a list of as many terms, behind these.
  void append(const ModelList&);
};

/// Models as they lie in a list from `at` on; each has as many phases as it shall get. Returns where the next one begins.
const float* take_models(const float* at, std::int64_t terms, std::span<ModelParameters>);

/// Patterns in a backend's memory; the structures must outlive it.
class ModelRun {
 public:
  ModelRun(Backend&, const RefinementPattern::OnGrid&, const StructuresThere&);
  /// The same with another radiation than the grid's.
  ModelRun(Backend&, const RefinementPattern::OnGrid&, const RefinedPattern&, const StructuresThere&);
  /// Several patterns, each on a grid of its own: rows are as long as the longest, of shorter ones the rest weighs nothing.
  ModelRun(Backend&, std::span<const RefinementPattern::OnGrid>, const StructuresThere&);

  struct Refined {
    RefinedFigures figures{};
    std::vector<float> calculated;  ///< where they were asked for: (points),
    std::vector<double> curvature;  ///< (parameters, parameters)
  };
  /// What of Refined is wanted beside the figures.
  enum class Details { none, calculated, all };
  /// Refines models of the first pattern in place: phase i of model m is of structure of_phase[m][i]. What they are expected to be
  /// stands in `prior`; the background of both is brought to the rules' number of terms.
  std::vector<Refined> refine(const ModelRules&, std::span<const std::vector<std::int32_t>> of_phase,
                              std::span<ModelParameters>, std::span<const ModelParameters> prior,
                              Details = Details::none);
  /// Refines the models of a list, whose terms are the rules', in place. The details stay in the backend's memory until the next call.
  std::vector<RefinedFigures> refine(const ModelRules&, ModelList&, Details = Details::none);
  /// What models `first` and on of the last call with details calculate -> (models, points()), as many as `to` has room for.
  void download_calculated(std::int64_t first, std::span<float> to) const;

  std::int64_t points() const { return points_; }  ///< of a row

 private:
  ModelRun(Backend&, std::span<const RefinementPattern::OnGrid>, std::span<const RefinedPattern>,
           const StructuresThere&);

  Backend& backend_;
  const StructuresThere& structures_;
  std::int64_t patterns_, points_;
  Buffer y_, weight_, pattern_;
  Buffer calculated_, curvature_;  ///< f32 (models, points), f64 (models, parameters, parameters)
};

}  // namespace bragg::data
