// bragg crystals generate: a set of synthetic crystals that are like those of another set.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/output_paths.h"
#include "data/crystals/crystal_generator.h"
#include "data/crystals/crystal_set.h"
#include "data/crystals/crystal_statistics.h"
#include "kernels/base/error.h"
#include "kernels/base/free_space.h"
#include "kernels/base/parse_whole.h"
#include "kernels/base/thread_pool.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

/// Crystals that exist beside the set at a time: bounds the memory, and is plenty for any number of threads.
constexpr std::int64_t crystals_per_portion = 8192;
constexpr std::int64_t crystals_per_task = 32;

struct Options {
  std::int64_t count = 0;
  std::string like, output, space_groups = "like";
  data::GeneratorOptions generator;
};

/// Which space groups are drawn how often.
struct SpaceGroupChoice {
  double exponent = 1;  ///< of data::space_group_weights
  std::optional<data::SpaceGroupWeights> weights;
  std::array<double, xrd::crystal_system_count> systems{};  ///< beside `weights`: of whole crystal systems
};

/// A number that is the whole text, from `low` to `high`; empty for anything else.
std::optional<double> number_in(std::string_view text, double low, double high) {
  const auto value = parse_whole<double>(text);
  return value && *value >= low && *value <= high ? value : std::nullopt;
}

std::optional<int> system_named(std::string_view name) {
  for (int s = 0; s < xrd::crystal_system_count; ++s)
    if (xrd::name_of(static_cast<xrd::CrystalSystem>(s)) == name) return s;
  return std::nullopt;
}

/// "14:3,62:2": any distribution; "triclinic:1" beside them.
std::optional<SpaceGroupChoice> listed_weights(std::string_view list) {
  SpaceGroupChoice choice;
  data::SpaceGroupWeights weights;
  double total = 0;
  while (!list.empty()) {
    const std::string_view entry = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), entry.size() + 1));
    const std::size_t colon = entry.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto number = number_in(entry.substr(0, colon), 1, xrd::space_group_count),
               weight = number_in(entry.substr(colon + 1), 0, 1e9);
    const auto system = system_named(entry.substr(0, colon));
    if (!weight || (!system && (!number || *number != std::floor(*number)))) return std::nullopt;
    (system ? choice.systems.at(static_cast<std::size_t>(*system)) : weights[static_cast<int>(*number)]) +=
        *weight;
    total += *weight;
  }
  choice.weights = weights;
  return total > 0 ? std::optional(choice) : std::nullopt;
}

SpaceGroupChoice space_group_choice(std::string_view text) {
  if (text == "like") return {.exponent = 1, .weights = {}};
  if (text == "uniform") return {.exponent = 0, .weights = {}};
  constexpr std::string_view tempered = "tempered:";
  if (text.starts_with(tempered)) {
    if (const auto exponent = number_in(text.substr(tempered.size()), 0, 1))
      return {.exponent = *exponent, .weights = {}};
  } else if (const auto listed = listed_weights(text)) {
    return *listed;
  }
  throw UsageError(fmt::format(
      "--space-groups {}: expected like, uniform, tempered:T with T in 0..1, or "
      "NUMBER:WEIGHT,... with numbers in 1..230 or crystal systems and weights >= 0 that are not all 0",
      text));
}

/// The weight of a system is divided among its groups as the set has them, or alike where it has none.
data::SpaceGroupWeights weights_of(const SpaceGroupChoice& choice,
                                   const data::CrystalStatistics& statistics) {
  if (!choice.weights) return data::space_group_weights(statistics, choice.exponent);
  data::SpaceGroupWeights weights = *choice.weights;
  for (int s = 0; s < xrd::crystal_system_count; ++s) {
    const double weight = choice.systems.at(static_cast<std::size_t>(s));
    if (weight == 0) continue;
    std::vector<int> groups;
    double total = 0;
    for (int number = 1; number <= xrd::space_group_count; ++number) {
      if (static_cast<int>(xrd::crystal_system(number)) != s) continue;
      groups.push_back(number);
      total += static_cast<double>(statistics.of_group(number).size());
    }
    for (const int number : groups) {
      const auto count = static_cast<double>(statistics.of_group(number).size());
      weights[number] += weight * (total > 0 ? count / total : 1 / static_cast<double>(groups.size()));
    }
  }
  return weights;
}

