#include "nn/parameters.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/ops/adam.h"

namespace bragg::nn {

std::int64_t ParameterInfo::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

namespace {

/// With rows as long as they are, one after the other.
std::vector<ParameterInfo> parameters_of(const Graph& graph) {
  std::vector<ParameterInfo> table;
  for (const Node& node : graph.nodes())
    for (const LayerParameter& p : node.parameters)
      table.push_back({fmt::format("{}.{}", node.name, p.name), p.role, p.shape, p.fan_in, 0, 0});
  return table;
}

/// Elements of the arena that the tensor takes.
std::size_t elements_of(const ParameterInfo& info) {
  const auto count = static_cast<std::size_t>(info.rows() * info.row_stride);
  return (count + parameter_alignment - 1) / parameter_alignment * parameter_alignment;
}

std::int64_t total_count(const std::vector<ParameterInfo>& table) {
  return std::accumulate(table.begin(), table.end(), std::int64_t{0},
                         [](std::int64_t sum, const ParameterInfo& info) { return sum + info.count(); });
}

}  // namespace

std::vector<ParameterInfo> parameter_table(const Backend& backend, const Model& model) {
  std::vector<ParameterInfo> table = parameters_of(model.graph);
  std::size_t offset = 0;
  for (const bool dense_weights : {false, true})
    for (ParameterInfo& info : table) {
      if ((info.role == ParameterRole::dense_weights) != dense_weights) continue;
      info.offset = offset;
      info.row_stride = info.rows() == 1 ? info.row_length() : backend.weight_row_stride(info.row_length());
      offset += elements_of(info);
    }
  return table;
}

std::int64_t parameter_count(const Model& model) {
  return total_count(parameters_of(model.graph));
}

Parameters::Parameters(Backend& backend, const Model& model, Use use)
    : backend_(backend), table_(parameter_table(backend, model)) {
  std::size_t count = 0, others = 0;
  for (const ParameterInfo& info : table_) {
    const std::size_t elements = elements_of(info);
    count += elements;
    if (info.role != ParameterRole::dense_weights) others += elements;
  }
  arena_count_ = static_cast<std::int64_t>(count);
  dense_weights_begin_ = static_cast<std::int64_t>(others);
  const auto arena = [&](DType type) {
    ArenaPlan plan;
    plan.add(count * size_of(type));
    return backend.allocate(plan.bytes());
  };
  weights_ = arena(backend.precise_type());
  if (backend.element_type() != backend.precise_type()) working_ = arena(backend.element_type());
  if (use == Use::training) {
    gradients_ = arena(backend.precise_type());
    m_ = arena(backend.precise_type());
    v_ = arena(backend.precise_type());
  }
}

Tensor Parameters::weights() const {
  return {weights_.data(), backend_.precise_type()};
}
Tensor Parameters::working() const {
  return working_ ? Tensor{working_.data(), backend_.element_type()} : weights();
}
Tensor Parameters::gradients() const {
  return {gradients_.data(), backend_.precise_type()};
}
Tensor Parameters::m() const {
  return {m_.data(), backend_.precise_type()};
}
Tensor Parameters::v() const {
  return {v_.data(), backend_.precise_type()};
}

Adam Parameters::update_op(double learning_rate, ConstTensor state, bool dense_weights) const {
  return {{dense_weights ? arena_count_ : dense_weights_begin_, learning_rate},
          {weights(), m(), v(), working_ ? working() : Tensor{}},
          gradients(),
          state};
}

AdamTensors Parameters::adam_tensors(const ParameterInfo& info) const {
  return {piece(weights(), info), piece(m(), info), piece(v(), info),
          working_ ? piece(working(), info) : Tensor{}};
}

std::size_t Parameters::bytes() const {
  std::size_t sum = 0;
  for (const Buffer* arena : {&weights_, &working_, &gradients_, &m_, &v_})
    sum += arena->bytes();
  return sum;
}

Tensor Parameters::piece(Tensor arena, const ParameterInfo& info) const {
  if (!arena) throw Error("[parameters] gradients and moments exist for training only");
  return {arena.as<std::byte>() + info.offset * size_of(arena.dtype), arena.dtype};
}

void Parameters::download(Tensor arena, const ParameterInfo& info, std::span<float> values) const {
  const Tensor from = piece(arena, info);
  const auto length = static_cast<std::size_t>(info.row_length()),
             stride = static_cast<std::size_t>(info.row_stride);
  if (length == stride) return backend_.download(from, values);
  std::vector<float> padded(static_cast<std::size_t>(info.rows()) * stride);
  backend_.download(from, padded);
  for (std::size_t row = 0; row * length < values.size(); ++row)
    std::copy_n(padded.begin() + static_cast<std::ptrdiff_t>(row * stride), length,
                values.begin() + static_cast<std::ptrdiff_t>(row * length));
}

void Parameters::upload(std::span<const float> values, Tensor arena, const ParameterInfo& info) {
  const auto length = static_cast<std::size_t>(info.row_length()),
             stride = static_cast<std::size_t>(info.row_stride);
  std::vector<float> padded;
  if (length != stride) {
    padded.resize(static_cast<std::size_t>(info.rows()) * stride);
    for (std::size_t row = 0; row * length < values.size(); ++row)
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(row * length), length,
                  padded.begin() + static_cast<std::ptrdiff_t>(row * stride));
    values = padded;
  }
  backend_.upload(values, piece(arena, info));
  if (working_ && arena.data == weights_.data()) backend_.upload(values, piece(working(), info));
}

std::vector<float> Parameters::download(Tensor arena) const {
  std::vector<float> values(static_cast<std::size_t>(total_count(table_)));
  std::size_t at = 0;
  for (const ParameterInfo& info : table_) {
    const auto n = static_cast<std::size_t>(info.count());
    download(arena, info, std::span(values).subspan(at, n));
    at += n;
  }
  return values;
}

void Parameters::upload(std::span<const float> values, Tensor arena) {
  const std::int64_t count = total_count(table_);
  if (static_cast<std::int64_t>(values.size()) != count)
    throw Error(fmt::format("[parameters] {} values for {} parameters", values.size(), count));
  std::size_t at = 0;
  for (const ParameterInfo& info : table_) {
    const auto n = static_cast<std::size_t>(info.count());
    upload(values.subspan(at, n), arena, info);
    at += n;
  }
}

}  // namespace bragg::nn
