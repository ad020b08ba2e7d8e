#include "apps/stamp.h"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "apps/version.h"

namespace bragg::apps {

std::string name_and_version() {
  return fmt::format("bragg {} ({})", version(), commit());
}

std::string minute_of_now() {
  return fmt::format("{:%Y-%m-%d %H:%M}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace bragg::apps
