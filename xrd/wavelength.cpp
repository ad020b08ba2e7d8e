#include "xrd/wavelength.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kernels/error.h"
#include "kernels/nearest_name.h"

namespace bragg::xrd {
namespace {

constexpr double degrees = 180 / std::numbers::pi;

// A line's name and its wavelength in A. Ka1, Ka2, Kb1: peak positions of the NIST X-ray transition energies
// (Deslattes et al. 2003, Rev. Mod. Phys. 75, 35; also International Tables C, table 4.2.2.4), Cu as bragg's
// design states it. Ka is (2 Ka1 + Ka2) / 3.
struct Line {
  const char* anode;
  double ka1, ka2, kb1;
};
constexpr Line lines[] = {
    {"Cr", 2.289726, 2.293651, 2.084881},  {"Fe", 1.936041, 1.939973, 1.756604},
    {"Co", 1.788996, 1.792835, 1.620826},  {"Cu", 1.54056, 1.54439, 1.392234},
    {"Mo", 0.7093171, 0.713607, 0.632303}, {"Ag", 0.5594214, 0.563813, 0.497082},
};

struct NamedWavelength {
  std::string name;
  double value;
};

const std::vector<NamedWavelength>& named_wavelengths() {
  static const auto names = [] {
    std::vector<NamedWavelength> list;
    for (const Line& line : lines) {
      const std::string anode = line.anode;
      // Five decimals, as such means are tabulated: CuKa = 1.54184.
      const double mean = std::round((2 * line.ka1 + line.ka2) / 3 * 1e5) / 1e5;
      list.push_back({anode + "Ka", mean});
      list.push_back({anode + "Ka1", line.ka1});
      list.push_back({anode + "Ka2", line.ka2});
      list.push_back({anode + "Kb1", line.kb1});
    }
    return list;
  }();
  return names;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

double parse_wavelength(std::string_view text) {
  for (const NamedWavelength& known : named_wavelengths()) {
    if (equal_ignoring_case(text, known.name)) return known.value;
  }
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault == std::errc{} && end == text.data() + text.size() && std::isfinite(value) && value > 0)
    return value;
  std::vector<std::string> names;
  for (const NamedWavelength& known : named_wavelengths())
    names.push_back(known.name);
  if (fault == std::errc{}) throw UsageError(fmt::format("wavelength '{}' is not a length above 0 A", text));
  throw UsageError(fmt::format("unknown wavelength '{}': a number in A or a name; did you mean {}?", text,
                               nearest_name(text, names)));
}

double two_theta_from_d(double d_spacing, double wavelength) {
  return 2 * std::asin(wavelength / (2 * d_spacing)) * degrees;
}

double d_from_two_theta(double two_theta, double wavelength) {
  return 1 / (2 * stol_from_two_theta(two_theta, wavelength));
}

double stol_from_two_theta(double two_theta, double wavelength) {
  return std::sin(two_theta / 2 / degrees) / wavelength;
}

}  // namespace bragg::xrd
