// PANalytical's .xrdml, schemas 1.0 to 2.3 (http://www.xrdml.com/XRDMeasurement/VERSION/XRDMeasurement.xsd), and the short
// form with <xrdElement> that other programs write under http://www.xpdd.org/xrdml/1.0.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

/// Scans of 2 theta, alone or coupled; other axes and area measurements are refused by name.
const Format& xrdml_format();

}  // namespace bragg::data
