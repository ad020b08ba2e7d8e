// Text in columns (.xy .xye .csv .txt .dat ...) as a format: pattern_text.h with what it found as a scan.
#pragma once

#include "data/formats/format.h"

namespace bragg::data {

/// The last one in the registry: it looks at whatever no other format takes for its own.
const Format& text_columns_format();

}  // namespace bragg::data
