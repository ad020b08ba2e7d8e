#include "nn/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "kernels/base/bfloat16.h"
#include "kernels/base/safetensors.h"
#include "tests/nn/small_models.h"
#include "tests/support/temporary_folder.h"

namespace bragg::nn {
namespace {

class Checkpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = folder_ / "a.safetensors";
    initialise(parameters_, 11);
    auto values = parameters_.download(parameters_.weights());
    for (float& x : values)
      x *= 0.25f;
    parameters_.upload(values, parameters_.m());
    for (float& x : values)
      x *= x;
    parameters_.upload(values, parameters_.v());
  }

  std::string error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& e) {
      return e.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
  }
  /// A copy of the file with one metadata entry changed.
  void rewrite(const std::string& key, const std::string& value) {
    const SafetensorsFile file(path_);
    SafetensorsWriter writer;
    for (const auto& [k, v] : file.metadata())
      writer.metadata(k, v);
    writer.metadata(key, value);
    for (const auto& [name, info] : file.tensors())
      writer.add(name, info.dtype, info.shape, info.bytes);
    writer.write(path_);
  }
  static void expect_contains(const std::string& text, std::initializer_list<std::string> parts) {
    for (const auto& part : parts)
      EXPECT_NE(text.find(part), std::string::npos) << part << "\nin: " << text;
  }

  std::unique_ptr<Backend> backend_ = make_backend({"cpu", 1, ""});
  Model model_ = make_model(tests::small_config("scnn"));
  Parameters parameters_{*backend_, model_, Parameters::Use::training};
  tests::TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
  std::filesystem::path path_;
};

TEST_F(Checkpoint, RoundTripKeepsEveryBit) {
  const StepState state{123456789012345, 98765432109876543};
  save_checkpoint(path_, model_, parameters_, state, {{"recipe", "baseline"}, {"seed", "5"}});
  Parameters other(*backend_, model_, Parameters::Use::training);
  const StepState read = load_checkpoint(path_, other);
  EXPECT_EQ(read.step, state.step);
  EXPECT_EQ(read.first_index, state.first_index);
  EXPECT_EQ(other.download(other.weights()), parameters_.download(parameters_.weights()));
  EXPECT_EQ(other.download(other.m()), parameters_.download(parameters_.m()));
  EXPECT_EQ(other.download(other.v()), parameters_.download(parameters_.v()));
  EXPECT_NE(other.download(other.m()), other.download(other.v()));

  const LoadedModel loaded = read_model(path_);
  EXPECT_EQ(loaded.model.config, model_.config);
  EXPECT_EQ(loaded.metadata.at("recipe"), "baseline");
  EXPECT_EQ(loaded.metadata.at("format_version"), "1");
}

TEST_F(Checkpoint, ModelFileHasTheWeightsAlone) {
  save_model(path_, model_, parameters_, {{"format_version", "7"}, {"classes", "5"}});
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.tensors().size(), parameters_.table().size());
  EXPECT_EQ(file.metadata("format_version"), "1");  // not the caller's to say
  EXPECT_EQ(file.tensor("conv2.weights", DType::f32, 3).shape, (std::vector<std::int64_t>{6, 4, 5}));
  Parameters other(*backend_, model_, Parameters::Use::inference);
  load_weights(path_, other);
  EXPECT_EQ(other.download(other.weights()), parameters_.download(parameters_.weights()));
  Parameters training(*backend_, model_, Parameters::Use::training);
  expect_contains(error_of([&] { load_checkpoint(path_, training); }), {path_.string(), "not a checkpoint"});
}

TEST_F(Checkpoint, ARoundedModelIsReadLikeAnyOther) {
  save_model(path_, model_, parameters_, {{"seed", "5"}, {"init", "/far/away"}});
  const auto small = folder_ / "small.safetensors";
  save_rounded(path_, small, {{"init", "away"}, {"kind", "checkpoint"}});
  const SafetensorsFile file(small);
  EXPECT_FALSE(file.metadata().contains("seed")) << "metadata take the place of the model's";
  EXPECT_EQ(file.metadata("kind"), "model");
  EXPECT_EQ(file.metadata("init"), "away");
  EXPECT_EQ(read_model(small).model.config, model_.config);
  Parameters other(*backend_, model_, Parameters::Use::inference);
  load_weights(small, other);
  for (const ParameterInfo& info : parameters_.table()) {
    const bool is_matrix = info.shape.size() > 1;
    EXPECT_EQ(file.tensors().at(info.name).dtype, is_matrix ? DType::bf16 : DType::f32) << info.name;
    std::vector<float> exact(static_cast<std::size_t>(info.count())), rounded(exact.size());
    parameters_.download(parameters_.weights(), info, exact);
    other.download(other.weights(), info, rounded);
    if (is_matrix) {
      EXPECT_NE(rounded, exact) << info.name;
    }
    for (std::size_t i = 0; i < exact.size(); ++i)
      ASSERT_EQ(rounded[i], is_matrix ? to_float(to_bfloat16(exact[i])) : exact[i]) << info.name << " " << i;
  }
}

