// RFC 4648, section 4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bragg::data {

/// The bytes; blanks and ends of lines between signs are skipped. Empty where another sign stands there or the length is
/// none of base64.
std::optional<std::string> decode_base64(std::string_view);

}  // namespace bragg::data
