#include "apps/identify/identification_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "apps/identify/group_probabilities.h"
#include "kernels/base/error.h"
#include "kernels/base/utf8.h"
#include "xrd/symmetry/extinction_symbol.h"

namespace bragg::apps {
namespace {

std::string_view usual_reason(NoMatch why) {
  switch (why) {
    case NoMatch::amorphous:
      return "next to nothing of the intensity is in Bragg lines";
    case NoMatch::several_phases:
      return "several phases, none of which explains the strong lines alone";
    case NoMatch::unknown_phase:
      return "nothing in the library is like it";
  }
  throw Error("[identification] unknown reason of no match");
}

/// That the group of the phase is right, which is what the list of groups is calibrated for.
double group_probability(const Identification& answer, int space_group) {
  const int number = xrd::modulo_enantiomorph(space_group);
  const auto found = std::find_if(answer.space_groups.begin(), answer.space_groups.end(),
                                  [&](const GroupProbability& group) { return group.space_group == number; });
  return found == answer.space_groups.end() ? 0 : found->probability;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// Lines behind a heading, which stands before the first of them alone; before every warning.
class Lines {
 public:
  void add(std::string_view heading, const std::string& line) {
    text += fmt::format("  {:<14} {}\n", heading == last_ && heading != "warning" ? "" : heading,
                        printable(line));
    last_ = heading;
  }
  std::string text;

 private:
  std::string last_;
};

void add_candidate(Lines& lines, const Candidate& candidate) {
  const std::string name = candidate.name.empty() ? "without a name" : candidate.name;
  lines.add("candidates",
            fmt::format("{:>6}  {}{}: similarity {:.3f}, {}{}", percent_text(candidate.probability), name,
                        candidate.formula.empty() ? "" : ", " + candidate.formula, candidate.similarity,
                        source_text(candidate), candidate.calculated ? " (calculated, not measured)" : ""));
  lines.add("candidates",
            fmt::format("{:>6}  {}, {} {}, extinction symbol {}", "",
                        xrd::name_of(xrd::crystal_system(candidate.space_group)), candidate.space_group,
                        group_text(candidate.space_group), xrd::extinction_symbol(candidate.space_group)));
  const xrd::UnitCell& cell = candidate.cell;
  const auto& change = candidate.cell_change;
  lines.add("candidates", fmt::format("{:>6}  refined: {:.4f} {:.4f} {:.4f} A {:.2f} {:.2f} {:.2f} degrees, "
                                      "edges {:+.2f} {:+.2f} {:+.2f} %, "
                                      "residual {:.1f} %, {:.0f} % explained",
                                      "", cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma,
                                      100 * change[0], 100 * change[1], 100 * change[2],
                                      100 * candidate.residual, 100 * candidate.explained));
  if (!candidate.variants.empty())
    lines.add("candidates", fmt::format("{:>6}  as like: {}", "", joined(candidate.variants)));
}

}  // namespace

std::string percent_text(double probability) {
  const double percent = 100 * probability;
  if (percent > 99.9) return ">99.9 %";
  if (percent < 1) return "<1 %";
  return percent < 99.5 ? fmt::format("{:.0f} %", percent) : fmt::format("{:.1f} %", percent);
}

std::string group_text(int space_group) {
  const auto pair = xrd::enantiomorph(space_group);
  return pair ? fmt::format("{} (or {})", xrd::hm_short(space_group), xrd::hm_short(*pair))
              : std::string(xrd::hm_short(space_group));
}

std::string source_text(const Candidate& candidate) {
  // Some sources' own numbers begin with their names.
  return candidate.entry.starts_with(candidate.source) ? candidate.entry
                                                       : candidate.source + " " + candidate.entry;
}

std::string phase_text(const Candidate& phase) {
  std::string text;
  for (const std::string& part : {phase.name, phase.name == phase.formula ? std::string() : phase.formula,
                                  group_text(phase.space_group)}) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

std::string hypothesis_text(const OtherMixture& hypothesis) {
  std::string text;
  for (const Candidate& phase : hypothesis.phases)
    text += (text.empty() ? "" : "; ") + phase_text(phase);
  return fmt::format("{}: residual {:.1f} %", text, 100 * hypothesis.residual);
}

std::string verdict(const Identification& answer) {
  if (answer.refused) return "refused: " + *answer.refused;
  if (answer.no_match) {
    return fmt::format("no confident match: {}",
                       answer.reason.empty() ? std::string(usual_reason(*answer.no_match)) : answer.reason);
  }
  std::string text;
  for (const Candidate& phase : answer.phases) {
    // Of several phases the fractions are what is asked for.
    const std::string figure = phase.weight_fraction
                                   ? fmt::format("{:.1f} wt %", 100 * *phase.weight_fraction)
                                   : percent_text(group_probability(answer, phase.space_group));
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", phase_text(phase), figure);
  }
  return text.empty() ? "no phase named" : text;
}

std::string to_text(const Identification& answer, int top) {
  Lines lines;
  for (const std::string& part : describe(answer.assumed))
    lines.add("assumed", part);
  for (const std::string& warning : answer.warnings)
    lines.add("warning", warning);
  if (!answer.refused) {
    for (const OtherMixture& hypothesis : answer.hypotheses)
      lines.add("about as well", hypothesis_text(hypothesis));
    lines.add("crystal system", crystal_systems_text(answer.crystal_system));
    for (const std::string& group : space_groups_text(answer.space_groups, top))
      lines.add("space group", group);
    if (!answer.space_groups.empty()) {
      const int best = answer.space_groups.front().space_group;
      lines.add("extinctions", fmt::format("{} (of {})", xrd::extinction_symbol(best), xrd::hm_short(best)));
    }
    const auto shown = std::min(answer.candidates.size(), static_cast<std::size_t>(std::max(top, 0)));
    for (std::size_t i = 0; i < shown; ++i)
      add_candidate(lines, answer.candidates[i]);
  }
  return fmt::format("{}{}\n  {}\n{}\n", printable(answer.file),
                     answer.index > 0 ? fmt::format(" [{}]", answer.index) : "", printable(verdict(answer)),
                     lines.text);
}

}  // namespace bragg::apps
