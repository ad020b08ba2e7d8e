// A small set of crystals and a config that trains on it in a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/apps/run_bragg.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {

class TrainFixture : public ::testing::Test {
 protected:
  /// salts.safetensors (17 crystals) and run.toml (30 steps) in `folder`.
  void SetUp() override;

  /// Of `bragg train run.toml --out OUT`.
  std::vector<std::string> arguments(const std::string& out, const std::vector<std::string>& more) const;
  RunResult train(const std::string& out, const std::vector<std::string>& more = {}) const;
  /// `bragg train --resume --out OUT`: no config.
  RunResult resume(const std::string& out, const std::vector<std::string>& more = {}) const;

  /// Name to bytes of the tensors of a file of a run.
  std::map<std::string, std::vector<std::byte>> weights(const std::string& out,
                                                        const std::string& file = "model.safetensors") const;
  /// Of the checkpoint.
  std::int64_t step(const std::string& out) const;
  /// Every file of a folder with its bytes, to see that nothing changed.
  std::map<std::string, std::string> contents(const std::string& out) const;

  const TemporaryFolder folder;
};

/// Waits until the run has logged a step.
void wait_for_a_step(RunningBragg& run, const std::filesystem::path& metrics);

}  // namespace bragg::tests
