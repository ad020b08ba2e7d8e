#include "data/refinement/fitted_phases.h"

#include <algorithm>
#include <cmath>

#include "data/refinement/fit_uncertainty.h"
#include "data/refinement/lattice_forms.h"
#include "kernels/crystal/crystal_math.h"
#include "kernels/crystal/refinement_model.h"

namespace bragg::data {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

constexpr double least_intensity = 1e-3;  // of a phase's strongest line, for ticks

std::array<double, 6> numbers_of(const xrd::UnitCell& cell) {
  return {cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma};
}

/// Edges that symmetry makes equal, and angles that it fixes, are so whatever the last digit of a float was.
xrd::UnitCell symmetric(xrd::UnitCell cell, const xrd::UnitCell& before) {
  constexpr double same = 1e-6;
  const double change = cell.a / before.a;
  if (std::abs(before.b / before.a - 1) < same && std::abs(cell.b / before.b / change - 1) < same)
    cell.b = cell.a;
  if (std::abs(before.c / before.a - 1) < same && std::abs(cell.c / before.c / change - 1) < same)
    cell.c = cell.a;
  for (double xrd::UnitCell::*angle : {&xrd::UnitCell::alpha, &xrd::UnitCell::beta, &xrd::UnitCell::gamma})
    if (std::abs(cell.*angle - before.*angle) < 1e-4 * same * before.*angle) cell.*angle = before.*angle;
  return cell;
}

/// The parameters of a mixture by their place, and what moves them.
class Places {
 public:
  explicit Places(const RefinedMixture& of) : of_(of) {
    const RefinedStructures& structures = of.structures;
    const auto add = [&](RefinedKind kind, float value) {
      const RefinedRule& rule = of.fit.rules.rule[static_cast<std::size_t>(kind)];
      const double v = double{value};
      is_moved_.push_back(rule.is_free && static_cast<float>(rule.low) < v &&
                          v < static_cast<float>(rule.high));
    };
    add(RefinedKind::zero, of.fit.parameters.zero);
    add(RefinedKind::displacement, of.fit.parameters.displacement);
    for (const float term : of.fit.parameters.background)
      add(RefinedKind::background, term);
    for (std::size_t phase = 0; phase < of.structure_of_phase.size(); ++phase) {
      const PhaseFreedom freedom = structures.structures[index(of.structure_of_phase[phase])].freedom();
      for (int at = 0; at < phase_parameters; ++at) {
        const int kind = kind_of_phase_parameter(at, freedom);
        if (kind < 0)
          is_moved_.push_back(false);
        else
          add(static_cast<RefinedKind>(kind), of.fit.parameters.phases[phase][index(at)]);
      }
      // Nothing moves a phase that is not there.
      if (!(of.fit.parameters.phases[phase][scale_at] > 0))
        std::fill(is_moved_.end() - phase_parameters, is_moved_.end(), false);
    }
  }
  const std::vector<bool>& is_moved() const { return is_moved_; }
  std::int64_t size() const { return std::ssize(is_moved_); }
  std::int64_t of_phase(std::size_t phase, int at) const {
    return 2 + std::ssize(of_.fit.parameters.background) +
           static_cast<std::int64_t>(phase) * phase_parameters + at;
  }

