// What bench_kernels can run: one pass of one op on memory of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/kernels/estimate.h"
#include "bench/kernels/layers.h"
#include "bench/kernels/product.h"
#include "kernels/backend.h"
#include "kernels/ops/passes.h"

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
  /// How a GPU would compute it, for an estimate: asks for memory and runs nothing.
  std::function<Estimated(Backend&)> planned = {};
};

/// The passes of a layer (kernels/ops/passes.h), fused ones where the backend has them: "NAME/forward" ..., or
/// NAME where there is one.
std::vector<Case> cases_of(const Backend&, const Layer&);
/// Of a convolution and the pooling behind it, where the backend fuses them.
std::vector<Case> cases_of(const Backend&, const std::string& name, const Conv1dProblem&,
                           const AvgPool1dProblem&);
/// Of a convolution and the normalisation behind or before it, without dropout, where the backend fuses them.
std::vector<Case> cases_of(const Backend&, const std::string& name, const Conv1dProblem&,
                           const BatchNormProblem&, bool has_addend);

}  // namespace bragg::bench
