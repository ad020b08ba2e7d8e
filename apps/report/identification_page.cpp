#include "apps/report/identification_page.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "apps/identify/identification_text.h"
#include "apps/report/html.h"
#include "apps/report/pattern_view.h"
#include "apps/report/series_section.h"
#include "apps/report/svg.h"
#include "kernels/base/utf8.h"
#include "xrd/symmetry/extinction_symbol.h"

namespace bragg::apps::report {
namespace {

constexpr std::size_t longest_text = 300, longest_name = 80;
/// On a page of more, the likeliest candidate alone has its refined pattern: each has some 100 kB.
constexpr std::size_t few_patterns = 10;
constexpr std::size_t most_notes = 12, most_variants = 12, most_groups = 5;

/// At most about `most` bytes of the text, whole characters.
std::string cut(std::string_view text, std::size_t most) {
  std::size_t end = 0;
  while (end < std::min(most, text.size()))
    end += std::max<std::size_t>(utf8_length(text.substr(end)), 1);
  return std::string(text.substr(0, end)) + (end < text.size() ? "\xE2\x80\xA6" : "");
}

/// The same for HTML.
std::string shortened(std::string_view text, std::size_t most = longest_text) {
  return escaped(cut(text, most));
}

std::string source_of(const Candidate& candidate) {
  return shortened(source_text(candidate), longest_name) +
         (candidate.calculated ? ", calculated, not measured" : "");
}

std::string cell_of(const xrd::UnitCell& cell) {
  return fmt::format("{:.4f}, {:.4f}, {:.4f} \xC3\x85; {:.5g}, {:.5g}, {:.5g}\xC2\xB0", cell.a, cell.b,
                     cell.c, cell.alpha, cell.beta, cell.gamma);
}

std::string group_of(int number) {
  return fmt::format("{} {}", number, escaped(group_text(number)));
}

std::string name_of(const Candidate& candidate) {
  std::string text = shortened(candidate.name.empty() ? "without a name" : candidate.name);
  if (!candidate.formula.empty() && candidate.formula != candidate.name)
    text += ", " + shortened(candidate.formula, longest_name);
  return text;
}

std::string file_of(const Identification& answer) {
  return shortened(answer.file) + (answer.index > 0 ? fmt::format(" [{}]", answer.index) : "");
}

// ---- one pattern, in the order of the page ----

std::string notes(const Identification& answer) {
  std::string text;
  std::vector<std::string> parts = describe(answer.assumed);
  const std::size_t warnings_from = parts.size();
  parts.insert(parts.end(), answer.warnings.begin(), answer.warnings.end());
  for (std::size_t i = 0; i < std::min(parts.size(), most_notes); ++i) {
    text +=
        (text.empty() ? "" : "; ") + std::string(i >= warnings_from ? "warning: " : "") + shortened(parts[i]);
  }
  if (parts.size() > most_notes) text += fmt::format("; and {} more notes", parts.size() - most_notes);
  return text.empty() ? text : "<p class=\"soft\">" + text + "</p>\n";
}

std::vector<Stick> sticks_of(const Candidate& candidate) {
  std::vector<Stick> sticks;
  const std::string name = cut(name_or_formula(candidate), longest_name);
  for (const data::CalculatedLine& line : candidate.lines) {
    sticks.push_back({line.two_theta, line.intensity,
                      fmt::format("{} ({} {} {}), {:.2f}\xC2\xB0, {:.0f} %", name, line.hkl[0], line.hkl[1],
                                  line.hkl[2], line.two_theta, 100 * line.intensity)});
  }
  return sticks;
}

/// What speaks for a candidate; the whole card chooses it.
std::string card(const Candidate& candidate, const std::string& id, std::size_t place) {
  std::string variants;
  for (std::size_t i = 0; i < std::min(candidate.variants.size(), most_variants); ++i)
    variants += (i == 0 ? "" : ", ") + shortened(candidate.variants[i], longest_name);
  if (candidate.variants.size() > most_variants)
    variants += fmt::format(", and {} more", candidate.variants.size() - most_variants);
  return fmt::format(
      "<label class=\"card l{}\" for=\"{}\">\n<strong>{}</strong>\n<span>{}, {}</span>\n"
      "<span>probability {}, similarity {:.3f}</span>\n<span>cell {}</span>\n<span>edges {:+.2f}, {:+.2f}, "
      "{:+.2f} % "
      "of the known ones; residual {:.1f} %, {:.0f} % explained</span>\n<span>extinction symbol "
      "{}</span>\n"
      "<span>{}</span>\n{}</label>\n",
      place, id, name_of(candidate), xrd::name_of(xrd::crystal_system(candidate.space_group)),
      group_of(candidate.space_group), escaped(percent_text(candidate.probability)), candidate.similarity,
      cell_of(candidate.cell), 100 * candidate.cell_change[0], 100 * candidate.cell_change[1],
      100 * candidate.cell_change[2], 100 * candidate.residual, 100 * candidate.explained,
      escaped(xrd::extinction_symbol(candidate.space_group)), source_of(candidate),
      variants.empty() ? std::string() : fmt::format("<span>as like: {}</span>\n", variants));
}

std::string other_candidates(const Identification& answer) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = most_stick_sets; i < answer.candidates.size(); ++i) {
    const Candidate& candidate = answer.candidates[i];
    rows.push_back({name_of(candidate), group_of(candidate.space_group),
                    escaped(percent_text(candidate.probability)), fmt::format("{:.3f}", candidate.similarity),
                    source_of(candidate)});
  }
  if (rows.empty()) return {};
  return details(fmt::format("{} more candidates", rows.size()),
                 table("", {"", "space group", "probability", "similarity", "source"}, rows));
}

