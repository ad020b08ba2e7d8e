#include "data/patterns/render.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/crystal/effects.h"
#include "kernels/crystal/pattern_parameters.h"
#include "kernels/crystal/pattern_sampling.h"
#include "kernels/ops/render_patterns.h"

namespace bragg::data {
namespace {

constexpr std::int64_t patterns_per_batch = 256;

void check(std::span<const GivenPattern> patterns, std::int64_t crystals, const TwoThetaGrid& grid) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const GivenPattern& one = patterns[i];
    try {
      validate(one.parameters, grid);
    } catch (const ProblemError& error) {
      throw ProblemError(fmt::format("pattern {}: {}", i, error.what()));
    }
    const auto check_row = [&](const char* what, std::int32_t row) {
      if (row >= 0 && row < crystals) return;
      throw ProblemError(fmt::format("pattern {}: {} {} outside a store of {}", i, what, row, crystals));
    };
    check_row("crystal", one.crystal);
    if (one.parameters[Effect::impurity] > 0) check_row("impurity", one.impurity);
  }
}

}  // namespace

Recipe recipe_of(std::span<const PatternParameters> patterns) {
  Recipe recipe;
  for (const PatternParameters& one : patterns) {
    PatternVariant& variant = recipe.variants.emplace_back();
    variant.U = one.U;
    variant.V = one.V;
    for (int e = 0; e < effect_count; ++e)
      variant.effects[e] = Distribution::constant(one.value[e]);
  }
  return recipe;
}

std::vector<float> render_patterns(Backend& backend, const ReflectionStore& store,
                                   std::span<const GivenPattern> patterns, const RenderOptions& options) {
  const auto count = static_cast<std::int64_t>(patterns.size());
  check(patterns, store.size(), options.instrument.grid);
  BatchRenderer renderer(
      backend, {.N = std::min(count, patterns_per_batch),
                .instrument = options.instrument,
                .maximum = options.maximum,
                .impurities = std::ranges::any_of(
                    patterns, [](const GivenPattern& one) { return one.parameters[Effect::impurity] > 0; }),
                .processing = options.processing});
  std::vector<float> result;
  for (std::int64_t first = 0; first < count; first += patterns_per_batch) {
    const auto some = patterns.subspan(first, std::min(count - first, patterns_per_batch));
    std::vector<PatternParameters> parameters;
    std::vector<std::int32_t> crystals, impurities;
    for (const GivenPattern& one : some) {
      parameters.push_back(one.parameters);
      crystals.push_back(one.crystal);
      impurities.push_back(one.parameters[Effect::impurity] > 0 ? one.impurity : 0);
    }
    backend.upload(parameters.data(), renderer.parameters().data,
                   parameters.size() * sizeof(PatternParameters));
    const auto rendered = renderer.render(store.reflections(), crystals, impurities);
    result.insert(result.end(), rendered.begin(), rendered.end());
  }
  return result;
}

BatchRenderer::BatchRenderer(Backend& backend, const PatternProblem& problem)
    : backend_(backend), problem_(problem) {
  problem_.validate();
  backend.reserve_workspace(backend.workspace_bytes(RenderPatterns{problem}));
  crystals_ = backend.allocate(problem.N * sizeof(std::int32_t));
  impurities_ = backend.allocate(problem.N * sizeof(std::int32_t));
  parameters_ = backend.allocate(problem.N * sizeof(PatternParameters));
  patterns_ = backend.allocate(problem.N * problem.points() * size_of(backend.element_type()));
  host_.resize(problem.N * problem.points());
}

std::span<const float> BatchRenderer::render(const ReflectionSet& set, std::span<const std::int32_t> crystals,
                                             std::span<const std::int32_t> impurities) {
  PatternProblem batch = problem_;
  batch.N = static_cast<std::int64_t>(crystals.size());
  if (batch.N > problem_.N)
    throw ProblemError(fmt::format("[batch_renderer] {} patterns > planned {}", batch.N, problem_.N));
  const std::int64_t points = batch.points();
  backend_.upload(crystals.data(), crystals_.data(), crystals.size_bytes());
  backend_.upload(impurities.data(), impurities_.data(), impurities.size_bytes());
  backend_.run(RenderPatterns{batch,
                              &set,
                              {crystals_.data(), DType::i32},
                              {impurities_.data(), DType::i32},
                              parameters(),
                              {.data = patterns_.data(),
                               .dtype = backend_.element_type(),
                               .N = batch.N,
                               .L = points,
                               .C = 1,
                               .item_stride = points}});
  const auto host = std::span(host_).first(batch.N * points);
  backend_.download({patterns_.data(), backend_.element_type()}, host);
  return host;
}

}  // namespace bragg::data
