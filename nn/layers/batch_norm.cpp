// Batch normalisation. In inference the product before it takes it in (fuse.h), so that it seldom runs alone.
#include "nn/layers/layer_ops.h"
#include "nn/layers/layers.h"

namespace bragg::nn::layers {
namespace {

class BatchNorm final : public Layer {
 public:
  std::string kind() const override { return "batch_norm"; }
  std::string text() const override { return "batch_norm"; }
  Shape shape(std::span<const Shape> sources) const override { return sources[0]; }
  std::vector<LayerParameter> parameters(std::span<const Shape> sources) const override {
    const std::vector<std::int64_t> channels{sources[0].C};
    std::vector<LayerParameter> all(4);
    all[scale] = {"scale", ParameterRole::scale, channels, 0, 1};
    all[shift] = {"shift", ParameterRole::shift, channels, 0, 0};
    all[running_mean] = {"running_mean", ParameterRole::statistic, channels, 0, 0};
    all[running_variance] = {"running_variance", ParameterRole::statistic, channels, 0, 1};
    return all;
  }

  void forward(LayerOps& ops) const override {
    BatchNormProblem p = problem(ops);
    if (ops.mode() == Mode::inference) {
      ops.run(BatchNormInference{.problem = p,
                                 .src = ops.src(),
                                 .scale = ops.precise(scale),
                                 .shift = ops.precise(shift),
                                 .running_mean = ops.statistic(running_mean),
                                 .running_variance = ops.statistic(running_variance),
                                 .dst = ops.dst()});
      return;
    }
    if (ops.mode() == Mode::statistics) p.momentum = 1;
    ops.run(BatchNormForward{.problem = p,
                             .src = ops.src(),
                             .scale = ops.precise(scale),
                             .shift = ops.precise(shift),
                             .dst = ops.dst(),
                             .mean = ops.left_for_backward(mean, p.C),
                             .inverse_deviation = ops.left_for_backward(inverse_deviation, p.C),
                             .running_mean = ops.statistic(running_mean),
                             .running_variance = ops.statistic(running_variance)});
  }
  void backward(LayerOps& ops) const override {
    const BatchNormProblem p = problem(ops);
    ops.run(BatchNormBackward{.problem = p,
                              .src = ops.src(),
                              .diff_dst = ops.diff_dst(),
                              .scale = ops.precise(scale),
                              .mean = ops.left_for_backward(mean, p.C),
                              .inverse_deviation = ops.left_for_backward(inverse_deviation, p.C),
                              .diff_src = ops.wants_diff_src() ? ops.diff_src() : Activations{},
                              .diff_scale = ops.diff(scale),
                              .diff_shift = ops.diff(shift)});
  }

 private:
  enum Parameter : std::size_t { scale, shift, running_mean, running_variance };
  enum Left : std::size_t { mean, inverse_deviation };

  static BatchNormProblem problem(const LayerOps& ops) {
    return {.N = ops.N(), .L = ops.src().L, .C = ops.src().C};
  }
};

}  // namespace

std::shared_ptr<const Layer> batch_norm() {
  return std::make_shared<BatchNorm>();
}

}  // namespace bragg::nn::layers
