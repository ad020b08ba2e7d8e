#include "nn/graph.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::nn {

Graph::Graph(std::int64_t points) {
  if (points < 1) throw UsageError(fmt::format("[model] points {} < 1", points));
  nodes_.push_back({nullptr, {}, {points, 1}, {}, ""});
}

std::vector<Shape> Graph::source_shapes(const Node& node) const {
  std::vector<Shape> shapes;
  for (const Value source : node.sources)
    shapes.push_back((*this)[source].shape);
  return shapes;
}

Value Graph::append(std::shared_ptr<const Layer> layer, std::vector<Value> sources) {
  Node node{std::move(layer), std::move(sources), {}, {}, ""};
  const std::vector<Shape> shapes = source_shapes(node);
  node.shape = node.layer->shape(shapes);
  node.parameters = node.layer->parameters(shapes);
  if (!node.parameters.empty()) {
    const std::string kind = node.layer->kind();
    const auto same = std::count_if(nodes_.begin(), nodes_.end(), [&](const Node& other) {
      return !other.name.empty() && other.layer->kind() == kind;
    });
    node.name = fmt::format("{}{}", kind, same + 1);
  }
  nodes_.push_back(std::move(node));
  return {nodes_.size() - 1};
}

Value Graph::conv1d(Value src, const Conv1dShape& shape) {
  return append(layers::conv1d(shape), {src});
}

Value Graph::avg_pool1d(Value src, const AvgPool1dShape& shape) {
  return append(layers::avg_pool1d(shape), {src});
}

Value Graph::batch_norm(Value src) {
  return append(layers::batch_norm(), {src});
}

Value Graph::dense(Value src, std::int64_t width) {
  return append(layers::dense(width), {src});
}

Value Graph::relu(Value src, double dropout) {
  return append(layers::relu(dropout), {src});
}

Value Graph::add(Value a, Value b) {
  return append(layers::add(), {a, b});
}

void Graph::head(const Head& head, Value logits) {
  const Shape shape = (*this)[logits].shape;
  if (shape.L != 1 || shape.C != head.classes)
    throw UsageError(fmt::format("[model] head {} of {} classes has logits of ({}, {})", head.name,
                                 head.classes, shape.L, shape.C));
  heads_.push_back({head, logits});
}

void Graph::regression(const RegressionHead& head, Value predictions) {
  const Shape shape = (*this)[predictions].shape;
  if (shape.L != 1 || shape.C != head.outputs)
    throw UsageError(fmt::format("[model] head {} of {} numbers has predictions of ({}, {})", head.name,
                                 head.outputs, shape.L, shape.C));
  regressions_.push_back({head, predictions});
}

}  // namespace bragg::nn
