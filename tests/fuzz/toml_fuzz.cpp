// Any bytes as a recipe and as a training config: a value that can be written and read again, or a
// UsageError.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "apps/config.h"
#include "kernels/error.h"
#include "xrd/recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const bragg::xrd::Recipe recipe = bragg::xrd::parse_recipe(text, "fuzz.toml");
    if (!(bragg::xrd::parse_recipe(bragg::xrd::to_toml(recipe), "fuzz.toml") == recipe)) std::abort();
  } catch (const bragg::UsageError&) {
  }
  try {
    bragg::apps::TrainConfig config = bragg::apps::parse_config(text, "fuzz.toml");
    bragg::apps::parse_config(bragg::apps::to_toml(config), "fuzz.toml");
  } catch (const bragg::UsageError&) {
  }
  return 0;
}