/// Throws Error where all of the crystals, each as large as those that are there on average, fit neither disk
/// nor memory, in which a set is kept until it is written.
void require_room(const data::CrystalSetWriter& set, const Options& options) {
  const double bytes =
      static_cast<double>(set.bytes()) / static_cast<double>(set.size()) * static_cast<double>(options.count);
  const std::string what = fmt::format("{} crystals", options.count);
  require_disk(options.output, bytes, what);
  require_memory(bytes, what);
}

int generate(Options options, const CommonOptions& common) {
  if (!options.output.ends_with(".safetensors"))
    throw UsageError(fmt::format("-o {}: the name of a set ends in .safetensors", options.output));
  check_outputs({{"-o", options.output}}, {{"--like", options.like}});
  const SpaceGroupChoice choice = space_group_choice(options.space_groups);
  ThreadPool pool(common.threads);
  const data::CrystalSet like(options.like);
  const data::CrystalStatistics statistics(data::crystals_of({&like}), pool);
  options.generator.space_groups = weights_of(choice, statistics);
  const data::CrystalGenerator generator(statistics, options.generator);

  data::CrystalSetWriter set;
  std::set<int> space_groups;
  std::vector<xrd::Crystal> portion;
  std::vector<data::CrystalGenerator::Refusals> refusals(static_cast<std::size_t>(pool.size()));
  std::chrono::duration<double> seconds{};
  for (std::int64_t first = 0; first < options.count; first += crystals_per_portion) {
    portion.resize(static_cast<std::size_t>(std::min(crystals_per_portion, options.count - first)));
    const auto size = static_cast<std::int64_t>(portion.size());
    const auto start = std::chrono::steady_clock::now();
    pool.run((size + crystals_per_task - 1) / crystals_per_task, [&](std::int64_t task, int worker) {
      const std::int64_t begin = task * crystals_per_task;
      for (std::int64_t i = begin; i < std::min(begin + crystals_per_task, size); ++i)
        portion[static_cast<std::size_t>(i)] = generator.crystal(static_cast<std::uint64_t>(first + i),
                                                                 refusals[static_cast<std::size_t>(worker)]);
    });
    seconds += std::chrono::steady_clock::now() - start;
    for (const xrd::Crystal& crystal : portion) {
      set.add(crystal);
      space_groups.insert(crystal.group.number);
    }
    if (first == 0) require_room(set, options);
  }
  set.write(options.output);
  fmt::print(stderr, "{} crystals of {} space groups generated into {}: {:.0f} crystals/s, {} threads\n",
             set.size(), space_groups.size(), options.output,
             static_cast<double>(options.count) / seconds.count(), pool.size());
  data::CrystalGenerator::Refusals sum;
  for (const auto& r : refusals) {
    sum.cell += r.cell;
    sum.lattice += r.lattice;
    sum.contact += r.contact;
    sum.symmetry += r.symmetry;
  }
  fmt::print(
      stderr,
      "drawn anew: {} for the cell's size, {} for a lattice of higher symmetry, {} for atoms too close, {} "
      "for atoms of higher symmetry\n",
      sum.cell, sum.lattice, sum.contact, sum.symmetry);
  return exit_success;
}

}  // namespace

void add_crystals_generate(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.add(
      "generate",
      "Synthetic crystals, drawn from the statistics of a set; the same for any number of threads",
      [options](const CommonOptions& common) { return generate(*options, common); }, group);
  command->add_option("N", options->count, "how many crystals")
      ->required()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  command->add_option("--like", options->like, "the set whose statistics they follow")->required();
  command->add_option("-o,--output", options->output, "the set: a .safetensors file")->required();
  command->add_option("--seed", options->generator.seed, "crystal i is a function of the seed and i");
  command->add_option(
      "--space-groups", options->space_groups,
      "like: as often as in the set; uniform: all 230; tempered:T: count^T; 14:3,triclinic:2,...: by weight");
  command->add_option("--max-atoms", options->generator.max_atoms, "most atoms in a cell")
      ->check(CLI::Range(1, 10'000));
  command->add_option("--min-volume", options->generator.min_volume, "smallest volume of a cell, A^3")
      ->check(CLI::Range(0.0, 1e6));
  command->add_option("--max-volume", options->generator.max_volume, "largest volume of a cell, A^3")
      ->check(CLI::Range(1.0, 1e6));
  command
      ->add_option("--distance-factor", options->generator.distance_factor,
                   "least distance of two atoms / sum of their covalent radii")
      ->check(CLI::Range(0.0, 1.5));
}

}  // namespace bragg::apps
