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
  std::string name = "npcnn";                   ///< scnn, npcnn, mlp
  int classes = 230;                            ///< 7 or 230; nn itself takes any >= 2
  std::int64_t points = 8500;                   ///< length of the input
  std::vector<int> channels, kernels, strides;  ///< one per convolution
  std::vector<int> pool_kernels, pool_strides;  ///< one per convolution; scnn only
  double conv_dropout = -1;                     ///< after each convolution; -1: the paper's
  std::vector<int> dense;                       ///< widths of the hidden dense layers
  std::vector<double> dense_dropout;            ///< one per hidden dense layer

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

// The three models of the paper, one file each in models/. make_model() checks what they return.
Model scnn(const ModelConfig&);
Model npcnn(const ModelConfig&);
Model mlp(const ModelConfig&);

/// `given` with everything that it leaves open taken from `paper`. Throws UsageError as make_model().
ModelConfig with_defaults(ModelConfig given, const ModelConfig& paper);
/// The hidden dense layers, the last one, and the head that asks for the class.
void classify(Model&, Value);

/// The config as one line of JSON, as it stands in a model file, and back. Reading throws Error for a field
/// that is missing, unknown or of the wrong type.
std::string to_json(const ModelConfig&);
ModelConfig model_config_from_json(const std::string&);

}  // namespace bragg::nn
