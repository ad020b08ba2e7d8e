// Structures as op refine takes them: their lines, and what their symmetry leaves free.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/backend.h"
#include "kernels/base/thread_pool.h"
#include "kernels/ops/refine.h"
#include "xrd/crystal.h"

namespace bragg::data {

struct RefinedStructures {
  std::vector<RefinedStructure> structures;
  std::vector<RefinedLine> lines;
  /// Of each structure: multiplicity |F|^2 of a line is its area times this.
  std::vector<double> area_unit;
};

/// Lines between d spacings (A, with a margin for strain), ranked as they are strong at `wavelength`, A; those below 1e-4 of
/// the strongest are left out. The strongest line, of whatever rank, has the area times LP 1. `anomalous`: with f' and f'' at
/// that wavelength, without which scales of phases can't be compared.
RefinedStructures refined_structures(Backend&, std::span<const xrd::Crystal>, double least_d, double most_d,
                                     double wavelength, bool anomalous = false);

/// Crystals whose lines are wanted, as refined_structures() has them.
struct LinesWanted {
  std::vector<const xrd::Crystal*> crystals;
  double least_d, most_d, wavelength;  ///< A
};

/// About how many reflections are listed of a crystal with this cell, or fewer: what memory is needed for, 12 bytes each.
double listed_reflections(const xrd::UnitCell&, double least_d);

/// For each the same as refined_structures() of it alone, but of a structure at most its `most_lines` strongest lines: those that are
/// left out have ranks of at least that. All reflections are computed in few calls, of at most some 4 million reflections each or,
/// where those are more, of one LinesWanted's; the host's part is shared by the threads of the pool.
std::vector<RefinedStructures> refined_structures(Backend&, ThreadPool&, std::span<const LinesWanted>,
                                                  std::int64_t most_lines);

/// Gives a structure of this crystal March and Dollase's texture along the normal of the planes hkl, not (0 0 0), in the place of
/// its lattice's terms.
void prefer_axis(RefinedStructure&, const xrd::Crystal&, const std::array<int, 3>& hkl);

/// The cell of a structure with these strains (most_strains of them).
xrd::UnitCell refined_cell(const RefinedStructure&, const float* strains);

/// Each edge over that of another cell, less 1.
std::array<double, 3> change_of_edges(const xrd::UnitCell&, const xrd::UnitCell& before);

}  // namespace bragg::data
