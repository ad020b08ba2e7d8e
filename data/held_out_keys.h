// By what a crystal is recognised where structures are held out for good (held_out_list.h): keys that a
// crystal that is imported years later has as well, whatever its entry, its setting or its file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "xrd/crystal.h"

namespace bragg::data {

/// The words that tell a mineral, in small letters, sorted: "Bastnasite-(Ce)" is {bastnasite},
/// "Carbonate-fluorapatite" {carbonate, fluorapatite}, "PLAGIOCLASE_ANORTHITE" {anorthite, plagioclase},
/// "TridymiteLow" {tridymite}. Words are runs of letters, also told by a capital behind a small letter; what
/// names a polymorph (alpha, low, cubic ...) and what has fewer than four letters is left out, as far as
/// anything else is left. Empty without a letter, and for "<missing>".
std::vector<std::string> mineral_words(std::string_view name);
/// Of the mineral's name, else of the common one.
std::vector<std::string> mineral_words(const xrd::Crystal&);
/// Whether a crystal is of a mineral: its mineral name or its common one has all of the words.
bool is_of_mineral(const xrd::Crystal&, const std::vector<std::string>& words);

/// Composition, space group and the size of the cell. Hydrogen is left out, unless there is nothing else:
/// many files lack it.
struct StructureKey {
  int space_group = 0;       ///< the lower of an enantiomorphic pair
  std::map<int, int> parts;  ///< thousandths of the atoms by atomic number
  double volume = 0;         ///< A^3 of cell an atom

  bool operator==(const StructureKey&) const = default;
};
StructureKey structure_key(const xrd::Crystal&);
/// "O600 Si200 Ca200", by atomic number.
std::string composition_text(const StructureKey&);

/// Parts of two compositions that are one, as occupancies are rounded; a cell that is 5 % longer in each
/// direction.
inline constexpr int same_part = 5;
inline constexpr double same_cell = 0.05;
/// One composition and space group, and cells within same_cell: volumes an atom within (1 + same_cell)^3,
/// whatever the cells' choice and shape.
bool is_same_structure(const StructureKey&, const StructureKey&);

}  // namespace bragg::data
