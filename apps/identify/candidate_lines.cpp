#include "apps/identify/candidate_lines.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/search/pattern_views.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps {
namespace {

/// Lines of a candidate that are shown and compared: of its strongest, and above this d, A.
constexpr double weakest_line = 0.01, least_d_spacing = 0.7;

}  // namespace

OnTwoTheta on_two_theta(const MeasuredItem& item) {
  const bool is_angle = item.measured.abscissa == data::Abscissa::two_theta;
  const double wavelength = is_angle ? item.wavelength : data::search_wavelength;
  return {data::to_two_theta(item.measured, item.wavelength, wavelength), wavelength, is_angle};
}

std::vector<data::CalculatedLine> lines_of(Backend& backend, xrd::Crystal crystal, const xrd::UnitCell& cell,
                                           const LineShift& shift, const OnTwoTheta& measured) {
  crystal.cell = cell;
  const double last = measured.wavelength < 2 * least_d_spacing
                          ? xrd::two_theta_from_d(least_d_spacing, measured.wavelength)
                          : 180;
  const double from = measured.pattern.x.front(), to = std::min(measured.pattern.x.back(), last);
  std::vector<data::CalculatedLine> lines;
  if (to <= from) return lines;
  const auto peaks = xrd::peaks(backend, crystal, {.wavelength = measured.wavelength, .range = {from, to}});
  double strongest = 0;
  for (const xrd::Reflection& peak : peaks)
    strongest = std::max(strongest, peak.intensity);
  for (const xrd::Reflection& peak : peaks) {
    if (peak.intensity >= weakest_line * strongest && strongest > 0)
      lines.push_back({peak.two_theta + shift.zero +
                           shift.displacement * std::cos(peak.two_theta * std::numbers::pi / 360),
                       peak.intensity / strongest, peak.hkl});
  }
  return lines;
}

double remainder_of(std::span<const data::BraggLine> measured, const std::vector<double>& parts,
                    const Candidate& best, std::span<const Candidate> others) {
  constexpr double is_explained = 0.95;
  std::vector<data::BraggLine> rest;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    if (parts[i] >= is_explained) continue;
    rest.push_back(measured[i]);
    rest.back().height *= 1 - parts[i];
  }
  double most = 0;
  for (const Candidate& other : others) {
    if (is_same_phase(best, other)) continue;
    most = std::max(most, data::explained_share(rest, data::explained_parts(rest, other.lines)));
  }
  return most;
}

}  // namespace bragg::apps
