// Numbers and formulas as CIF writes them.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace bragg::xrd {

/// "0.123", "0.123(4)" (the uncertainty in brackets is dropped), "-.5", "1e-3"; the sign may
/// be U+2212. Empty for anything else: NaN,
/// infinities, trailing characters, decimal commas.
std::optional<double> parse_cif_number(std::string_view text);

/// Unit of the last decimal: 0.001 of "0.123(4)"; 1 of "3". Of a number that parse_cif_number reads.
double last_decimal(std::string_view text);

/// Counts by atomic number (1..98) of "Al12 O18", "C6H12O6", "Ca0.5 D2 O", "(Fe.8 Mg.2)2 Si O4"; deuterium
/// counts as hydrogen. Empty where the text is no plain sum of elements.
std::optional<std::array<double, 99>> parse_formula(std::string_view text);

}  // namespace bragg::xrd
