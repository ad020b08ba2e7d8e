// By which bragg something was made, and when.
#pragma once

#include <string>

namespace bragg::apps {

/// "bragg 0.1.0 (4f2c1d9)": version and commit.
std::string name_and_version();
/// "2026-11-30 18:30", UTC.
std::string minute_of_now();

}  // namespace bragg::apps
