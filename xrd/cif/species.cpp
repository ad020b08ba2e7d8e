// What an atom site consists of: symbols as programs and people write them, and labels where there are none.
#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "xrd/cif/numbers.h"
#include "xrd/cif/sites.h"

namespace bragg::xrd {
namespace {

constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (is_upper(c)) c = static_cast<char>(c + 32);
  return out;
}

/// Molecules in place of an element: their oxygen is what scatters.
bool is_water_or_hydroxide(std::string_view symbol) {
  std::string plain = lower(symbol);
  while (!plain.empty() && std::string_view("+-0123456789").find(plain.back()) != std::string_view::npos &&
         plain != "oh2" && plain != "h2o")
    plain.pop_back();
  return plain == "oh" || plain == "oh2" || plain == "h2o" || plain == "wat" || plain == "water";
}

/// "Va", "Vac", "vacancy", with a number where it is a label.
bool is_vacancy(std::string_view symbol) {
  std::string plain = lower(symbol);
  while (!plain.empty() && plain.back() >= '0' && plain.back() <= '9')
    plain.pop_back();
  return plain == "va" || plain == "vac" || plain == "vacancy" || symbol == "\xe2\x96\xa1";
}

/// "Fe2.5+", "Fe+2.5", "Mn3.67+": a mean of several ions. Takes the whole charge next to it.
std::optional<Species> mean_ion(std::string_view text) {
  const auto letters = text.find_first_of("+-.0123456789");
  if (letters == std::string_view::npos || letters == 0) return std::nullopt;
  const auto element = parse_species(text.substr(0, letters));
  std::string_view charge = text.substr(letters);
  const char sign = charge.front() == '+' || charge.front() == '-' ? charge.front() : charge.back();
  if (!element || (sign != '+' && sign != '-')) return std::nullopt;
  if (charge.front() == sign)
    charge.remove_prefix(1);
  else
    charge.remove_suffix(1);
  const auto value = parse_cif_number(charge);
  constexpr double largest = 9;
  if (!value || charge.find_first_of("+-(eE") != std::string_view::npos || !(*value <= largest))
    return std::nullopt;
  const auto whole = static_cast<std::int8_t>(std::lround(*value));
  return Species{element->atomic_number, static_cast<std::int8_t>(sign == '-' ? -whole : whole)};
}

/// The element that a site's label starts with, as CIF core asks. The formula decides what is open: "CA1"
/// (calcium or a carbon), "Ala", "Pbl". Without it "Ca1" is calcium, "Ow1" oxygen, and capitals or words that
/// could be either nothing.
std::optional<Species> species_from_label(std::string_view label,
                                          const std::optional<std::array<double, 99>>& formula) {
  std::size_t letters = 0;
  while (letters < label.size() && (is_upper(label[letters]) || is_lower(label[letters])))
    ++letters;
  if (letters == 0 || !is_upper(label[0])) return std::nullopt;
  const auto one = parse_species(label.substr(0, 1));
  if (letters == 1) return one;
  const auto two = parse_species(label.substr(0, 2));
  if (formula) {
    const bool has_one = one && (*formula)[one->atomic_number] > 0;
    const bool has_two = two && (*formula)[two->atomic_number] > 0;
    if (has_one != has_two) return has_one ? one : two;
  }
  const bool is_word = letters > 2 && is_lower(label[1]) && is_lower(label[2]);
  if (is_word || (one && two && is_upper(label[1]))) return std::nullopt;
  return two ? two : one;
}

}  // namespace

CifSpecies::CifSpecies(const CifReader& reader, const CifColumn& type, const CifColumn& label)
    : reader_(reader), type_(type), label_(label) {
  if (const CifValue* text = reader.any_value("_chemical_formula_sum")) formula_ = parse_formula(text->text);
}

std::optional<Species> CifSpecies::read(std::size_t row) {
  const bool has_type = type_ && !type_[row].is_null();
  if (!has_type && !label_)
    reader_.fail(CifFault::unknown_species, type_[row].line,
                 fmt::format("{} is '{}'", type_.tag(), type_[row].text));
  const CifColumn& source = has_type ? type_ : label_;
  const CifValue& value = source[row];
  const auto found = read_symbol(source, value, has_type);
  if (found && found->charge != 0 && known_fallbacks_.insert(*found).second &&
      form_factor(*found).is_fallback)
    reader_.warn(value.line, fmt::format("{} has no scattering factors of its own: {}'s are taken",
                                         name_of(*found), element_symbol(found->atomic_number)));
  return found;
}

std::optional<Species> CifSpecies::read_symbol(const CifColumn& source, const CifValue& value, bool is_type) {
  const bool has_vanadium = formula_ && (*formula_)[23] > 0;
  const bool vacant = is_vacancy(value.text) && (is_type || !has_vanadium);
  auto found = is_type  ? parse_species(value.text)
               : vacant ? std::nullopt
                        : species_from_label(value.text, formula_);
  if (!is_type && value.text.starts_with("Wat")) found = std::nullopt;  // no element: American Mineralogist's
  if (found) return found;
  const auto tell = [&](const std::string& what) {
    if (told_.insert(std::string(value.text)).second)
      reader_.warn(value.line, fmt::format("{} '{}' {}", source.tag(), value.text, what));
  };
  if (vacant) {
    tell("is a vacancy and left out");
    return std::nullopt;
  }
  if (is_water_or_hydroxide(value.text) || (!is_type && value.text.starts_with("Wat"))) {
    tell("is taken for the oxygen of a water molecule or hydroxide group");
    return parse_species("O");
  }
  if (is_type && (found = mean_ion(value.text))) {
    tell(fmt::format("is no whole charge: {} is taken", name_of(*found)));
    return found;
  }
  reader_.fail(CifFault::unknown_species, value.line,
               fmt::format("{} '{}' is no element or ion{}", source.tag(), value.text,
                           is_type ? "" : ", or leaves open which"));
}

}  // namespace bragg::xrd
