#include <fmt/format.h>

#include "kernels/base/error.h"
#include "nn/layers/layer_ops.h"
#include "nn/layers/layers.h"

namespace bragg::nn::layers {
namespace {

class Add final : public Layer {
 public:
  std::string kind() const override { return "add"; }
  std::string text() const override { return "add"; }
  Shape shape(std::span<const Shape> sources) const override {
    const Shape a = sources[0], b = sources[1];
    if (a != b)
      throw UsageError(fmt::format("[model] ({}, {}) cannot be added to ({}, {})", b.L, b.C, a.L, a.C));
    return a;
  }

  void forward(LayerOps& ops) const override {
    const ConstActivations a = ops.src(0);
    ops.run(AddForward{{ops.N(), a.L, a.C}, a, ops.src(1), ops.dst(), {}});
  }
  void backward(LayerOps& ops) const override {
    for (const std::size_t source : {0, 1})
      if (ops.wants_diff_src(source)) ops.diff_src_is_diff_dst(source);
  }
};

}  // namespace

std::shared_ptr<const Layer> add() {
  return std::make_shared<Add>();
}

}  // namespace bragg::nn::layers
