// Counts in rows below a line of start, step and end of 2 theta: FullProf's free format, Riet7 and Sietronics (with a
// header of words), and the files of DMC and D1A5 with uncertainties behind the counts. Neutron diffractometers are refused
// by name. Description: FullProf manual, appendix "Intensity data file formats" (INSTRM 0, 5 and 8).
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

const Format& step_rows_format();

}  // namespace bragg::data
