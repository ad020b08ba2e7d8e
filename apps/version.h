// Which bragg this is.
#pragma once

#include <string_view>

namespace bragg::apps {

std::string_view version();  ///< "0.1.0"
/// The commit that was built, with "+changes" where tracked files differed from it; "unknown" without git.
std::string_view commit();

}  // namespace bragg::apps
