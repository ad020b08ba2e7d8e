// Powder CIF: loops of measured (_pd_meas_) or processed (_pd_proc_) intensities over 2 theta, d or q; a block with one is
// a scan. Neutrons, time of flight and energies, and profiles that were only calculated, are refused by name. Description:
// the powder dictionary of the IUCr (cif_pd.dic, Toby 2006, International Tables G, chapter 3.3).
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

const Format& powder_cif_format();

}  // namespace bragg::data
