// A small library to search, and patterns of its structures.
#pragma once

#include <cstdint>
#include <vector>

#include "data/patterns/resample.h"
#include "data/search/search.h"
#include "kernels/backend.h"
#include "tests/support/temporary_folder.h"
#include "xrd/crystal.h"

namespace bragg::tests {

/// Some of the structures that bragg comes with, of many groups and elements.
const std::vector<xrd::Crystal>& searched_crystals();
/// The number of the structure with that block's name.
std::int32_t number_of(const std::string& block);
/// All experimental, each with a name of its own; `crystals` outlive it.
data::SearchLibrary library_of(const std::vector<xrd::Crystal>& crystals);

/// A pattern from 5 to 90 degrees in steps of 0.02, lines of 0.1 degrees over a background, without noise; of the crystal
/// with a cell `scale` times as long.
data::MeasuredPattern pattern_of(Backend&, xrd::Crystal crystal, double wavelength = copper_k_alpha,
                                 double scale = 1);
/// What lies in [first, end) of it.
data::MeasuredPattern part_of(const data::MeasuredPattern&, double first, double end);

}  // namespace bragg::tests
