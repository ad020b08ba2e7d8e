// What commit a66c08a wrote is read, is written again under the same names of tensors, and a run begun there
// goes on to the same bits.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apps/training/config.h"
#include "apps/training/training_data.h"
#include "data/crystals/crystal_set.h"
#include "data/hash.h"
#include "data/patterns/pattern_set.h"
#include "kernels/base/safetensors.h"
#include "nn/checkpoint.h"
#include "nn/trainer.h"
#include "tests/apps/run_bragg.h"
#include "tests/compat/hash_list.h"
#include "tests/compat/old_files.h"
#include "tests/support/devices.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

/// Every tensor of the old file is in the new one, bit for bit, and nothing else but `also`.
void expect_same_tensors(const fs::path& before, const fs::path& after, const std::set<std::string>& also) {
  const SafetensorsFile was(before), is(after);
  for (const auto& [name, tensor] : was.tensors()) {
    const auto found = is.tensors().find(name);
    ASSERT_TRUE(found != is.tensors().end()) << name;
    EXPECT_EQ(found->second.dtype, tensor.dtype) << name;
    EXPECT_EQ(found->second.shape, tensor.shape) << name;
    EXPECT_TRUE(std::ranges::equal(found->second.bytes, tensor.bytes)) << name;
  }
  for (const auto& [name, tensor] : is.tensors())
    EXPECT_TRUE(was.has(name) || also.count(name) > 0) << name;
}

TEST(OldFiles, ACrystalSetIsReadAndWrittenAgain) {
  const TemporaryFolder folder;
  const data::CrystalSet set(old_file("crystals.safetensors"));
  ASSERT_EQ(set.size(), 16);
  EXPECT_EQ(set.content_hash(), "b79fed739b764a25");
  data::CrystalSetWriter writer;
  for (std::int64_t i = 0; i < set.size(); ++i)
    writer.add(set.crystal(i));
  writer.write(folder / "crystals.safetensors");
  expect_same_tensors(set.path(), folder / "crystals.safetensors", {"space_group_declared"});
}

TEST(OldFiles, APatternSetIsReadAndWrittenAgain) {
  const TemporaryFolder folder;
  const data::PatternSet set(old_file("patterns.safetensors"));
  ASSERT_EQ(set.size(), 32);
  const std::vector<float> raw =
      SafetensorsFile(set.path()).copy<float>("patterns", 2);  // pattern(i) scales to 1
  data::PatternSetWriter writer(set.instrument());
  for (std::int64_t i = 0; i < set.size(); ++i)
    writer.add(set.space_group(i), set.group(i), set.name(i));
  writer.write(folder / "patterns.safetensors", [&](const data::PatternSetWriter::Sink& sink) {
    for (std::int64_t i = 0; i < set.size(); ++i)
      sink(std::span(raw).subspan(i * set.instrument().grid.points, set.instrument().grid.points));
  });
  expect_same_tensors(set.path(), folder / "patterns.safetensors", {});
}

/// stream: an scnn; stored: an mlp.
class OldRun : public ::testing::TestWithParam<std::string> {
 protected:
  fs::path file(const std::string& name) const { return old_file(GetParam() + "/" + name); }
  /// A copy to go on with.
  fs::path begun() const {
    fs::copy(old_file(GetParam()), folder_ / "run", fs::copy_options::recursive);
    return folder_ / "run";
  }
  /// Where its data lie now.
  std::string data() const {
    return GetParam() == "stream"
               ? fmt::format("data.crystals=['{}']", old_file("crystals.safetensors").string())
               : fmt::format("data.patterns='{}'", old_file("patterns.safetensors").string());
  }
  static std::string hash_in(const fs::path& run) {
    return data::content_hash_of(SafetensorsFile(run / "model.safetensors"));
  }

  TemporaryFolder folder_;
};

TEST_P(OldRun, ItsModelIsReadAndWrittenAgain) {
  const auto backend = make_backend({.device = "cpu", .threads = 1, .instruction_set = ""});
  const nn::LoadedModel loaded = nn::read_model(file("model.safetensors"));
  nn::Parameters parameters(*backend, loaded.model, nn::Parameters::Use::inference);
  nn::load_weights(file("model.safetensors"), parameters);
  nn::save_model(folder_ / "model.safetensors", loaded.model, parameters, loaded.metadata);
  expect_same_tensors(file("model.safetensors"), folder_ / "model.safetensors", {});
}

TEST_P(OldRun, ItsCheckpointIsReadAndWrittenAgain) {
  const auto backend = make_backend({.device = "cpu", .threads = 1, .instruction_set = ""});
  const nn::LoadedModel loaded = nn::read_model(file("last.safetensors"));
  nn::Parameters parameters(*backend, loaded.model, nn::Parameters::Use::training);
  const StepState state = nn::load_checkpoint(file("last.safetensors"), parameters);
  EXPECT_EQ(state.step, 10U);
  EXPECT_EQ(state.first_index, 60U);
  nn::save_checkpoint(folder_ / "last.safetensors", loaded.model, parameters, state, loaded.metadata);
  expect_same_tensors(file("last.safetensors"), folder_ / "last.safetensors", {});
}

TEST_P(OldRun, GoesOnToTheSameBits) {
  BRAGG_COMPILED_AS_THE_LIST_OR_SKIP();
  for (const DeviceOptions& device : devices_under_test()) {
    if (device.device != "cpu" || device.precision != "fp32") continue;
    const TemporaryFolder folder;
    fs::copy(old_file(GetParam()), folder / "run", fs::copy_options::recursive);
    const auto backend = make_backend(device);
    apps::TrainConfig config =
        apps::load_config((folder / "run" / "config.toml").string(), {"train.steps=20", data()});
    const apps::TrainingFiles files(config);
    apps::resolve(config, files.instrument().grid.points);
    const apps::TrainingData data = apps::make_training_data(*backend, files, config, 1);
    nn::Trainer(*backend, nn::make_model(config.model), config.train, *data.training, nullptr, {},
                folder / "run")
        .run(true, [] { return false; });
    EXPECT_TRUE(is_listed("resumed, " + GetParam(), backend->arithmetic(), hash_in(folder / "run")));
  }
}

TEST_P(OldRun, GoesOnFromTheCommandLine) {
  const fs::path run = begun();
  const auto result = run_bragg({"train", "--device", "cpu", "--resume", "--out", run.string(), "--set",
                                 "train.steps=20", "--set", data()});
  ASSERT_EQ(result.code, 0) << result.err;
  BRAGG_COMPILED_AS_THE_LIST_OR_SKIP();
  const auto best = make_backend({.device = "cpu", .threads = 1, .instruction_set = ""});
  EXPECT_TRUE(is_listed("resumed, " + GetParam(), best->arithmetic(), hash_in(run)));
}

INSTANTIATE_TEST_SUITE_P(A66c08a, OldRun, ::testing::Values("stream", "stored"),
                         [](const auto& instance) { return instance.param; });

TEST(Info, NamesTheInstructionSet) {
  const auto best = make_backend({.device = "cpu", .threads = 0, .instruction_set = ""});
  const auto result = run_bragg({"info", "--device", "cpu"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find(best->description()), std::string::npos) << result.out;
}

}  // namespace
}  // namespace bragg::tests
