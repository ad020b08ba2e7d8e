// A run of a trainer on a small model, and what it left behind.
#pragma once

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kernels/base/safetensors.h"
#include "nn/trainer.h"
#include "tests/nn/small_models.h"
#include "tests/nn/table_source.h"
#include "tests/support/temporary_folder.h"

namespace bragg::nn {

inline std::string content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The lines of metrics.jsonl without what a clock decides.
inline std::vector<std::string> metrics(const std::filesystem::path& folder) {
  std::ifstream in(folder / "metrics.jsonl");
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(in, line)) {
    auto json = nlohmann::json::parse(line);
    EXPECT_TRUE(json.at("elapsed_s").is_number());
    json.erase("elapsed_s");
    json.erase("patterns_per_s");
    lines.push_back(json.dump());
  }
  return lines;
}

/// Weights and moments, bit for bit.
inline std::map<std::string, std::string> tensors(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  std::map<std::string, std::string> all;
  for (const auto& [name, info] : file.tensors())
    all[name] = {reinterpret_cast<const char*>(info.bytes.data()), info.bytes.size()};
  return all;
}

class TrainerTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }

  TrainOptions options() const {
    TrainOptions o;
    o.batch = 6;
    o.steps = 24;
    o.learning_rate = 1e-3;
    o.seed = 9;
    o.log_every = 5;
    o.evaluate_every = 8;
    o.save_every = 3;
    return o;
  }

  TrainResult run(const std::string& out, const TrainOptions& o, bool resume,
                  const std::function<bool()>& stop = {}, BatchSource* source = nullptr) {
    auto train = tests::test_source(61, 5, 40, SampleRowsProblem::Order::uniform, 9);
    auto held_out = tests::test_source(61, 5, 10, SampleRowsProblem::Order::sequential, 10);
    Trainer trainer(*backend_, model_, o, source ? *source : train, &held_out, {{"recipe", "test"}},
                    folder_ / out);
    return trainer.run(resume, stop);
  }

  void expect_the_bits_of_an_uninterrupted_run();
  void expect_the_same_bits_for_any_number_of_threads();

  std::unique_ptr<Backend> backend_ = make_backend({"cpu", 2, ""});
  Model model_ = make_model(tests::small_config("scnn"));
  tests::TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_ / "run";
};

/// Asks for a stop at the n-th question.
inline std::function<bool()> stop_at(int n) {
  return [n, asked = 0]() mutable { return ++asked == n; };
}

/// Gives good batches up to a step, then one that makes the loss NaN.
class PoisonedSource : public tests::TableSource {
 public:
  PoisonedSource(tests::TableSource good, std::uint64_t bad_step)
      : tests::TableSource(std::move(good)), bad_step_(bad_step) {}
  void plan(Backend& backend, std::int64_t N) override {
    tests::TableSource::plan(backend, N);
    const float nan = NAN;
    nan_ = backend.allocate(size_of(backend.element_type()));
    backend.upload(std::span(&nan, 1), {nan_.data(), backend.element_type()});
  }
  bool prepare(Backend&, const StepState& state) override {
    const bool was_bad = std::exchange(bad_, state.step == bad_step_);
    return bad_ != was_bad;
  }
  void enqueue(Backend& backend, ConstTensor state, const Activations& patterns, Tensor labels) override {
    tests::TableSource::enqueue(backend, state, patterns, labels);
    if (bad_) backend.copy(nan_.data(), patterns.data, size_of(patterns.dtype));
  }

 private:
  std::uint64_t bad_step_;
  bool bad_ = false;
  Buffer nan_;
};

}  // namespace bragg::nn