 private:
  const RefinedMixture& of_;
  std::vector<bool> is_moved_;
};

void put_cell(const RefinedStructure& structure, const xrd::UnitCell& before,
              const std::array<float, phase_parameters>& own, const Places& places, std::size_t phase,
              const FitCovariance& covariance, FittedPhase& to) {
  std::array<float, most_strains> strains{};
  std::copy_n(own.begin() + strain_at, most_strains, strains.begin());
  to.cell = symmetric(refined_cell(structure, strains.data()), before);
  std::vector<std::int64_t> at;
  std::array<std::vector<double>, 6> derivative;
  for (int j = 0; j < structure.strains; ++j) {
    at.push_back(places.of_phase(phase, strain_at + j));
    constexpr float shift = 1e-3f;
    auto more = strains, less = strains;
    more[index(j)] += shift;
    less[index(j)] -= shift;
    const auto high = numbers_of(refined_cell(structure, more.data())),
               low = numbers_of(refined_cell(structure, less.data()));
    const double length = double{more[index(j)]} - double{less[index(j)]};
    for (std::size_t e = 0; e < 6; ++e)
      derivative[e].push_back((high[e] - low[e]) / length);
  }
  for (std::size_t e = 0; e < 6; ++e) {
    const double uncertainty = covariance.uncertainty(at, derivative[e]);
    // Of an angle that symmetry fixes only rounding is left.
    to.cell_uncertainty[e] = uncertainty < 1e-9 * numbers_of(before)[e] ? 0 : uncertainty;
  }
  if (to.cell.alpha == before.alpha) to.cell_uncertainty[3] = 0;
  if (to.cell.beta == before.beta) to.cell_uncertainty[4] = 0;
  if (to.cell.gamma == before.gamma) to.cell_uncertainty[5] = 0;
  to.cell_change = change_of_edges(to.cell, before);
}

void put_ticks(const RefinedMixture& of, const RefinedStructure& structure,
               const std::array<float, phase_parameters>& own, FittedPhase& to) {
  const RefinedPattern& pattern = of.pattern;
  const double end = pattern.start + pattern.step * static_cast<double>(pattern.end - 1);
  const LineSettings<double> settings{.zero = double{of.fit.parameters.zero},
                                      .displacement = double{of.fit.parameters.displacement},
                                      .damping = double{own[damping_at]},
                                      .ln_fwhm = double{own[ln_fwhm_at]},
                                      .fwhm_slope = double{own[fwhm_slope_at]},
                                      .wavelength = double{pattern.wavelength[0]},
                                      .share = 1,
                                      .blur = 0};
  double strongest = 0;
  for (std::int32_t l = structure.first_line; l < structure.first_line + structure.lines; ++l) {
    const RefinedLine& line = of.structures.lines[index(l)];
    const auto moved = moved_line<double>(structure, line, own.data());
    const ShapedLine<double> shaped = shaped_line(settings, moved.forms.q, moved.area, moved.texture_sum);
    if (!shaped.is_reached || shaped.position < pattern.start || shaped.position > end) continue;
    strongest = std::max(strongest, shaped.area);
    to.ticks.push_back({{line.h, line.k, line.l}, shaped.position, shaped.area});
  }
  std::erase_if(to.ticks,
                [&](const FittedTick& tick) { return tick.intensity < least_intensity * strongest; });
  for (FittedTick& tick : to.ticks)
    tick.intensity /= strongest;
  std::stable_sort(to.ticks.begin(), to.ticks.end(),
                   [](const FittedTick& a, const FittedTick& b) { return a.two_theta < b.two_theta; });
}

/// `mass`: of each phase's scatterers where its parameter of scale is 1.
void put_fractions(const RefinedMixture& of, std::span<const double> mass, const Places& places,
                   const FitCovariance& covariance, std::vector<FittedPhase>& phases) {
  double total = 0;
  std::vector<std::int64_t> at;
  for (std::size_t phase = 0; phase < phases.size(); ++phase) {
    total += mass[phase] * double{of.fit.parameters.phases[phase][scale_at]};
    at.push_back(places.of_phase(phase, scale_at));
  }
  if (!(total > 0)) return;
  for (std::size_t phase = 0; phase < phases.size(); ++phase) {
    FittedFigure& fraction = phases[phase].weight_fraction;
    fraction.value = mass[phase] * double{of.fit.parameters.phases[phase][scale_at]} / total;
    std::vector<double> derivative;
    for (std::size_t other = 0; other < phases.size(); ++other)
      derivative.push_back(mass[other] * ((other == phase ? 1 : 0) - fraction.value) / total);
    fraction.uncertainty = covariance.uncertainty(at, derivative);
  }
}

}  // namespace

void put_figures(const RefinedMixture& of, PhaseFit& to) {
  const Places places(of);
  to.parameters = std::count(places.is_moved().begin(), places.is_moved().end(), true);
  const auto degrees = static_cast<double>(std::max<std::int64_t>(to.points - to.parameters, 1));
  to.chi_squared_per_degree = of.fit.chi_squared / degrees;
  if (of.fit.weighed > 0) {
    to.residual = std::sqrt(of.fit.chi_squared / of.fit.weighed);
    to.expected_residual = std::sqrt(degrees / of.fit.weighed);
  }
  to.misfit = of.fit.misfit;
  to.together = of.fit.together;
  const FitCovariance covariance(of.fit.refined.curvature, places.size(), places.is_moved());
  to.zero = {double{of.fit.parameters.zero}, covariance.uncertainty(0)};
  to.displacement = {double{of.fit.parameters.displacement}, covariance.uncertainty(1)};
  std::vector<double> mass;
  for (std::size_t phase = 0; phase < of.structure_of_phase.size(); ++phase) {
    const std::size_t row = index(of.structure_of_phase[phase]);
    const RefinedStructure& structure = of.structures.structures[row];
    const xrd::Crystal& crystal = of.crystals[row];
    const auto& own = of.fit.parameters.phases[phase];
    FittedPhase& fitted = to.phases.emplace_back();
    fitted.is_absent = !(own[scale_at] > 0);
    const auto figure = [&](int at, double factor) {
      return FittedFigure{factor * double{own[index(at)]},
                          std::abs(factor) * covariance.uncertainty(places.of_phase(phase, at))};
    };
    put_cell(structure, crystal.cell, own, places, phase, covariance, fitted);
    const double unit = of.structures.area_unit[row];
    fitted.scale = figure(scale_at, unit > 0 ? of.height / unit : 0);
    fitted.fwhm.value = std::exp(double{own[ln_fwhm_at]});
    fitted.fwhm.uncertainty = fitted.fwhm.value * covariance.uncertainty(places.of_phase(phase, ln_fwhm_at));
    fitted.lorentz_share = figure(lorentz_share_at, 1);
    fitted.b_overall = figure(damping_at, 1);
    if (structure.has_axis()) {
      const double r = std::exp(double{own[texture_at]});
      fitted.march = {{}, {r, r * covariance.uncertainty(places.of_phase(phase, texture_at))}};
    } else {
      for (int j = 0; j < structure.textures(); ++j)
        fitted.texture.push_back(figure(texture_at + j, 1));
    }
    put_ticks(of, structure, own, fitted);
    // g/cm^3 times A^3: of the cell, whatever it has become.
    const double cell_mass = crystal.density() * crystal.cell.volume();
    mass.push_back(unit > 0 ? cell_mass * fitted.cell.volume() / unit : 0);
  }
  put_fractions(of, mass, places, covariance, to.phases);
}

}  // namespace bragg::data
