#include "apps/identify/identification.h"

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {

std::string_view name_of(NoMatch why) {
  switch (why) {
    case NoMatch::amorphous:
      return "amorphous";
    case NoMatch::several_phases:
      return "several_phases";
    case NoMatch::unknown_phase:
      return "unknown_phase";
  }
  throw Error("[identification] unknown reason of no match");
}

bool is_same_phase(const Candidate& one, const Candidate& other) {
  return (!one.name.empty() && one.name == other.name) || one.formula == other.formula;
}

const std::string& name_or_formula(const Candidate& candidate) {
  return candidate.name.empty() ? candidate.formula : candidate.name;
}

std::string variant_text(const Candidate& candidate) {
  return fmt::format("{} ({})", name_or_formula(candidate), xrd::hm_short(candidate.space_group));
}

}  // namespace bragg::apps
