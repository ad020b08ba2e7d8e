#include "xrd/scattering/wavelength.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/nearest_name.h"
#include "kernels/crystal/instrument.h"
#include "xrd/folded_text.h"
#include "xrd/quantity_text.h"

namespace bragg::xrd {
namespace {

constexpr double degrees = 180 / std::numbers::pi;

// Peak positions of the NIST X-ray transition energies (Deslattes et al. 2003, Rev. Mod. Phys. 75, 35; also
// International Tables C, table 4.2.2.4), Cu as bragg's design states it.
constexpr Anode table[] = {
    {"Ti", 2.748547, 2.752195, 2.513960},    {"V", 2.503610, 2.507430, 2.284446},
    {"Cr", 2.289726, 2.293651, 2.084881},    {"Mn", 2.101854, 2.105822, 1.910216},
    {"Fe", 1.936041, 1.939973, 1.756604},    {"Co", 1.788996, 1.792835, 1.620826},
    {"Ni", 1.657930, 1.661756, 1.500152},    {"Cu", copper_k_alpha1, copper_k_alpha2, 1.392234},
    {"Zn", 1.435184, 1.439029, 1.295276},    {"Ga", 1.340127, 1.344026, 1.207930},
    {"Mo", 0.7093171, 0.713607, 0.632303},   {"Rh", 0.6132937, 0.6176458, 0.5456189},
    {"Pd", 0.5854639, 0.5898351, 0.5205333}, {"Ag", 0.5594214, 0.563813, 0.497082},
    {"In", 0.5121251, 0.5165572, 0.4545616}, {"W", 0.2090131, 0.2138330, 0.1843768},
};

struct AnodeName {
  std::string_view name, symbol;
};
constexpr AnodeName names[] = {
    {"titanium", "Ti"}, {"titan", "Ti"},      {"titane", "Ti"},    {"vanadium", "V"},   {"chromium", "Cr"},
    {"chrom", "Cr"},    {"chrome", "Cr"},     {"manganese", "Mn"}, {"mangan", "Mn"},    {"iron", "Fe"},
    {"eisen", "Fe"},    {"fer", "Fe"},        {"cobalt", "Co"},    {"kobalt", "Co"},    {"nickel", "Ni"},
    {"copper", "Cu"},   {"kupfer", "Cu"},     {"cuivre", "Cu"},    {"zinc", "Zn"},      {"zink", "Zn"},
    {"gallium", "Ga"},  {"molybdenum", "Mo"}, {"molybdan", "Mo"},  {"molybdaen", "Mo"}, {"molybdene", "Mo"},
    {"rhodium", "Rh"},  {"palladium", "Pd"},  {"silver", "Ag"},    {"silber", "Ag"},    {"argent", "Ag"},
    {"indium", "In"},   {"tungsten", "W"},    {"wolfram", "W"},    {"tungstene", "W"},
};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char at(std::string_view text, std::size_t i) {
  return i < text.size() ? text[i] : '\0';
}

std::size_t skip(std::string_view text, std::size_t i, std::string_view signs) {
  while (i < text.size() && signs.find(text[i]) != std::string_view::npos)
    ++i;
  return i;
}

bool starts_with(std::string_view text, std::size_t i, std::string_view lower) {
  return i <= text.size() && lower_case(text.substr(i, lower.size())) == lower;
}

const Anode* find_symbol(std::string_view symbol) {
  const auto found = std::find_if(std::begin(table), std::end(table), [&](const Anode& anode) {
    return lower_case(anode.symbol) == lower_case(symbol);
  });
  return found == std::end(table) ? nullptr : found;
}

/// The digits behind "K alpha": KLine::alpha where none follow or both do; `i` moves behind them.
KLine scan_alpha_digits(std::string_view text, std::size_t& i) {
  const std::size_t digit = skip(text, i, " _-");
  const char first = at(text, digit);
  if (first != '1' && first != '2') return KLine::alpha;
  std::size_t next = digit + 1;
  for (const std::string_view both : {"2", "+2", ",2", "/2", "&2", "-2", "+alpha2", "/alpha2"}) {
    if (first == '1' && starts_with(text, next, both) && !is_digit(at(text, next + both.size()))) {
      i = next + both.size();
      return KLine::alpha;
    }
  }
  // "Ka 1.5418" is a number behind the line, "Ka 15" one, too; "Ka1,1.5418" is a label.
  const bool glued = digit == i;
  const char sign = at(text, next);
  if (is_digit(sign) || ((sign == '.' || (sign == ',' && !glued)) && is_digit(at(text, next + 1))))
    return KLine::alpha;
  if (is_letter(at(text, next)) && digit > i) return KLine::alpha;
  i = next;
  return first == '1' ? KLine::alpha1 : KLine::alpha2;
}

std::vector<std::string> all_names() {
  std::vector<std::string> list;
  for (const Anode& anode : table) {
    for (const char* line : {"Ka", "Ka1", "Ka2", "Kb1"})
      list.push_back(std::string(anode.symbol) + line);
  }
  return list;
}

double in_range(double angstrom, std::string_view text) {
  if (is_usable_wavelength(angstrom)) return angstrom;
  throw UsageError(fmt::format("wavelength '{}' is {:.6g} A, outside {}..{} A", text, angstrom,
                               shortest_wavelength, longest_wavelength));
}

}  // namespace

double Anode::k_alpha() const {
  // Five decimals, as such means are tabulated: CuKa = 1.54184.
  return std::round((2 * k_alpha1 + k_alpha2) / 3 * 1e5) / 1e5;
}

std::span<const Anode> anodes() {
  return table;
}

std::optional<WrittenLine> scan_k_line(std::string_view text, std::size_t begin) {
  if (at(text, begin) != 'K' && at(text, begin) != 'k') return std::nullopt;
  std::size_t i = skip(text, begin + 1, " -_");
  WrittenLine line;
  std::size_t word_end = 0;
  for (const std::string_view word : {"alpha", "a"}) {
    if (word_end == 0 && starts_with(text, i, word)) word_end = i + word.size();
  }
  if (word_end > 0) {
    i = word_end;
    line.line = scan_alpha_digits(text, i);
  } else {
    for (const std::string_view word : {"beta", "b"}) {
      if (word_end == 0 && starts_with(text, i, word)) word_end = i + word.size();
    }
    if (word_end == 0) return std::nullopt;
    const std::size_t digit = skip(text, word_end, " _-");
    i = is_digit(at(text, digit)) && !is_digit(at(text, digit + 1)) && at(text, digit + 1) != '.' ? digit + 1
                                                                                                  : word_end;
    line.line = KLine::beta;
  }
  if (i == word_end && is_letter(at(text, i))) return std::nullopt;  // a word that begins alike
  line.end = i;
  return line;
}

std::optional<WrittenLine> scan_spectral_line(std::string_view text, std::size_t begin) {
  WrittenLine found;
  std::size_t end = begin;
  while (is_letter(at(text, end)))
    ++end;
  const std::string word = lower_case(text.substr(std::min(begin, text.size()), end - begin));
  for (const AnodeName& name : names) {
    if (name.name == word) found = {find_symbol(name.symbol), KLine::unnamed, end};
  }
  // A symbol alone, or with its line glued to it: "CuKa1", "WKa".
  for (const Anode& anode : table) {
    if (found.anode || !starts_with(text, begin, lower_case(anode.symbol))) continue;
    const std::size_t behind = begin + anode.symbol.size();
    if (!is_letter(at(text, behind)) || scan_k_line(text, behind)) found = {&anode, KLine::unnamed, behind};
  }
  if (!found.anode) return std::nullopt;
  if (const auto line = scan_k_line(text, skip(text, found.end, " -_"))) {
    found.line = line->line;
    found.end = line->end;
  }
  return found;
}

double wavelength_of(const WrittenLine& line) {
  switch (line.line) {
    case KLine::alpha1:
      return line.anode->k_alpha1;
    case KLine::alpha2:
      return line.anode->k_alpha2;
    case KLine::beta:
      return line.anode->k_beta1;
    case KLine::unnamed:
    case KLine::alpha:
      break;
  }
  return line.anode->k_alpha();
}

bool may_be_nanometres(double value) {
  const auto near = [&](double line) { return std::abs(10 * value / line - 1) < 1e-3; };
  return std::any_of(std::begin(table), std::end(table), [&](const Anode& anode) {
    return near(anode.k_alpha1) || near(anode.k_alpha2) || near(anode.k_alpha());
  });
}

double parse_wavelength(std::string_view written) {
  const std::string folded = fold_to_ascii(written);
  std::string_view text = folded;
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  text = text.substr(0, text.find_last_not_of(" \t") + 1);
  if (const auto line = scan_spectral_line(text, 0); line && line->end == text.size())
    return in_range(wavelength_of(*line), written);
  if (const auto number = scan_number(text, 0)) {
    if (number->end == text.size()) {
      if (may_be_nanometres(number->value)) {
        throw UsageError(fmt::format("wavelength '{0}' may be A or nm: write '{0} A' or '{0} nm'", written));
      }
      return in_range(number->value, written);
    }
    const auto unit = scan_unit(text, number->end);
    if (unit && unit->end == text.size()) {
      if (unit->kind == UnitKind::length) return in_range(number->value * unit->factor, written);
      if (unit->kind == UnitKind::energy && number->value > 0)
        return in_range(kev_angstrom / (number->value * unit->factor), written);
    }
  }
  const std::string near = near_name(text, all_names());
  throw UsageError(
      fmt::format("unknown wavelength '{}': a number in A, one with a unit (A, nm, pm, m, keV, eV) or a "
                  "name such as CuKa{}",
                  written, near.empty() ? "" : "; the nearest is " + near));
}

std::string wavelength_names() {
  std::string symbols;
  for (const Anode& anode : table)
    symbols += fmt::format("{}{}", symbols.empty() ? "" : " ", anode.symbol);
  return fmt::format(
      "CuKa (weighted mean), CuKa1, CuKa2, CuKb1, in the same way of {}; or a number in A or with its "
      "unit (0.15406 nm, 154.06 pm, 1.5406e-10 m, 8.048 keV), {}..{} A",
      symbols, shortest_wavelength, longest_wavelength);
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
