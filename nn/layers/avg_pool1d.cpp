#include <fmt/format.h>

#include "nn/layers/layer_ops.h"
#include "nn/layers/layers.h"
#include "nn/layers/window.h"

namespace bragg::nn::layers {
namespace {

class AvgPool1d final : public Layer {
 public:
  explicit AvgPool1d(const AvgPool1dShape& s) : s_(s) {}

  std::string kind() const override { return "avg_pool"; }
  std::string text() const override {
    return fmt::format("avg_pool kernel {} stride {}{}", s_.kernel, s_.stride,
                       padding_text(s_.pad_before, s_.pad_after));
  }
  Shape shape(std::span<const Shape> sources) const override {
    require_window("pool", s_.kernel, s_.pad_before, s_.pad_after, sources[0].L);
    const AvgPool1dProblem p = problem(1, sources[0]);
    p.validate();
    return {p.L_out(), p.C};
  }

  void forward(LayerOps& ops) const override {
    ops.run(AvgPool1dForward{problem(ops), ops.src(), ops.dst()});
  }
  void backward(LayerOps& ops) const override {
    if (ops.wants_diff_src()) ops.run(AvgPool1dBackward{problem(ops), ops.diff_dst(), ops.diff_src(), {}});
  }

 private:
  AvgPool1dProblem problem(std::int64_t N, const Shape& src) const {
    return {N, src.L, src.C, s_.kernel, s_.stride, s_.pad_before, s_.pad_after};
  }
  AvgPool1dProblem problem(const LayerOps& ops) const { return problem(ops.N(), {ops.src().L, ops.src().C}); }

  AvgPool1dShape s_;
};

}  // namespace

std::shared_ptr<const Layer> avg_pool1d(const AvgPool1dShape& shape) {
  return std::make_shared<AvgPool1d>(shape);
}

}  // namespace bragg::nn::layers
