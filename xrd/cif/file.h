// Bytes to CIF text: what read_cif_bytes and read_cif_text have in common.
#pragma once

#include <string>
#include <string_view>

namespace bragg::xrd {

/// The text without byte order mark and with line feeds. Throws CifError(unreadable_file).
std::string check_cif_text(std::string_view bytes, const std::string& file);

}  // namespace bragg::xrd
