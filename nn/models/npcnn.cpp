// NPCNN, the no-pooling CNN of Salgado et al. 2023 ("Deep learning architecture"):
//
//           channels  kernel  stride   dropout
//   conv1         80     100       5       0.3
//   conv2         80      50       5       0.3
//   conv3         80      25       2       0.3
//              width
//   dense1      2300                       0.5
//   dense2      1150                       0.5
//   dense3   classes
//
// Lengths: 8500 > 1681 > 327 > 152, flat 12160.
#include "nn/model.h"

namespace bragg::nn {

Model npcnn(const ModelConfig& given) {
  ModelConfig paper;
  paper.channels = {80, 80, 80};
  paper.kernels = {100, 50, 25};
  paper.strides = {5, 5, 2};
  paper.conv_dropout = 0.3;
  paper.dense = {2300, 1150};
  paper.dense_dropout = {0.5, 0.5};

  Model model(with_defaults(given, paper));
  const ModelConfig& c = model.config;
  Graph& g = model.graph;
  Value x = g.input();
  for (std::size_t i = 0; i < c.channels.size(); ++i)
    x = g.relu(g.conv1d(x, {c.channels[i], c.kernels[i], c.strides[i]}), c.conv_dropout);
  classify(model, x);
  return model;
}

}  // namespace bragg::nn
