// A short form of .xrdml, of namespace http://www.xpdd.org/xrdml/1.0: <scan><xrdElement> with range and step in place of
// positions, intensities plain or as base64 of their text. Part of xrdml.
#pragma once

#include "data/formats/scan.h"
#include "data/formats/xml_document.h"

namespace bragg::data {

bool is_xrdml_short_form(Xml scan);
/// Throws Error "FILE:LINE: reason": range and step that don't give the number of intensities, base64 of anything but
/// numbers as text; FormatRefused: not a scan of 2 theta.
Scan read_xrdml_short_form(const XmlDocument&, Xml measurement, Xml scan);

}  // namespace bragg::data
