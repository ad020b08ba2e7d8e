#include "nn/parameters.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "tests/nn/small_models.h"

namespace bragg::nn {
namespace {

class ParametersOn : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Backends, ParametersOn, ::testing::Values("reference", "cpu"));

TEST_P(ParametersOn, InitialValuesFollowTheRuleAndPaddingIsZero) {
  const auto backend = make_backend({GetParam(), 1, ""});
  const Model model = make_model(tests::small_config("scnn"));
  Parameters parameters(*backend, model, Parameters::Use::training);
  initialise(parameters, 7);
  const auto values = parameters.download(parameters.weights());
  ASSERT_EQ(static_cast<std::int64_t>(values.size()), parameter_count(model));

  std::size_t at = 0;
  double largest = 0;
  for (std::size_t i = 0; i < parameters.table().size(); ++i) {
    const ParameterInfo& info = parameters.table()[i];
    for (std::uint32_t e = 0; e < static_cast<std::uint32_t>(info.count()); ++e, ++at) {
      const Philox4 words = random_call(7, RandomStream::init, e / 4, static_cast<std::uint32_t>(i), 0);
      const double bound = 1 / std::sqrt(static_cast<double>(info.fan_in));
      const double u = (words[e % 4] >> 8) / 16777216.0;
      ASSERT_EQ(values[at], static_cast<float>((2 * u - 1) * bound)) << info.name << " " << e;
      largest = std::max(largest, std::fabs(values[at]) / bound);
    }
  }
  EXPECT_GT(largest, 0.95);
  EXPECT_LE(largest, 1);

  std::vector<float> arena(static_cast<std::size_t>(parameters.arena_count()));
  backend->download(parameters.weights(), arena);
  const auto zeros = std::count(arena.begin(), arena.end(), 0.0f);
  EXPECT_EQ(zeros, static_cast<std::ptrdiff_t>(arena.size() - values.size()));
}

TEST_P(ParametersOn, UploadAndDownloadAreInverse) {
  const auto backend = make_backend({GetParam(), 1, ""});
  const Model model = make_model(tests::small_config("npcnn"));
  Parameters parameters(*backend, model, Parameters::Use::training);
  std::vector<float> values(static_cast<std::size_t>(parameter_count(model)));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 0.1f * static_cast<float>(i) - 3;
  parameters.upload(values, parameters.m());
  EXPECT_EQ(parameters.download(parameters.m()), values);
  const auto others = parameters.download(parameters.v());
  EXPECT_TRUE(std::all_of(others.begin(), others.end(), [](float x) { return x == 0; }));
  values.pop_back();
  EXPECT_THROW(parameters.upload(values, parameters.m()), Error);
}

TEST_P(ParametersOn, InferenceHasNoGradients) {
  const auto backend = make_backend({GetParam(), 1, ""});
  Parameters parameters(*backend, make_model(tests::small_config("mlp")), Parameters::Use::inference);
  EXPECT_FALSE(parameters.gradients());
  EXPECT_THROW(parameters.download(parameters.m()), Error);
}

}  // namespace
}  // namespace bragg::nn
