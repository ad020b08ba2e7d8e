// The weights of the three models after 20 steps, on stored patterns and on a stream: the bits that they have
// had since hashes.tsv was written.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apps/training/batch_sources.h"
#include "data/crystals/crystal_set.h"
#include "data/hash.h"
#include "data/patterns/pattern_set.h"
#include "data/patterns/stored_patterns.h"
#include "data/patterns/stream.h"
#include "data/recipes/recipe.h"
#include "kernels/base/safetensors.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/step_state.h"
#include "nn/trainer.h"
#include "tests/compat/hash_list.h"
#include "tests/compat/old_files.h"
#include "tests/nn/table_source.h"
#include "tests/support/devices.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

/// Few channels and units, no numbers that tiles like.
nn::ModelConfig narrow(const std::string& name, std::int64_t points) {
  nn::ModelConfig config;
  config.name = name;
  config.points = points;
  config.dense = {37, 24};
  if (name == "mlp") {
    config.dense_dropout = {0.4, 0.2};
    return config;
  }
  config.channels = {8, 10, 5};
  if (points < 8500) {
    config.kernels = {20, 10, 5};
    config.strides = {2, 2, 1};
  }
  return config;
}

nn::ModelConfig whole(const std::string& name) {
  nn::ModelConfig config;
  config.name = name;
  return config;
}

/// The hash of all tensors of the model, with their names and shapes.
std::string trained(Backend& backend, const nn::ModelConfig& config, nn::BatchSource& source,
                    std::int64_t batch) {
  const TemporaryFolder folder;
  nn::TrainOptions options;
  options.batch = batch;
  options.steps = 20;
  options.learning_rate = 1e-3;
  options.seed = 3;
  nn::Trainer(backend, nn::make_model(config), options, source, nullptr, {}, folder / "run").run(false, [] {
    return false;
  });
  return data::content_hash_of(SafetensorsFile(folder / "run" / "model.safetensors"));
}

/// Classes are space groups from 0 on.
std::unique_ptr<nn::BatchSource> stored_source(const data::PatternSet& set) {
  data::StoredOptions options;
  options.order = SampleRowsProblem::Order::uniform;
  options.seed = 3;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    options.rows.push_back(static_cast<std::int32_t>(i));
    options.labels.push_back(set.space_group(i) - 1);
  }
  return apps::endless_source(data::StoredPatterns(set, options));
}

class Streamed {
 public:
  explicit Streamed(Backend& backend)
      : set_(old_file("crystals.safetensors")),
        recipe_(data::load_recipe("large")),
        store_(backend, data::crystals_of({&set_}), data::reflections_on({}, recipe_)) {}

  std::unique_ptr<nn::BatchSource> source() const {
    data::StreamOptions options;
    for (std::int64_t i = 0; i < set_.size(); ++i) {
      options.rows.push_back(static_cast<std::int32_t>(i));
      options.labels.push_back(set_.space_group(i) - 1);
    }
    options.variants = recipe_.variants;
    options.seed = 3;
    return apps::endless_source(data::PatternStream(store_, options));
  }

 private:
  data::CrystalSet set_;
  data::Recipe recipe_;
  data::ReflectionStore store_;
};

std::unique_ptr<Backend> backend_with(const std::string& instruction_set) {
  for (const DeviceOptions& device : devices_under_test()) {
    if (device.device == "cpu" && device.instruction_set == instruction_set) return make_backend(device);
  }
  return nullptr;
}

/// Instruction set and model.
class OldWeights : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  void SetUp() override {
    BRAGG_COMPILED_AS_THE_LIST_OR_SKIP();
    backend_ = backend_with(std::get<0>(GetParam()));
    if (!backend_) GTEST_SKIP() << "this machine lacks " << std::get<0>(GetParam());
  }
  const std::string& model() const { return std::get<1>(GetParam()); }
  void expect_listed(const std::string& what, const std::string& hash) const {
    EXPECT_TRUE(is_listed("weights, " + what + " " + model(), backend_->arithmetic(), hash));
  }

  std::unique_ptr<Backend> backend_;
};

TEST_P(OldWeights, OfStoredPatterns) {
  const data::PatternSet set(old_file("patterns.safetensors"));
  const auto source = stored_source(set);
  expect_listed("stored, narrow", trained(*backend_, narrow(model(), source->points()), *source, 13));
}

TEST_P(OldWeights, OfAStream) {
  const Streamed streamed(*backend_);
  const auto source = streamed.source();
  expect_listed("stream, narrow", trained(*backend_, narrow(model(), source->points()), *source, 13));
}

using OldWeightsOfWholeModels = OldWeights;

TEST_P(OldWeightsOfWholeModels, OfStoredPatterns) {
  TableSource source = test_source(8500, 230, 40, SampleRowsProblem::Order::uniform, 3);
  expect_listed("stored, whole", trained(*backend_, whole(model()), source, 4));
}

TEST_P(OldWeightsOfWholeModels, OfAStream) {
  const Streamed streamed(*backend_);
  const auto source = streamed.source();
  expect_listed("stream, whole", trained(*backend_, whole(model()), *source, 4));
}

const auto instruction_sets = ::testing::Values("x86-64-v2", "x86-64-v3", "x86-64-v4");
const auto models = ::testing::Values("scnn", "npcnn", "mlp");
std::string name_of_instance(const ::testing::TestParamInfo<OldWeights::ParamType>& info) {
  const auto& [set, model] = info.param;
  return model + "_" + set.substr(set.size() - 2);
}
INSTANTIATE_TEST_SUITE_P(Narrow, OldWeights, ::testing::Combine(instruction_sets, models), name_of_instance);
INSTANTIATE_TEST_SUITE_P(Whole, OldWeightsOfWholeModels,
                         ::testing::Combine(::testing::Values("x86-64-v3", "x86-64-v4"), models),
                         name_of_instance);

}  // namespace
}  // namespace bragg::tests
