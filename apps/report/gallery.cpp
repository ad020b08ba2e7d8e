#include "apps/report/gallery.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "apps/report/html.h"
#include "apps/report/plots.h"
#include "apps/report/svg.h"
#include "kernels/crystal/pattern_processing.h"

namespace bragg::apps {
namespace {

/// What one effect is set to, strong enough to be seen.
struct Example {
  Effect effect;
  double value;
};
constexpr Example examples[] = {
    {Effect::W, 0.09},          {Effect::size, 15},       {Effect::microstrain, 0.004},
    {Effect::asymmetry, 0.15},  {Effect::k_alpha2, 0.5},  {Effect::zero_shift, 0.3},
    {Effect::displacement, 1},  {Effect::strain, 0.02},   {Effect::distortion, 0.02},
    {Effect::texture, 0.5},     {Effect::b_overall, 3},   {Effect::impurity, 0.3},
    {Effect::air_scatter, 0.3}, {Effect::chebyshev, 0.3}, {Effect::hump, 0.2},
    {Effect::floor, 0.1},       {Effect::noise, 0.05},    {Effect::poisson, 0.05},
    {Effect::gaussian, 0.02},   {Effect::cut_low, 20},    {Effect::cut_high, 30},
};

/// Narrow lines and nothing else.
PatternVariant plain() {
  PatternVariant v;
  v[Effect::W] = Distribution::constant(0.01);
  v[Effect::hump_centre] = Distribution::constant(25);
  v[Effect::hump_width] = Distribution::constant(10);
  return v;
}

class Gallery {
 public:
  Gallery(Backend& backend, std::int64_t crystals, const std::function<xrd::Crystal(std::int64_t)>& crystal,
          const data::SimulateOptions& options)
      : backend_(backend), crystals_(crystals), crystal_(crystal), options_(options) {}

  std::string page() {
    const auto base = draw(plain(), 1).front();
    std::string effects, recipe;
    for (const Example& example : examples) {
      if (example.effect == Effect::impurity && crystals_ < 2) continue;
      PatternVariant v = plain();
      v[example.effect] = Distribution::constant(example.value);
      const EffectInfo& info = effect_table[static_cast<std::size_t>(example.effect)];
      effects += figure(draw(v, 1).front(), base,
                        fmt::format("<b>{}</b> = {} {}: {}", info.name, example.value,
                                    info.unit == "1" ? "" : info.unit, report::escaped(info.meaning)));
    }
    for (const auto& pattern : draw(options_, 3)) {
      std::vector<float> processed = pattern;
      process_pattern(options_.recipe.processing, options_.grid, processed);
      recipe += figure(pattern, processed, "as measured; below, as a network reads it");
    }
    const xrd::Crystal crystal = crystal_(0);
    return report::page(
        fmt::format("Patterns of {}", crystal.name),
        report::section(
            "Each effect alone",
            fmt::format("{}, space group {} ({}), wavelength {} A. Upwards with the effect, downwards "
                        "without it.",
                        report::escaped(crystal.name), crystal.group.number,
                        report::escaped(crystal.group.hm), options_.wavelength),
            grid_of(effects)) +
            report::section(fmt::format("Recipe {}", report::escaped(options_.recipe.name)),
                            fmt::format("Three patterns, seed {}.", options_.seed), grid_of(recipe)));
  }

 private:
  static std::string grid_of(const std::string& figures) {
    return "<div class=\"figures\">\n" + figures + "</div>\n";
  }
  std::vector<std::vector<float>> draw(const data::SimulateOptions& how, std::int64_t count) {
    std::vector<std::vector<float>> patterns;
    data::SimulateOptions options = how;
    options.patterns_per_crystal = count;
    options.maximum = 1;
    // All crystals are given, so that there are impurities; only the first one's patterns are kept.
    data::simulate_patterns(backend_, std::min<std::int64_t>(crystals_, 2), crystal_, options,
                            [&](std::int64_t i, std::span<const float> pattern) {
                              if (i == 0) patterns.emplace_back(pattern.begin(), pattern.end());
                            });
    return patterns;
  }
  std::vector<std::vector<float>> draw(const PatternVariant& v, std::int64_t count) {
    data::SimulateOptions how = options_;
    how.recipe = {};
    how.recipe.variants = {v};
    how.recipe.anomalous = options_.recipe.anomalous;
    return draw(how, count);
  }
  std::string figure(std::span<const float> values, std::span<const float> other,
                     const std::string& caption) {
    return report::figure(report::pattern_plot(values, other, options_.grid, "a powder pattern"), caption);
  }

  Backend& backend_;
  std::int64_t crystals_;
  const std::function<xrd::Crystal(std::int64_t)>& crystal_;
  const data::SimulateOptions& options_;
};

}  // namespace

std::string gallery(Backend& backend, std::int64_t crystals,
                    const std::function<xrd::Crystal(std::int64_t)>& crystal,
                    const data::SimulateOptions& options) {
  return Gallery(backend, crystals, crystal, options).page();
}

}  // namespace bragg::apps
