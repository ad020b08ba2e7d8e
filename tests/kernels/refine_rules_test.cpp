// Op refine's rules: steps, bounds, priors, what is not free, the order of models and the number of threads.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "kernels/ops/refine.h"
#include "tests/kernels/refine_fits.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

class RefineRules : public ViewOps {};
INSTANTIATE_TEST_SUITE_P(Devices, RefineRules, ::testing::ValuesIn(devices_under_test()),
                         [](const auto& device) { return name_of(device.param); });

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

std::vector<std::uint32_t> bits_of(const std::vector<float>& numbers) {
  std::vector<std::uint32_t> bits;
  for (const float number : numbers)
    bits.push_back(std::bit_cast<std::uint32_t>(number));
  return bits;
}

/// A noisy pattern of these structures with a start elsewhere.
RefineInput measured_model(Backend& reference, const std::vector<int>& strains) {
  RefineInput input = true_model(strains);
  measure(input, 0, drawn(reference, input), 5);
  start_elsewhere(input, 0);
  return input;
}

double figure_at(Backend& backend, RefineInput input, const std::vector<float>& parameters) {
  input.parameters = parameters;
  input.problem.iterations = 0;
  input.problem.linear_start = false;
  return double{run(backend, input).figures[0].objective};
}

TEST_P(RefineRules, ObjectiveIsWhatItSaysAndNeverRises) {
  RefineInput input = measured_model(*reference, {2, 3});
  input.problem.data_weight = 0.75;
  input.problem.converged = 0;
  input.problem.rule_of(RefinedKind::growth).deviation = 0.001;
  input.problem.rule_of(RefinedKind::ln_fwhm).deviation = 0.05;
  input.problem.rule_of(RefinedKind::texture).deviation = 0.1;
  double before = figure_at(*backend, input, input.parameters);
  for (std::int64_t iterations = 0; iterations <= 12; ++iterations) {
    SCOPED_TRACE(fmt::format("iterations {}", iterations));
    input.problem.iterations = iterations;
    const RefineResult result = run(*backend, input);
    const double objective = double{result.figures[0].objective};
    EXPECT_LE(objective, before);
    before = objective;
    EXPECT_EQ(result.figures[0].iterations, iterations);
    double sum = input.problem.data_weight * double{result.figures[0].chi_squared};
    for (std::int64_t a = 0; a < input.parameters_of(0); ++a) {
      const RefinedKind kind = input.kind_of(0, a);
      if (static_cast<int>(kind) < 0 || !(input.problem.rule_of(kind).deviation > 0)) continue;
      const double away = double{result.parameters[index(a)]} - double{input.prior[index(a)]};
      sum += away * away / (input.problem.rule_of(kind).deviation * input.problem.rule_of(kind).deviation);
    }
    EXPECT_NEAR(objective, sum, 1e-5 * sum);
    // Parameters are rounded to floats.
    EXPECT_NEAR(objective, figure_at(*backend, input, result.parameters), 1e-4 * sum);
  }
}

TEST_P(RefineRules, NoIterationMovesWhatIsNotLinear) {
  RefineInput input = measured_model(*reference, {4});
  input.problem.iterations = 0;
  input.problem.linear_start = false;
  EXPECT_EQ(bits_of(run(*backend, input).parameters), bits_of(input.parameters));
  input.problem.linear_start = true;
  const RefineResult result = run(*backend, input);
  for (std::int64_t a = 0; a < input.parameters_of(0); ++a) {
    const RefinedKind kind = input.kind_of(0, a);
    const bool is_linear = kind == RefinedKind::scale || kind == RefinedKind::background;
    EXPECT_EQ(result.parameters[index(a)] != input.parameters[index(a)], is_linear) << name_of(kind);
  }
}

