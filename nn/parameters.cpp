#include "nn/parameters.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::nn {

std::int64_t ParameterInfo::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

namespace {

/// With rows as long as they are, one after the other.
std::vector<ParameterInfo> parameters_of(const Graph& graph, bool statistics) {
  std::vector<ParameterInfo> table;
  for (const Node& node : graph.nodes())
    for (const LayerParameter& p : node.parameters)
      if ((p.role == ParameterRole::statistic) == statistics)
        table.push_back(
            {fmt::format("{}.{}", node.name, p.name), p.role, p.shape, p.fan_in, p.initial, 0, 0});
  return table;
}

/// Of the arena, in order: what does not decay, matrices, the weights of dense layers.
int part_of(ParameterRole role) {
  return role == ParameterRole::dense_weights ? 2 : decays(role) ? 1 : 0;
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
  std::vector<ParameterInfo> table = parameters_of(model.graph, false);
  std::size_t offset = 0;
  for (const int part : {0, 1, 2})
    for (ParameterInfo& info : table) {
      if (part_of(info.role) != part) continue;
      info.offset = offset;
      info.row_stride = info.rows() == 1 ? info.row_length() : backend.weight_row_stride(info.row_length());
      offset += elements_of(info);
    }
  return table;
}

std::vector<ParameterInfo> statistics_table(const Model& model) {
  std::vector<ParameterInfo> table = parameters_of(model.graph, true);
  std::size_t offset = 0;
  for (ParameterInfo& info : table) {
    info.offset = offset;
    info.row_stride = info.count();
    offset += elements_of(info);
  }
  return table;
}

std::int64_t parameter_count(const Model& model) {
  return total_count(parameters_of(model.graph, false));
}

Parameters::Parameters(Backend& backend, const Model& model, Use use)
    : backend_(backend),
      table_(parameter_table(backend, model)),
      statistics_table_(nn::statistics_table(model)) {
  std::array<std::size_t, 3> parts{};
  for (const ParameterInfo& info : table_)
    parts.at(static_cast<std::size_t>(part_of(info.role))) += elements_of(info);
  const std::size_t count = parts[0] + parts[1] + parts[2];
  matrices_begin_ = static_cast<std::int64_t>(parts[0]);
  dense_weights_begin_ = static_cast<std::int64_t>(parts[0] + parts[1]);
  arena_count_ = static_cast<std::int64_t>(count);
  const auto arena_of = [&](std::size_t elements, DType type) {
    ArenaPlan plan;
    plan.add(elements * size_of(type));
    return backend.allocate(plan.bytes());
  };
  const auto arena = [&](DType type) { return arena_of(count, type); };
  weights_ = arena(backend.precise_type());
  if (backend.element_type() != backend.precise_type()) working_ = arena(backend.element_type());
  std::size_t statistics = 0;
  for (const ParameterInfo& info : statistics_table_)
    statistics += elements_of(info);
  if (statistics > 0) statistics_ = arena_of(statistics, backend.precise_type());
  if (use == Use::inference) return;
  gradients_ = arena(backend.precise_type());
  m_ = arena(backend.precise_type());
  v_ = arena(backend.precise_type());
  gradient_norm_ = backend.allocate(sizeof(double));
  if (use == Use::averaging) average_ = arena(backend.precise_type());
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
Tensor Parameters::statistics() const {
  return {statistics_.data(), backend_.precise_type()};
}
Tensor Parameters::v() const {
  return {v_.data(), backend_.precise_type()};
}

Tensor Parameters::average() const {
  return {average_.data(), backend_.precise_type()};
}
Tensor Parameters::gradient_norm() const {
  return {gradient_norm_.data(), DType::f64};
}

AdamTensors Parameters::adam_tensors(const ParameterInfo& info) const {
  return adam_tensors(static_cast<std::int64_t>(info.offset));
}

AdamTensors Parameters::adam_tensors(std::int64_t begin) const {
  return {from(weights(), begin), from(m(), begin), from(v(), begin),
          working_ ? from(working(), begin) : Tensor{}};
}

void Parameters::start_average() {
  backend_.copy(weights_.data(), average_.data(), weights_.bytes());
}

void Parameters::take_average(const Parameters& averaged) {
  upload(averaged.download(averaged.average()), weights());
}

std::size_t Parameters::bytes() const {
  std::size_t sum = 0;
  for (const Buffer* arena : {&weights_, &working_, &gradients_, &m_, &v_, &average_, &statistics_})
    sum += arena->bytes();
  return sum;
}

Tensor Parameters::piece(Tensor arena, const ParameterInfo& info) const {
  return from(arena, static_cast<std::int64_t>(info.offset));
}

Tensor Parameters::from(Tensor arena, std::int64_t begin) const {
  if (!arena) throw Error("[parameters] gradients, moments and averages exist for training only");
  return {arena.as<std::byte>() + static_cast<std::size_t>(begin) * size_of(arena.dtype), arena.dtype};
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

const std::vector<ParameterInfo>& Parameters::table_of(Tensor arena) const {
  return arena && arena.data == statistics_.data() ? statistics_table_ : table_;
}

std::vector<float> Parameters::download(Tensor arena) const {
  const std::vector<ParameterInfo>& table = table_of(arena);
  std::vector<float> values(static_cast<std::size_t>(total_count(table)));
  std::size_t at = 0;
  for (const ParameterInfo& info : table) {
    const auto n = static_cast<std::size_t>(info.count());
    download(arena, info, std::span(values).subspan(at, n));
    at += n;
  }
  return values;
}

void Parameters::upload(std::span<const float> values, Tensor arena) {
  const std::vector<ParameterInfo>& table = table_of(arena);
  const std::int64_t count = total_count(table);
  if (static_cast<std::int64_t>(values.size()) != count)
    throw Error(fmt::format("[parameters] {} values for {} parameters", values.size(), count));
  std::size_t at = 0;
  for (const ParameterInfo& info : table) {
    const auto n = static_cast<std::size_t>(info.count());
    upload(values.subspan(at, n), arena, info);
    at += n;
  }
}

}  // namespace bragg::nn
