// bragg crystals split: one set into two that share no structure.
#include <memory>
#include <string>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/output_paths.h"
#include "data/crystals/crystal_set.h"
#include "data/split.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

struct Options {
  std::string set, held_out, rest;
  double holdout = 0.1;
  std::uint32_t split_seed = 1;
};

int split(const Options& options) {
  for (const std::string& output : {options.held_out, options.rest}) {
    if (!output.ends_with(".safetensors")) {
      throw UsageError(fmt::format("{}: the name of a set ends in .safetensors", output));
    }
  }
  check_outputs({{"--held-out", options.held_out}, {"--rest", options.rest}}, {{"SET", options.set}});
  const data::CrystalSet set(options.set);
  data::CrystalSetWriter held_out, rest;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const xrd::Crystal crystal = set.crystal(i);
    const double position = data::split_position(data::split_key(crystal), options.split_seed);
    (position < options.holdout ? held_out : rest).add(crystal);
  }
  // 0 and 1 ask for an empty set.
  const bool none_held_out = held_out.size() == 0 && options.holdout > 0,
             no_rest = rest.size() == 0 && options.holdout < 1;
  if (none_held_out || no_rest) {
    throw UsageError(fmt::format("--holdout {} --split-seed {}: holds out {} of the {} crystals of {}",
                                 options.holdout, options.split_seed, none_held_out ? "none" : "all",
                                 set.size(), options.set));
  }
  held_out.write(options.held_out);
  rest.write(options.rest);
  fmt::print(stderr, "{} crystals held out in {}, {} in {}\n", held_out.size(), options.held_out, rest.size(),
             options.rest);
  return exit_success;
}

}  // namespace

void add_crystals_split(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.add(
      "split", "Two sets that share no structure; the same split as a config's holdout and split_seed",
      [options](const CommonOptions&) { return split(*options); }, group);
  command->add_option("SET", options->set, "a set made by import")->required();
  command->add_option("--holdout", options->holdout, "share of structures that is held out")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--split-seed", options->split_seed, "decides which");
  command->add_option("--held-out", options->held_out, "set of the held-out crystals")->required();
  command->add_option("--rest", options->rest, "set of the others")->required();
}

}  // namespace bragg::apps
