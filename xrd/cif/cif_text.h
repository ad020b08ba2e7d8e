// Crystal -> CIF: what read_cif() reads back as the same crystal.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "xrd/crystal.h"

namespace bragg::xrd {

/// One block with cell, symmetry operators, sites and displacement parameters. `cell_uncertainty`: of a, b, c (A), alpha,
/// beta, gamma (degrees), 0 for none; they stand in brackets behind the figures. `remark` stands as comment above, line by
/// line; names and labels are written as CIF allows.
std::string cif_text(const Crystal&, const std::array<double, 6>& cell_uncertainty = {},
                     std::string_view remark = {});

}  // namespace bragg::xrd
