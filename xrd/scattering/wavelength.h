// X-ray wavelengths by name, number and unit, and Bragg's law between 2 theta and sin(theta)/lambda.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bragg::xrd {

/// What powder diffraction uses, A. Anything else is taken for a mistake.
inline constexpr double shortest_wavelength = 0.1;
inline constexpr double longest_wavelength = 3;
inline bool is_usable_wavelength(double angstrom) {
  return angstrom >= shortest_wavelength && angstrom <= longest_wavelength;
}

/// K lines of an anode, A.
struct Anode {
  std::string_view symbol;
  double k_alpha1, k_alpha2, k_beta1;
  double k_alpha() const;  ///< (2 k_alpha1 + k_alpha2) / 3, to five decimals
};
std::span<const Anode> anodes();

enum class KLine { unnamed, alpha, alpha1, alpha2, beta };
/// Something like "Co", "cobalt", "CuKa1", "Mo K-alpha" at the start of a text.
struct WrittenLine {
  const Anode* anode = nullptr;
  KLine line = KLine::unnamed;
  std::size_t end = 0;  ///< behind it
};
/// The anode at `begin` by its symbol (any case) or name (English, German, French), and its line where one
/// follows. `ascii` as from fold_to_ascii. Empty where no anode stands there as a whole word.
std::optional<WrittenLine> scan_spectral_line(std::string_view ascii, std::size_t begin);
/// A line without its anode: "K-alpha1", "Ka", "K_alpha 2", "Kalpha1+2" (alpha).
std::optional<WrittenLine> scan_k_line(std::string_view ascii, std::size_t begin);
/// A for the line of that anode; without a line, K alpha's mean.
double wavelength_of(const WrittenLine&);

/// A number without a unit that is a tenth of a laboratory anode's K alpha, to 0.1 %: it may be meant in nm.
bool may_be_nanometres(double value);

/// "CuKa" (weighted mean), "Cu K-alpha1", "CoKb1", "cobalt", ...; or a number in A or with a unit: "0.15406
/// nm", "154.06 pm", "1.5406e-10 m", "8.048 keV", "1,5406". In A. Throws UsageError with the value: nothing
/// of that, outside shortest_wavelength..longest_wavelength, or unclear between A and nm.
double parse_wavelength(std::string_view text);
/// The names that parse_wavelength knows, for --help.
std::string wavelength_names();

double two_theta_from_d(double d_spacing, double wavelength);     ///< degrees; NaN where wavelength > 2 d
double d_from_two_theta(double two_theta, double wavelength);     ///< A
double stol_from_two_theta(double two_theta, double wavelength);  ///< sin(theta)/lambda, 1/A

}  // namespace bragg::xrd
