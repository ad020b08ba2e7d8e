// What a kind of layer is: its shape, its parameters, and the ops that compute it forward and backward. One
// file for each kind.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bragg::nn {

class LayerOps;

/// What a network is planned for.
enum class Mode {
  inference,
  training,
  statistics,  ///< forward as in training but without dropout; statistics of the batch replace the running ones
};

/// (L, C) of one pattern, channels last.
struct Shape {
  std::int64_t L = 0, C = 0;
  bool operator==(const Shape&) const = default;
};

/// What a parameter is to an optimizer.
enum class ParameterRole {
  weights,        ///< of a product
  dense_weights,  ///< the same, with an update that the op of their gradient may do (Adam, fused)
  bias,
  scale,      ///< of a normalisation
  shift,      ///< of a normalisation
  statistic,  ///< running mean or variance: not trained, without gradient and moments, but a part of the model
};

/// Whether a weight decay is for it: matrices alone.
constexpr bool decays(ParameterRole role) {
  return role == ParameterRole::weights || role == ParameterRole::dense_weights;
}

/// A parameter of a layer.
struct LayerParameter {
  const char* name;  ///< "weights"
  ParameterRole role;
  std::vector<std::int64_t> shape;
  std::int64_t fan_in;  ///< for the initialisation of weights and biases
  float initial = 0;    ///< of the other roles
};

class Layer {
 public:
  virtual ~Layer() = default;

  virtual std::string kind() const = 0;  ///< "conv"
  virtual std::string text() const = 0;  ///< "conv 80 kernel 100 stride 5"
  /// Throws UsageError where the sources do not fit, naming both values.
  virtual Shape shape(std::span<const Shape> sources) const = 0;
  virtual std::vector<LayerParameter> parameters(std::span<const Shape> /*sources*/) const { return {}; }

  virtual void forward(LayerOps&) const = 0;
  /// Gradients of parameters, and of the sources that want one. Ops that read weights come before those that
  /// may update them.
  virtual void backward(LayerOps&) const = 0;
};

}  // namespace bragg::nn
