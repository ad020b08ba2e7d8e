// The page of `bragg fit`: measured and calculated patterns, their difference, and what was refined.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "apps/fit/mixture.h"

namespace bragg::apps::report {

/// `asked`: patterns that there were; a page may show the first of them alone.
std::string mixture_page(std::span<const Mixture> shown, std::int64_t asked);

}  // namespace bragg::apps::report
