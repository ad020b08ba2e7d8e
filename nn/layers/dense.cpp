#include <fmt/format.h>

#include "nn/layers/layer_ops.h"
#include "nn/layers/layers.h"

namespace bragg::nn::layers {
namespace {

class Dense final : public Layer {
 public:
  explicit Dense(std::int64_t width) : width_(width) {}

  std::string kind() const override { return "dense"; }
  std::string text() const override { return fmt::format("dense {}", width_); }
  Shape shape(std::span<const Shape> sources) const override {
    DenseProblem{1, in(sources), width_}.validate();
    return {1, width_};
  }
  std::vector<LayerParameter> parameters(std::span<const Shape> sources) const override {
    return {{"weights", ParameterRole::dense_weights, {width_, in(sources)}, in(sources)},
            {"bias", ParameterRole::bias, {width_}, in(sources)}};
  }

  void forward(LayerOps& ops) const override {
    ops.run(DenseForward{
        problem(ops), flattened(ops.src()), ops.rounded(0), ops.dst(), {ops.precise(1), false, {}}});
  }
  void backward(LayerOps& ops) const override {
    if (ops.wants_diff_src())
      ops.run(DenseBackwardData{problem(ops), ops.diff_dst(), ops.rounded(0), flattened(ops.diff_src()), {}});
    ops.run(
        DenseBackwardWeights{problem(ops), flattened(ops.src()), ops.diff_dst(), ops.diff(0), ops.diff(1)});
  }

 private:
  static std::int64_t in(std::span<const Shape> sources) { return sources[0].L * sources[0].C; }
  DenseProblem problem(const LayerOps& ops) const { return {ops.N(), ops.src().L * ops.src().C, width_}; }

  std::int64_t width_;
};

}  // namespace

std::shared_ptr<const Layer> dense(std::int64_t width) {
  return std::make_shared<Dense>(width);
}

}  // namespace bragg::nn::layers
