// What a safetensors file holds, for the messages of those that expected something else.
#pragma once

#include <string>

#include "kernels/base/safetensors.h"

namespace bragg::data {

/// "a crystal set", "a pattern set", "a model", "a checkpoint" or "no file of bragg's".
std::string kind_of(const SafetensorsFile&);

}  // namespace bragg::data
