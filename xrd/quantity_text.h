// Numbers and units as people write them: "1,5418(1)", "1.54 x 10^-10 m", "8.048 keV", "nm^-1", "(deg)". All
// texts are ASCII (fold_to_ascii).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace bragg::xrd {

/// hc in keV A (CODATA 2018).
inline constexpr double kev_angstrom = 12.398419843320026;

struct WrittenNumber {
  double value = 0;
  std::size_t end = 0;    ///< behind the number, its exponent and its uncertainty
  bool is_whole = false;  ///< no decimal sign and no exponent
};
/// The number at `begin`: sign, digits, one point or one comma (the decimal sign), exponent (e, E, d, D,
/// "x 10^-10"), uncertainty "(2)" or "+-0.01".
/// Empty where there is none or where commas do not tell what they are ("1,234.5", "1,54,56").
std::optional<WrittenNumber> scan_number(std::string_view text, std::size_t begin);

enum class UnitKind { length, energy, inverse_length, angle };
struct WrittenUnit {
  UnitKind kind = UnitKind::length;
  double factor = 1;    ///< to A, keV, 1/A, degrees
  std::size_t end = 0;  ///< behind the unit
};
/// The unit at `begin`: A, angstrom, nm, nanometre, pm, um, mm, cm, m, "10^-10 m"; eV, keV; 1/A, A^-1, A-1,
/// "inverse nanometres", "reciprocal A"; deg, degrees, rad, mrad. Case matters for m alone. Empty where no
/// unit stands there as a whole word.
std::optional<WrittenUnit> scan_unit(std::string_view text, std::size_t begin);
/// `text` as a whole, without blanks and brackets around it.
std::optional<WrittenUnit> parse_unit(std::string_view text);

}  // namespace bragg::xrd
