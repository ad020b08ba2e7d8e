#include "apps/report/gallery.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "apps/report/html.h"
#include "apps/report/plots.h"
#include "apps/report/svg.h"
#include "data/patterns/render.h"
#include "kernels/crystal/pattern_parameters.h"
#include "kernels/crystal/pattern_processing.h"
#include "kernels/crystal/pattern_sampling.h"

namespace bragg::apps {
namespace {

/// What the others are while one effect is shown: narrow lines and nothing else. The shapes that chance would
/// choose are as good as any.
PatternParameters plain(std::uint32_t seed) {
  PatternParameters one{.U = 0,
                        .V = 0,
                        .value = {},
                        .distortion = {1, -0.5, 0.5, 0.5, -0.5, 0.25},
                        .chebyshev = {-0.5, 0.5, -0.5, 0.5},
                        .index = 0,
                        .seed = seed,
                        .axis = 2,
                        .variant = 0,
                        .unused = 0};
  for (std::size_t e = 0; e < effect_table.size(); ++e)
    one.value[e] = effect_table[e].otherwise;
  return one;
}

class Gallery {
 public:
  Gallery(Backend& backend, const data::CrystalSource& crystals, const data::SimulateOptions& options)
      : backend_(backend), crystals_(crystals), options_(options) {
    crystals_.size = std::min<std::int64_t>(crystals_.size, 2);
  }

  std::string page() {
    std::string effects, recipe;
    const std::vector<Shown> shown = shown_effects();
    for (std::size_t i = 1; i < shown.size(); ++i) {
      const EffectInfo& info = *shown[i].effect;
      effects += figure(shown[i].pattern, shown[0].pattern,
                        fmt::format("<b>{}</b> = {} {}: {}", info.name, info.alone,
                                    info.unit == "1" ? "" : info.unit, report::escaped(info.meaning)));
    }
    for (const auto& pattern : of_recipe(3)) {
      std::vector<float> processed = pattern;
      process_pattern(options_.recipe.processing, options_.instrument.grid, processed);
      recipe += figure(pattern, processed, "as measured; below, as a network reads it");
    }
    const xrd::Crystal crystal = crystals_.at(0);
    return report::page(
        fmt::format("Patterns of {}", crystal.name),
        report::section(
            "Each effect alone",
            fmt::format("{}, space group {} ({}), wavelength {} A. Upwards with the effect, downwards "
                        "without it.",
                        report::escaped(crystal.name), crystal.group.number,
                        report::escaped(crystal.group.hm), options_.instrument.wavelength),
            grid_of(effects)) +
            report::section(fmt::format("Recipe {}", report::escaped(options_.recipe.name)),
                            fmt::format("Three patterns, seed {}.", options_.seed), grid_of(recipe)));
  }

 private:
  static std::string grid_of(const std::string& figures) {
    return "<div class=\"figures\">\n" + figures + "</div>\n";
  }
  /// The plain pattern, of no effect, and one for each effect.
  struct Shown {
    const EffectInfo* effect;
    std::vector<float> pattern;
  };
  std::vector<Shown> shown_effects() {
    std::vector<Shown> shown{{nullptr, {}}};
    std::vector<PatternParameters> parameters{plain(options_.seed)};
    for (std::size_t e = 0; e < effect_table.size(); ++e) {
      const EffectInfo& info = effect_table[e];
      if (info.alone == 0 || (info.acts_on == ActsOn::sample && crystals_.size < 2)) continue;
      shown.push_back({&info, {}});
      parameters.push_back(parameters.front());
      parameters.back().value[e] = info.alone;
    }
    std::vector<data::GivenPattern> patterns;
    for (const PatternParameters& one : parameters)
      patterns.push_back({.crystal = 0, .impurity = 1, .parameters = one});
    data::Recipe recipe = data::recipe_of(parameters);
    recipe.anomalous = options_.recipe.anomalous;
    const data::ReflectionStore store(
        backend_, crystals_,
        data::reflections_on(options_.instrument, recipe, options_.ignore_displacements));
    const std::vector<float> all = data::render_patterns(
        backend_, store, patterns, {.instrument = options_.instrument, .maximum = 1, .processing = {}});
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(i) * options_.instrument.grid.points;
      shown[i].pattern.assign(first, first + options_.instrument.grid.points);
    }
    return shown;
  }

  std::vector<std::vector<float>> of_recipe(std::int64_t count) {
    std::vector<std::vector<float>> patterns;
    data::SimulateOptions options = options_;
    options.patterns_per_crystal = count;
    options.maximum = 1;
    // All crystals are given, so that there are impurities; only the first one's patterns are kept.
    data::simulate_patterns(backend_, crystals_, options,
                            [&](std::int64_t i, std::span<const float> pattern) {
                              if (i == 0) patterns.emplace_back(pattern.begin(), pattern.end());
                            });
    return patterns;
  }
  std::string figure(std::span<const float> values, std::span<const float> other,
                     const std::string& caption) {
    return report::figure(report::pattern_plot(values, other, options_.instrument.grid, "a powder pattern"),
                          caption);
  }

  Backend& backend_;
  data::CrystalSource crystals_;  ///< the one that is shown and one for impurities
  const data::SimulateOptions& options_;
};

}  // namespace

std::string gallery(Backend& backend, const data::CrystalSource& crystals,
                    const data::SimulateOptions& options) {
  return Gallery(backend, crystals, options).page();
}

}  // namespace bragg::apps
