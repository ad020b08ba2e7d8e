#include <fmt/format.h>

#include "nn/layers/layer_ops.h"
#include "nn/layers/layers.h"
#include "nn/layers/window.h"

namespace bragg::nn::layers {
namespace {

class Conv1d final : public Layer {
 public:
  explicit Conv1d(const Conv1dShape& s) : s_(s) {}

  std::string kind() const override { return "conv"; }
  std::string text() const override {
    return fmt::format("conv {} kernel {} stride {}{}", s_.channels, s_.kernel, s_.stride,
                       padding_text(s_.pad_before, s_.pad_after));
  }
  Shape shape(std::span<const Shape> sources) const override {
    require_window("convolution", s_.kernel, s_.pad_before, s_.pad_after, sources[0].L);
    const Conv1dProblem p = problem(1, sources[0]);
    p.validate();
    return {p.L_out(), p.C_out};
  }
  std::vector<LayerParameter> parameters(std::span<const Shape> sources) const override {
    const std::int64_t C = sources[0].C, fan_in = s_.kernel * C;
    return {{"weights", ParameterRole::weights, {s_.channels, s_.kernel, C}, fan_in},
            {"bias", ParameterRole::bias, {s_.channels}, fan_in}};
  }

  void forward(LayerOps& ops) const override {
    ops.run(Conv1dForward{problem(ops), ops.src(), ops.rounded(0), ops.dst(), {ops.precise(1), false, {}}});
  }
  void backward(LayerOps& ops) const override {
    ops.run(Conv1dBackwardWeights{problem(ops), ops.src(), ops.diff_dst(), ops.diff(0), ops.diff(1)});
    if (ops.wants_diff_src())
      ops.run(Conv1dBackwardData{problem(ops), ops.diff_dst(), ops.rounded(0), ops.diff_src(), {}});
  }

 private:
  Conv1dProblem problem(std::int64_t N, const Shape& src) const {
    return {N, src.L, src.C, s_.channels, s_.kernel, s_.stride, s_.pad_before, s_.pad_after};
  }
  Conv1dProblem problem(const LayerOps& ops) const { return problem(ops.N(), {ops.src().L, ops.src().C}); }

  Conv1dShape s_;
};

}  // namespace

std::shared_ptr<const Layer> conv1d(const Conv1dShape& shape) {
  return std::make_shared<Conv1d>(shape);
}

}  // namespace bragg::nn::layers
