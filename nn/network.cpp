// Memory of a network, planned once:
//   training   every layer's output is kept for the backward pass; every gradient has its own buffer, because
//              a convolution's diff_dst lies between halo rows that must stay zero
//   inference  the input, and two buffers that the layers write in turn; what a convolution reads with gaps
//              between its items has a buffer of its own
// and its ops, a list that is the same for every step. A convolution that is pooled in the same op has no
// output in memory; backward reads a bit for each element.
#include "nn/network.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/ops/step_state.h"

namespace bragg::nn {
namespace {

/// What the layer before did to its output last: nothing, or ReLU and dropout.
std::optional<double> relu_dropout(const Layer& layer) {
  if (const auto* conv = std::get_if<Conv1dLayer>(&layer)) return conv->dropout;
  if (const auto* dense = std::get_if<DenseLayer>(&layer); dense && !dense->last) return dense->dropout;
  return std::nullopt;
}

}  // namespace

void PlannedOp::run(Backend& backend) const {
  std::visit([&](const auto& o) { backend.run(o); }, op);
}

std::string PlannedOp::text() const {
  return (layer.empty() ? "" : layer + ": ") + bragg::text(op);
}

std::string PlannedOp::how(Backend& backend) const {
  return std::visit([&](const auto& o) { return backend.how(o); }, op);
}

/// Builds a Network's buffers and ops; lives only in its constructor.
class Network::Planner {
 public:
  Planner(Network& network, const Model& model, Parameters& parameters, Mode mode, std::uint32_t seed,
          ConstTensor state, std::optional<double> learning_rate)
      : net_(network),
        backend_(network.backend_),
        model_(model),
        shapes_(layer_shapes(model)),
        parameters_(parameters),
        training_(mode == Mode::training),
        seed_(seed),
        state_(state),
        learning_rate_(learning_rate),
        fuses_adam_(learning_rate && backend_.has(DenseBackwardWeightsAdam{})) {
    for (const Layer& layer : model.layers)
      problems_.push_back(problem_of(layer, shapes_[problems_.size()]));
    net_.kept_.resize(problems_.size() + 1);
  }

  void plan_memory() {
    ArenaPlan plan;
    std::vector<std::size_t> activation_offsets, gradient_offsets, kept_offsets;
    const std::size_t layers = model_.layers.size();
    net_.activations_.push_back(view(model_.config.points, 1));
    for (const LayerShape& s : shapes_)
      net_.activations_.push_back(view(s.L_out, s.C_out));
    for (std::size_t i = 0; i < layers; ++i)
      if (const auto* conv = std::get_if<Conv1dProblem>(&problems_[i]))
        net_.activations_[i].item_stride = backend_.src_item_stride(*conv);
    Activations& logits = net_.activations_.back();
    logits.dtype = backend_.precise_type();
    logits.item_stride = logits.L * logits.C;

    if (training_) {
      for (std::size_t i = 0; i <= layers; ++i)
        activation_offsets.push_back(lies_in_memory(i) ? plan.add(bytes(net_.activations_[i])) : 0);
      net_.gradients_.resize(1);  // nobody asks for the input's
      gradient_offsets.resize(1);
      for (std::size_t i = 0; i < layers; ++i) {
        const auto* conv = std::get_if<Conv1dProblem>(&problems_[i]);
        // Zeros for backward_data, which the first layer does not run.
        const std::int64_t before = conv && i > 0 ? backend_.aligned(conv->halo_before() * conv->C_out) : 0;
        Activations gradient = view(shapes_[i].L_out, shapes_[i].C_out);
        if (conv) gradient.item_stride = backend_.diff_dst_item_stride(*conv);
        gradient_offsets.push_back(plan.add(bytes(before) + bytes(gradient)) + bytes(before));
        net_.gradients_.push_back(gradient);
      }
      for (std::size_t i = 0; i <= layers; ++i)
        kept_offsets.push_back(lies_in_memory(i) ? 0 : plan.add(kept_bytes(net_.activations_[i])));
    } else {
      activation_offsets.push_back(plan.add(bytes(net_.activations_.front())));
      std::array<std::size_t, 2> most{};
      std::vector<std::size_t> turns(1);
      for (std::size_t i = 1; i <= layers; ++i) {
        turns.push_back(lies_in_memory(i) ? 1 - turns.back() : turns.back());
        if (lies_in_memory(i) && !has_gaps(i))
          most[turns[i]] = std::max(most[turns[i]], bytes(net_.activations_[i]));
      }
      const std::array<std::size_t, 2> buffers{plan.add(most[0]), plan.add(most[1])};
      for (std::size_t i = 1; i <= layers; ++i)
        activation_offsets.push_back(has_gaps(i) ? plan.add(bytes(net_.activations_[i])) : buffers[turns[i]]);
    }
    const std::size_t labels = plan.add(static_cast<std::size_t>(net_.N_) * sizeof(std::int32_t));
    const std::size_t totals = plan.add(sizeof(LossTotals));

    net_.memory_ = backend_.allocate(plan.bytes());
    std::byte* base = net_.memory_.data();
    for (std::size_t i = 0; i <= layers; ++i) {
      if (lies_in_memory(i)) {
        net_.activations_[i].data = base + activation_offsets[i];
      } else if (training_) {
        net_.kept_[i] = {base + kept_offsets[i], DType::u32};
      }
    }
    for (std::size_t i = 1; i < net_.gradients_.size(); ++i)
      net_.gradients_[i].data = base + gradient_offsets[i];
    net_.labels_ = {base + labels, DType::i32};
    net_.totals_ = {base + totals, DType::u8};
  }

