// bragg crystals split: one set into two that share no structure, by chance or by a list.
#include <array>
#include <functional>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/output_paths.h"
#include "data/crystals/crystal_set.h"
#include "data/held_out_list.h"
#include "data/split.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

struct Options {
  std::string set, list, held_out, rest;
  double holdout = 0.1;
  std::uint32_t split_seed = 1;
};

/// Both sides of a set.
struct Sides {
  data::CrystalSetWriter held_out, rest;
};

void fill(Sides& sides, const data::CrystalSet& set,
          const std::function<bool(const xrd::Crystal&)>& is_held_out) {
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const xrd::Crystal crystal = set.crystal(i);
    (is_held_out(crystal) ? sides.held_out : sides.rest).add(crystal);
  }
}

void split_by_chance(Sides& sides, const data::CrystalSet& set, const Options& options) {
  fill(sides, set, [&](const xrd::Crystal& crystal) {
    return data::split_position(data::split_key(crystal), options.split_seed) < options.holdout;
  });
  // 0 and 1 ask for an empty set.
  const bool none_held_out = sides.held_out.size() == 0 && options.holdout > 0,
             no_rest = sides.rest.size() == 0 && options.holdout < 1;
  if (none_held_out || no_rest) {
    throw UsageError(fmt::format("--holdout {} --split-seed {}: holds out {} of the {} crystals of {}",
                                 options.holdout, options.split_seed, none_held_out ? "none" : "all",
                                 set.size(), options.set));
  }
}

/// A set may well have nothing of the list, or nothing else: that is no error.
void split_by_list(Sides& sides, const data::CrystalSet& set, const Options& options) {
  data::HeldOutRules rules(data::load_held_out_list(options.list));
  std::array<std::int64_t, data::held_out_rules.size() + 1> count{};
  fill(sides, set, [&](const xrd::Crystal& crystal) {
    const data::HeldOutRule rule = rules.rule_of(crystal);
    ++count.at(static_cast<std::size_t>(rule));
    return rule != data::HeldOutRule::none;
  });
  for (const data::HeldOutRule rule : data::held_out_rules)
    fmt::print(stderr, "{} held out by {}\n", count.at(static_cast<std::size_t>(rule)), name_of(rule));
}

int split(const Options& options) {
  for (const std::string& output : {options.held_out, options.rest}) {
    if (!output.ends_with(".safetensors")) {
      throw UsageError(fmt::format("{}: the name of a set ends in .safetensors", output));
    }
  }
  check_outputs({{"--held-out", options.held_out}, {"--rest", options.rest}},
                {{"SET", options.set}, {"--list", options.list}});
  const data::CrystalSet set(options.set);
  Sides sides;
  options.list.empty() ? split_by_chance(sides, set, options) : split_by_list(sides, set, options);
  sides.held_out.write(options.held_out);
  sides.rest.write(options.rest);
  fmt::print(stderr, "{} crystals held out in {}, {} in {}\n", sides.held_out.size(), options.held_out,
             sides.rest.size(), options.rest);
  return exit_success;
}

}  // namespace

void add_crystals_split(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.add(
      "split",
      "Two sets that share no structure: the same split as a config's holdout and split_seed, or what a list "
      "holds out for good",
      [options](const CommonOptions&) { return split(*options); }, group);
  command->add_option("SET", options->set, "a set made by import")->required();
  CLI::Option* holdout =
      command->add_option("--holdout", options->holdout, "share of structures that is held out")
          ->check(CLI::Range(0.0, 1.0));
  CLI::Option* seed = command->add_option("--split-seed", options->split_seed, "decides which");
  command
      ->add_option(
          "--list", options->list,
          "list made by hold-out: names of minerals, structures and structure types that are held out")
      ->excludes(holdout)
      ->excludes(seed);
  command->add_option("--held-out", options->held_out, "set of the held-out crystals")->required();
  command->add_option("--rest", options->rest, "set of the others")->required();
}

}  // namespace bragg::apps
