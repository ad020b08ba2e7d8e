// What the reflections that are absent say of a space group: its extinction symbol, the most that positions
// of lines can tell.
#pragma once

#include <string>
#include <string_view>

namespace bragg::xrd {

/// "-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m1", "-31m", "6/m", "6/mmm", "m-3" or "m-3m", for 1..230 in
/// the standard setting. Throws Error for another number.
std::string_view laue_class(int space_group);

/// "P n - a" for Pnma, "P 1 21/c 1" for P21/c, "R(obv) - c" for R-3c: the lattice letter, then for each
/// direction of the Hermann-Mauguin symbol the screw axes and glide planes that extinguish reflections, "-"
/// where none does, letters in brackets where two stand for the same condition. In the standard setting,
/// hexagonal axes for R (International Tables A, 2002, table 3.1.4.1). Two groups of a Laue class have one
/// symbol where they extinguish the same reflections. Throws Error for a number outside 1..230.
std::string_view extinction_symbol(int space_group);

/// The same where nothing says which axis is which, as in a powder pattern: of an orthorhombic group the last in the alphabet
/// of the symbols that it has in its six settings. So Pnma and Pna21, whose standard settings differ, have one.
std::string extinction_symbol_of_any_axes(int space_group);

}  // namespace bragg::xrd
