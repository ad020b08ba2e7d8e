// GSAS' powder data: a title, comments, then banks ("BANK 1 8378 838 CONST 1500 1.3 0 0 STD") of constant wavelength with
// positions in hundredths of a degree; a bank is a scan. Records STD, ESD, FXY and FXYE; time of flight, energies and ALT
// records are refused by name. Description: GSAS manual (LAUR 86-748), "Powder diffraction data"; FXY and FXYE as the
// files are.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

const Format& gsas_format();

}  // namespace bragg::data
