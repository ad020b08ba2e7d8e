#include "apps/fit/fitter.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "apps/fit/march_axes.h"
#include "data/patterns/resample.h"
#include "kernels/crystal/pattern_problem.h"

namespace bragg::apps {
namespace {

/// K alpha 2 as the file states it, with the share that makes the pair's mean that of the positions.
data::FitRadiation radiation_of(const MeasuredItem& item) {
  const auto& stated = item.assumed.wavelength;
  if (item.measured.abscissa != data::Abscissa::two_theta) return {{copper_k_alpha, copper_k_alpha}, 0};
  if (stated && stated->alpha2 && stated->positions) {
    const double share = (*stated->positions - stated->value) / (*stated->alpha2 - *stated->positions);
    if (share > 0 && share <= 1) return {{stated->value, *stated->alpha2}, share};
  }
  return data::fit_radiation(item.wavelength);
}

std::string radiation_text(const data::FitRadiation& radiation) {
  if (!(radiation.second_share > 0))
    return fmt::format("One line of {:.6g} A is in the beam.", radiation.wavelength[0]);
  return fmt::format("Two lines are in the beam, {:.6g} and {:.6g} A, the second {:.3g} times as strong.",
                     radiation.wavelength[0], radiation.wavelength[1], radiation.second_share);
}

std::string variance_text(const data::PhaseFit& fit) {
  switch (fit.variance_from) {
    case data::VarianceFrom::uncertainties:
      return "Points weigh by the uncertainties that the file states.";
    case data::VarianceFrom::counts:
      return "Intensities are counts, whose variance is their number.";
    case data::VarianceFrom::scatter:
      return "Intensities are no counts: their variance is estimated from how neighbours differ.";
  }
  return {};
}

void add_textures(const Mixture& mixture, const data::PhaseFitSettings& settings,
                  std::vector<std::string>& all) {
  std::string with_axis;
  std::size_t others = 0;
  for (const MixturePhase& phase : mixture.phases) {
    const auto& march = phase.fitted.march;
    if (march)
      with_axis +=
          fmt::format("{}{} {}", with_axis.empty() ? "" : ", ", phase.structure.name, axis_text(march->axis));
    else
      ++others;
  }
  if (!with_axis.empty())
    all.push_back(
        fmt::format("Crystallites of these phases prefer or avoid the direction of one axis by March and "
                    "Dollase's function (1986), "
                    "the mean over the axis's images; in cubic lattices r near 1 changes nothing: {}.",
                    with_axis));
  if (others == 0) return;
  const std::string who = with_axis.empty() ? "Crystallites" : "Crystallites of the other phases";
  all.push_back(who + (settings.texture ? " prefer directions by one even term of texture for each that the "
                                          "lattice leaves free."
                                        : " lie in all directions alike: no texture."));
}

std::vector<std::string> assumptions(const Mixture& mixture, const data::PhaseFitSettings& settings) {
  const data::PhaseFit& fit = mixture.fit;
  std::vector<std::string> all{radiation_text(mixture.radiation), variance_text(fit)};
  all.push_back(
      fmt::format("Standard uncertainties are those of the curvature, times the root of chi^2 per point "
                  "({:.3g}) and the root of how many "
                  "neighbours are off together ({:.3g}): Berar and Lelann, 1991. Lines at low angles count "
                  "less by what axial divergence "
                  "may shift them; in a short range zero and displacement are held near 0, where the cell "
                  "can't be told from them.",
                  std::sqrt(fit.misfit), std::sqrt(fit.together)));
  all.emplace_back(
      "Positions of atoms, occupancies and displacement parameters are those of the structures; one overall "
      "B "
      "a phase is refined, and no monochromator polarises the beam.");
  add_textures(mixture, settings, all);
  if (mixture.phases.size() > 1)
    all.emplace_back(
        "Weight fractions are Hill and Howard's (S Z M V over their sum): the phases named are all there is, "
        "nothing is amorphous, and grains absorb alike (no correction for microabsorption).");
  return all;
}

/// What the figures alone do not say.
std::vector<std::string> remarks(const Mixture& mixture) {
  std::vector<std::string> all;
  for (const MixturePhase& phase : mixture.phases) {
    const std::string& name = phase.structure.name;
    if (phase.fitted.is_absent)
      all.push_back(fmt::format("{}: nothing of it was found; its cell is as it was", name));
    else if (!(phase.fitted.cell_uncertainty[0] > 0))
      all.push_back(fmt::format("{}: the pattern does not determine its cell, which lies at a bound", name));
    if (const auto& march = phase.fitted.march;
        march && !phase.fitted.is_absent && !(march->r.uncertainty > 0))
      all.push_back(fmt::format("{}: its March-Dollase r along {} lies at a bound, {:.3g}", name,
                                axis_text(march->axis), march->r.value));
    if (phase.tried > 1)
      all.push_back(fmt::format("{}: {} structures are called so, {} fits best", phase.given, phase.tried,
                                phase.structure.entry));
  }
  if (!mixture.fit.is_converged)
    all.push_back(fmt::format("not converged after {} iterations", mixture.fit.iterations));
  return all;
}

}  // namespace

void Fitter::refine(const MeasuredItem& item, Mixture& mixture) const {
  mixture.radiation = radiation_of(item);
  const bool is_angle = item.measured.abscissa == data::Abscissa::two_theta;
  const data::MeasuredPattern pattern =
      is_angle ? item.measured : data::to_two_theta(item.measured, item.wavelength, mixture.radiation.mean());
  std::vector<data::PhaseToFit> phases;
  for (const NamedPhase& named : settings_.phases) {
    phases.push_back({.structures = {}, .march_axis = named.march_axis});
    for (const PhaseStructure& structure : named.structures)
      phases.back().structures.push_back(structure.crystal);
  }
  data::PatternToFit to_fit{.measured = &pattern, .radiation = mixture.radiation};
  if (is_angle) to_fit.uncertainty = item.uncertainty;
  if (settings_.range) {
    to_fit.first = settings_.range->front();
    to_fit.last = settings_.range->back();
  }
  mixture.fit = data::fit_phases(backend_, to_fit, phases, settings_.fit);
  for (std::size_t i = 0; i < settings_.phases.size(); ++i) {
    const NamedPhase& named = settings_.phases[i];
    data::FittedPhase& fitted = mixture.fit.phases[i];
    mixture.phases.push_back(
        {named.given, named.structures[fitted.structure], named.structures.size(), std::move(fitted)});
    mixture.warnings.insert(mixture.warnings.end(), named.remarks.begin(), named.remarks.end());
  }
  const std::vector<std::string> more = remarks(mixture);
  mixture.warnings.insert(mixture.warnings.end(), more.begin(), more.end());
  mixture.assumes = assumptions(mixture, settings_.fit);
}

Mixture Fitter::fit(const MeasuredItem& item) const {
  Mixture mixture{.file = item.file,
                  .index = item.index,
                  .assumed = item.assumed,
                  .warnings = item.warnings,
                  .refused = item.refused};
  if (mixture.refused) return mixture;
  try {
    refine(item, mixture);
  } catch (const data::PatternRefused& refused) {
    mixture.refused = refused.what();
  }
  return mixture;
}

}  // namespace bragg::apps
