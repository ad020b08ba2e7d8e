#include "nn/lower.h"

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
    if (options_.mode == Mode::training)
      for (std::size_t i = graph_.nodes().size(); --i > 0;)
        if (wants_gradient_[i]) backward(i);
    if (options_.learning_rate)
      program().ops.push_back(
          {Phase::update, "", parameters_.update_op(*options_.learning_rate, options_.state)});
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
    std::size_t row = 0;
    for (const Node& node : nodes) {
      first_row_.push_back(row);
      row += node.parameters.size();
    }
    keep(lowered_.values.front().data, Keep::always);
    lowered_.labels = program().row(DType::i32, options_.N);
    keep(lowered_.labels.data, Keep::always);
    for (const PlacedHead& head : graph_.heads()) {
      Activations& logits = lowered_.values[head.logits.number];
      logits.dtype = program().place_of(logits.data)->dtype = backend_.precise_type();
      const auto labels = static_cast<std::int64_t>(head.class_of.size());
      lowered_.heads.push_back({logits, program().row(DType::u8, sizeof(LossTotals)),
                                labels > 0 ? program().row(DType::i32, labels) : Tensor{}});
      const HeadMemory& memory = lowered_.heads.back();
      keep(logits.data, Keep::to_end);
      keep(memory.totals.data, Keep::always);
      keep(memory.class_of.data, Keep::always);
    }
  }

  void keep(const void* address, Keep how) {
    if (Place* place = program().place_of(address)) place->keep = how;
  }

  void loss(std::size_t i) {
    const PlacedHead& head = graph_.heads()[i];
    const HeadMemory& memory = lowered_.heads[i];
    Activations gradient;
    if (options_.mode == Mode::training) {
      gradient = new_value({1, head.classes});
      shares_[head.logits.number].push_back(gradient);
    }
    const SoftmaxCrossEntropyProblem p{options_.N, head.classes,
                                       static_cast<std::int64_t>(head.class_of.size()), head.weight};
    program().ops.push_back({Phase::loss, "",
                             SoftmaxCrossEntropy{p,
                                                 {memory.logits.data, memory.logits.dtype},
                                                 lowered_.labels,
                                                 memory.class_of,
                                                 gradient,
                                                 memory.totals}});
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
  std::vector<std::size_t> first_row_;            ///< of every node's parameters in the table
  std::uint32_t dropouts_ = 0;
};

class Lowering::Rule final : public LayerOps {
 public:
  Rule(Lowering& all, std::size_t node, Phase phase)
      : all_(all), number_(node), node_(all.graph_.nodes()[node]), phase_(phase) {}

  std::int64_t N() const override { return all_.options_.N; }

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
    return piece(all_.parameters_.working(), parameter);
  }
  ConstTensor precise(std::size_t parameter) const override {
    return piece(all_.parameters_.weights(), parameter);
  }
  Tensor diff(std::size_t parameter) const override { return piece(all_.parameters_.gradients(), parameter); }
  Dropout next_dropout(double p) override {
    if (all_.options_.mode != Mode::training) return {};
    return {static_cast<float>(p), all_.options_.seed, all_.dropouts_++, all_.options_.state};
  }

  void run(const NetworkOp& op) override { all_.program().ops.push_back({phase_, node_.name, op}); }

 private:
  std::size_t number_of(std::size_t source) const { return node_.sources.at(source).number; }
  Tensor piece(Tensor arena, std::size_t parameter) const {
    return all_.parameters_.piece(arena, all_.parameters_.table().at(all_.first_row_[number_] + parameter));
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
