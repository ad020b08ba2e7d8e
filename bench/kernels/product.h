// One pass of a layer as bragg computes it on a backend's memory: what a peer is held against.
#pragma once

#include <functional>
#include <variant>
#include <vector>

#include "bench/kernels/gemm.h"
#include "kernels/backend.h"

namespace bragg::bench {

/// Calls the op once; owns its memory.
using Run = std::function<void()>;

/// `count` rows of `length` elements in a backend's memory, `stride` elements apart.
struct Rows {
  void* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t count = 0, length = 0, stride = 0;
};

inline Rows rows_of(const Activations& a) {
  return {a.data, a.dtype, a.N, a.L * a.C, a.item_stride};
}

/// Without what lies between the rows.
std::vector<float> download(Backend&, const Rows&);
/// The rows from such numbers; what lies between them is left.
void upload(Backend&, const std::vector<float>& packed, const Rows&);

using ProductProblem = std::variant<Conv1dProblem, DenseProblem>;

struct Product {
  ProductProblem problem;
  Pass pass;
  /// (N, L_in C_in), (C_out, kernel C_in), (N, L_out C_out), of a dense layer (N, in), (out, in), (N, out).
  /// The one that the pass computes is the gradient of that name, or dst.
  Rows src, weights, dst;
  ConstTensor bias;  ///< forward
  /// The op as a library computes it: without dropout or a ReLU's gradient, forward with bias and ReLU or
  /// without.
  std::function<void(bool bias_and_relu)> plain;

  const Rows& result() const {
    return pass == Pass::forward ? dst : pass == Pass::backward_data ? src : weights;
  }
};

}  // namespace bragg::bench