TEST_P(RefineRules, LinearStartIsTheLeastSquaresSolution) {
  RefineInput input = true_model({2, 4});
  measure(input, 0, drawn(*reference, input), 0);
  input.problem.iterations = 0;
  const std::vector<float> wanted = input.parameters;
  for (std::int64_t t = 0; t < input.problem.terms; ++t)
    input.shared(0, shared_parameters + t) = 0;
  input.own(0, 0, scale_at) = 0;
  input.own(0, 1, scale_at) = 777;
  const RefineResult result = run(*backend, input);
  EXPECT_TRUE(within(model_of(input, result.parameters, 0), model_of(input, wanted, 0), 2e-3));
}

TEST_P(RefineRules, StepsAndBoundsHold) {
  RefineInput input = measured_model(*reference, {2});
  input.problem.linear_start = false;
  input.own(0, 0, scale_at) = 18;
  input.shared(0, 2) = 85;
  for (const RefinedKind kind :
       {RefinedKind::zero, RefinedKind::growth, RefinedKind::texture, RefinedKind::damping,
        RefinedKind::ln_fwhm, RefinedKind::lorentz_share, RefinedKind::background})
    input.problem.rule_of(kind).step = kind == RefinedKind::growth ? 0x1p-15 : 0x1p-8;
  int at_step = 0;
  for (std::int64_t iterations : {1, 2, 5}) {
    input.problem.iterations = iterations;
    const RefineResult result = run(*backend, input);
    for (std::int64_t a = 0; a < input.parameters_of(0); ++a) {
      const RefinedKind kind = input.kind_of(0, a);
      if (static_cast<int>(kind) < 0) continue;
      const double step = input.problem.rule_of(kind).step * static_cast<double>(iterations),
                   moved = std::abs(double{result.parameters[index(a)]} - double{input.parameters[index(a)]});
      EXPECT_LE(moved, step * 1.001) << name_of(kind);
      at_step += moved > 0.999 * step;
    }
  }
  EXPECT_GT(at_step, 3);

  // Bounds that leave the start in and the minimum out; all of them exact in floats.
  RefineInput bounded = measured_model(*reference, {2});
  const auto bound = [&](RefinedKind kind, double low, double high) {
    bounded.problem.rule_of(kind).low = low;
    bounded.problem.rule_of(kind).high = high;
  };
  bound(RefinedKind::growth, 0x1p-9, 0x1p-7);
  bound(RefinedKind::ln_fwhm, -1.25, -0.5);
  bound(RefinedKind::lorentz_share, 0, 0.375);
  bound(RefinedKind::damping, 0, 0.75);
  const RefineResult result = run(*backend, bounded);
  EXPECT_EQ(result.parameters[index(bounded.phase_at(0) + ln_fwhm_at)], -1.25f);
  for (std::int64_t a = 0; a < bounded.parameters_of(0); ++a) {
    const RefinedKind kind = bounded.kind_of(0, a);
    if (static_cast<int>(kind) < 0) continue;
    EXPECT_GE(double{result.parameters[index(a)]}, bounded.problem.rule_of(kind).low) << name_of(kind);
    EXPECT_LE(double{result.parameters[index(a)]}, bounded.problem.rule_of(kind).high) << name_of(kind);
  }
}

TEST_P(RefineRules, WhatIsNotFreeKeepsItsBits) {
  RefineInput input = measured_model(*reference, {2, 4});
  input.free_only(
      {RefinedKind::background, RefinedKind::scale, RefinedKind::strain, RefinedKind::lorentz_share});
  input.shared(0, 0) = -0.0f;
  input.shared(0, 1) = 1e-42f;
  input.own(0, 0, strain_at + 3) = 123.25f;  // of no parameter of a hexagonal cell
  input.own(0, 0, texture_at + 2) = -7;
  const RefineResult result = run(*backend, input);
  const std::vector<std::uint32_t> before = bits_of(input.parameters), after = bits_of(result.parameters);
  const std::int64_t size = input.problem.parameters_per_model();
  for (std::int64_t a = 0; a < input.parameters_of(0); ++a) {
    const RefinedKind kind = input.kind_of(0, a);
    const bool is_free = static_cast<int>(kind) >= 0 && input.problem.rule_of(kind).is_free;
    EXPECT_EQ(before[index(a)] != after[index(a)], is_free) << a << ' ' << name_of(kind);
    for (std::int64_t b = 0; b < size && !is_free; ++b) {
      EXPECT_EQ(result.curvature[index(a * size + b)], 0);
      EXPECT_EQ(result.curvature[index(b * size + a)], 0);
    }
  }
}

