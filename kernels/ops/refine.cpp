#include "kernels/ops/refine.h"

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {

void Refine::check_more(const Check& check) const {
  check.is("y", y.dtype, DType::f32);
  check.is("weight", weight.dtype, DType::f32);
  check.is("prior", prior.dtype, DType::f32);
  check.is("parameters", parameters.dtype, DType::f32);
  check.is("figures", figures.dtype, DType::f32);
  if (calculated) check.is("calculated", calculated.dtype, DType::f32);
}

void check_refine_indices(const Refine& op) {
  const RefineProblem& p = op.problem;
  const auto require = [](bool holds, const char* what, std::int64_t value, std::int64_t bound) {
    if (!holds) throw ProblemError(fmt::format("[{}] {} {} against {}", Refine::name, what, value, bound));
  };
  for (std::int64_t n = 0; n < p.patterns; ++n) {
    const RefinedPattern& pattern = op.pattern.as<RefinedPattern>()[n];
    require(pattern.first >= 0 && pattern.first <= pattern.end,
            "pattern's first point, its end:", pattern.first, pattern.end);
    require(pattern.end <= p.points, "pattern's end, points:", pattern.end, p.points);
    if (!(pattern.step > 0))
      throw ProblemError(fmt::format("[{}] pattern {}: step {} <= 0", Refine::name, n, pattern.step));
    for (int which = 0; which < (pattern.second_share > 0 ? 2 : 1); ++which)
      if (!(pattern.wavelength[which] > 0))
        throw ProblemError(
            fmt::format("[{}] pattern {}: wavelength {} <= 0", Refine::name, n, pattern.wavelength[which]));
  }
  for (std::int64_t s = 0; s < p.structures; ++s) {
    const RefinedStructure& structure = op.structure.as<RefinedStructure>()[s];
    require(structure.first_line >= 0 && structure.lines >= 0 &&
                std::int64_t{structure.first_line} + structure.lines <= p.lines,
            "structure's last line, lines:", std::int64_t{structure.first_line} + structure.lines, p.lines);
    const std::int32_t strains = structure.strains;
    require(strains >= 1 && strains <= most_strains && strains != 5, "strains, at most:", strains,
            most_strains);
    require(structure.march.axes >= 0 && structure.march.axes <= most_axes,
            "images of a texture axis, at most:", structure.march.axes, most_axes);
  }
  const auto* const offset = op.phase_offset.as<std::int32_t>();
  require(offset[0] == 0, "phase_offset's begin, 0:", offset[0], 0);
  require(offset[p.models] == p.phases, "phase_offset's end, phases:", offset[p.models], p.phases);
  for (std::int64_t m = 0; m < p.models; ++m) {
    const std::int64_t pattern = op.model_pattern.as<std::int32_t>()[m],
                       phases = std::int64_t{offset[m + 1]} - offset[m];
    require(pattern >= 0 && pattern < p.patterns, "model_pattern, patterns:", pattern, p.patterns);
    require(phases >= 0 && phases <= p.phases_per_model, "phases of a model, phases_per_model:", phases,
            p.phases_per_model);
  }
  for (std::int64_t i = 0; i < p.phases; ++i) {
    const std::int32_t structure = op.phase_structure.as<std::int32_t>()[i];
    require(structure >= 0 && structure < p.structures, "phase_structure, structures:", structure,
            p.structures);
  }
}

}  // namespace bragg
