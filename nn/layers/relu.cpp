// ReLU with dropout behind it. Most ops store through it (Epilogue), so that it seldom runs alone (fuse.h).
#include <fmt/format.h>

#include "kernels/base/error.h"
#include "nn/layers/layer_ops.h"
#include "nn/layers/layers.h"

namespace bragg::nn::layers {
namespace {

class Relu final : public Layer {
 public:
  explicit Relu(double dropout) : dropout_(dropout) {
    if (!(dropout >= 0 && dropout < 1))
      throw UsageError(fmt::format("[model] dropout {} outside [0, 1)", dropout));
  }

  std::string kind() const override { return "relu"; }
  std::string text() const override {
    return dropout_ > 0 ? fmt::format("relu, dropout {}", dropout_) : "relu";
  }
  Shape shape(std::span<const Shape> sources) const override { return sources[0]; }

  void forward(LayerOps& ops) const override {
    ops.run(AddForward{problem(ops), ops.src(), {}, ops.dst(), {{}, true, ops.next_dropout(dropout_)}});
  }
  void backward(LayerOps& ops) const override {
    if (ops.wants_diff_src())
      ops.run(AddBackward{
          problem(ops), ops.diff_dst(), {}, ops.diff_src(), {ops.dst(), static_cast<float>(dropout_)}});
  }

 private:
  static AddProblem problem(const LayerOps& ops) { return {ops.N(), ops.src().L, ops.src().C}; }

  double dropout_;
};

}  // namespace

std::shared_ptr<const Layer> relu(double dropout) {
  return std::make_shared<Relu>(dropout);
}

}  // namespace bragg::nn::layers
