#include "kernels/crystal/refinement_problem.h"

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/crystal/refinement_model.h"

namespace bragg {
namespace {

constexpr std::array<const char*, refined_kinds> kind_names{
    "zero",    "displacement", "background", "scale",   "growth",     "strain",
    "texture", "march",        "damping",    "ln_fwhm", "fwhm_slope", "lorentz_share"};

template <typename... T>
[[noreturn]] void fail(fmt::format_string<T...> text, T&&... values) {
  throw ProblemError(fmt::format("[refine] {}", fmt::format(text, std::forward<T>(values)...)));
}

void require_count(const char* what, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least) fail("{} {} < {}", what, value, least);
  if (value > most) fail("{} {} > {}", what, value, most);
}

void require_number(const char* what, double value, double low, double high) {
  if (!(value >= low && value < high)) fail("{} {} outside [{}, {})", what, value, low, high);
}

}  // namespace

void RefineProblem::validate() const {
  constexpr std::int64_t most = std::int64_t{1} << 30;
  require_count("models", models, 0, most);
  require_count("patterns", patterns, models > 0 ? 1 : 0, most);
  require_count("points", points, 2, std::int64_t{1} << 20);
  require_count("phases", phases, 0, most);
  require_count("structures", structures, phases > 0 ? 1 : 0, most);
  require_count("lines", lines, 0, most);
  require_count("phases_per_model", phases_per_model, 0, most_refined_phases);
  require_count("terms", terms, 1, most_refined_terms);
  require_count("lines_per_phase", lines_per_phase, phases > 0 ? 1 : 0, std::int64_t{1} << 16);
  require_count("iterations", iterations, 0, 1000);
  require_number("blur", blur, 0, 10);
  require_number("first_damping", first_damping, 0, 1e9);
  require_number("converged", converged, 0, 1);
  if (!(data_weight > 0)) fail("data_weight {} <= 0", data_weight);
  if (!(tail_cut > 0)) fail("tail_cut {} <= 0", tail_cut);
  for (std::size_t kind = 0; kind < rule.size(); ++kind) {
    const RefinedRule& r = rule[kind];
    if (!(r.low < r.high)) fail("{}: low {} >= high {}", kind_names[kind], r.low, r.high);
    if (!(r.deviation >= 0)) fail("{}: deviation {} < 0", kind_names[kind], r.deviation);
    if (!(r.step > 0)) fail("{}: step {} <= 0", kind_names[kind], r.step);
  }
  const RefinedRule& share = rule_of(RefinedKind::lorentz_share);
  if (share.is_free && (share.low < 0 || share.high > 1))
    fail("lorentz_share: bounds {} and {} outside [0, 1]", share.low, share.high);
}

std::string RefineProblem::text() const {
  std::string text = fmt::format(
      "patterns {} points {} structures {} lines {} models {} phases {} phases_per_model {} terms {} "
      "lines_per_phase {} "
      "iterations {} blur {} data_weight {} free",
      patterns, points, structures, lines, models, phases, phases_per_model, terms, lines_per_phase,
      iterations, blur, data_weight);
  for (std::size_t kind = 0; kind < rule.size(); ++kind)
    if (rule[kind].is_free) text += fmt::format(" {}", kind_names[kind]);
  return text;
}

}  // namespace bragg
