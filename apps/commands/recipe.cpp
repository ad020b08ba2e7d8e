// bragg recipe list | show NAME
#include "data/recipes/recipe.h"

#include <memory>

#include <fmt/format.h>

#include "apps/command.h"

namespace bragg::apps {

void add_recipe(CommandLine& line) {
  CLI::App* group = line.add_group("recipe", "How patterns are drawn: instrument, sample, background, noise");

  line.add(
      "list", "Names of the recipes that bragg brings",
      [](const CommonOptions&) {
        for (const std::string& name : data::recipe_names())
          fmt::print("{}\n", name);
        return exit_success;
      },
      group);

  auto name = std::make_shared<std::string>();
  CLI::App* show = line.add(
      "show", "A recipe as TOML with every effect, its unit and its default, to start one's own from",
      [name](const CommonOptions&) {
        fmt::print("{}", data::to_toml(data::load_recipe(*name), true));
        return exit_success;
      },
      group);
  show->add_option("NAME", *name, "a recipe's name, or a TOML file")->required();
}

}  // namespace bragg::apps
