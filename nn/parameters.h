// The weights of a model on a backend: one arena, so that the optimizer is one op.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "nn/model.h"

namespace bragg::nn {

/// A named tensor in the arena: "conv1.weights" (C_out, kernel, C_in), "conv1.bias" (C_out), "dense1.weights"
/// (out, in).
struct ParameterInfo {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t fan_in;  ///< of the layer, for the initialisation
  std::size_t offset;   ///< elements from the arena's start, a multiple of parameter_alignment
  std::int64_t count() const;
};

/// Elements; 256 bytes or more for every element type of 4 bytes or more.
inline constexpr std::size_t parameter_alignment = 64;

/// In the order of the layers, weights before bias.
std::vector<ParameterInfo> parameter_table(const Model&);
std::int64_t parameter_count(const Model&);

/// Weights, and for training gradients and Adam's moments beside them.
class Parameters {
 public:
  enum class Use { inference, training };
  Parameters(Backend&, const Model&, Use);

  const std::vector<ParameterInfo>& table() const { return table_; }
  /// Elements of one arena, padding included (padding stays zero).
  std::int64_t arena_count() const { return arena_count_; }
  Tensor weights() const;
  /// These three are empty for inference.
  Tensor gradients() const;
  Tensor m() const;
  Tensor v() const;
  /// The piece of an arena that holds the named tensor.
  Tensor piece(Tensor arena, const ParameterInfo&) const;
  Backend& backend() const { return backend_; }

  /// All tensors in table order without padding, fp32 on the host.
  std::vector<float> download(Tensor arena) const;
  /// Throws Error unless the values are as many as the parameters.
  void upload(std::span<const float>, Tensor arena);

 private:
  Backend& backend_;
  std::vector<ParameterInfo> table_;
  std::int64_t arena_count_ = 0;
  Buffer weights_, gradients_, m_, v_;
};

/// PyTorch's default for nn.Conv1d and nn.Linear: weights and bias uniform in +-1/sqrt(fan_in). Element e of
/// tensor number i is (2 uniform01(w) - 1) * (1 / sqrt(fan_in)), in double and then rounded to float, with w
/// = word e % 4 of random_call(seed, init, e / 4, i, 0).
void initialise(Parameters&, std::uint32_t seed);

}  // namespace bragg::nn
