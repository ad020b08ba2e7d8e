// What is said of a measured pattern beside its answer: the same lines in every command that takes measured files.
#pragma once

#include <string>

#include "apps/evaluation/measured_item.h"

namespace bragg::apps {

/// Which pattern of its file: ", scan 2" where there are several, " [7]" in a pattern set; empty for the only or first one
/// of a set.
std::string part_of_file(const MeasuredItem&);

/// Assumptions, warnings and the reason of a refusal, a line each, on the standard error. What a file wrote is shown
/// without control characters.
void print_remarks(const MeasuredItem&);

}  // namespace bragg::apps