  void plan_ops() {
    for (std::size_t i = 0; i < model_.layers.size(); ++i)
      forward(i);
    net_.forward_end_ = net_.plan_.size();
    loss();
    net_.loss_end_ = net_.plan_.size();
    if (training_)
      for (std::size_t i = model_.layers.size(); i-- > 0;)
        backward(i);
    net_.backward_end_ = net_.plan_.size();
    if (learning_rate_) update();
    backend_.reserve_workspace(workspace_);
  }

 private:
  using Problem = std::variant<Conv1dProblem, AvgPool1dProblem, DenseProblem>;

  Problem problem_of(const Layer& layer, const LayerShape& s) const {
    if (const auto* conv = std::get_if<Conv1dLayer>(&layer))
      return Conv1dProblem{net_.N_, s.L_in, s.C_in, s.C_out, conv->kernel, conv->stride};
    if (const auto* pool = std::get_if<AvgPool1dLayer>(&layer))
      return AvgPool1dProblem{net_.N_, s.L_in, s.C_in, pool->kernel, pool->stride};
    return DenseProblem{net_.N_, s.C_in, s.C_out};
  }

  /// Whether layer i is a convolution that is run with the pooling behind it.
  bool is_pooled(std::size_t i) const {
    const auto* conv = std::get_if<Conv1dProblem>(&problems_[i]);
    const auto* pool = i + 1 < problems_.size() ? std::get_if<AvgPool1dProblem>(&problems_[i + 1]) : nullptr;
    return conv && pool && backend_.has(Conv1dPoolForward{*conv, *pool, {}, {}, {}, {}, {}});
  }
  /// Of activations i: the input, or layer i - 1's output.
  bool lies_in_memory(std::size_t i) const { return i == 0 || !is_pooled(i - 1); }

  /// Whether something that is read lies between the items of activations i: a convolution's windows reach
  /// there, and what they find must be finite, so nobody else may write there.
  bool has_gaps(std::size_t i) const {
    const Activations& a = net_.activations_[i];
    return lies_in_memory(i) && i < problems_.size() && std::holds_alternative<Conv1dProblem>(problems_[i]) &&
           a.item_stride > a.L * a.C;
  }

  static std::size_t kept_bytes(const Activations& a) {
    return static_cast<std::size_t>(a.N * a.L * kept_words(a.C)) * size_of(DType::u32);
  }

