// The models with few parameters: every kind of layer, odd sizes, strides that do not divide the
// lengths.
#pragma once

#include "nn/model.h"

namespace bragg::tests {

/// Lengths: SCNN 61 > 29 > 14 > 11 > 10 > 4 > 3, flat 12; NPCNN 61 > 29 > 26 > 12, flat 48.
inline nn::ModelConfig small_config(const std::string& name, int classes = 5) {
  nn::ModelConfig c;
  c.name = name;
  c.classes = classes;
  c.points = 61;
  c.dense = {12, 10};
  if (name == "mlp") {
    c.dense_dropout = {0.4, 0.2};
    return c;
  }
  c.channels = {5, 6, 4};
  c.kernels = {5, 4, 3};
  c.strides = {2, 1, 2};
  if (name == "resnet") {
    c.block_kernel = 3;
    c.bottleneck = 3;
  }
  if (name == "scnn") {
    c.pool_kernels = {3, 2, 2};
    c.pool_strides = {2, 1, 1};
  }
  return c;
}

/// What layers of a kind make, in order.
inline std::vector<nn::Value> values_of_kind(const nn::Graph& graph, const std::string& kind) {
  std::vector<nn::Value> found;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i)
    if (const auto& layer = graph.nodes()[i].layer; layer && layer->kind() == kind) found.push_back({i});
  return found;
}

}  // namespace bragg::tests
