#include "nn/fuse.h"

#include <algorithm>
#include <array>
#include <optional>
#include <type_traits>

#include "nn/fuse_normalisations.h"

namespace bragg::nn {
namespace {

/// Op i, the only reader of `address`, goes into the op that wrote there, where change(that op) says that it can.
template <typename Change>
bool into_writer(const Fusing& f, std::size_t i, const void* address, const Change& change) {
  const auto writer = f.only_writer(address, i);
  if (!writer || !std::visit(change, f.ops()[*writer].op)) return false;
  f.erase(i);
  return true;
}

/// A ReLU and dropout on their own go into the epilogue of the op that made their source.
bool into_epilogue(const Fusing& f, std::size_t i) {
  const auto* relu = std::get_if<AddForward>(&f.ops()[i].op);
  if (!relu || relu->b.data) return false;
  return into_writer(f, i, relu->a.data, [relu]<typename O>(O& op) {
    if constexpr (!is_fusion<O>() && requires { op.epilogue; }) {
      if (op.epilogue.relu || op.epilogue.dropout.p > 0) return false;
      op.dst.data = relu->dst.data;
      op.epilogue.relu = relu->epilogue.relu;
      op.epilogue.dropout = relu->epilogue.dropout;
      return true;
    }
    return false;
  });
}

/// In inference a normalisation goes into the weights and the bias of the product before it, which another op makes
/// each time: whoever changes weights need not tell.
bool into_product(const Fusing& f, std::size_t i) {
  const auto* found = std::get_if<BatchNormInference>(&f.ops()[i].op);
  if (!found || found->addend.data) return false;
  const BatchNormInference norm = *found;
  const auto writer = f.only_writer(norm.src.data, i);
  if (!writer) return false;
  std::optional<BatchNormFold> fold;
  std::visit(
      [&]<typename O>(O& op) {
        if constexpr (std::is_same_v<O, Conv1dForward> || std::is_same_v<O, DenseForward>) {
          if (op.epilogue.relu || op.epilogue.dropout.p > 0) return;
          if (norm.problem.C != op.problem.weights_extent().rows) return;
          const auto& table = f.parameters.table();
          const auto weights = std::find_if(table.begin(), table.end(), [&](const ParameterInfo& one) {
            return f.parameters.piece(f.parameters.working(), one).data == op.weights.data;
          });
          if (weights == table.end()) return;
          const std::int64_t C = norm.problem.C, K = op.problem.weights_extent().length;
          // A row per output, as far apart as those of the parameters (lay_out).
          const Tensor folded{f.graph.program.activations(f.backend.element_type(), C, 1, K).data,
                              f.backend.element_type()};
          const Tensor bias = f.graph.program.row(f.backend.precise_type(), C);
          fold = BatchNormFold{{C, K, norm.problem.epsilon},
                               f.parameters.piece(f.parameters.weights(), *weights),
                               op.epilogue.bias,
                               norm.scale,
                               norm.shift,
                               norm.running_mean,
                               norm.running_variance,
                               folded,
                               bias};
          op.weights = folded;
          op.epilogue = norm.epilogue;
          op.epilogue.bias = bias;
          op.dst.data = norm.dst.data;
        }
      },
      f.ops()[*writer].op);
  if (!fold) return false;
  f.erase(i);
  f.ops().insert(f.ops().begin() + static_cast<std::ptrdiff_t>(*writer),
                 {Phase::forward, f.ops()[*writer].layer, *fold});
  return true;
}

/// The gradient of a ReLU and dropout on its own goes into the op that made the gradient behind it.
bool into_gradient(const Fusing& f, std::size_t i) {
  const auto* relu = std::get_if<AddBackward>(&f.ops()[i].op);
  if (!relu || relu->diff_b.data) return false;
  return into_writer(f, i, relu->diff_a.data, [relu](auto& op) {
    if constexpr (requires { op.relu; }) {
      if (op.relu.src.data) return false;
      op.diff_src.data = relu->diff_src.data;
      op.relu = relu->relu;
      op.relu.src.L = op.diff_src.L;  // a dense layer sees one row
      op.relu.src.C = op.diff_src.C;
      return true;
    }
    return false;
  });
}

/// A convolution and the pooling behind it: what lies between is kept as bits, for the gradient.
bool into_pooled(const Fusing& f, std::size_t i) {
  const auto* pool = std::get_if<AvgPool1dForward>(&f.ops()[i].op);
  if (!pool || pool->problem.is_padded()) return false;
  const void* between = pool->src.data;
  const auto writing = f.writers(between);
  if (writing.size() != 1) return false;
  const auto* conv = std::get_if<Conv1dForward>(&f.ops()[writing.front()].op);
  if (!conv || conv->problem.is_padded()) return false;

  // Its other reader may be the gradient of the pooling, through the ReLU.
  AvgPool1dBackward* backward = nullptr;
  std::size_t backward_at = 0;
  for (const std::size_t reader : f.readers(between)) {
    if (reader == i) continue;
    backward = std::get_if<AvgPool1dBackward>(&f.ops()[reader].op);
    backward_at = reader;
    if (!backward || backward->relu.src.data != between || f.readers(between).size() > 2) return false;
  }
  Conv1dPoolForward fused{conv->problem, pool->problem, conv->src, conv->weights, pool->dst, {},
                          conv->epilogue};
  if (!f.backend.has(fused)) return false;
  if (backward) {
    const Conv1dProblem& p = conv->problem;
    fused.kept = f.graph.program.row(DType::u32, p.N * p.L_out() * kept_words(p.C_out));
    for (std::size_t value = 0; value < f.graph.values.size(); ++value)
      if (f.graph.values[value].data == between) f.graph.kept[value] = fused.kept;
    f.ops()[backward_at].op = AvgPool1dBackwardKept{
        backward->problem, backward->diff_dst, backward->diff_src, {fused.kept, backward->relu.p}};
  }
  f.ops()[writing.front()].op = fused;
  f.erase(i);
  return true;
}

/// The gradient of a pooled convolution's weights takes in that of the pooling, where nobody else wants it.
bool into_pooled_gradient(const Fusing& f, std::size_t i) {
  const auto* weights = std::get_if<Conv1dBackwardWeights>(&f.ops()[i].op);
  if (!weights) return false;
  const auto writer = f.only_writer(weights->diff_dst.data, i);
  const auto* pooling = writer ? std::get_if<AvgPool1dBackwardKept>(&f.ops()[*writer].op) : nullptr;
  if (!pooling) return false;
  const Conv1dPoolBackwardWeights both{weights->problem,  pooling->problem, weights->src,
                                       pooling->diff_dst, pooling->kept,    weights->diff_weights,
                                       weights->diff_bias};
  if (!f.backend.has(both)) return false;
  f.ops()[i].op = both;
  f.erase(*writer);
  return true;
}

/// The gradient of a dense layer's weights and Adam on them.
bool into_update(const Fusing& f, std::size_t i) {
  const auto* gradient = std::get_if<DenseBackwardWeights>(&f.ops()[i].op);
  if (!gradient || !f.options.optimizer || !f.options.optimizer->may_update_in_backward() ||
      !f.backend.has(DenseBackwardWeightsAdam{}))
    return false;
  const auto& table = f.parameters.table();
  const auto info = std::find_if(table.begin(), table.end(), [&](const ParameterInfo& one) {
    return f.parameters.piece(f.parameters.gradients(), one).data == gradient->diff_weights.data;
  });
  const AdamProblem adam = f.options.optimizer->problem(info->rows() * info->row_stride, true);
  f.ops()[i].op = DenseBackwardWeightsAdam{
      gradient->problem,   gradient->src,  gradient->diff_dst, adam, f.parameters.adam_tensors(*info),
      gradient->diff_bias, f.options.state};
  std::erase_if(f.ops(), [](const PlannedOp& op) { return op.phase == Phase::update; });
  for (const NetworkOp& op : update_ops(f.parameters, *f.options.optimizer, f.options.state, false))
    f.ops().push_back({Phase::update, "", op});
  return true;
}

/// Each tries to rewrite the op of that number and says whether it did. In this order: a product takes in its
/// normalisation before the ReLU behind it, a sum its ReLU before the normalisation takes in the sum, a normalisation
/// the sum before it goes into its convolution, a gradient takes in the ReLU's before it takes in a normalisation's, after all
/// of which readers of a normalisation may make what it makes, and a convolution is pooled with its ReLU before the pooling's
/// gradient goes into its weights'.
constexpr std::array rewrites{into_product,
                              into_epilogue,
                              add_into_normalisation,
                              sums_into_convolution,
                              into_gradient,
                              sums_into_gradient,
                              sum_and_sums_into_gradient,
                              made_where_it_is_read,
                              into_pooled,
                              into_pooled_gradient,
                              into_update};

}  // namespace

void fuse(LoweredGraph& graph, const Backend& backend, const Parameters& parameters,
          const NetworkOptions& options) {
  const Fusing fusing{graph, backend, parameters, options};
  for (const auto& rewrite : rewrites)
    for (std::size_t i = 0; i < fusing.ops().size();)
      if (!rewrite(fusing, i)) ++i;
}

}  // namespace bragg::nn
