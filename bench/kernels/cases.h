// What bench_kernels can run: one pass of one op on memory of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/kernels/layers.h"
#include "bench/kernels/product.h"
#include "kernels/backend.h"
#include "kernels/ops/adam.h"
#include "kernels/ops/softmax_cross_entropy.h"

namespace bragg::bench {

/// An op on memory.
struct Prepared {
  Run run;
  std::optional<Product> product = std::nullopt;  ///< where it is one that a peer can be asked for
};

struct Case {
  std::string name;  ///< "scnn/conv2/forward"
  double flops = 0;  ///< of the products alone; 0 where there are none
  double bytes = 0;  ///< least that the op reads and writes; 0: not counted
  std::function<Prepared(Backend&)> prepare;
  std::optional<ProductProblem> product = std::nullopt;  ///< that of Prepared::product
};

/// Passes by name: forward, backward_data, backward_weights (dense also backward_weights_adam where the
/// backend fuses it), backward (pooling), or all of an op's.
std::vector<Case> cases_of(const Backend&, const Layer&);
/// A convolution and the pooling behind it, forward and the pooling's backward, where the backend fuses them.
std::vector<Case> cases_of(const Backend&, const std::string& name, const Conv1dProblem&,
                           const AvgPool1dProblem&);
std::vector<Case> cases_of(const Backend&, const std::string& name, const SoftmaxCrossEntropyProblem&);
std::vector<Case> cases_of(const Backend&, const std::string& name, const AdamProblem&);

}  // namespace bragg::bench
