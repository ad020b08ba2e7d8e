// The versions of .raw, each in a file of its own. Part of bruker_raw.
#pragma once

#include <string>
#include <vector>

#include "data/formats/byte_reader.h"
#include "data/formats/range_list.h"
#include "data/formats/scan.h"

namespace bragg::data {

/// `points` intensities in single precision, `stride` bytes apart.
std::vector<double> raw_intensities(const ByteReader&, std::size_t at, std::size_t points,
                                    std::size_t stride);
/// Throws for a start or a step that is none in degrees or mm.
void check_raw_step(const ByteReader&, std::size_t at, double start, double step);

ReadScans read_raw_v3(const ByteReader&);
ReadScans read_raw_v4(const ByteReader&);

}  // namespace bragg::data
