#include "apps/suite/suite_set.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "apps/evaluation/evaluation.h"
#include "data/crystals/crystal_set.h"
#include "data/patterns/pattern_rows.h"
#include "data/patterns/scaled_crystals.h"
#include "data/patterns/simulate.h"
#include "data/recipes/recipe.h"
#include "kernels/base/error.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

using IsWanted = std::function<bool(const xrd::Crystal&)>;

/// Every k-th of the crystals that are wanted, the least k that leaves at most `most`.
struct ChosenCrystals {
  std::int64_t size = 0, step = 1;  ///< of all that are wanted
  data::CrystalSource source;
};

ChosenCrystals chosen_crystals(const std::vector<std::string>& paths, const IsWanted& is_wanted,
                               std::int64_t most) {
  auto sets = std::make_shared<std::vector<data::CrystalSet>>();
  for (const std::string& path : paths)
    sets->emplace_back(path);
  std::vector<const data::CrystalSet*> pointers;
  for (const data::CrystalSet& set : *sets)
    pointers.push_back(&set);
  data::CrystalSource all = data::crystals_of(pointers);
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < all.size; ++i) {
    if (is_wanted(all.at(i))) rows.push_back(i);
  }
  ChosenCrystals chosen{
      .size = std::ssize(rows), .step = step_of_sample(std::ssize(rows), most), .source = {}};
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < chosen.size; i += chosen.step)
    kept.push_back(rows[static_cast<std::size_t>(i)]);
  const std::int64_t size = std::ssize(kept);
  chosen.source = {size, [sets, at = std::move(all.at), kept = std::move(kept)](std::int64_t i) {
                     return at(kept[static_cast<std::size_t>(i)]);
                   }};
  return chosen;
}

bool is_any(const xrd::Crystal&) {
  return true;
}
bool is_cubic(const xrd::Crystal& crystal) {
  return xrd::crystal_system(crystal.group.number) == xrd::CrystalSystem::cubic;
}
bool has_magnetic_element(const xrd::Crystal& crystal) {
  return std::any_of(crystal.sites.begin(), crystal.sites.end(),
                     [](const xrd::Site& site) { return is_magnetic(site.species.atomic_number); });
}

/// Puts away what was measured of the patterns that are not looked up.
void choose_looked_up(SuiteSet& set, const SuitePart& part) {
  set.lookup_step = step_of_sample(std::ssize(set.items), part.most_looked_up);
  for (std::size_t i = 0; i < set.items.size(); ++i) {
    const bool is_looked_up = part.most_looked_up > 0 && static_cast<std::int64_t>(i) % set.lookup_step == 0;
    set.looked_up.push_back(is_looked_up);
    if (is_looked_up) continue;
    set.items[i].item.measured = {};
    set.items[i].item.uncertainty = {};
  }
}

void add_drawn(SuiteSet& set, const data::PatternSet& patterns, const SuitePart& part,
               const ModelFacts& facts) {
  const MeasuredReading reading{.keep_measured = part.most_looked_up > 0};
  read_measured_set(patterns, reading, facts, [&](MeasuredItem item) {
    const std::int64_t i = item.index;
    item.file = patterns.name(i);
    set.items.push_back({std::move(item), patterns.space_group(i), patterns.group(i)});
  });
}

void add_lattice(Backend& backend, SuiteSet& set, const SuitePart& part,
                 const std::vector<std::string>& paths, const ModelFacts& facts) {
  const ChosenCrystals chosen = chosen_crystals(paths, is_cubic, part.most);
  const data::CellScales cells = data::load_recipe("lattice").cells;
  const std::vector<double> scales = cells.values();
  set.step = chosen.step;
  set.size = chosen.size * std::ssize(scales);
  if (chosen.size == 0) return;
  const data::PatternSet patterns =
      drawn_patterns(backend, data::scaled_crystals(chosen.source, cells), "lattice", part.seed);
  add_drawn(set, patterns, part, facts);
  for (std::size_t i = 0; i < set.items.size(); ++i) {
    set.items[i].group = static_cast<std::int32_t>(i / scales.size());
    set.kinds.push_back(fmt::format("{:.0f} %", 100 * scales[i % scales.size()]));
  }
}

void add_measured(SuiteSet& set, const SuitePart& part, const std::string& path, const ModelFacts& facts,
                  int threads) {
  MeasuredReading reading{.threads = threads, .unstated = WavelengthFrom::default_value};
  std::vector<LabelledItem> all = read_labelled_items(path, reading, facts);
  set.size = std::ssize(all);
  set.step = step_of_sample(set.size, part.most);
  for (std::int64_t i = 0; i < set.size; i += set.step)
    set.items.push_back(std::move(all[static_cast<std::size_t>(i)]));
}

}  // namespace

data::PatternSet drawn_patterns(Backend& backend, const data::CrystalSource& crystals,
                                const std::string& recipe, std::uint32_t seed) {
  const data::SimulateOptions how{
      .recipe = data::load_recipe(recipe), .instrument = {}, .seed = seed, .maximum = 1};
  data::PatternRows rows(how.instrument);
  data::simulate_patterns(backend, crystals, how, [&](std::int64_t i, std::span<const float> pattern) {
    const xrd::Crystal crystal = crystals.at(i);
    rows.add(crystal.name, {pattern.begin(), pattern.end()}, crystal.group.number,
             static_cast<std::int32_t>(i));
  });
  return {std::move(rows), recipe};
}

SuiteSet suite_set(Backend& backend, const SuitePart& part, const std::vector<std::string>& paths,
                   const ModelFacts& facts, int threads) {
  SuiteSet set;
  switch (part.source) {
    case SuiteSource::lattice:
      add_lattice(backend, set, part, paths, facts);
      break;
    case SuiteSource::realistic:
    case SuiteSource::magnetic: {
      const bool is_all = part.source == SuiteSource::realistic;
      const ChosenCrystals chosen = chosen_crystals(paths, is_all ? is_any : has_magnetic_element, part.most);
      set.size = chosen.size;
      set.step = chosen.step;
      if (chosen.size > 0)
        add_drawn(set, drawn_patterns(backend, chosen.source, "realistic", part.seed), part, facts);
      break;
    }
    default:
      add_measured(set, part, paths.front(), facts, threads);
      break;
  }
  choose_looked_up(set, part);
  return set;
}

data::PatternSet reference_patterns(Backend& backend, const std::vector<std::string>& paths) {
  std::vector<data::CrystalSource> sources;
  data::CrystalSource all;
  for (const std::string& path : paths) {
    sources.push_back(chosen_crystals({path}, is_any, most_references).source);
    all.size += sources.back().size;
  }
  all.at = [sources](std::int64_t i) {
    std::size_t s = 0;
    for (; i >= sources[s].size; ++s)
      i -= sources[s].size;
    return sources[s].at(i);
  };
  return drawn_patterns(backend, all, "realistic", reference_seed);
}

}  // namespace bragg::apps