  Activations view(std::int64_t L, std::int64_t C) const {
    return {nullptr, backend_.element_type(), net_.N_, L, C, backend_.aligned(L * C)};
  }
  std::size_t bytes(std::int64_t elements) const {
    return static_cast<std::size_t>(elements) * size_of(backend_.element_type());
  }
  static std::size_t bytes(const Activations& a) {
    return static_cast<std::size_t>(a.N * a.item_stride) * size_of(a.dtype);
  }

  /// The op to the end of the plan, and what it needs to the workspace.
  template <IsOp O>
  void add(const std::string& layer, const O& op) {
    workspace_ = std::max(workspace_, backend_.workspace_bytes(op));
    net_.plan_.push_back({layer, op});
  }

  /// A layer's parameters, for products and as they are learned, and its name.
  struct LayerParameters {
    Tensor weights, bias, diff_weights, diff_bias;
    const ParameterInfo* weights_info;
    std::string name;
  };
  LayerParameters parameters_of(std::size_t layer) const {
    std::size_t row = 0;
    for (std::size_t i = 0; i < layer; ++i)
      if (!std::holds_alternative<AvgPool1dProblem>(problems_[i])) row += 2;
    const auto& table = parameters_.table();
    const std::string& name = table.at(row).name;
    LayerParameters found{parameters_.piece(parameters_.working(), table.at(row)),
                          parameters_.piece(parameters_.weights(), table.at(row + 1)),
                          {},
                          {},
                          &table.at(row),
                          name.substr(0, name.find('.'))};
    if (training_) {
      found.diff_weights = parameters_.piece(parameters_.gradients(), table.at(row));
      found.diff_bias = parameters_.piece(parameters_.gradients(), table.at(row + 1));
    }
    return found;
  }

  Epilogue epilogue_of(std::size_t i, ConstTensor bias) const {
    Epilogue e{bias, false, {}};
    const auto dropout = relu_dropout(model_.layers[i]);
    if (!dropout) return e;
    e.relu = true;
    if (!training_) return e;
    std::uint32_t number = 0;
    for (std::size_t k = 0; k < i; ++k)
      number += relu_dropout(model_.layers[k]).has_value();
    e.dropout = {static_cast<float>(*dropout), seed_, number, state_};
    return e;
  }

  void forward(std::size_t i) {
    const ConstActivations src = net_.activations_[i];
    const Activations dst = net_.activations_[i + 1];
    if (const auto* pool = std::get_if<AvgPool1dProblem>(&problems_[i])) {
      if (lies_in_memory(i)) add("", AvgPool1dForward{*pool, src, dst});  // else done with the convolution
      return;
    }
    const LayerParameters layer = parameters_of(i);
    const Epilogue e = epilogue_of(i, layer.bias);
    if (is_pooled(i)) {
      add(layer.name, Conv1dPoolForward{std::get<Conv1dProblem>(problems_[i]),
                                        std::get<AvgPool1dProblem>(problems_[i + 1]), src, layer.weights,
                                        net_.activations_[i + 2], net_.kept_[i + 1], e});
    } else if (const auto* conv = std::get_if<Conv1dProblem>(&problems_[i])) {
      add(layer.name, Conv1dForward{*conv, src, layer.weights, dst, e});
    } else {
      add(layer.name,
          DenseForward{std::get<DenseProblem>(problems_[i]), flattened(src), layer.weights, dst, e});
    }
  }

  void loss() {
    add("", SoftmaxCrossEntropy{{net_.N_, model_.config.classes},
                                net_.logits(),
                                net_.labels_,
                                {},
                                training_ ? net_.gradients_.back() : Activations{},
                                net_.totals_});
  }

