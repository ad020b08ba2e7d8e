// Fit2D's .chi: four lines (title, axis, intensity, number of points), then rows of two numbers. Description: Fit2D
// reference manual, "CHIPLOT" files.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

const Format& fit2d_chi_format();

}  // namespace bragg::data
