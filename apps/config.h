// The config of a training run: TOML, every key with a default, unknown ones refused.
//
//   [model]  name = "npcnn"      scnn, npcnn or mlp
//            classes = 230       230 space groups or 7 crystal systems
//            channels, kernels, strides, pool_strides = [..]   one per convolution; pool_strides: scnn only
//            dense = [..]        widths of the hidden dense layers
//            dropout = p or [..] p everywhere, or [after the convolutions, one per hidden dense layer]; mlp:
//            the latter
//   [data]   crystals = "SET.safetensors" or [..]   drawn on the fly; or
//            patterns = "PATTERNS.safetensors"      stored
//            recipe = "baseline"  a name or a TOML file; with crystals
//            shares = [..]        with several sets of crystals: how often each is drawn; by their size
//            group_exponent = 1   a space group is drawn as often as it has structures to this power: 1 by
//                                 structure, 0 every group alike
//            measured = "PATTERNS.safetensors"      measured patterns, for the share that the recipe says
//            synthetic = 0        share of the simulated patterns whose crystals never existed; each is used
//                                 once: pattern i is of what `crystals generate` makes as number i from the
//                                 same structures and seed: evaluate on sets of another one
//            synthetic_group_exponent = 1           as group_exponent, of those: 0 is all 230 groups alike
//            holdout = 0.1        share of structures (patterns: groups) that is kept for evaluation
//            split_seed = 1       decides which; the held-out patterns are drawn with it, too
//   [train]  batch = 256, steps = 500000, learning_rate = 1e-4, seed = 1, precision = "fp32", log_every = 20,
//            evaluate_every = 1000 (0: at the end only)
//
// Paths are relative to the working directory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/model.h"
#include "nn/trainer.h"

namespace bragg::apps {

struct TrainConfig {
  nn::ModelConfig model;        ///< `points` comes from the data, see resolve()
  std::vector<double> dropout;  ///< as given; empty: the paper's
  bool one_dropout = false;     ///< it was one number
  std::vector<std::string> crystals;
  std::string patterns;
  std::string recipe = "baseline";
  std::vector<double> shares;
  double group_exponent = 1;
  std::string measured;
  double synthetic = 0;
  double synthetic_group_exponent = 1;
  double holdout = 0.1;
  std::uint32_t split_seed = 1;
  nn::TrainOptions train;
  std::string precision = "fp32";
};

/// Reads a config file, then `key=value` assignments with dotted keys and TOML values (a bare word is a
/// string). Throws UsageError with file and line, or the assignment, for grammar, an unknown key (naming the
/// nearest), a wrong type and a value out of range.
TrainConfig load_config(const std::string& path, const std::vector<std::string>& assignments = {});
TrainConfig parse_config(std::string_view toml, const std::string& source,
                         const std::vector<std::string>& assignments = {});

/// Makes the config complete for data of `points` points: the model's defaults filled in and checked, paths
/// absolute.
void resolve(TrainConfig&, std::int64_t points);

/// Every key with its value in TOML, in the order of the comment above; of a resolved config.
std::vector<std::pair<std::string, std::string>> entries(const TrainConfig&);
/// A file that load_config() reads back to the same config.
std::string to_toml(const TrainConfig&);

}  // namespace bragg::apps
