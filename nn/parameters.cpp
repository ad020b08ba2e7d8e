#include "nn/parameters.h"

#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "kernels/error.h"

namespace bragg::nn {

std::int64_t ParameterInfo::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::vector<ParameterInfo> parameter_table(const Model& model) {
  std::vector<ParameterInfo> table;
  std::size_t offset = 0;
  const auto add = [&](std::string name, std::vector<std::int64_t> shape, std::int64_t fan_in) {
    table.push_back({std::move(name), std::move(shape), fan_in, offset});
    const auto count = static_cast<std::size_t>(table.back().count());
    offset += (count + parameter_alignment - 1) / parameter_alignment * parameter_alignment;
  };
  const auto shapes = layer_shapes(model);
  int convolutions = 0, dense_layers = 0;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const LayerShape& s = shapes[i];
    if (const auto* conv = std::get_if<Conv1dLayer>(&model.layers[i])) {
      const std::string name = fmt::format("conv{}", ++convolutions);
      const std::int64_t fan_in = conv->kernel * s.C_in;
      add(name + ".weights", {s.C_out, conv->kernel, s.C_in}, fan_in);
      add(name + ".bias", {s.C_out}, fan_in);
    } else if (std::holds_alternative<DenseLayer>(model.layers[i])) {
      const std::string name = fmt::format("dense{}", ++dense_layers);
      add(name + ".weights", {s.C_out, s.C_in}, s.C_in);
      add(name + ".bias", {s.C_out}, s.C_in);
    }
  }
  return table;
}

std::int64_t parameter_count(const Model& model) {
  std::int64_t count = 0;
  for (const ParameterInfo& info : parameter_table(model))
    count += info.count();
  return count;
}

Parameters::Parameters(Backend& backend, const Model& model, Use use)
    : backend_(backend), table_(parameter_table(model)) {
  const ParameterInfo& last = table_.back();
  const auto end = last.offset + static_cast<std::size_t>(last.count());
  const std::size_t count = (end + parameter_alignment - 1) / parameter_alignment * parameter_alignment;
  arena_count_ = static_cast<std::int64_t>(count);
  ArenaPlan plan;
  plan.add(count * size_of(backend.element_type()));
  weights_ = backend.allocate(plan.bytes());
  if (use == Use::training) {
    gradients_ = backend.allocate(plan.bytes());
    m_ = backend.allocate(plan.bytes());
    v_ = backend.allocate(plan.bytes());
  }
}

Tensor Parameters::weights() const {
  return {weights_.data(), backend_.element_type()};
}
Tensor Parameters::gradients() const {
  return {gradients_.data(), backend_.element_type()};
}
Tensor Parameters::m() const {
  return {m_.data(), backend_.element_type()};
}
Tensor Parameters::v() const {
  return {v_.data(), backend_.element_type()};
}

Tensor Parameters::piece(Tensor arena, const ParameterInfo& info) const {
  if (!arena) throw Error("[parameters] gradients and moments exist for training only");
  return {arena.as<std::byte>() + info.offset * size_of(arena.dtype), arena.dtype};
}

std::vector<float> Parameters::download(Tensor arena) const {
  std::int64_t count = 0;
  for (const ParameterInfo& info : table_)
    count += info.count();
  std::vector<float> values(static_cast<std::size_t>(count));
  std::size_t at = 0;
  for (const ParameterInfo& info : table_) {
    const auto n = static_cast<std::size_t>(info.count());
    backend_.download(piece(arena, info), std::span(values).subspan(at, n));
    at += n;
  }
  return values;
}

void Parameters::upload(std::span<const float> values, Tensor arena) {
  std::int64_t count = 0;
  for (const ParameterInfo& info : table_)
    count += info.count();
  if (static_cast<std::int64_t>(values.size()) != count)
    throw Error(fmt::format("[parameters] {} values for {} parameters", values.size(), count));
  std::size_t at = 0;
  for (const ParameterInfo& info : table_) {
    const auto n = static_cast<std::size_t>(info.count());
    backend_.upload(values.subspan(at, n), piece(arena, info));
    at += n;
  }
}

}  // namespace bragg::nn
