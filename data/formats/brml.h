// Bruker's .brml: a zip archive of XML, Experiment0/RawData0.xml and so on, one or more scans in each. From the files
// themselves.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

/// Scans of 2 theta, alone or coupled, of point detectors and of line detectors that scan. Frames of a detector and scans of
/// other axes are refused by name.
const Format& brml_format();

}  // namespace bragg::data