/// A phase with an axis has ln r where the first term is, by a rule of its own, and none of the others.
TEST_P(RefineRules, AnAxisTakesThePlaceOfTheTerms) {
  RefineInput input = true_model({2, 4});
  input.structure[1].march = structure_with_axis(4).march;
  input.own(0, 1, texture_at) = -0.5f;
  for (int j = 1; j < most_textures; ++j)
    input.own(0, 1, texture_at + j) = 77;
  measure(input, 0, drawn(*reference, input), 5);
  for (const bool is_march_free : {false, true}) {
    RefineInput start = input;
    start.own(0, 0, texture_at) = 0;
    start.own(0, 1, texture_at) = -0.25f;
    start.problem.rule_of(RefinedKind::texture).is_free = !is_march_free;
    start.problem.rule_of(RefinedKind::march).is_free = is_march_free;
    const RefineResult result = run(*backend, start);
    for (int phase = 0; phase < 2; ++phase)
      for (int j = 0; j < most_textures; ++j) {
        const auto at = index(start.phase_at(0, phase) + texture_at + j);
        const bool is_free = j == 0 && is_march_free == (phase == 1);
        EXPECT_EQ(result.parameters[at] != start.parameters[at], is_free) << phase << ' ' << j;
      }
  }
}

/// Where r runs away the pattern stays what it is at the end of what is counted.
TEST_P(RefineRules, AnAxisStaysANumber) {
  RefineInput input = true_model({1}, 0, true);
  for (const float ln_r : {8.0f, 9.0f, 1e30f, -8.0f, -9.0f, -1e30f}) {
    input.add_copy_of(0);
    input.own(input.problem.models - 1, 0, texture_at) = ln_r;
  }
  input.problem.iterations = 0;
  input.problem.linear_start = false;
  const RefineResult result = run(*backend, input);
  for (const std::int64_t first : {1, 4}) {
    const std::vector<double> expected = calculated_of(input, result, first);
    for (const double y : expected)
      EXPECT_TRUE(std::isfinite(y));
    EXPECT_TRUE(identical(calculated_of(input, result, first + 1), expected));
    EXPECT_TRUE(identical(calculated_of(input, result, first + 2), expected));
  }
  EXPECT_NE(calculated_of(input, result, 1), calculated_of(input, result, 4));
}

TEST_P(RefineRules, PriorsPull) {
  RefineInput input = measured_model(*reference, {4});
  input.problem.data_weight = 1e-20;
  input.problem.converged = 0;
  for (RefinedRule& rule : input.problem.rule)
    rule.deviation = 0.01;
  const RefineResult result = run(*backend, input);
  EXPECT_TRUE(within(model_of(input, result.parameters, 0), model_of(input, input.prior, 0), 1e-5));

  // A constant alone: the mean of what was measured and what was expected, weighed.
  RefineInput constant;
  constant.problem.points = 7;
  constant.problem.terms = 1;
  constant.problem.data_weight = 0.5;
  constant.add_pattern(copper(1, 6, 10, 0.1, false));
  constant.add_model(0, {});
  constant.free_all();
  constant.problem.rule_of(RefinedKind::background).deviation = 0.5;
  constant.prior[2] = 3;
  double sum = 3 / 0.25, precision = 1 / 0.25;
  for (int i = 1; i < 6; ++i) {
    constant.y[index(i)] = static_cast<float>(i * i);
    constant.weight[index(i)] = static_cast<float>(7 - i);
    sum += 0.5 * (7 - i) * i * i;
    precision += 0.5 * (7 - i);
  }
  const RefineResult weighed = run(*backend, constant);
  EXPECT_NEAR(weighed.parameters[2], sum / precision, 1e-6 * sum / precision);
  EXPECT_NEAR(curvature_of(constant, weighed, 0)[2 * 3 + 2], precision, 1e-6 * precision);
  EXPECT_EQ(weighed.parameters[0], 0);  // nothing changes with them
  EXPECT_EQ(weighed.parameters[1], 0);
}

