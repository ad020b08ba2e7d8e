// One <DataRoute> of a brml: what its rows of <Datum> hold, by its <RawDataView>s. Part of brml.
#pragma once

#include "data/formats/scan.h"
#include "data/formats/xml_document.h"

namespace bragg::data {

/// The route's rows into a scan that has what stands elsewhere in the document (radiation, sample, date). Throws Error
/// "FILE: MEMBER:LINE: reason": rows that are too short or no numbers; FormatRefused: frames, another axis, fewer than two
/// points.
void read_brml_route(const XmlDocument&, Xml route, Scan&);

}  // namespace bragg::data
