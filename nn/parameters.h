// The weights of a model on a backend: one arena, so that the optimizer is one op.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/ops/adam.h"
#include "nn/model.h"

namespace bragg::nn {

/// A named tensor in an arena: "conv1.weights" (C_out, kernel, C_in), "conv1.bias" (C_out), "dense1.weights"
/// (out, in), "batch_norm1.scale" (C); of the arena of statistics "batch_norm1.running_mean" (C).
struct ParameterInfo {
  std::string name;
  ParameterRole role;
  std::vector<std::int64_t> shape;
  std::int64_t fan_in;      ///< of the layer, for the initialisation
  float initial;            ///< of roles whose first value is no random number
  std::size_t offset;       ///< elements from the arena's start, a multiple of parameter_alignment
  std::int64_t row_stride;  ///< elements from one output's weights to the next; the count of a bias
  std::int64_t count() const;
  std::int64_t rows() const { return shape.size() == 1 ? 1 : shape.front(); }
  std::int64_t row_length() const { return count() / rows(); }
};

/// Elements: at least 256 bytes in every element type.
inline constexpr std::size_t parameter_alignment = 128;

/// What is trained, in the order of the layers, weights before bias, as the backend wants its rows. In the arena
/// matrices come behind all that does not decay, and of these the weights of dense layers last.
std::vector<ParameterInfo> parameter_table(const Backend&, const Model&);
/// Running means and variances, which lie in an arena of their own: no optimizer sees them.
std::vector<ParameterInfo> statistics_table(const Model&);
std::int64_t parameter_count(const Model&);  ///< of what is trained

/// Weights, and for training gradients and Adam's moments beside them, and their average if asked for. All of
/// the backend's precise type; where that is not its element type there is a working copy of the weights,
/// rounded, which products read.
class Parameters {
 public:
  enum class Use { inference, training, averaging };  ///< averaging: training with an average
  Parameters(Backend&, const Model&, Use);

  const std::vector<ParameterInfo>& table() const { return table_; }
  const std::vector<ParameterInfo>& statistics_table() const { return statistics_table_; }
  /// Elements of one arena, padding included (padding stays zero).
  std::int64_t arena_count() const { return arena_count_; }
  Tensor weights() const;
  /// The weights in the element type: weights() itself or the copy.
  Tensor working() const;
  Tensor statistics() const;
  /// These three are empty for inference.
  Tensor gradients() const;
  Tensor m() const;
  Tensor v() const;
  /// Of the weights over the steps (op ema); empty unless averaging.
  Tensor average() const;
  /// Of all gradients: one double (op norm). Empty for inference.
  Tensor gradient_norm() const;
  /// The piece of an arena that holds the named tensor.
  Tensor piece(Tensor arena, const ParameterInfo&) const;
  /// An arena from element `begin` on.
  Tensor from(Tensor arena, std::int64_t begin) const;
  /// The first element of the arena that belongs to a matrix, and to the weights of a dense layer.
  std::int64_t matrices_begin() const { return matrices_begin_; }
  std::int64_t dense_weights_begin() const { return dense_weights_begin_; }
  /// What Adam updates of one tensor, or from element `begin` of the arena on.
  AdamTensors adam_tensors(const ParameterInfo&) const;
  AdamTensors adam_tensors(std::int64_t begin) const;
  /// The average is the weights as they are now: where it begins.
  void start_average();
  /// weights() and working() become `averaged`'s average, by way of the host.
  void take_average(const Parameters& averaged);
  /// Of all arenas.
  std::size_t bytes() const;

  /// One tensor without gaps, fp32 on the host. What is written to weights() goes to working() as well.
  void download(Tensor arena, const ParameterInfo&, std::span<float>) const;
  void upload(std::span<const float>, Tensor arena, const ParameterInfo&);
  /// All tensors in the order of the arena's table without padding, fp32 on the host.
  std::vector<float> download(Tensor arena) const;
  /// Throws Error unless the values are as many as the parameters.
  void upload(std::span<const float>, Tensor arena);

 private:
  const std::vector<ParameterInfo>& table_of(Tensor arena) const;

  Backend& backend_;
  std::vector<ParameterInfo> table_, statistics_table_;
  std::int64_t arena_count_ = 0, matrices_begin_ = 0, dense_weights_begin_ = 0;
  Buffer weights_, working_, gradients_, m_, v_, average_, gradient_norm_, statistics_;
};

/// PyTorch's default for nn.Conv1d and nn.Linear: weights and bias uniform in +-1/sqrt(fan_in). Element e of
/// tensor number i is (2 uniform01(w) - 1) * (1 / sqrt(fan_in)), in double and then rounded to float, with w
/// = word e % 4 of random_call(seed, init, e / 4, i, 0). Normalisations begin with scale 1, shift 0, mean 0,
/// variance 1, as nn.BatchNorm1d.
void initialise(Parameters&, std::uint32_t seed);

}  // namespace bragg::nn
