// Any bytes as a recipe and as a training config: a value that can be written and read again, or a
// UsageError.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "apps/training/config.h"
#include "data/recipes/recipe.h"
#include "kernels/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const bragg::data::Recipe recipe = bragg::data::parse_recipe(text, "fuzz.toml");
    if (!(bragg::data::parse_recipe(bragg::data::to_toml(recipe), "fuzz.toml") == recipe)) std::abort();
  } catch (const bragg::UsageError&) {
  }
  try {
    bragg::apps::TrainConfig config = bragg::apps::parse_config(text, "fuzz.toml");
    bragg::apps::parse_config(bragg::apps::to_toml(config), "fuzz.toml");
  } catch (const bragg::UsageError&) {
  }
  return 0;
}
