// An identification as scripts read it.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "apps/identify/identification.h"

namespace bragg::apps {

/// The fields of `bragg predict --json` in its order (file, index, assumed, warnings, refused,
/// crystal_system, space_group: the first `top`), then confidence, no_match, phases and candidates. A refused
/// pattern has what predict gives it, confidence and no_match null, and no phases and no candidates.
nlohmann::ordered_json to_json(const Identification&, int top);
/// The same as one line without its end. What is no UTF-8 is replaced by U+FFFD.
std::string json_line(const Identification&, int top);

}  // namespace bragg::apps