  /// The gradient with respect to the weights of layer i, then with respect to its input.
  void backward(std::size_t i) {
    const ConstActivations src = net_.activations_[i];
    const ConstActivations diff_dst = net_.gradients_[i + 1];
    const Activations diff_src = net_.gradients_[i];
    ReluGradient relu;
    if (i > 0)
      if (const auto dropout = relu_dropout(model_.layers[i - 1])) relu = {src, static_cast<float>(*dropout)};

    if (const auto* pool = std::get_if<AvgPool1dProblem>(&problems_[i])) {
      if (lies_in_memory(i))
        add("", AvgPool1dBackward{*pool, diff_dst, diff_src, relu});
      else
        add("", AvgPool1dBackwardKept{*pool, diff_dst, diff_src, {net_.kept_[i], relu.p}});
      return;
    }
    const LayerParameters layer = parameters_of(i);
    if (const auto* conv = std::get_if<Conv1dProblem>(&problems_[i])) {
      add(layer.name, Conv1dBackwardWeights{*conv, src, diff_dst, layer.diff_weights, layer.diff_bias});
      if (i > 0) add(layer.name, Conv1dBackwardData{*conv, diff_dst, layer.weights, diff_src, relu});
      return;
    }
    if (i > 0) {
      relu.src = flattened(relu.src);
      add(layer.name, DenseBackwardData{std::get<DenseProblem>(problems_[i]), diff_dst, layer.weights,
                                        flattened(diff_src), relu});
    }
    dense_backward_weights(i, layer, flattened(src), diff_dst);  // the weights are of no use any more
  }

  void dense_backward_weights(std::size_t i, const LayerParameters& layer, const ConstActivations& src,
                              const ConstActivations& diff_dst) {
    const auto& problem = std::get<DenseProblem>(problems_[i]);
    if (!fuses_adam_)
      return add(layer.name,
                 DenseBackwardWeights{problem, src, diff_dst, layer.diff_weights, layer.diff_bias});
    const AdamProblem adam{layer.weights_info->rows() * layer.weights_info->row_stride, *learning_rate_};
    add(layer.name,
        DenseBackwardWeightsAdam{problem, src, diff_dst, adam, parameters_.adam_tensors(*layer.weights_info),
                                 layer.diff_bias, state_});
  }

  void update() { add("", parameters_.update_op(*learning_rate_, state_, !fuses_adam_)); }

  Network& net_;
  Backend& backend_;
  const Model& model_;
  const std::vector<LayerShape> shapes_;
  Parameters& parameters_;
  const bool training_;
  const std::uint32_t seed_;
  const ConstTensor state_;
  const std::optional<double> learning_rate_;
  const bool fuses_adam_;
  std::vector<Problem> problems_;
  std::size_t workspace_ = 0;
};

Network::Network(Backend& backend, const Model& model, Parameters& parameters, std::int64_t N, Mode mode,
                 std::uint32_t seed, ConstTensor state, std::optional<double> learning_rate)
    : backend_(backend), N_(N) {
  if (N < 1) throw ProblemError(fmt::format("[network] batch {} < 1", N));
  if (mode == Mode::training && !state) throw ProblemError("[network] training needs a StepState");
  Planner planner(*this, model, parameters, mode, seed, state, learning_rate);
  planner.plan_memory();
  planner.plan_ops();
}

void Network::run(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i)
    plan_[i].run(backend_);
}

void Network::forward() {
  run(0, forward_end_);
}

void Network::loss() {
  run(forward_end_, loss_end_);
}

void Network::backward() {
  run(loss_end_, backward_end_);
}

void Network::update() {
  if (backward_end_ == plan_.size()) throw ProblemError("[network] an update needs a learning rate");
  run(backward_end_, plan_.size());
}

LossTotals Network::read_totals() const {
  LossTotals totals;
  backend_.download(totals_.data, &totals, sizeof totals);
  return totals;
}

void Network::clear_totals() {
  backend_.fill_zero(totals_.data, sizeof(LossTotals));
}

void Network::write_totals(const LossTotals& totals) {
  backend_.upload(&totals, totals_.data, sizeof totals);
}

}  // namespace bragg::nn
