// Rigaku's .ras: keys and rows (2 theta, intensity, attenuator's factor) of SmartLab and MiniFlex programs, several scans a
// file. Scans of other axes than 2 theta are told and left out. As the files are.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

const Format& rigaku_ras_format();

}  // namespace bragg::data
