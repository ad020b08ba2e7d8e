#include "nn/lower.h"

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/ops/step_state.h"
#include "nn/layers/layer_ops.h"

namespace bragg::nn {
namespace {

class Lowering {
 public:
  Lowering(const Graph& graph, const Backend& backend, const Parameters& parameters,
           const NetworkOptions& options)
      : graph_(graph), backend_(backend), parameters_(parameters), options_(options) {}

  LoweredGraph run() {
    make_values();
    for (std::size_t i = 1; i < graph_.nodes().size(); ++i)
      graph_.nodes()[i].layer->forward(*rule(i, Phase::forward));
    for (std::size_t i = 0; i < graph_.heads().size(); ++i)
      loss(i);
    for (std::size_t i = 0; i < graph_.regressions().size(); ++i)
      regression_loss(i);
    if (options_.mode == Mode::training)
      for (std::size_t i = graph_.nodes().size(); --i > 0;)
        if (wants_gradient_[i]) backward(i);
    if (options_.optimizer)
      for (const NetworkOp& op : update_ops(parameters_, *options_.optimizer, options_.state))
        program().ops.push_back({Phase::update, "", op});
    return std::move(lowered_);
  }

 private:
  class Rule;
  std::unique_ptr<LayerOps> rule(std::size_t node, Phase);
  Program& program() { return lowered_.program; }

  Activations new_value(const Shape& s) {
    return program().activations(backend_.element_type(), options_.N, s.L, s.C);
  }

  void make_values() {
    const auto& nodes = graph_.nodes();
    for (const Node& node : nodes) {
      lowered_.values.push_back(new_value(node.shape));
      bool wants = !node.parameters.empty();
      for (const Value source : node.sources)
        wants = wants || wants_gradient_[source.number];
      wants_gradient_.push_back(wants);
    }
    shares_.resize(nodes.size());
    lowered_.gradients.resize(nodes.size());
    lowered_.kept.resize(nodes.size());
    lowered_.made_by_readers.resize(nodes.size());
    left_.resize(nodes.size());
    std::size_t row = 0, statistic = 0;
    for (const Node& node : nodes) {
      std::vector<std::size_t>& rows = rows_.emplace_back();
      for (const LayerParameter& parameter : node.parameters)
        rows.push_back(parameter.role == ParameterRole::statistic ? statistic++ : row++);
    }
    keep(lowered_.values.front().data, Keep::always);
    lowered_.labels = program().row(DType::i32, options_.N);
    keep(lowered_.labels.data, Keep::always);
    for (const PlacedHead& head : graph_.heads())
      make_head(head);
    for (const PlacedRegression& head : graph_.regressions()) {
      const Activations predictions = result(head.predictions);
      lowered_.regressions.push_back(
          {predictions, always(program().row(predictions.dtype, options_.N * head.outputs)), new_totals()});
    }
  }

  void make_head(const PlacedHead& head) {
    const auto labels = static_cast<std::int64_t>(head.class_of.size());
    const bool is_first = lowered_.heads.empty();
    const auto weights = static_cast<std::int64_t>(options_.loss.class_weights.size());
    if (is_first && weights > 0 && weights != head.classes)
      throw UsageError(
          fmt::format("[train] {} class weights for the {} classes of {}", weights, head.classes, head.name));
    lowered_.heads.push_back(
        {result(head.logits), new_totals(), labels > 0 ? always(program().row(DType::i32, labels)) : Tensor{},
         is_first && weights > 0 ? always(program().row(backend_.precise_type(), weights)) : Tensor{}});
  }

  /// A value that losses read and callers look at: of the precise type, and kept.
  Activations result(Value number) {
    Activations& value = lowered_.values[number.number];
    value.dtype = program().place_of(value.data)->dtype = backend_.precise_type();
    keep(value.data, Keep::to_end);
    return value;
  }
  Tensor always(Tensor row) {
    keep(row.data, Keep::always);
    return row;
  }
  Tensor new_totals() { return always(program().row(DType::u8, sizeof(LossTotals))); }

  void keep(const void* address, Keep how) {
    if (Place* place = program().place_of(address)) place->keep = how;
  }

  void loss(std::size_t i) {
    const PlacedHead& head = graph_.heads()[i];
    const HeadMemory& memory = lowered_.heads[i];
    const Activations gradient = gradient_of(head.logits, head.classes);
    const SoftmaxCrossEntropyProblem p{options_.N, head.classes,
                                       static_cast<std::int64_t>(head.class_of.size()), head.weight,
                                       options_.loss.label_smoothing};
    program().ops.push_back({Phase::loss, "",
                             SoftmaxCrossEntropy{p,
                                                 {memory.logits.data, memory.logits.dtype},
                                                 lowered_.labels,
                                                 memory.class_of,
                                                 gradient,
                                                 memory.totals,
                                                 memory.class_weights}});
  }

