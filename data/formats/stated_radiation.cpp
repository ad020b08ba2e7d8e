#include "data/formats/stated_radiation.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "xrd/folded_text.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

/// K alpha 1 and 2 of an anode differ by less, relatively.
constexpr double widest_doublet = 0.03;
/// An anode's line and the number beside it: old tables and kX units differ by 0.2 %.
constexpr double same_line = 5e-3;

const xrd::Anode* find_anode(const std::string& name) {
  const auto written = xrd::scan_spectral_line(xrd::fold_to_ascii(name), 0);
  return written ? written->anode : nullptr;
}

void judge_numbers(const StatedRadiation& stated, Radiation& result) {
  const auto usable = [&](const std::optional<double>& value, const char* what) -> std::optional<double> {
    if (!value || *value == 0) return std::nullopt;
    if (xrd::is_usable_wavelength(*value)) return value;
    if (!result.fault) {
      result.fault = fmt::format("{} {:.6g} A is outside {}..{} A", what, *value, xrd::shortest_wavelength,
                                 xrd::longest_wavelength);
    }
    return std::nullopt;
  };
  result.wavelength = usable(stated.alpha1, "wavelength");
  result.alpha2 = usable(stated.alpha2, "wavelength of K alpha 2");
  if (result.fault) return;
  if (!result.wavelength && result.alpha2) {
    result.warnings.push_back("only the wavelength of K alpha 2 is stated; it is not used");
    result.alpha2.reset();
  }
  if (!result.alpha2) return;
  const double first = *result.wavelength, second = *result.alpha2;
  if (second == first) result.alpha2.reset();
  if (std::abs(second - first) > widest_doublet * first)
    result.fault =
        fmt::format("K alpha 2 of {:.6g} A is no neighbour of K alpha 1 of {:.6g} A", second, first);
}

void judge_anode(const StatedRadiation& stated, Radiation& result) {
  if (stated.anode.empty()) return;
  const xrd::Anode* anode = find_anode(stated.anode);
  if (!anode) {
    if (!result.wavelength)
      result.warnings.push_back(fmt::format("the anode {} is not known", quoted_line(stated.anode)));
    return;
  }
  if (!result.wavelength) {
    result.wavelength = anode->k_alpha1;
    result.alpha2 = anode->k_alpha2;
    return;
  }
  const double lines[] = {anode->k_alpha1, anode->k_alpha2, anode->k_alpha(), anode->k_beta1};
  const bool fits = std::any_of(std::begin(lines), std::end(lines), [&](double line) {
    return std::abs(*result.wavelength - line) <= same_line * line;
  });
  if (!fits) {
    result.warnings.push_back(fmt::format("anode {} contradicts the wavelength {:.6g} A, which is used",
                                          anode->symbol, *result.wavelength));
  }
}

}  // namespace

std::string anode_symbol(const std::string& name) {
  const xrd::Anode* anode = find_anode(name);
  return anode ? std::string(anode->symbol) : name;
}

Radiation radiation_of(const StatedRadiation& stated) {
  Radiation result;
  judge_numbers(stated, result);
  if (result.fault) return result;
  judge_anode(stated, result);
  if (stated.ratio && *stated.ratio <= 0) result.alpha2.reset();
  if (!result.wavelength) return result;
  // A doublet's intensities are as 2 to 1 (2j + 1 of the level).
  const double ratio = stated.ratio.value_or(0.5);
  result.position_wavelength = result.wavelength;
  if (result.alpha2 && !stated.alpha2_removed)
    result.position_wavelength = (*result.wavelength + ratio * *result.alpha2) / (1 + ratio);
  return result;
}

}  // namespace bragg::data
