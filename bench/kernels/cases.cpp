#include "bench/kernels/cases.h"

#include "bench/kernels/operand_memory.h"
#include "kernels/ops/network_op.h"

namespace bragg::bench {
namespace {

/// An op with memory of its own, which lives as long as whoever holds it.
template <IsOp O>
struct Standing {
  O op;
  OperandMemory memory;

  Standing(Backend& backend, const O& what) : op(what), memory(backend, op) {}
};

/// The op as a library computes it: without dropout or a ReLU's gradient, forward with bias and ReLU or without.
template <IsOp O>
O plain(O op, bool bias_and_relu) {
  if constexpr (requires { op.epilogue; }) {
    op.epilogue.dropout.p = 0;
    op.epilogue.relu = bias_and_relu;
    if (!bias_and_relu) op.epilogue.bias = {};
  }
  if constexpr (requires { op.relu; }) op.relu = {};
  return op;
}

Rows rows_of(const ConstActivations& a) {
  return {const_cast<void*>(a.data), a.dtype, a.N, a.L * a.C, a.item_stride};
}
Rows rows_of(const Backend& backend, ConstTensor weights, const RowsExtent& extent) {
  return {const_cast<void*>(weights.data), weights.dtype, extent.rows, extent.length,
          backend.weight_row_stride(extent.length)};
}

template <typename O>
concept MakesWeightGradient = requires(O op) {
  op.diff_weights;
};
template <typename O>
concept MakesDataGradient = requires(O op) {
  op.diff_src;
};
/// A matrix product that a library has, too.
template <typename O>
concept IsProduct = IsOp<O> && !is_fusion<O>() && requires(O op) {
  op.problem.weights_extent();
};

template <IsProduct O>
constexpr Pass pass_of() {
  if constexpr (MakesWeightGradient<O>) return Pass::backward_weights;
  if constexpr (MakesDataGradient<O>) return Pass::backward_data;
  return Pass::forward;
}

/// What a peer is asked for.
template <IsProduct O>
Product product_of(Backend& backend, const std::shared_ptr<Standing<O>>& standing) {
  const O& op = standing->op;
  const RowsExtent extent = op.problem.weights_extent();
  Product product{op.problem, pass_of<O>(), {}, {}, {}, {}, [&backend, standing](bool bias_and_relu) {
                    backend.run(plain(standing->op, bias_and_relu));
                  }};
  if constexpr (pass_of<O>() == Pass::forward) {
    product.src = rows_of(op.src);
    product.weights = rows_of(backend, op.weights, extent);
    product.dst = rows_of(op.dst);
    product.bias = op.epilogue.bias;
  } else if constexpr (pass_of<O>() == Pass::backward_data) {
    product.src = rows_of(op.diff_src);
    product.weights = rows_of(backend, op.weights, extent);
    product.dst = rows_of(op.diff_dst);
  } else {
    product.src = rows_of(op.src);
    product.weights = rows_of(backend, op.diff_weights, extent);
    product.dst = rows_of(op.diff_dst);
  }
  return product;
}

/// Element types of operands without memory, for the count of bytes.
template <IsOp O>
double bytes_of(const Backend& backend, O op) {
  static std::byte somewhere;
  O::operands(op, [&](const OperandInfo& info, auto& view, const auto&) {
    if (!has_memory(info, backend)) return;
    view.data = &somewhere;
    view.dtype = type_in_memory(info, backend);
  });
  return least_bytes(op);
}

/// Of the op, which has a problem and no memory yet.
template <IsOp O>
Case case_of(const Backend& backend, const std::string& name, const O& op) {
  Case made{name, 0, bytes_of(backend, op), {}, std::nullopt};
  if constexpr (requires { op.problem.flops(); }) made.flops = op.problem.flops();
  if constexpr (IsProduct<O>) made.product = op.problem;
  made.prepare = [op](Backend& b) -> Prepared {
    b.reserve_workspace(b.workspace_bytes(op));
    const auto standing = std::make_shared<Standing<O>>(b, op);
    Prepared prepared{[&b, standing] { b.run(standing->op); }, std::nullopt};
    if constexpr (IsProduct<O>) prepared.product = product_of(b, standing);
    return prepared;
  };
  return made;
}

Epilogue relu_and_dropout(float p) {
  return {.bias = {}, .relu = true, .dropout = {.p = p, .seed = 1, .layer = 1, .state = {}}};
}
ReluGradient through_dropout(float p) {
  return {.src = {}, .p = p};
}

}  // namespace

std::vector<Case> cases_of(const Backend& backend, const Layer& layer) {
  const std::string& name = layer.name;
  if (const auto* conv = std::get_if<Conv1dProblem>(&layer.problem)) {
    const Conv1dProblem& p = *conv;
    return {
        case_of(backend, name + "/forward", Conv1dForward{.problem = p, .epilogue = relu_and_dropout(0.3f)}),
        case_of(backend, name + "/backward_data",
                Conv1dBackwardData{.problem = p, .relu = through_dropout(0.3f)}),
        case_of(backend, name + "/backward_weights", Conv1dBackwardWeights{.problem = p})};
  }
  if (const auto* pool = std::get_if<AvgPool1dProblem>(&layer.problem)) {
    return {case_of(backend, name + "/forward", AvgPool1dForward{.problem = *pool}),
            case_of(backend, name + "/backward",
                    AvgPool1dBackward{.problem = *pool, .relu = through_dropout(0.3f)})};
  }
  const auto& p = std::get<DenseProblem>(layer.problem);
  std::vector<Case> cases{
      case_of(backend, name + "/forward", DenseForward{.problem = p, .epilogue = relu_and_dropout(0.5f)}),
      case_of(backend, name + "/backward_data",
              DenseBackwardData{.problem = p, .relu = through_dropout(0.5f)}),
      case_of(backend, name + "/backward_weights", DenseBackwardWeights{.problem = p})};
  const DenseBackwardWeightsAdam fused{.problem = p,
                                       .adam = {.count = p.out * backend.weight_row_stride(p.in)}};
  if (backend.has(fused)) cases.push_back(case_of(backend, name + "/backward_weights_adam", fused));
  return cases;
}

std::vector<Case> cases_of(const Backend& backend, const std::string& name, const Conv1dProblem& p,
                           const AvgPool1dProblem& pool) {
  const Conv1dPoolForward forward{.problem = p, .pool = pool, .epilogue = relu_and_dropout(0.3f)};
  if (!backend.has(forward)) return {};
  return {case_of(backend, name + "/forward", forward),
          case_of(backend, name + "/backward",
                  AvgPool1dBackwardKept{.problem = pool, .kept = {.words = {}, .p = 0.3f}})};
}

std::vector<Case> cases_of(const Backend& backend, const std::string& name,
                           const SoftmaxCrossEntropyProblem& p) {
  return {case_of(backend, name, SoftmaxCrossEntropy{.problem = p})};
}

std::vector<Case> cases_of(const Backend& backend, const std::string& name, const AdamProblem& p) {
  return {case_of(backend, name, Adam{.problem = p})};
}

}  // namespace bragg::bench
