// All kinds of layers: what a new one adds a line to.
#pragma once

#include <cstdint>
#include <memory>

#include "nn/layers/layer.h"

namespace bragg::nn {

/// Windows of `kernel` values moved by `stride`, with zeros before and after the pattern.
struct Conv1dShape {
  std::int64_t channels, kernel, stride = 1;
  std::int64_t pad_before = 0, pad_after = 0;
};
struct AvgPool1dShape {
  std::int64_t kernel, stride = 1;
  std::int64_t pad_before = 0, pad_after = 0;
};

namespace layers {

std::shared_ptr<const Layer> conv1d(const Conv1dShape&);
std::shared_ptr<const Layer> avg_pool1d(const AvgPool1dShape&);
std::shared_ptr<const Layer> batch_norm();
std::shared_ptr<const Layer> dense(std::int64_t width);
std::shared_ptr<const Layer> relu(double dropout);
std::shared_ptr<const Layer> add();

}  // namespace layers
}  // namespace bragg::nn
