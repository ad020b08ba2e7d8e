// Which of several entries of one structure a library keeps.
#pragma once

#include <vector>

#include "data/library/library_candidates.h"

namespace bragg::data {

/// Bounds of the cleaning. Line similarities are line_similarity()'s.
struct CleaningLimits {
  double same_volume = 0.015;    ///< of duplicates: edges within 0.5 %
  double same = 0.98;            ///< similarity of duplicates' lines, scaled
  double lowered = 0.97;         ///< ... of a structure and its description under a lower symmetry, scaled
  double relaxed = 0.6;          ///< ... of a measured structure and its relaxed cell, scaled, wide lines
  double relaxed_edges = 0.025;  ///< ... whose edges differ by less
  double contradiction = 0.01;   ///< edges that differ by more from all published ones are wrong
  double volume = 0.08;          ///< ... and so are volumes an atom
  double composition = 0.05;  ///< an adapted structure whose parent differs in less of its atoms fills no gap
  double adapted_volume = 0.1;  ///< ... and whose volume an atom is within this of the parent's
};

/// Removes from `candidates` and adds to `left_out`, the better entries first (measured before relaxed;
/// published, compiled, tests, adapted; named; more symmetric; with hydrogen; with displacements; by entry):
///   - duplicates: composition (hydrogen apart), space group modulo hand, cell within 0.5 % and positions, as
///     far as lines tell; a name that only the duplicate has goes to the one that stays
///   - relaxed structures whose composition and space group were measured with edges within 2.5 % and
///     similar lines: a cell that is farther off may be measured under pressure
///   - relaxed ones and those of tests that are another's structure under a lower symmetry: lines alike but
///     for a scale within 3 %
///   - relaxed ones without any symmetry (P1) of a composition that is there with symmetry
///   - those of tests alike to published ones but for a cell that is off from all of theirs, and compiled
///     ones, too, whose atoms take another volume than in all published ones of their composition and space
///     group
///   - adapted ones (a parent's cell with another composition) that hardly differ from what is there
/// A measured one without a name that is a named one's structure within 5 % of its cell has that name.
/// What is left is in the order of the format: measured first, then by space group and size, which packs
/// well. The result does not depend on the order of the input.
void clean(std::vector<LibraryCandidate>& candidates, std::vector<LeftOut>& left_out,
           const CleaningLimits& limits = {});

}  // namespace bragg::data
