// PANalytical's .xrdml, schemas 1.0 to 2.3 (http://www.xrdml.com/XRDMeasurement/VERSION/XRDMeasurement.xsd), and the short
// form with <xrdElement> that other programs write under http://www.xpdd.org/xrdml/1.0.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

/// Scans of 2 theta, alone or coupled, and over phi, chi, omega, x and the like; area measurements and meshes of scans are
/// left out, by name.
const Format& xrdml_format();

}  // namespace bragg::data
