#include "nn/fuse_normalisations.h"

#include <algorithm>
#include <optional>

namespace bragg::nn {
namespace {

/// Addition i of a normalisation's result and something else.
template <typename Norm>
bool into_normalisation(const Fusing& f, std::size_t i, const AddForward& sum, const void* normalised,
                        const ConstActivations& other) {
  if (normalised == other.data) return false;
  const auto writer = f.only_writer(normalised, i);
  if (!writer) return false;
  const auto* found = std::get_if<Norm>(&f.ops()[*writer].op);
  if (!found || found->addend.data || found->epilogue.relu || found->epilogue.dropout.p > 0) return false;
  Norm both = *found;
  both.addend = other;
  both.dst = sum.dst;
  both.epilogue = sum.epilogue;
  f.ops()[i] = {f.ops()[i].phase, f.ops()[*writer].layer, both};
  f.erase(*writer);
  return true;
}

/// The gradient of a convolution, and from there that of the normalisation before it.
Conv1dBatchNormBackward with_sums(const Conv1dBackwardData& gradient, const BatchNormBackward& norm) {
  return {.problem = gradient.problem,
          .norm = norm.problem,
          .diff_dst = gradient.diff_dst,
          .norm_src = norm.src,
          .weights = gradient.weights,
          .scale = norm.scale,
          .mean = norm.mean,
          .inverse_deviation = norm.inverse_deviation,
          .between = gradient.diff_src,
          .diff_src = norm.diff_src,
          .diff_scale = norm.diff_scale,
          .diff_shift = norm.diff_shift,
          .relu = gradient.relu};
}

/// A reader of what a normalisation makes that makes it itself, from what was normalised, by a factor and an offset of every
/// channel; none where it cannot.
std::optional<NetworkOp> made_by_reader(const Backend& backend, const Conv1dBatchNormForward& norm,
                                        const NetworkOp& reader) {
  const NormalisedSource source{norm.factor, norm.offset};
  const void* const address = norm.dst.data;
  const auto if_there_is = [&](const auto& op) {
    return backend.has(op) ? std::optional<NetworkOp>(op) : std::nullopt;
  };
  if (const auto* next = std::get_if<Conv1dBatchNormForward>(&reader)) {
    Conv1dBatchNormForward op = *next;
    if (op.src.data == address) {
      op.src = norm.between;
      op.normalised_src = source;
    }
    if (op.addend.data == address) {
      op.addend = norm.between;
      op.normalised_addend = source;
    }
    return if_there_is(op);
  }
  const auto* weights = std::get_if<Conv1dBackwardWeights>(&reader);
  if (weights && weights->src.data == address && weights->diff_dst.data != address)
    return if_there_is(Conv1dNormalisedBackwardWeights{weights->problem, norm.between, weights->diff_dst,
                                                       weights->diff_weights, weights->diff_bias, source});
  if (const auto* gradient = std::get_if<Conv1dBatchNormBackward>(&reader)) {
    if (gradient->relu.src.data != address || gradient->relu.p > 0 || gradient->addend.data == address ||
        gradient->norm_src.data != norm.between.data || gradient->scale.data != norm.scale.data)
      return {};
    Conv1dBatchNormBackward op = *gradient;
    op.relu = {};
    op.factor = norm.factor;
    op.offset = norm.offset;
    return if_there_is(op);
  }
  return {};
}

}  // namespace

bool add_into_normalisation(const Fusing& f, std::size_t i) {
  const auto* op = std::get_if<AddForward>(&f.ops()[i].op);
  if (!op || !op->b.data) return false;
  const AddForward sum = *op;
  return into_normalisation<BatchNormForward>(f, i, sum, sum.b.data, sum.a) ||
         into_normalisation<BatchNormForward>(f, i, sum, sum.a.data, sum.b) ||
         into_normalisation<BatchNormInference>(f, i, sum, sum.b.data, sum.a) ||
         into_normalisation<BatchNormInference>(f, i, sum, sum.a.data, sum.b);
}

bool sums_into_convolution(const Fusing& f, std::size_t i) {
  const auto* norm = std::get_if<BatchNormForward>(&f.ops()[i].op);
  if (!norm) return false;
  const auto writing = f.writers(norm->src.data);
  if (writing.size() != 1) return false;
  const std::size_t writer = writing.front();
  const auto* conv = std::get_if<Conv1dForward>(&f.ops()[writer].op);
  if (!conv || conv->epilogue.relu || conv->epilogue.dropout.p > 0 ||
      norm->problem.C != conv->problem.C_out || norm->addend.data == norm->src.data ||
      f.readers(norm->src.data).front() < i)
    return false;
  const Conv1dBatchNormForward both{conv->problem,      norm->problem,
                                    conv->src,          norm->addend,
                                    conv->weights,      conv->epilogue.bias,
                                    norm->scale,        norm->shift,
                                    conv->dst,          norm->dst,
                                    norm->mean,         norm->inverse_deviation,
                                    norm->running_mean, norm->running_variance,
                                    norm->epilogue};
  if (!f.backend.has(both)) return false;
  f.ops()[i] = {f.ops()[i].phase, f.ops()[writer].layer, both};
  f.erase(writer);
  return true;
}

bool sums_into_gradient(const Fusing& f, std::size_t i) {
  const auto* norm = std::get_if<BatchNormBackward>(&f.ops()[i].op);
  if (!norm || !norm->diff_src.data || norm->relu.src.data) return false;
  const auto writing = f.writers(norm->diff_dst.data);
  if (writing.size() != 1) return false;
  PlannedOp& writer = f.ops()[writing.front()];
  const auto* gradient = std::get_if<Conv1dBackwardData>(&writer.op);
  if (!gradient || gradient->problem.C_in != norm->problem.C) return false;
  const Conv1dBatchNormBackward both = with_sums(*gradient, *norm);
  if (!f.backend.has(both)) return false;
  writer.op = both;
  f.erase(i);
  return true;
}

bool sum_and_sums_into_gradient(const Fusing& f, std::size_t i) {
  const auto* sum = std::get_if<AddBackward>(&f.ops()[i].op);
  if (!sum || !sum->diff_b.data) return false;
  const auto reading = f.readers(sum->diff_src.data);
  if (reading.size() != 1) return false;
  const auto* norm = std::get_if<BatchNormBackward>(&f.ops()[reading.front()].op);
  if (!norm || !norm->diff_src.data || norm->relu.src.data) return false;
  for (const bool first : {true, false}) {
    const ConstActivations &mine = first ? sum->diff_a : sum->diff_b,
                           &other = first ? sum->diff_b : sum->diff_a;
    const auto writer = f.only_writer(mine.data, i);
    const auto* gradient = writer ? std::get_if<Conv1dBackwardData>(&f.ops()[*writer].op) : nullptr;
    if (!gradient || gradient->relu.src.data || gradient->problem.C_in != norm->problem.C) continue;
    Conv1dBatchNormBackward all = with_sums(*gradient, *norm);
    all.addend = other;
    all.between = sum->diff_src;
    all.relu = sum->relu;
    if (!f.backend.has(all)) return false;
    f.erase(reading.front());
    f.ops()[i] = {f.ops()[i].phase, f.ops()[*writer].layer, all};
    f.erase(*writer);
    return true;
  }
  return false;
}

bool made_where_it_is_read(const Fusing& f, std::size_t i) {
  const auto* found = std::get_if<Conv1dBatchNormForward>(&f.ops()[i].op);
  if (!found || !found->dst.data || found->addend.data || !found->epilogue.relu ||
      found->epilogue.dropout.p > 0 || f.is_kept(found->dst.data))
    return false;
  Conv1dBatchNormForward norm = *found;
  const DType precise = f.backend.precise_type();
  // Stand-ins for what is made where the rewrite is.
  norm.factor = {&norm, precise};
  norm.offset = {&norm, precise};
  const auto reading = f.readers(norm.dst.data);
  // One convolution, of stride 1: then its src and the gradient of its dst lie in the same steps, which a backend may ask for.
  const auto convolutions = std::count_if(reading.begin(), reading.end(), [&](std::size_t reader) {
    const auto* next = std::get_if<Conv1dBatchNormForward>(&f.ops()[reader].op);
    return next && next->src.data == norm.dst.data && next->problem.stride == 1;
  });
  if (convolutions != 1 || f.writers(norm.dst.data).size() != 1) return false;
  const auto all_read = [&](const auto& take) {
    return std::all_of(reading.begin(), reading.end(), [&](std::size_t reader) {
      auto op = made_by_reader(f.backend, norm, f.ops()[reader].op);
      if (op) take(reader, *op);
      return op.has_value();
    });
  };
  if (!all_read([](std::size_t, const NetworkOp&) {})) return false;
  norm.factor = f.graph.program.row(precise, norm.norm.C);
  norm.offset = f.graph.program.row(precise, norm.norm.C);
  all_read([&](std::size_t reader, const NetworkOp& op) { f.ops()[reader].op = op; });
  for (std::size_t value = 0; value < f.graph.values.size(); ++value)
    if (f.graph.values[value].data == norm.dst.data)
      f.graph.made_by_readers[value] = {norm.factor, norm.offset};
  norm.dst = {};
  f.ops()[i].op = norm;
  return true;
}

}  // namespace bragg::nn
