// Rigaku's .rasx: a zip archive with Data0/Profile0.txt (2 theta, intensity, attenuator) and
// Data0/MesurementConditions0.xml, so spelled. From the files themselves.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

/// Scans of 2 theta, alone or coupled with theta or omega; images and scans of other axes are refused by name.
const Format& rasx_format();

}  // namespace bragg::data