std::string share(const std::string& name, double probability) {
  return fmt::format("<li><span>{}</span><i style=\"width:{:.1f}%\"></i><em>{:.1f} %</em></li>\n", name,
                     std::clamp(100 * probability, 0.5, 100.0), 100 * probability);
}

std::string shares(const Identification& answer) {
  std::string groups, systems;
  for (std::size_t i = 0; i < std::min(answer.space_groups.size(), most_groups); ++i) {
    const GroupProbability& group = answer.space_groups[i];
    groups += share(group_of(group.space_group), group.probability);
  }
  std::array<std::size_t, xrd::crystal_system_count> order{};
  for (std::size_t s = 0; s < order.size(); ++s)
    order[s] = s;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return answer.crystal_system[a] > answer.crystal_system[b];
  });
  for (const std::size_t s : order) {
    if (answer.crystal_system[s] >= 0.0005)
      systems +=
          share(std::string(xrd::name_of(static_cast<xrd::CrystalSystem>(s))), answer.crystal_system[s]);
  }
  return fmt::format(
      "<div class=\"cards\">\n<div class=\"card\"><h3>Space group</h3><ol class=\"guess\">\n{}</ol></div>\n"
      "<div class=\"card\"><h3>Crystal system</h3><ol class=\"guess\">\n{}</ol></div>\n</div>\n",
      groups, systems);
}

struct OwnCurve {
  std::vector<float> values;
  std::string style;
};

/// A candidate's refined pattern with its background, and below the measured pattern what it leaves, on the same scale, cut
/// where that is more than a tenth of the highest point. Shown with the candidate's lines.
void add_curves(const Identification& answer, const Candidate& candidate, std::size_t place,
                std::vector<OwnCurve>& curves) {
  if (candidate.calculated_curve.size() != answer.values.size()) return;
  constexpr float reach = 0.1f, under = -1.3f * reach;
  OwnCurve difference{{}, fmt::format("difference sticks s{}", place)};
  for (std::size_t i = 0; i < answer.values.size(); ++i) {
    const float rest = answer.values[i] - candidate.calculated_curve[i];
    difference.values.push_back(std::isfinite(rest) ? under + std::clamp(rest, -reach, reach) : rest);
  }
  curves.push_back({candidate.background_curve, fmt::format("background sticks s{}", place)});
  curves.push_back({candidate.calculated_curve, fmt::format("calculated sticks s{}", place)});
  curves.push_back(std::move(difference));
}

