// The JSON header of a safetensors file, checked as text: safetensors.cpp reads what it says.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace bragg {

/// A name from a file, safe to print: escaped, cut where it is long.
std::string quoted_name(const std::string& name);

/// Throws Error naming the file for what is no JSON object, a name given twice, nesting beyond the format's
/// and more than 4 million names and values.
nlohmann::json parse_safetensors_header(const std::filesystem::path&, const char* begin, const char* end);

}  // namespace bragg