TEST_P(RefineRules, AScaleThatWouldBeNegativeStaysAtItsBound) {
  for (const std::int64_t iterations : {0, 15}) {
    RefineInput input = true_model({2, 4});
    RefineInput alone = true_model({2});
    input.own(0, 1, scale_at) = -4;
    measure(input, 0, drawn(*reference, input), 0);
    alone.y = input.y;
    alone.weight = input.weight;
    for (RefineInput* const one : {&input, &alone}) {
      one->problem.iterations = iterations;
      one->problem.converged = 0;
      one->free_only({RefinedKind::background, RefinedKind::scale});
      one->problem.rule_of(RefinedKind::scale).low = 0;
      one->own(0, 0, scale_at) = 1;
    }
    input.own(0, 1, scale_at) = 1;
    const RefineResult result = run(*backend, input), expected = run(*backend, alone);
    EXPECT_EQ(result.parameters[index(input.phase_at(0, 1) + scale_at)], 0);
    std::vector<double> got = model_of(input, result.parameters, 0);
    got.resize(index(alone.parameters_of(0)));
    EXPECT_TRUE(within(got, model_of(alone, expected.parameters, 0), 1e-3));
  }
}

/// Four phases whose lines overlap, some of them with scales below 0 in what was measured: which ones stay at 0 is not what a first
/// solution without bounds says.
TEST_P(RefineRules, LinearStartIsTheBoundedMinimum) {
  RefineInput input;
  input.problem.points = 2501;
  input.problem.converged = 0;
  input.add_structure(2, {0, 0.8}, 92);
  constexpr int patterns = 60, phases = 4;
  for (int n = 0; n < patterns; ++n) {
    input.add_pattern(copper(0, 2501, 12, 0.03, true));
    input.add_model(n, std::vector<std::int32_t>(phases, 0));
    input.shared(n, shared_parameters) = 50;
    for (int phase = 0; phase < phases; ++phase) {
      input.own(n, phase, strain_at) = 0.002f * static_cast<float>(phase);
      input.own(n, phase, scale_at) = 10 * (uniform01(word(1, n * phases + phase)) - 0.4f);
    }
  }
  input.free_only({RefinedKind::background, RefinedKind::scale});
  input.problem.rule_of(RefinedKind::scale).low = 0;
  input.problem.linear_start = false;
  input.y = run(*reference, input).calculated;
  std::fill(input.weight.begin(), input.weight.end(), 0.01f);
  for (int n = 0; n < patterns; ++n)
    for (int phase = 0; phase < phases; ++phase)
      input.own(n, phase, scale_at) = 1;
  const RefineResult start = run(*backend, input);
  input.problem.linear_start = true;
  const RefineResult linear = run(*backend, input);
  input.problem.iterations = 60;
  const RefineResult whole = run(*backend, input);
  int bounded = 0;
  for (std::size_t n = 0; n < patterns; ++n) {
    EXPECT_LE(linear.figures[n].objective, start.figures[n].objective);
    EXPECT_LE(linear.figures[n].objective, whole.figures[n].objective * 1.001f + 1e-3f);
    for (int phase = 0; phase < phases; ++phase)
      bounded +=
          linear.parameters[index(input.phase_at(static_cast<std::int64_t>(n), phase) + scale_at)] == 0;
  }
  EXPECT_GT(bounded, patterns);
}

