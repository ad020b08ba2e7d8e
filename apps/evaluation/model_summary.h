// A model in a few lines, for people: what it is, what it has seen, and the figures that it was given.
#pragma once

#include <string>

#include "kernels/base/safetensors.h"

namespace bragg::apps {

/// Lines of its kind, of the training that made it, and one for every set of its figures ("SET.NAME", without bounds of intervals).
/// Throws Error where it is no model of bragg.
std::string model_summary(const SafetensorsFile&);

}  // namespace bragg::apps
