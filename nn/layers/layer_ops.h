// What the rule of a layer works with: its operands in memory that is yet to be planned, and a place for its
// ops.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/epilogue.h"
#include "kernels/ops/network_op.h"
#include "nn/layers/layer.h"

namespace bragg::nn {

/// Of one layer of one network. Numbers of sources and parameters count from 0.
class LayerOps {
 public:
  virtual ~LayerOps() = default;

  virtual std::int64_t N() const = 0;  ///< patterns of a batch
  virtual Mode mode() const = 0;

  virtual ConstActivations src(std::size_t source = 0) const = 0;
  virtual Activations dst() const = 0;
  /// The gradient of dst, whole: all readers have added theirs.
  virtual ConstActivations diff_dst() = 0;
  virtual bool wants_diff_src(std::size_t source = 0) const = 0;
  /// Where this reader's share of the source's gradient goes.
  virtual Activations diff_src(std::size_t source = 0) = 0;
  /// This reader's share of the source's gradient is diff_dst itself.
  virtual void diff_src_is_diff_dst(std::size_t source) = 0;

  virtual ConstTensor rounded(std::size_t parameter) const = 0;  ///< of the element type, for products
  virtual ConstTensor precise(std::size_t parameter) const = 0;
  virtual Tensor diff(std::size_t parameter) const = 0;
  virtual Tensor statistic(std::size_t parameter) const = 0;  ///< of the role statistic
  /// `count` numbers of the precise type that forward ops leave for backward ops: the same for the same `which`.
  virtual Tensor left_for_backward(std::size_t which, std::int64_t count) = 0;
  /// The next dropout of the network; none (p = 0) but in training.
  virtual Dropout next_dropout(double p) = 0;

  virtual void run(const NetworkOp&) = 0;
};

}  // namespace bragg::nn
