#include "apps/report/mixture_page.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "apps/fit/mixture_text.h"
#include "apps/report/html.h"
#include "apps/report/pattern_view.h"
#include "apps/report/svg.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps::report {
namespace {

std::string file_of(const Mixture& mixture) {
  return escaped(mixture.file) + (mixture.index > 0 ? fmt::format(" [{}]", mixture.index) : "");
}

std::string list(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts)
    text += "<li>" + escaped(part) + "</li>\n";
  return text.empty() ? text : "<ul class=\"soft\">\n" + text + "</ul>\n";
}

/// Of the measured pattern's highest point 1; the difference lies below the lowest.
struct Curves {
  std::vector<float> measured, calculated, background, difference;
};
Curves curves_of(const data::PhaseFit& fit) {
  float highest = 0, lowest = 0, most = 0;
  for (std::size_t i = 0; i < fit.measured.size(); ++i) {
    if (!std::isfinite(fit.measured[i])) continue;
    highest = std::max(highest, fit.measured[i]);
    lowest = std::min(lowest, fit.measured[i]);
    most = std::max(most, fit.measured[i] - fit.calculated[i]);
  }
  const float unit = highest > 0 ? highest : 1, under = lowest - most - 0.03f * unit;
  Curves curves;
  for (std::size_t i = 0; i < fit.measured.size(); ++i) {
    curves.measured.push_back(fit.measured[i] / unit);
    curves.calculated.push_back(fit.calculated[i] / unit);
    curves.background.push_back(fit.background_line[i] / unit);
    curves.difference.push_back((fit.measured[i] - fit.calculated[i] + under) / unit);
  }
  return curves;
}

std::vector<Stick> ticks_of(const MixturePhase& phase) {
  std::vector<Stick> ticks;
  for (const data::FittedTick& tick : phase.fitted.ticks)
    ticks.push_back({tick.two_theta, tick.intensity,
                     fmt::format("{} ({} {} {}), {:.3f}\xC2\xB0", phase.structure.name, tick.hkl[0],
                                 tick.hkl[1], tick.hkl[2], tick.two_theta)});
  return ticks;
}

std::string picture(const Mixture& mixture) {
  const data::PhaseFit& fit = mixture.fit;
  const Curves curves = curves_of(fit);
  PatternView view{.values = curves.measured,
                   .first = fit.start,
                   .step = fit.step,
                   .wavelength = mixture.radiation.wavelength[0],
                   .curves = {{curves.calculated, "calculated"},
                              {curves.background, "background"},
                              {curves.difference, "difference"}},
                   .sticks_in_rows = true};
  const std::string label = fmt::format(
      "Diffraction pattern {}: measured, calculated, background, below them the difference and the lines of "
      "each phase",
      mixture.file);
  view.label = label;
  for (const MixturePhase& phase : mixture.phases)
    view.sticks.push_back(ticks_of(phase));
  std::string legend =
      "<p class=\"legend\"><span class=\"k-measured\">measured</span><span "
      "class=\"k-calculated\">calculated</span>"
      "<span class=\"k-background\">background</span><span class=\"k-difference\">difference</span>";
  for (std::size_t i = 0; i < mixture.phases.size(); ++i)
    legend +=
        fmt::format("<span class=\"k-s{}\">{}</span>", i + 1, escaped(mixture.phases[i].structure.name));
  return pattern_view(view) + legend + "</p>\n";
}

std::string phases_of(const Mixture& mixture) {
  const bool has_axes = std::any_of(mixture.phases.begin(), mixture.phases.end(),
                                    [](const MixturePhase& phase) { return phase.fitted.march.has_value(); });
  std::vector<std::string> heads{"phase", "weight fraction",  "cell",     "change of a, b, c",
                                 "FWHM",  "Lorentzian share", "overall B"};
  if (has_axes) heads.emplace_back("March-Dollase texture");
  std::vector<std::vector<std::string>> rows;
  for (const MixturePhase& phase : mixture.phases) {
    const data::FittedPhase& fitted = phase.fitted;
    rows.push_back({escaped(phase_title(phase)), with_uncertainty(fitted.weight_fraction, 100) + " %",
                    escaped(cell_text(phase)),
                    fmt::format("{:+.3f}, {:+.3f}, {:+.3f} %", 100 * fitted.cell_change[0],
                                100 * fitted.cell_change[1], 100 * fitted.cell_change[2]),
                    with_uncertainty(fitted.fwhm) + "\xC2\xB0", with_uncertainty(fitted.lorentz_share),
                    with_uncertainty(fitted.b_overall) + " \xC3\x85\xC2\xB2"});
    if (has_axes) rows.back().push_back(fitted.march ? escaped(march_text(*fitted.march)) : "none");
  }
  return "<div class=\"scroll\">" + table("", heads, rows) + "</div>\n";
}

std::string section_of(const Mixture& mixture, std::size_t number) {
  std::string text =
      fmt::format("<section class=\"match\" id=\"p{}\">\n<h2>{}</h2>\n", number, file_of(mixture));
  std::vector<std::string> notes = describe(mixture.assumed);
  for (const std::string& warning : mixture.warnings)
    notes.push_back("warning: " + warning);
  if (mixture.refused)
    return text + "<p class=\"verdict\">refused: " + escaped(*mixture.refused) + "</p>\n" + list(notes) +
           "</section>\n";
  std::string figures;
  for (const auto& [name, value] : fit_figures(mixture))
    figures += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(value));
  std::string background;
  for (const double term : mixture.fit.background)
    background += fmt::format("{}{:.6g}", background.empty() ? "" : ", ", term);
  figures += "<dt>background</dt><dd>" + background + "</dd>\n";
  return text + picture(mixture) + phases_of(mixture) + "<dl>\n" + figures + "</dl>\n" +
         details("What the figures rest on", list(mixture.assumes)) +
         details("How the file was read", list(notes)) + "</section>\n";
}

}  // namespace

std::string mixture_page(std::span<const Mixture> shown, std::int64_t asked) {
  std::string lead =
      "Measured powder patterns and what refined phases make of them. Figures in brackets are standard "
      "uncertainties in units "
      "of the last digit. The difference is measured less calculated, on the same scale. Rest the pointer on "
      "a tick for its "
      "indices; drag over a range of angles to look at it closely.";
  if (asked > static_cast<std::int64_t>(shown.size()))
    lead += fmt::format(" The first {} of {} patterns are shown.", shown.size(), asked);
  std::string body =
      fmt::format("<header>\n<h1>Refined phases</h1>\n<p class=\"soft\">{}</p>\n</header>\n", lead);
  for (std::size_t i = 0; i < shown.size(); ++i)
    body += section_of(shown[i], i + 1);
  return page("bragg: refined phases", body + std::string(zoom_script()), pattern_style());
}

}  // namespace bragg::apps::report
