// Models: what a config may say, and the graph that comes of it. Weights and memory come later (parameters.h,
// network.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nn/graph.h"

namespace bragg::nn {

/// What a config may say about a model. Empty lists mean the paper's values; defaults() fills them in.
struct ModelConfig {
  std::string name = "npcnn";                   ///< scnn, npcnn, mlp, resnet
  int classes = 230;                            ///< 7 or 230; nn itself takes any >= 2
  std::int64_t points = 8500;                   ///< length of the input
  std::vector<int> channels, kernels, strides;  ///< one per convolution; resnet: one per stage
  std::vector<int> pool_kernels, pool_strides;  ///< one per convolution; scnn only
  double conv_dropout = -1;           ///< after each convolution (resnet: the last); -1: the paper's
  std::vector<int> dense;             ///< widths of the hidden dense layers
  std::vector<double> dense_dropout;  ///< one per hidden dense layer
  std::vector<int> blocks;            ///< residual blocks, one per stage; resnet only
  int block_kernel = 0;               ///< of their convolutions; 0: the model's own; resnet only
  /// Channels of a last convolution of kernel 1, 0: none, -1: the model's own; resnet only.
  int bottleneck = -1;
  /// Questions beside the class, which their tables know by it.
  std::vector<Head> more_heads;

  bool operator==(const ModelConfig&) const = default;
};

struct Model {
  ModelConfig config;  ///< complete
  Graph graph;

  explicit Model(const ModelConfig& complete) : config(complete), graph(complete.points) {}
};

/// Throws UsageError for an unknown name (with the nearest one), lists of unequal length, a number out of
/// range, a list that the model has no use for, or a layer that does not fit.
Model make_model(const ModelConfig&);
const std::vector<std::string>& model_names();

// The models, one file each in models/; the first three are the paper's.
Model scnn(const ModelConfig&);
Model npcnn(const ModelConfig&);
Model mlp(const ModelConfig&);
Model resnet(const ModelConfig&);

/// `given` with everything that it leaves open taken from `paper`. Throws UsageError as make_model().
ModelConfig with_defaults(ModelConfig given, const ModelConfig& paper);
/// The hidden dense layers, and for the class and each of more_heads a last one and the head that asks for it.
void classify(Model&, Value);

/// The config as one line of JSON, as it stands in a model file, and back. What only some models have stands there
/// for those alone. Reading throws Error for a field that is missing, unknown or of the wrong type.
std::string to_json(const ModelConfig&);
ModelConfig model_config_from_json(const std::string&);

}  // namespace bragg::nn
