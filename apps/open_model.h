// The model that a command is to ask: a file, or the one that the program carries inside.
#pragma once

#include <string>

#include "kernels/base/safetensors.h"

namespace bragg::apps {

/// Name of the file that the built-in model was when the program was built, without folder and ending; empty where bragg was
/// built without one (-DBRAGG_MODEL=OFF).
std::string built_in_model_name();

/// `file`, or where it is empty the built-in model, which nothing is read of before. Throws Error naming a file that is none of
/// bragg's; UsageError where this program carries no model.
SafetensorsFile open_model(const std::string& file);

}  // namespace bragg::apps
