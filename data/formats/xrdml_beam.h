// What an .xrdml file says of tube, optics and slits. Part of xrdml.
#pragma once

#include "data/formats/scan.h"
#include "data/formats/xml_document.h"

namespace bragg::data {

/// Radiation, anode, ratio, filters and geometry of an <xrdMeasurement> into a scan. A wavelength that can't be used is
/// the radiation's fault, not an error; one that is no number is an Error.
void read_xrdml_beam(const XmlDocument&, Xml measurement, Scan&);
/// Converts automatic slits; sets the mode. `slit` is the <divergenceSlit>, or null. The scan's points must be there.
/// Throws Error as convert_automatic_slits.
void read_xrdml_slits(const XmlDocument&, Xml slit, Scan&);

}  // namespace bragg::data
