// A residual network for patterns of 1,700 points (5 to 90 degrees in steps of 0.05), with batch normalisation (BN)
// behind every convolution but the last. A stage begins with a convolution that shortens, and goes on in residual
// blocks (He et al. 2016): convolution, BN, ReLU, convolution, BN, plus what came in, ReLU.
//
//             channels  kernel  stride   blocks (kernel 5)   length
//   stage1         48      16       4    1                      425
//   stage2         64       4       2    1                      212
//   stage3         96       4       2    1                      106
//   bottleneck     48       1       1                           106
//             width
//   dense1        768
//   dense2        384
//   heads     classes, and those of more_heads
//
// Dropout 0.3 before each dense layer and the heads. Flattened, not averaged: where a line stands is what is asked.
// Padding keeps L / stride rows of L. 4.50 million parameters with 230 classes and 7.
#include "nn/model.h"

namespace bragg::nn {
namespace {

/// As long as src, divided by the stride.
Value convolved(Graph& g, Value src, int channels, int kernel, int stride) {
  const int padding = kernel > stride ? kernel - stride : 0;
  return g.conv1d(src, {channels, kernel, stride, padding / 2, padding - padding / 2});
}

Value residual(Graph& g, Value src, int kernel, double dropout) {
  const auto channels = static_cast<int>(g[src].shape.C);
  Value x = g.relu(g.batch_norm(convolved(g, src, channels, kernel, 1)));
  x = g.batch_norm(convolved(g, x, channels, kernel, 1));
  return g.relu(g.add(src, x), dropout);
}

}  // namespace

Model resnet(const ModelConfig& given) {
  ModelConfig own;
  own.channels = {48, 64, 96};
  own.kernels = {16, 4, 4};
  own.strides = {4, 2, 2};
  own.blocks = {1, 1, 1};
  own.block_kernel = 5;
  own.bottleneck = 48;
  own.conv_dropout = 0.3;
  own.dense = {768, 384};
  own.dense_dropout = {0.3, 0.3};

  Model model(with_defaults(given, own));
  const ModelConfig& c = model.config;
  Graph& g = model.graph;
  Value x = g.input();
  for (std::size_t i = 0; i < c.channels.size(); ++i) {
    x = g.relu(g.batch_norm(convolved(g, x, c.channels[i], c.kernels[i], c.strides[i])));
    for (int block = 0; block < c.blocks[i]; ++block) {
      const bool is_last = c.bottleneck == 0 && i + 1 == c.channels.size() && block + 1 == c.blocks[i];
      x = residual(g, x, c.block_kernel, is_last ? c.conv_dropout : 0);
    }
  }
  if (c.bottleneck > 0) x = g.relu(g.conv1d(x, {c.bottleneck, 1}), c.conv_dropout);
  classify(model, x);
  return model;
}

}  // namespace bragg::nn