/// Other phases that explain it about as well.
std::string hypotheses(const Identification& answer) {
  std::string text;
  for (const OtherMixture& hypothesis : answer.hypotheses)
    text += fmt::format("<p class=\"soft\">About as well: {}</p>\n",
                        shortened(hypothesis_text(hypothesis), 2 * longest_text));
  return text;
}

std::string pattern_section(const Identification& answer, std::size_t number, std::size_t curves_of_pattern) {
  const std::string id = fmt::format("p{}", number);
  std::string text = fmt::format(
      "<section class=\"match\" id=\"{}\">\n<h2>{}</h2>\n<p class=\"verdict\">{}</p>\n{}{}", id,
      file_of(answer), shortened(verdict(answer), 2 * longest_text), hypotheses(answer), notes(answer));
  if (answer.refused) return text + "</section>\n";
  PatternView view{
      .values = answer.values, .first = answer.first, .step = answer.step, .wavelength = answer.wavelength};
  const std::string label = fmt::format("Diffraction pattern {}, below it the lines of the chosen candidate",
                                        cut(answer.file, longest_name));
  view.label = label;
  std::vector<OwnCurve> curves;
  std::string cards;
  const std::size_t chosen_from = std::min(answer.candidates.size(), most_stick_sets);
  for (std::size_t i = 0; i < chosen_from; ++i) {
    const std::string choice = fmt::format("{}c{}", id, i + 1);
    text += fmt::format("<input type=\"radio\" name=\"{}\" id=\"{}\" class=\"c{}\"{}/>\n", id, choice, i + 1,
                        i == 0 ? " checked=\"checked\"" : "");
    cards += card(answer.candidates[i], choice, i + 1);
    view.sticks.push_back(sticks_of(answer.candidates[i]));
    if (i < curves_of_pattern) add_curves(answer, answer.candidates[i], i + 1, curves);
  }
  for (const OwnCurve& curve : curves)
    view.curves.push_back({curve.values, curve.style});
  text += pattern_view(view);
  if (!cards.empty()) text += "<div class=\"cards choice\">\n" + cards + "</div>\n";
  return text + other_candidates(answer) + shares(answer) + "</section>\n";
}

std::string contents(std::span<const Identification> shown) {
  if (shown.size() < 2) return {};
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    std::string cells, residual;
    for (const Candidate& phase : shown[i].phases) {
      cells += (cells.empty() ? "" : "; ") + cell_of(phase.cell);
      residual = fmt::format("{:.1f} %", 100 * phase.residual);
    }
    rows.push_back({fmt::format("{} <a href=\"#p{}\">{}</a>", i + 1, i + 1, file_of(shown[i])),
                    shortened(verdict(shown[i]), longest_text), cells, residual});
  }
  return "<div class=\"contents\">\n" + table("", {"pattern", "verdict", "refined cell", "residual"}, rows) +
         "</div>\n" + series_section(shown);
}

}  // namespace

std::string identification_page(std::span<const Identification> shown, std::int64_t asked) {
  const std::string title = shown.size() == 1 ? "What the pattern is of" : "What the patterns are of";
  std::string lead =
      "Measured powder patterns beside known structures. The percentage of a verdict is the probability that "
      "its "
      "space group is right; a similarity is 1 where pattern and structure agree in every line. Choose a "
      "candidate "
      "to see the pattern that it gives (red), what that leaves (below) and its lines; rest the pointer on a "
      "line for its "
      "indices. The residual is Rwp of the refined pattern.";
  if (asked > static_cast<std::int64_t>(shown.size()))
    lead += fmt::format(" The first {} of {} patterns are shown.", shown.size(), asked);
  std::string body =
      fmt::format("<header>\n<h1>{}</h1>\n<p class=\"soft\">{}</p>\n</header>\n", title, lead) +
      contents(shown);
  for (std::size_t i = 0; i < shown.size(); ++i)
    body += pattern_section(shown[i], i + 1, shown.size() <= few_patterns ? most_stick_sets : 1);
  return page("bragg: " + title, body + std::string(zoom_script()), pattern_style());
}

}  // namespace bragg::apps::report