  void regression_loss(std::size_t i) {
    const PlacedRegression& head = graph_.regressions()[i];
    const RegressionMemory& memory = lowered_.regressions[i];
    program().ops.push_back({Phase::loss, "",
                             HuberLoss{{options_.N, head.outputs, head.delta, head.weight},
                                       {memory.predictions.data, memory.predictions.dtype},
                                       memory.targets,
                                       gradient_of(head.predictions, head.outputs),
                                       memory.totals}});
  }

  /// A loss's share of the gradient of what it reads; none in inference.
  Activations gradient_of(Value value, std::int64_t numbers) {
    if (options_.mode != Mode::training) return {};
    const Activations gradient = new_value({1, numbers});
    shares_[value.number].push_back(gradient);
    return gradient;
  }

  /// Adds what the readers of a value made of its gradient, and hands the sum to the layer that made the value.
  void backward(std::size_t i) {
    const Shape& s = graph_.nodes()[i].shape;
    Activations sum;
    for (const Activations& share : shares_[i]) {
      if (sum.data == nullptr) {
        sum = share;
        continue;
      }
      const Activations next = new_value(s);
      program().ops.push_back(
          {Phase::backward, "", AddBackward{{options_.N, s.L, s.C}, sum, share, next, {}}});
      sum = next;
    }
    if (sum.data == nullptr) return;  // no head can be reached from here
    lowered_.gradients[i] = sum;
    graph_.nodes()[i].layer->backward(*rule(i, Phase::backward));
  }

  const Graph& graph_;
  const Backend& backend_;
  const Parameters& parameters_;
  const NetworkOptions& options_;
  LoweredGraph lowered_;
  std::vector<bool> wants_gradient_;              ///< of every value: parameters lie before it
  std::vector<std::vector<Activations>> shares_;  ///< of every value's gradient, one of each reader
  std::vector<std::vector<std::size_t>> rows_;    ///< of every node's parameters in their table
  std::vector<std::vector<Tensor>> left_;         ///< by every node's forward ops for the backward ones
  std::uint32_t dropouts_ = 0;
};

class Lowering::Rule final : public LayerOps {
 public:
  Rule(Lowering& all, std::size_t node, Phase phase)
      : all_(all), number_(node), node_(all.graph_.nodes()[node]), phase_(phase) {}

  std::int64_t N() const override { return all_.options_.N; }
  Mode mode() const override { return all_.options_.mode; }

  ConstActivations src(std::size_t source) const override { return all_.lowered_.values[number_of(source)]; }
  Activations dst() const override { return all_.lowered_.values[number_]; }
  ConstActivations diff_dst() override { return all_.lowered_.gradients[number_]; }
  bool wants_diff_src(std::size_t source) const override { return all_.wants_gradient_[number_of(source)]; }
  Activations diff_src(std::size_t source) override {
    const Activations share = all_.new_value(all_.graph_.nodes()[number_of(source)].shape);
    all_.shares_[number_of(source)].push_back(share);
    return share;
  }
  void diff_src_is_diff_dst(std::size_t source) override {
    all_.shares_[number_of(source)].push_back(all_.lowered_.gradients[number_]);
  }

  ConstTensor rounded(std::size_t parameter) const override {
    return piece(all_.parameters_.working(), all_.parameters_.table(), parameter);
  }
  ConstTensor precise(std::size_t parameter) const override {
    return piece(all_.parameters_.weights(), all_.parameters_.table(), parameter);
  }
  Tensor diff(std::size_t parameter) const override {
    return piece(all_.parameters_.gradients(), all_.parameters_.table(), parameter);
  }
  Tensor statistic(std::size_t parameter) const override {
    return piece(all_.parameters_.statistics(), all_.parameters_.statistics_table(), parameter);
  }
  Tensor left_for_backward(std::size_t which, std::int64_t count) override {
    std::vector<Tensor>& left = all_.left_[number_];
    if (left.size() <= which) left.resize(which + 1);
    if (!left[which]) left[which] = all_.program().row(all_.backend_.precise_type(), count);
    return left[which];
  }
  Dropout next_dropout(double p) override {
    if (all_.options_.mode != Mode::training) return {};
    return {static_cast<float>(p), all_.options_.seed, all_.dropouts_++, all_.options_.state};
  }

  void run(const NetworkOp& op) override { all_.program().ops.push_back({phase_, node_.name, op}); }

 private:
  std::size_t number_of(std::size_t source) const { return node_.sources.at(source).number; }
  Tensor piece(Tensor arena, const std::vector<ParameterInfo>& table, std::size_t parameter) const {
    return all_.parameters_.piece(arena, table.at(all_.rows_[number_].at(parameter)));
  }

  Lowering& all_;
  const std::size_t number_;
  const Node& node_;
  const Phase phase_;
};

std::unique_ptr<LayerOps> Lowering::rule(std::size_t node, Phase phase) {
  return std::make_unique<Rule>(*this, node, phase);
}

}  // namespace

LoweredGraph lower(const Graph& graph, const Backend& backend, const Parameters& parameters,
                   const NetworkOptions& options) {
  return Lowering(graph, backend, parameters, options).run();
}

}  // namespace bragg::nn
