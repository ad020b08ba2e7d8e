#include "data/patterns/simulate.h"

#include <algorithm>
#include <map>
#include <vector>

#include "data/patterns/render.h"
#include "kernels/crystal/sample_pattern.h"
#include "kernels/ops/sample_patterns.h"
#include "kernels/ops/step_state.h"

namespace bragg::data {
namespace {

constexpr std::int64_t crystals_per_portion = 1024, patterns_per_portion = 1 << 16;
constexpr std::int64_t patterns_per_batch = 256;

/// What is drawn: without impurities where there is no other crystal.
PatternSampling sampling_of(const SimulateOptions& options, std::int64_t crystals) {
  PatternSampling sampling{.N = patterns_per_batch,
                           .seed = options.seed,
                           .variants = options.recipe.variants,
                           .grid = options.instrument.grid};
  if (crystals < 2) {
    for (PatternVariant& variant : sampling.variants)
      variant[Effect::impurity] = {};
  }
  sampling.validate();
  return sampling;
}

/// Crystals in a row with all their patterns, and what has to be in memory for them.
struct Portion {
  std::int64_t first, count;             ///< crystals
  std::vector<std::int64_t> elsewhere;   ///< crystals that are impurities only; behind the others
  std::vector<std::int32_t> row, other;  ///< of each pattern: its crystal and its impurity in memory

  std::int64_t patterns() const { return static_cast<std::int64_t>(row.size()); }
  std::int64_t crystals() const { return count + static_cast<std::int64_t>(elsewhere.size()); }
  /// Number i in memory.
  std::int64_t crystal(std::int64_t i) const { return i < count ? first + i : elsewhere[i - count]; }
};

/// Impurities are drawn from all `crystals`.
Portion portion_of(std::int64_t first, std::int64_t count, std::int64_t crystals, std::int64_t per_crystal,
                   const PatternSampling& sampling) {
  Portion portion{.first = first, .count = count, .elsewhere = {}, .row = {}, .other = {}};
  const bool impure = sampling.samples_impurities();
  std::map<std::int64_t, std::int32_t> row_of;
  for (std::int64_t pattern = 0; pattern < count * per_crystal; ++pattern) {
    portion.row.push_back(static_cast<std::int32_t>(pattern / per_crystal));
    portion.other.push_back(0);
    const auto index = static_cast<std::uint64_t>(first * per_crystal + pattern);
    if (!impure || !(sample_pattern(sampling, index)[Effect::impurity] > 0)) continue;
    const Philox4 words = data_call(sampling.seed, DataDraw::impurity, 0, index);
    const std::int64_t other = uniform_below(words[0], static_cast<std::uint64_t>(crystals));
    if (other >= first && other < first + count) {
      portion.other.back() = static_cast<std::int32_t>(other - first);
      continue;
    }
    const auto [place, is_new] =
        row_of.try_emplace(other, static_cast<std::int32_t>(count + std::ssize(portion.elsewhere)));
    if (is_new) portion.elsewhere.push_back(other);
    portion.other.back() = place->second;
  }
  return portion;
}

}  // namespace

void simulate_patterns(Backend& backend, const CrystalSource& source, const SimulateOptions& options,
                       const std::function<void(std::int64_t, std::span<const float>)>& sink) {
  const std::int64_t points = options.instrument.grid.points, per_crystal = options.patterns_per_crystal;
  const ReflectionRequest reflections =
      reflections_on(options.instrument, options.recipe, options.ignore_displacements);
  const std::int64_t crystals = source.size;
  PatternSampling sampling = sampling_of(options, crystals);
  backend.reserve_workspace(backend.workspace_bytes(SamplePatterns{sampling}));
  BatchRenderer renderer(backend, {.N = patterns_per_batch,
                                   .instrument = options.instrument,
                                   .maximum = options.maximum,
                                   .impurities = sampling.samples_impurities(),
                                   .processing = {}});
  const Buffer state = backend.allocate(sizeof(StepState));

  const std::int64_t most =
      std::clamp<std::int64_t>(patterns_per_portion / per_crystal, 1, crystals_per_portion);
  for (std::int64_t first = 0; first < crystals; first += most) {
    const Portion portion =
        portion_of(first, std::min(most, crystals - first), crystals, per_crystal, sampling);
    const ReflectionStore store(
        backend,
        {.size = portion.crystals(), .at = [&](std::int64_t i) { return source.at(portion.crystal(i)); }},
        reflections);
    for (std::int64_t pattern = 0; pattern < portion.patterns(); pattern += patterns_per_batch) {
      sampling.N = std::min(patterns_per_batch, portion.patterns() - pattern);
      const StepState at{.step = 0, .first_index = static_cast<std::uint64_t>(first * per_crystal + pattern)};
      backend.upload(&at, state.data(), sizeof at);
      backend.run(SamplePatterns{sampling, {state.data(), DType::u64}, renderer.parameters()});
      const auto rendered =
          renderer.render(store.reflections(), std::span(portion.row).subspan(pattern, sampling.N),
                          std::span(portion.other).subspan(pattern, sampling.N));
      for (std::int64_t n = 0; n < sampling.N; ++n)
        sink(first + portion.row[pattern + n], rendered.subspan(n * points, points));
    }
  }
}

}  // namespace bragg::data
