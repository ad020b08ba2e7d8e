#include "apps/fit/mixture_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "apps/fit/march_axes.h"
#include "kernels/base/utf8.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

std::string line(std::string_view heading, const std::string& text) {
  return fmt::format("  {:<16} {}\n", heading, printable(text));
}

std::string phase_text(const MixturePhase& phase) {
  const data::FittedPhase& fitted = phase.fitted;
  std::string change;
  const auto& [a, b, c] = fitted.cell_change;
  for (const auto& [name, value] : {std::pair("a", a), std::pair("b", b), std::pair("c", c)})
    change += fmt::format("{}{} {:+.3f} %", change.empty() ? "" : ", ", name, 100 * value);
  return "\n  " + printable(phase_title(phase)) + "\n" +
         line("weight fraction", with_uncertainty(fitted.weight_fraction, 100) + " %") +
         line("cell", cell_text(phase)) + line("", "changed by " + change) +
         line("profile",
              fmt::format("FWHM {} degrees at {:g}, Lorentzian share {}", with_uncertainty(fitted.fwhm),
                          fwhm_reference, with_uncertainty(fitted.lorentz_share))) +
         line("overall B", with_uncertainty(fitted.b_overall) + " A^2") +
         (fitted.march ? line("texture", "March-Dollase " + march_text(*fitted.march)) : "");
}

}  // namespace

std::string cell_text(const MixturePhase& phase) {
  const xrd::UnitCell& cell = phase.fitted.cell;
  const auto& uncertainty = phase.fitted.cell_uncertainty;
  std::string text = "a " + with_uncertainty(cell.a, uncertainty[0]);
  if (cell.b != cell.a) text += ", b " + with_uncertainty(cell.b, uncertainty[1]);
  if (cell.c != cell.a) text += ", c " + with_uncertainty(cell.c, uncertainty[2]);
  text += " A";
  const std::pair<const char*, double> angles[] = {
      {"alpha", cell.alpha}, {"beta", cell.beta}, {"gamma", cell.gamma}};
  for (std::size_t i = 0; i < 3; ++i)
    if (angles[i].second != 90)
      text += fmt::format(", {} {}", angles[i].first, with_uncertainty(angles[i].second, uncertainty[3 + i]));
  return text;
}

std::string march_text(const data::FittedMarch& march) {
  return fmt::format("r {} along {}", with_uncertainty(march.r), axis_text(march.axis));
}

std::string phase_title(const MixturePhase& phase) {
  const PhaseStructure& structure = phase.structure;
  std::string text = structure.name;
  if (structure.formula != structure.name) text += ", " + structure.formula;
  text += fmt::format(", {}: ", xrd::hm_short(structure.crystal.group.number));
  return text + (structure.entry.starts_with(structure.source) ? structure.entry
                                                               : structure.source + " " + structure.entry);
}

std::vector<std::pair<std::string, std::string>> fit_figures(const Mixture& mixture) {
  const data::PhaseFit& fit = mixture.fit;
  return {{"Rwp", fmt::format("{:.2f} % (noise alone: {:.2f} %), chi^2 per degree of freedom {:.4g}",
                              100 * fit.residual, 100 * fit.expected_residual, fit.chi_squared_per_degree)},
          {"points",
           fmt::format("{} from {:.6g} to {:.6g} degrees, {} parameters", fit.points, fit.start,
                       fit.start + fit.step * static_cast<double>(fit.measured.size() - 1), fit.parameters)},
          {"zero", with_uncertainty(fit.zero) + " degrees"},
          {"displacement", with_uncertainty(fit.displacement) + " degrees times cos theta"}};
}

std::string to_text(const Mixture& mixture) {
  std::string text =
      printable(mixture.file) + (mixture.index > 0 ? fmt::format(" [{}]", mixture.index) : "") + "\n";
  if (mixture.refused) text += "  refused: " + printable(*mixture.refused) + "\n";
  for (const std::string& part : describe(mixture.assumed))
    text += line("assumed", part);
  for (const std::string& warning : mixture.warnings)
    text += line("warning", warning);
  if (mixture.refused) return text + "\n";
  for (const auto& [name, value] : fit_figures(mixture))
    text += line(name, value);
  for (const MixturePhase& phase : mixture.phases)
    text += phase_text(phase);
  text += "\n";
  for (const std::string& sentence : mixture.assumes)
    text += line("assumes", sentence);
  return text + "\n";
}

}  // namespace bragg::apps