TEST_P(RefineRules, ATrialThatRunsAwayIsTakenBack) {
  for (const int strains : {1, 2, 6}) {
    RefineInput input = measured_model(*reference, {strains});
    input.own(0, 0, strain_at) += 0.05f;
    input.own(0, 0, ln_fwhm_at) = -4.5f;
    input.problem.first_damping = 0;
    input.problem.linear_start = false;
    for (Backend* const one : {backend.get(), reference.get()}) {
      const RefineResult result = run(*one, input);
      for (const float parameter : result.parameters)
        EXPECT_TRUE(std::isfinite(parameter)) << parameter;
      EXPECT_TRUE(double{result.figures[0].objective} <= figure_at(*one, input, input.parameters));
    }
  }
}

/// Those models, in that order.
RefineInput picked(const RefineInput& from, const std::vector<std::int64_t>& models) {
  RefineInput input = from;
  input.model_pattern.clear();
  input.phase_structure.clear();
  input.phase_offset = {0};
  input.parameters.clear();
  std::vector<float> parameters, prior;
  for (const std::int64_t m : models) {
    const auto phase = from.phase_structure.begin() + from.phase_offset[index(m)];
    input.add_model(from.model_pattern[index(m)], {phase, phase + from.phases_of(m)});
    const std::int64_t begin = from.parameters_at(m), end = begin + from.parameters_of(m);
    parameters.insert(parameters.end(), from.parameters.begin() + begin, from.parameters.begin() + end);
    prior.insert(prior.end(), from.prior.begin() + begin, from.prior.begin() + end);
  }
  input.parameters = parameters;
  input.prior = prior;
  return input;
}

TEST_P(RefineRules, BitsDependOnTheModelAlone) {
  RefineInput input = mixed_models(7);
  measure_patterns(*reference, input);
  input.problem.linear_start = true;
  input.problem.iterations = 4;
  input.problem.converged = 0;
  for (const RefinedKind kind : {RefinedKind::growth, RefinedKind::strain, RefinedKind::ln_fwhm,
                                 RefinedKind::texture, RefinedKind::damping, RefinedKind::fwhm_slope})
    input.problem.rule_of(kind).deviation = 0.01;
  const RefineResult all = run(*backend, input);
  EXPECT_NE(all.parameters, input.parameters);
  const auto same = [&](const RefineInput& other, const RefineResult& got, std::int64_t model,
                        std::int64_t as) {
    SCOPED_TRACE(fmt::format("model {}", model));
    EXPECT_TRUE(identical(model_of(other, got.parameters, as), model_of(input, all.parameters, model)));
    EXPECT_TRUE(identical(calculated_of(other, got, as), calculated_of(input, all, model)));
    EXPECT_TRUE(identical(curvature_of(other, got, as), curvature_of(input, all, model)));
    const auto &one = got.figures[index(as)], &another = all.figures[index(model)];
    EXPECT_EQ(one.objective, another.objective);
    EXPECT_EQ(one.root_cosine, another.root_cosine);
    EXPECT_EQ(one.iterations, another.iterations);
  };
  for (const int threads : {1, 3}) {
    DeviceOptions options = GetParam();
    options.threads = threads;
    const RefineResult got = run(*make_backend(options), input);
    for (std::int64_t m = 0; m < input.problem.models; ++m)
      same(input, got, m, m);
  }
  std::vector<std::int64_t> order(index(input.problem.models));
  std::iota(order.rbegin(), order.rend(), 0);
  const RefineInput turned = picked(input, order);
  const RefineResult got = run(*backend, turned);
  for (std::int64_t m = 0; m < input.problem.models; ++m) {
    same(turned, got, m, input.problem.models - 1 - m);
    const RefineInput alone = picked(input, {m});
    same(alone, run(*backend, alone), m, 0);
  }
}

}  // namespace
}  // namespace bragg::tests
