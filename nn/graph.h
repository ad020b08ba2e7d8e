// A network as a graph of values: the input, and what layers make of values before. A value may be read by
// any number of layers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nn/layers/layers.h"

namespace bragg::nn {

/// A value of a graph, by its number in the order of construction.
struct Value {
  std::size_t number = 0;
  bool operator==(const Value&) const = default;
};

/// A value and how it is made.
struct Node {
  std::shared_ptr<const Layer> layer;  ///< none: the input
  std::vector<Value> sources;
  Shape shape;
  std::vector<LayerParameter> parameters;
  std::string name;  ///< "conv1": the layer's kind and its number among those; "" without parameters
};

/// A question that the network answers: the class of a pattern among `classes`.
struct Head {
  std::string name;  ///< "space_group"
  std::int64_t classes = 0;
  double weight = 1;                   ///< of its loss in the sum that training makes small
  std::vector<std::int32_t> class_of;  ///< of every label; empty: labels are the classes

  /// -1 for a label outside the table.
  std::int32_t class_of_label(std::int32_t label) const {
    if (class_of.empty()) return label;
    return label >= 0 && static_cast<std::size_t>(label) < class_of.size()
               ? class_of[static_cast<std::size_t>(label)]
               : -1;
  }
  bool operator==(const Head&) const = default;
};
struct PlacedHead : Head {
  Value logits;
};

/// A question whose answer is numbers, learnt by Huber loss. The trainer asks none yet: whoever does fills the targets
/// of Network::regressions().
struct RegressionHead {
  std::string name;  ///< "cell"
  std::int64_t outputs = 0;
  double delta = 1;   ///< HuberLossProblem
  double weight = 1;  ///< of its loss in the sum that training makes small
};
struct PlacedRegression : RegressionHead {
  Value predictions;
};

/// Shapes are known at once: what does not fit is refused where it is added, by UsageError, a number out of
/// range by ProblemError.
class Graph {
 public:
  explicit Graph(std::int64_t points);

  Value input() const { return {0}; }  ///< (points, 1)
  /// With bias, to (L_out, channels).
  Value conv1d(Value src, const Conv1dShape&);
  Value avg_pool1d(Value src, const AvgPool1dShape&);
  /// Over all rows of a batch, a channel at a time; by running statistics in inference.
  Value batch_norm(Value src);
  /// With bias, of src as one row, to (1, width).
  Value dense(Value src, std::int64_t width);
  /// And dropout behind it. A dropped element is known by its zero, which only a ReLU makes harmless.
  Value relu(Value src, double dropout = 0);
  /// Of equal shapes.
  Value add(Value a, Value b);
  /// `logits` is one row of `classes`.
  void head(const Head&, Value logits);
  /// `predictions` is one row of `outputs`.
  void regression(const RegressionHead&, Value predictions);

  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& operator[](Value value) const { return nodes_.at(value.number); }
  const std::vector<PlacedHead>& heads() const { return heads_; }
  const std::vector<PlacedRegression>& regressions() const { return regressions_; }
  std::vector<Shape> source_shapes(const Node&) const;

 private:
  Value append(std::shared_ptr<const Layer>, std::vector<Value> sources);

  std::vector<Node> nodes_;
  std::vector<PlacedHead> heads_;
  std::vector<PlacedRegression> regressions_;
};

}  // namespace bragg::nn
