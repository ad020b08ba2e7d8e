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
  const RefinedStructures host;

 private:
  friend class ModelRun;
  Buffer structures_, lines_;
};

/// A pattern in a backend's memory; the structures must outlive it.
class ModelRun {
 public:
  ModelRun(Backend&, const RefinementPattern::OnGrid&, const StructuresThere&);
  /// The same with another radiation than the grid's.
  ModelRun(Backend&, const RefinementPattern::OnGrid&, const RefinedPattern&, const StructuresThere&);

  struct Refined {
    RefinedFigures figures{};
    std::vector<float> calculated;  ///< where they were asked for: (points),
    std::vector<double> curvature;  ///< (parameters, parameters)
  };
  /// What of Refined is wanted beside the figures.
  enum class Details { none, calculated, all };
  /// Refines models in place: phase i of model m is of structure of_phase[m][i]. What they are expected to be stands in
  /// `prior`; the background of both is brought to the rules' number of terms.
  std::vector<Refined> refine(const ModelRules&, std::span<const std::vector<std::int32_t>> of_phase,
                              std::span<ModelParameters>, std::span<const ModelParameters> prior,
                              Details = Details::none);

 private:
  Backend& backend_;
  const StructuresThere& structures_;
  std::int64_t points_;
  Buffer y_, weight_, pattern_;
};

}  // namespace bragg::data
