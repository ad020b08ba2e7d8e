#include "data/patterns/simulate.h"

#include <algorithm>
#include <map>
#include <vector>

#include "data/patterns/stream.h"
#include "kernels/crystal/pattern_math.h"
#include "kernels/ops/render_patterns.h"
#include "kernels/ops/step_state.h"

namespace bragg::data {
namespace {

constexpr std::int64_t crystals_per_portion = 1024, patterns_per_portion = 1 << 16;
constexpr std::int64_t patterns_per_batch = 256;

}  // namespace

void simulate_patterns(Backend& backend, std::int64_t crystals,
                       const std::function<xrd::Crystal(std::int64_t)>& crystal,
                       const SimulateOptions& options,
                       const std::function<void(std::int64_t, std::span<const float>)>& sink) {
  const std::int64_t points = options.grid.points, per_crystal = options.patterns_per_crystal;
  const ReflectionRequest reflections =
      reflections_on(options.grid, options.wavelength, options.recipe, options.ignore_displacements);
  PatternProblem problem{.N = patterns_per_batch,
                         .grid = options.grid,
                         .wavelength = options.wavelength,
                         .maximum = options.maximum,
                         .seed = options.seed,
                         .variants = options.recipe.variants,
                         .processing = {}};
  if (crystals < 2) {  // there is no other crystal
    for (PatternVariant& variant : problem.variants)
      variant[Effect::impurity] = {};
  }
  problem.validate();
  backend.reserve_workspace(backend.workspace_bytes(RenderPatterns{problem}));
  const Buffer state = backend.allocate(sizeof(StepState));
  const Buffer rows = backend.allocate(patterns_per_batch * sizeof(std::int32_t));
  const Buffer other_rows = backend.allocate(patterns_per_batch * sizeof(std::int32_t));
  const Buffer drawn = backend.allocate(patterns_per_batch * points * size_of(backend.element_type()));
  std::vector<float> host_patterns(patterns_per_batch * points);

  const std::int64_t portion =
      std::clamp<std::int64_t>(patterns_per_portion / per_crystal, 1, crystals_per_portion);
  for (std::int64_t first = 0; first < crystals; first += portion) {
    const std::int64_t count = std::min(portion, crystals - first);
    const auto index_of = [&](std::int64_t pattern) {
      return static_cast<std::uint64_t>(first * per_crystal + pattern);
    };
    // The store holds the portion's crystals and behind them the impurities that its patterns draw from
    // elsewhere.
    std::vector<std::int64_t> impurities;
    std::map<std::int64_t, std::int32_t> row_of;
    std::vector<std::int32_t> row(count * per_crystal), impurity_row(count * per_crystal, 0);
    for (std::int64_t pattern = 0; pattern < count * per_crystal; ++pattern) {
      row[pattern] = static_cast<std::int32_t>(pattern / per_crystal);
      if (!problem.draws_impurities()) continue;
      if (!(draw_pattern(problem, index_of(pattern))[Effect::impurity] > 0)) continue;
      const Philox4 words = data_call(options.seed, DataDraw::impurity, 0, index_of(pattern));
      const std::int64_t other = uniform_below(words[0], static_cast<std::uint64_t>(crystals));
      if (other >= first && other < first + count) {
        impurity_row[pattern] = static_cast<std::int32_t>(other - first);
        continue;
      }
      const auto [place, is_new] = row_of.try_emplace(
          other, static_cast<std::int32_t>(count) + static_cast<std::int32_t>(impurities.size()));
      if (is_new) impurities.push_back(other);
      impurity_row[pattern] = place->second;
    }
    const ReflectionStore store(
        backend, count + static_cast<std::int64_t>(impurities.size()),
        [&](std::int64_t i) { return crystal(i < count ? first + i : impurities[i - count]); }, reflections);
    for (std::int64_t pattern = 0; pattern < count * per_crystal; pattern += patterns_per_batch) {
      problem.N = std::min(patterns_per_batch, count * per_crystal - pattern);
      backend.upload(row.data() + pattern, rows.data(), problem.N * sizeof(std::int32_t));
      backend.upload(impurity_row.data() + pattern, other_rows.data(), problem.N * sizeof(std::int32_t));
      const StepState at{.step = 0, .first_index = index_of(pattern)};
      backend.upload(&at, state.data(), sizeof at);
      backend.run(RenderPatterns{problem,
                                 &store.reflections(),
                                 {rows.data(), DType::i32},
                                 {other_rows.data(), DType::i32},
                                 {state.data(), DType::u64},
                                 {.data = drawn.data(),
                                  .dtype = backend.element_type(),
                                  .N = problem.N,
                                  .L = points,
                                  .C = 1,
                                  .item_stride = points}});
      backend.download({drawn.data(), backend.element_type()},
                       std::span(host_patterns).first(problem.N * points));
      for (std::int64_t n = 0; n < problem.N; ++n) {
        sink(first + row[pattern + n], std::span(host_patterns).subspan(n * points, points));
      }
    }
  }
}

}  // namespace bragg::data
