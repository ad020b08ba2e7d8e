// The whole program on the emulated GPU: what it reads on the host it has to download, what a run leaves
// behind is what a run on the CPU leaves, and either goes on from the other's checkpoint.
#include <cmath>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/patterns/pattern_set.h"
#include "tests/apps/run_bragg.h"
#include "tests/data/test_crystals.h"
#include "tests/support/compare.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

using nlohmann::json;

class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    write_text(path("salts.cif"), rock_salt_cif("a") + rock_salt_cif("b"));
    write_text(path("config.toml"),
               "[model]\nname = \"npcnn\"\nclasses = 7\nchannels = [3, 4, 5]\ndense = [6, 5]\n"
               "[data]\ncrystals = \"" +
                   path("set.safetensors") +
                   "\"\nrecipe = \"mixed\"\nholdout = 0\n"
                   "[train]\nbatch = 2\nsteps = 2\nlog_every = 1\n");
    run({"crystals", "import", path("salts.cif"), "-o", path("set.safetensors")});
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  RunResult run(const std::vector<std::string>& arguments) const {
    RunResult result = run_bragg(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return result;
  }
  void train(const std::string& device, const std::string& out, const std::string& steps, bool resume,
             const std::string& precision = "fp32", const std::string& synthetic = "0") const {
    std::vector<std::string> arguments{"train",    path("config.toml"),
                                       "--set",    "train.steps=" + steps,
                                       "--set",    "train.precision=" + precision,
                                       "--set",    "data.synthetic=" + synthetic,
                                       "--device", device,
                                       "--out",    path(out)};
    if (resume) arguments.emplace_back("--resume");
    run(arguments);
  }
  std::vector<double> losses(const std::string& out) const {
    std::ifstream file(path(out + "/metrics.jsonl"));
    std::vector<double> values;
    for (std::string line; std::getline(file, line);)
      if (const json metrics = json::parse(line); metrics.contains("loss")) values.push_back(metrics["loss"]);
    return values;
  }

  TemporaryFolder folder_;
};

TEST_F(Program, TrainsAndAnswersAsOnTheCpu) {
  train("cpu", "cpu", "2", false);
  train("cuda", "cuda", "2", false);
  const std::vector<double> expected = losses("cpu"), got = losses("cuda");
  ASSERT_EQ(expected.size(), 2u);
  ASSERT_EQ(got.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_NEAR(got[i], expected[i], 1e-4);

  train("cuda", "cpu", "3", true);
  train("cpu", "cuda", "3", true);
  EXPECT_NEAR(losses("cpu").at(2), losses("cuda").at(2), 1e-4);

  run({"simulate", path("set.safetensors"), "--recipe", "set3", "--device", "cuda", "-o",
       path("gpu.safetensors")});
  run({"simulate", path("set.safetensors"), "--recipe", "set3", "--device", "cpu", "-o",
       path("cpu.safetensors")});
  const data::PatternSet on_device(path("gpu.safetensors")), on_host(path("cpu.safetensors"));
  ASSERT_EQ(on_device.size(), on_host.size());
  for (std::int64_t i = 0; i < on_host.size(); ++i) {
    const std::vector<float> drawn = on_device.pattern(i), same = on_host.pattern(i);
    EXPECT_TRUE(within(std::vector<double>(drawn.begin(), drawn.end()),
                       std::vector<double>(same.begin(), same.end()), 2e-5));
  }

  const auto answer = [&](const char* device) {
    const RunResult result = run({"predict", path("gpu.safetensors"), "--model",
                                  path("cuda/model.safetensors"), "--json", "--device", device});
    return json::parse(result.out.substr(0, result.out.find('\n')));
  };
  const json on_gpu = answer("cuda"), on_cpu = answer("cpu");
  ASSERT_EQ(on_gpu["crystal_system"].size(), 7u);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(on_gpu["crystal_system"][i]["name"], on_cpu["crystal_system"][i]["name"]);
    EXPECT_NEAR(on_gpu["crystal_system"][i]["probability"],
                on_cpu["crystal_system"][i]["probability"].get<double>(), 1e-5);
  }
  run({"evaluate", path("cuda/model.safetensors"), path("gpu.safetensors"), "--neighbours",
       path("cpu.safetensors"), "--device", "cuda"});
}

// Made in the background on the device, between the steps on the CPU.
TEST_F(Program, TrainsOnSyntheticCrystals) {
  train("cpu", "cpu", "4", false, "fp32", "0.7");
  train("cuda", "cuda", "4", false, "fp32", "0.7");
  const std::vector<double> expected = losses("cpu"), got = losses("cuda");
  ASSERT_EQ(expected.size(), 4u);
  ASSERT_EQ(got.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(got[i], expected[i], 1e-4);
}

// Rows of an odd length, their padding on the device: a checkpoint knows nothing of it. A CPU without
// AVX512-BF16 goes on in fp32.
TEST_F(Program, TrainsInBf16) {
  train("cpu", "cpu", "2", false, "bf16");
  train("cuda", "gpu", "2", false, "bf16");
  const std::vector<double> expected = losses("cpu"), got = losses("gpu");
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_NEAR(got.at(i), expected.at(i), 5e-3);
  train("cpu", "gpu", "3", true, "bf16");
  train("cuda", "cpu", "3", true, "bf16");
  EXPECT_NEAR(losses("cpu").at(2), losses("gpu").at(2), 5e-3);
}

TEST_F(Program, SaysWhereItRuns) {
  EXPECT_NE(run({"info", "--device", "cuda"}).out.find("emulated on the host"), std::string::npos);
  const std::string plan = run({"info", "--device", "cuda", "--plan", path("config.toml")}).out;
  EXPECT_NE(plan.find("conv1: conv1d_forward N 2 "), std::string::npos) << plan;
  EXPECT_NE(plan.find("\n    simt fp32, tile "), std::string::npos) << plan;
}

}  // namespace
}  // namespace bragg::tests
