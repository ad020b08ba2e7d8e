// Bruker's and Siemens' .uxd: the text that the programs XCH and File Exchange write of a .raw. A range is a scan; ranges
// that step another drive than 2 theta are told and left out. As the files are; keys in the XCH manual, appendix B.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

const Format& bruker_uxd_format();

}  // namespace bragg::data
