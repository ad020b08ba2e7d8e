// Bytes of a text file, a pipe or the standard input, unpacked where they are compressed by gzip.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace bragg::data {

/// The name that stands for the standard input.
inline constexpr const char* standard_input = "-";

/// All bytes of `path` ("-": the standard input), at most `most` when unpacked. Throws Error "PATH: reason":
/// no such file, a folder, more bytes, a compressed stream that is damaged or cut off, anything the system
/// says.
std::string read_text_source(const std::filesystem::path&, std::uintmax_t most);

}  // namespace bragg::data
