// A refined mixture as JSON: an object per line and pattern.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "apps/fit/mixture.h"

namespace bragg::apps {

/// file, index, assumed, warnings, refused; residual (Rwp), chi_squared_per_degree, zero, displacement, background, phases,
/// assumes: null or empty where the pattern was refused.
nlohmann::ordered_json to_json(const Mixture&);
std::string json_line(const Mixture&);

}  // namespace bragg::apps