TEST_F(Checkpoint, OnlyAModelIsRounded) {
  const auto small = folder_ / "small.safetensors", again = folder_ / "again.safetensors";
  save_checkpoint(path_, model_, parameters_, {1, 2}, {});
  expect_contains(error_of([&] { save_rounded(path_, small, {}); }), {path_.string(), "a checkpoint"});
  save_model(path_, model_, parameters_, {});
  save_rounded(path_, small, {});
  // Another time changes nothing but the metadata.
  save_rounded(small, again, {{"figure.dev", "0.6"}});
  const SafetensorsFile first(small), second(again);
  EXPECT_EQ(second.metadata("figure.dev"), "0.6");
  for (const auto& [name, info] : first.tensors()) {
    const TensorInfo& other = second.tensors().at(name);
    EXPECT_EQ(other.dtype, info.dtype) << name;
    EXPECT_TRUE(std::ranges::equal(other.bytes, info.bytes)) << name;
  }
  std::filesystem::remove(again);
  auto values = parameters_.download(parameters_.weights());
  std::fill(values.begin(), values.end(), 3.4e38f);  // the largest of bf16 is 3.39e38
  parameters_.upload(values, parameters_.weights());
  save_model(path_, model_, parameters_, {});
  EXPECT_THROW(save_rounded(path_, again, {}), NotFiniteError);
  EXPECT_FALSE(std::filesystem::exists(again));
  // A checkpoint whose weights somebody rounded is no place to go on from.
  save_checkpoint(path_, model_, parameters_, {1, 2}, {});
  const SafetensorsFile exact(path_);
  SafetensorsWriter writer;
  for (const auto& [key, value] : exact.metadata())
    writer.metadata(key, value);
  const std::vector<BFloat16> zeros(static_cast<std::size_t>(exact.tensors().at("conv1.weights").count()));
  for (const auto& [name, info] : exact.tensors()) {
    if (name == "conv1.weights")
      writer.add(name, DType::bf16, info.shape, std::as_bytes(std::span(zeros)));
    else
      writer.add(name, info.dtype, info.shape, info.bytes);
  }
  writer.write(again);
  expect_contains(error_of([&] { load_checkpoint(again, parameters_); }), {"conv1.weights", "BF16", "F32"});
}

TEST_F(Checkpoint, UnknownFormatVersionIsAnError) {
  save_checkpoint(path_, model_, parameters_, {1, 2}, {});
  rewrite("format_version", "2");
  expect_contains(error_of([&] { read_model(path_); }), {path_.string(), "format_version 2"});
  expect_contains(error_of([&] { load_weights(path_, parameters_); }), {path_.string(), "format_version 2"});
  expect_contains(error_of([&] { load_checkpoint(path_, parameters_); }),
                  {path_.string(), "format_version 2"});
}

TEST_F(Checkpoint, OtherShapesAreErrorsThatNameBoth) {
  save_model(path_, model_, parameters_, {});
  ModelConfig config = tests::small_config("scnn");
  config.channels = {5, 7, 4};
  Parameters other(*backend_, make_model(config), Parameters::Use::inference);
  expect_contains(error_of([&] { load_weights(path_, other); }),
                  {path_.string(), "conv2.weights", "[6, 4, 5]", "[7, 4, 5]"});
  Parameters mlp(*backend_, make_model(tests::small_config("mlp")), Parameters::Use::inference);
  expect_contains(error_of([&] { load_weights(path_, mlp); }),
                  {path_.string(), "dense1.weights", "[12, 12]", "[12, 61]"});
}

TEST_F(Checkpoint, BrokenMetadataIsAnErrorOfTheFile) {
  save_checkpoint(path_, model_, parameters_, {1, 2}, {});
  rewrite("step", "-1");
  expect_contains(error_of([&] { load_checkpoint(path_, parameters_); }), {path_.string(), "step", "-1"});
  rewrite("model", R"({"name": "scnn"})");
  expect_contains(error_of([&] { read_model(path_); }), {"classes"});
  ModelConfig config = model_.config;
  config.name = "vgg";
  rewrite("model", to_json(config));
  expect_contains(error_of([&] { read_model(path_); }), {path_.string(), "vgg"});
}

TEST_F(Checkpoint, NotFiniteNumbersAreNeverWritten) {
  save_checkpoint(path_, model_, parameters_, {1, 2}, {});
  const auto weights = parameters_.download(parameters_.weights());
  for (const Tensor arena : {parameters_.weights(), parameters_.m(), parameters_.v()}) {
    auto values = parameters_.download(arena);
    const float before = values.back();
    values.back() = arena.data == parameters_.m().data ? INFINITY : NAN;
    parameters_.upload(values, arena);
    EXPECT_THROW(save_checkpoint(path_, model_, parameters_, {2, 4}, {}), NotFiniteError);
    values.back() = before;
    parameters_.upload(values, arena);
  }
  Parameters other(*backend_, model_, Parameters::Use::training);
  EXPECT_EQ(load_checkpoint(path_, other).step, 1u);
  EXPECT_EQ(other.download(other.weights()), weights);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace bragg::nn
