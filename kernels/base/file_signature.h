// What a file is by its first bytes, for the messages of those that expected something else.
#pragma once

#include <string>
#include <string_view>

namespace bragg {

/// Whether a line begins as those of CIFs do (data_, loop_, _cell_length_a) and assigns nothing with '=',
/// as TOML would.
bool looks_like_cif(std::string_view text);

/// Whether bytes begin as a safetensors file does: the length of its header (8 bytes, little-endian, below 1 TiB), then
/// JSON with a first name.
bool looks_like_safetensors(std::string_view bytes);

/// "a gzip file", "a CIF", "text" ... of what begins with `bytes` and is no safetensors file; empty where
/// nothing says what it is.
std::string resembled_kind(std::string_view bytes);

}  // namespace bragg
