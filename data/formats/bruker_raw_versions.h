// The versions of .raw, each in a file of its own. Part of bruker_raw.
#pragma once

#include <string>
#include <vector>

#include "data/formats/byte_reader.h"
#include "data/formats/range_list.h"
#include "data/formats/scan.h"

namespace bragg::data {

/// `points` intensities in single precision, `stride` bytes apart.
/// As they were typed; fewer than two points are for RangeList.
std::vector<double> raw_intensities(const ByteReader&, std::size_t at, std::size_t points,
                                    std::size_t stride);
/// Throws for a start or a step that is none in degrees or mm.
void check_raw_step(const ByteReader&, std::size_t at, double start, double step);

/// MM/DD/YY or MM/DD/YYYY, as the manual of version 3 has it, with the time behind it; anything else as it is written.
std::string raw_date(const std::string& day, const std::string& time);

ReadScans read_raw_v3(const ByteReader&);
ReadScans read_raw_v4(const ByteReader&);

}  // namespace bragg::data
