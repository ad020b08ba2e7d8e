#include "bench/kernels/cases.h"

#include <cstdio>

#include "bench/kernels/operand_memory.h"
#include "kernels/ops/passes.h"

namespace bragg::bench {
namespace {

/// An op with memory of its own, which lives as long as whoever holds it.
template <IsOp O>
struct Standing {
  O op;
  OperandMemory memory;

  Standing(Backend& backend, const O& what, const std::vector<std::string>& without,
           Contents contents = Contents::random)
      : op(what), memory(backend, op, without, contents) {}
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
double bytes_of(const Backend& backend, O op, const std::vector<std::string>& without) {
  static std::byte somewhere;
  O::operands(op, [&](const OperandInfo& info, auto& view, const auto&) {
    if (!has_memory(info, backend) || is_left_out(info, without)) return;
    view.data = &somewhere;
    view.dtype = type_in_memory(info, backend);
  });
  return least_bytes(op);
}

/// How the names of the compiled stores of an op's products begin (kernels/cuda/gemm).
template <IsOp O>
std::string store_of(const O& op) {
  if constexpr (std::is_same_v<O, DenseBackwardWeightsAdam>) {
    return "AdamStore<true>";
  } else if constexpr (std::is_same_v<O, Conv1dBatchNormForward>) {
    return "OctetSumsStore";
  } else if constexpr (std::is_same_v<O, Conv1dBatchNormBackward>) {
    return op.factor ? "OctetGradientSumsStore<true>" : "OctetGradientSumsStore<false>";
  } else if constexpr (std::is_same_v<O, Conv1dNormalisedBackwardWeights>) {
    return "TransposedStore";
  } else if constexpr (!IsProduct<O>) {
    return "";
  } else if constexpr (pass_of<O>() == Pass::forward) {
    if (op.epilogue.dropout.p <= 0) return "OctetForwardStore<(Draws)0>";
    if constexpr (std::is_same_v<O, Conv1dForward>)
      if (op.problem.C_out == 80) return "OctetForwardStore<(Draws)2>";
    return "OctetForwardStore<(Draws)1>";
  } else if constexpr (pass_of<O>() == Pass::backward_data) {
    return std::is_same_v<O, Conv1dBackwardData> ? "OctetBackwardStore<true>" : "OctetBackwardStore<false>";
  } else {
    return "TransposedStore";
  }
}

double bytes_of(const ConstActivations& a) {
  return static_cast<double>(a.N * a.L * a.C) * static_cast<double>(size_of(a.dtype));
}

/// Of an op that a backend runs in several passes over its numbers, what those read and write.
template <IsOp O>
void count_passes(const O& op, Estimated& plan) {
  if constexpr (std::is_same_v<O, BatchNormForward>) {  // sums; how they are joined; element by element
    plan.bytes_behind = plan.bytes;
    plan.bytes = bytes_of(op.src);
    plan.kernels_behind = 2;
  } else if constexpr (std::is_same_v<O, BatchNormBackward>) {
    plan.bytes_behind = plan.bytes;
    plan.bytes = bytes_of(op.src) + bytes_of(op.diff_dst);
    plan.kernels_behind = 2;
  } else if constexpr (std::is_same_v<O, Conv1dBatchNormForward>) {
    plan.bytes = least_bytes(op.convolution());
    plan.bytes_behind = op.dst.data != nullptr ? least_bytes(op.normalisation()) : 0;
    plan.channels_with_sums = static_cast<double>(op.norm.C);
    plan.kernels_behind = op.dst.data != nullptr ? 2 : 1;  // the first joins the sums
  } else if constexpr (std::is_same_v<O, Conv1dBatchNormBackward>) {
    plan.bytes = least_bytes(op.gradient()) + bytes_of(op.norm_src);
    if (op.addend.data != nullptr) plan.bytes += bytes_of(op.addend) + bytes_of(op.relu.src);
    plan.bytes_behind = least_bytes(op.normalisation());
    plan.channels_with_sums = static_cast<double>(op.norm.C);
    plan.kernels_behind = 2;
  }
}

/// Of a product that makes its B, by the tiles of its plan: all of A's columns, of a row of B two windows and their bits, for two
/// outputs.
double rows_from_cache(const Conv1dPoolBackwardWeights& op, const std::string& how) {
  double tiles_n = 0;
  std::sscanf(how.c_str(), "wgmma bf16, tile %*dx%*d, %*dx%lf tiles", &tiles_n);
  const Conv1dProblem& p = op.problem;
  const double outputs = 2, window = static_cast<double>(p.kernel * p.C_in),
               step = static_cast<double>(p.stride * p.C_in), rows = 64, row_bytes = 128,
               of_a = window + (outputs * tiles_n - 1) * step,
               of_b = outputs * static_cast<double>(2 * p.C_out + 4 * kept_words(p.C_out));
  return of_a + rows * of_b / row_bytes;
}

template <IsOp O>
Estimated planned(Backend& backend, const O& op, double bytes, const std::vector<std::string>& without) {
  const Standing<O> standing(backend, op, without, Contents::zeros);
  Estimated plan{bytes, backend.how(standing.op), store_of(standing.op)};
  if constexpr (requires { op.normalised_src; })
    if (standing.op.normalised_src) plan.source = "Normalised";
  count_passes(standing.op, plan);
  // What cannot be stored by octets for its channels is, and in tiles that those do not have.
  if (plan.store == "OctetForwardStore<(Draws)1>" && plan.how.find("x80,") != std::string::npos)
    plan.store = " ForwardStore<BFloat16>";
  if constexpr (std::is_same_v<O, Conv1dPoolBackwardWeights>) {
    plan.maker = "pooled_backward_weights";
    plan.rows_from_cache = rows_from_cache(op, plan.how);
  }
  if constexpr (std::is_same_v<O, Conv1dPoolForward>) {
    const Conv1dProblem& p = op.problem;
    plan.results = static_cast<double>(p.N * p.L_out() * p.C_out);
    plan.kernel = op.epilogue.dropout.p > 0 ? "conv_pool<true, true>" : "conv_pool<true, false>";
  }
  return plan;
}

/// Of the op, which has a problem and no memory yet.
template <IsOp O>
Case case_of(const Backend& backend, const std::string& name, const O& op,
             const std::vector<std::string>& without) {
  Case made{name, 0, bytes_of(backend, op, without), {}, std::nullopt};
  if constexpr (requires { op.problem.flops(); }) made.flops = op.problem.flops();
  if constexpr (IsProduct<O>) made.product = op.problem;
  made.planned = [op, bytes = made.bytes, without](Backend& b) { return planned(b, op, bytes, without); };
  made.prepare = [op, without](Backend& b) -> Prepared {
    b.reserve_workspace(b.workspace_bytes(op));
    const auto standing = std::make_shared<Standing<O>>(b, op, without);
    Prepared prepared{[&b, standing] { b.run(standing->op); }, std::nullopt};
    if constexpr (IsProduct<O>) prepared.product = product_of(b, standing);
    return prepared;
  };
  return made;
}

/// The dropout of the papers' layers.
float dropout_of(const LayerProblem& problem) {
  return std::holds_alternative<DenseProblem>(problem) ? 0.5f : 0.3f;
}

/// Those of the passes that the backend has.
std::vector<Case> cases_of_passes(const Backend& backend, const std::string& name, float dropout,
                                  const std::vector<LayerPass>& passes,
                                  const std::vector<std::string>& without = {}) {
  std::vector<Case> cases;
  for (const LayerPass& pass : passes)
    std::visit(
        [&](const auto& op) {
          if (!backend.has(op)) return;
          cases.push_back(case_of(backend, pass.name.empty() ? name : name + "/" + pass.name, op, without));
        },
        in_training(pass.op, dropout));
  return cases;
}

}  // namespace

std::vector<Case> cases_of(const Backend& backend, const Layer& layer) {
  std::vector<LayerPass> all = passes(layer.problem);
  if (const auto* dense = std::get_if<DenseProblem>(&layer.problem)) {
    const std::vector<LayerPass> fused = fused_passes(*dense, backend.weight_row_stride(dense->in));
    all.insert(all.end(), fused.begin(), fused.end());
  }
  return cases_of_passes(backend, layer.name, layer.dropout.value_or(dropout_of(layer.problem)), all,
                         layer.without);
}

std::vector<Case> cases_of(const Backend& backend, const std::string& name, const Conv1dProblem& p,
                           const AvgPool1dProblem& pool) {
  return cases_of_passes(backend, name, dropout_of(p), fused_passes(p, pool));
}

std::vector<Case> cases_of(const Backend& backend, const std::string& name, const Conv1dProblem& p,
                           const BatchNormProblem& norm, bool has_addend) {
  using Names = std::vector<std::string>;
  std::vector<Case> all;
  const auto add = [&](const std::string& suffix, const std::vector<LayerPass>& passes, Names without) {
    if (!has_addend) without.push_back("addend");
    for (Case& one : cases_of_passes(backend, name, 0, passes, without)) {
      one.name += suffix;
      all.push_back(std::move(one));
    }
  };
  const std::vector<LayerPass> passes = fused_passes(p, norm);
  const Names source{"src's factor", "src's offset"}, line{"factor", "offset"}, relu{"ReLU gradient's src"},
      of_addend{"addend's factor", "addend's offset"};
  const auto joined = [](std::initializer_list<Names> parts) {
    Names all_names;
    for (const Names& part : parts)
      all_names.insert(all_names.end(), part.begin(), part.end());
    return all_names;
  };
  add("", passes, joined({source, line, of_addend}));
  // What lies before a block, or first in it, need not be stored: the block's convolutions and its sum make it as they load.
  const bool is_block = passes.size() == 2;
  const LayerPass& forward = passes.front();
  if (forward.name == "forward" && !has_addend)
    add(is_block ? "_normalised_not_stored" : "_not_stored", {forward},
        joined({{"dst"}, of_addend, is_block ? Names() : source}));
  if (!is_block) return all;
  add("_of_normalised", {passes.back()}, relu);
  if (!has_addend) return all;
  add("_normalised", {forward}, line);
  add("_normalised", {{"backward_weights", Conv1dNormalisedBackwardWeights{.problem = p}}}, {});
  return all;
}

}  // namespace bragg::bench
