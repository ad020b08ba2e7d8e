#include "data/held_out_keys.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include <fmt/format.h>

#include "xrd/scattering/species.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::data {
namespace {

constexpr std::array polymorph_words{
    "alpha",        "alfa",       "beta",     "gamma",     "delta",     "epsilon",    "iii",
    "vii",          "viii",       "high",     "low",       "group",     "ideal",      "maximum",
    "intermediate", "disordered", "ordered",  "synthetic", "triclinic", "monoclinic", "ortho",
    "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"};

bool is_small(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
/// Whatever is beyond ASCII is one: part of an accented letter.
bool is_letter(char c) {
  return is_small(c) || is_capital(c) || static_cast<unsigned char>(c) >= 0x80;
}

std::vector<std::string> letters_of(std::string_view name) {
  std::vector<std::string> words;
  bool in_word = false;
  char before = 0;
  for (const char c : name) {
    if (is_letter(c)) {
      if (!in_word || (is_capital(c) && is_small(before))) words.emplace_back();
      words.back() += is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c;
    }
    in_word = is_letter(c);
    before = c;
  }
  return words;
}

bool is_polymorph(const std::string& word) {
  return std::find(polymorph_words.begin(), polymorph_words.end(), word) != polymorph_words.end();
}

std::vector<std::string> sorted(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

}  // namespace

std::vector<std::string> mineral_words(std::string_view name) {
  if (name.starts_with('<')) return {};
  const std::vector<std::string> all = letters_of(name);
  for (const std::size_t shortest : {std::size_t{4}, std::size_t{3}}) {
    std::vector<std::string> words;
    std::copy_if(all.begin(), all.end(), std::back_inserter(words),
                 [&](const std::string& word) { return word.size() >= shortest && !is_polymorph(word); });
    if (!words.empty()) return sorted(std::move(words));
  }
  // A formula, or a polymorph of nothing: all that there is.
  std::string joined;
  for (const std::string& word : all)
    joined += word;
  return joined.empty() ? std::vector<std::string>{} : std::vector{joined};
}

std::vector<std::string> mineral_words(const xrd::Crystal& crystal) {
  std::vector<std::string> words = mineral_words(crystal.names.mineral);
  return words.empty() ? mineral_words(crystal.names.common) : words;
}

bool is_of_mineral(const xrd::Crystal& crystal, const std::vector<std::string>& words) {
  const auto has_all = [&](const std::string& name) {
    const std::vector<std::string> own = mineral_words(name);
    return std::includes(own.begin(), own.end(), words.begin(), words.end());
  };
  return !words.empty() && (has_all(crystal.names.mineral) || has_all(crystal.names.common));
}

StructureKey structure_key(const xrd::Crystal& crystal) {
  constexpr int hydrogen = 1;
  std::map<int, double> atoms;
  for (const xrd::Site& site : crystal.sites)
    atoms[site.species.atomic_number] += site.occupancy * site.multiplicity;
  if (atoms.size() > 1) atoms.erase(hydrogen);
  double total = 0;
  for (const auto& [element, count] : atoms)
    total += count;
  StructureKey key;
  key.space_group = xrd::modulo_enantiomorph(crystal.group.number);
  if (!(total > 0)) return key;
  for (const auto& [element, count] : atoms) {
    if (const auto part = static_cast<int>(std::lround(1000 * count / total)); part > 0)
      key.parts[element] = part;
  }
  key.volume = crystal.cell.volume() / total;
  return key;
}

std::string composition_text(const StructureKey& key) {
  std::string text;
  for (const auto& [element, part] : key.parts)
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", xrd::element_symbol(element), part);
  return text;
}

bool is_same_structure(const StructureKey& a, const StructureKey& b) {
  if (a.space_group != b.space_group) return false;
  const auto part_of = [](const StructureKey& key, int element) {
    const auto found = key.parts.find(element);
    return found == key.parts.end() ? 0 : found->second;
  };
  const auto has_parts_of = [&](const StructureKey& one, const StructureKey& other) {
    return std::all_of(one.parts.begin(), one.parts.end(), [&](const auto& part) {
      return std::abs(part.second - part_of(other, part.first)) <= same_part;
    });
  };
  if (!has_parts_of(a, b) || !has_parts_of(b, a)) return false;
  const double most = std::pow(1 + same_cell, 3);
  return a.volume <= b.volume * most && b.volume <= a.volume * most;
}

}  // namespace bragg::data
