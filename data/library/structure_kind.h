// How a structure came to be known.
#pragma once

#include <cstdint>
#include <string_view>

namespace bragg::data {

enum class StructureKind : std::uint8_t {
  experimental,  ///< by diffraction: the cells of other samples are within 1 %
  dft,           ///< a cell relaxed by density-functional theory, whose edges are off by 1 to 3 %
};
/// "experimental", "dft".
std::string_view name_of(StructureKind);

}  // namespace bragg::data
