// Bruker's and Siemens' binary .raw: version 1 ("RAW ") and 2 ("RAW2") of DIFFRAC-AT, 3 ("RAW1.01") of DIFFRAC plus, 4
// ("RAW4.00"). A range is a scan, over 2 theta or the drive that it stepped; unknown kinds are left out and told.
// Descriptions: DIFFRAC-AT manual, appendix B (versions 1 and 2); DIFFRAC plus File Exchange and XCH manual, appendix A
// (version 3); version 4 as files of it are.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

const Format& bruker_raw_format();

}  // namespace bragg::data
