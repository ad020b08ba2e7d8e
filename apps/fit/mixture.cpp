#include "apps/fit/mixture.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace bragg::apps {

xrd::Crystal MixturePhase::refined_crystal() const {
  xrd::Crystal crystal = structure.crystal;
  crystal.cell = fitted.cell;
  return crystal;
}

std::string with_uncertainty(double value, double uncertainty) {
  if (!(uncertainty > 0) || !std::isfinite(uncertainty)) return fmt::format("{:.6g}", value);
  // Two digits up to 19, else one.
  int decimals = 1 - static_cast<int>(std::floor(std::log10(uncertainty)));
  if (std::round(uncertainty * std::pow(10, decimals)) > 19) --decimals;
  if (decimals <= 0) {
    const double unit = std::pow(10, -decimals);
    return fmt::format("{:.0f}({:.0f})", std::round(value / unit) * unit,
                       std::round(uncertainty / unit) * unit);
  }
  return fmt::format("{:.{}f}({:.0f})", value, decimals, uncertainty * std::pow(10, decimals));
}

std::string with_uncertainty(const data::FittedFigure& figure, double factor) {
  return with_uncertainty(factor * figure.value, std::abs(factor) * figure.uncertainty);
}

}  // namespace bragg::apps
