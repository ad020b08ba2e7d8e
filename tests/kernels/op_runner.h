// Runs one op of any backend on host numbers: every buffer between guard bands, slack between items filled
// with numbers that spoil a result that reads them, guards and inputs checked afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/base/random.h"
#include "kernels/ops/all_ops.h"

namespace bragg::tests {

using Numbers = std::vector<double>;

/// `count` integers in [-4, 4] (zeros are rare), the same for the same seed.
Numbers integers(std::int64_t count, std::uint32_t seed);
/// `count` floats, uniform in (-1, 1).
Numbers uniforms(std::int64_t count, std::uint32_t seed);
Numbers absolute(Numbers);

/// What an epilogue needs, as host numbers.
struct EpilogueNumbers {
  Numbers bias;  ///< empty: none
  bool relu = false;
  float p = 0;
  std::uint32_t seed = 7, layer = 0;
  std::uint64_t step = 0;
};

/// The src of a ReluGradient; empty: none.
struct ReluNumbers {
  Numbers src;
  float p = 0;
};

struct WeightGradients {
  Numbers weights, bias;
};

struct LossNumbers {
  Numbers diff_logits;
  LossTotals totals{};
};

struct PooledNumbers {
  Numbers dst;
  std::vector<std::uint32_t> kept;  ///< KeptBits' words
};

struct AdamNumbers {
  Numbers weights, m, v;
  Numbers working{};  ///< where the backend keeps weights in two types
};

struct FusedUpdate {
  AdamNumbers adam;
  Numbers diff_bias;
};

/// Whether the backend runs them as one op.
inline bool has_pool(const Backend& backend, const Conv1dProblem& p, const AvgPool1dProblem& pool) {
  return backend.has(Conv1dPoolForward{p, pool, {}, {}, {}, {}, {}});
}

class Guarded;

/// Every function returns the op's result without gaps. Throws std::runtime_error where a guard was
/// overwritten or an input changed. Everything begins at multiples of `alignment` elements and, where that is
/// 1, at odd addresses.
class OpRunner {
 public:
  explicit OpRunner(Backend& backend, std::int64_t alignment = 1)
      : backend_(backend), alignment_(alignment) {}

  Numbers conv1d_forward(const Conv1dProblem&, const Numbers& src, const Numbers& weights,
                         const EpilogueNumbers&) const;
  Numbers conv1d_backward_data(const Conv1dProblem&, const Numbers& diff_dst, const Numbers& weights,
                               const ReluNumbers&) const;
  WeightGradients conv1d_backward_weights(const Conv1dProblem&, const Numbers& src,
                                          const Numbers& diff_dst) const;
  /// Of a alone where b is empty.
  Numbers add_forward(const AddProblem&, const Numbers& a, const Numbers& b, const EpilogueNumbers&) const;
  Numbers add_backward(const AddProblem&, const Numbers& diff_a, const Numbers& diff_b,
                       const ReluNumbers&) const;
  Numbers avg_pool1d_forward(const AvgPool1dProblem&, const Numbers& src) const;
  Numbers avg_pool1d_backward(const AvgPool1dProblem&, const Numbers& diff_dst, const ReluNumbers&) const;
  /// Where the backend fuses them, on an aligned layout; `keep`: with the bits.
  PooledNumbers conv1d_pool_forward(const Conv1dProblem&, const AvgPool1dProblem&, const Numbers& src,
                                    const Numbers& weights, const EpilogueNumbers&, bool keep) const;
  Numbers avg_pool1d_backward_kept(const AvgPool1dProblem&, const Numbers& diff_dst,
                                   const std::vector<std::uint32_t>& kept, float p) const;
  Numbers dense_forward(const DenseProblem&, const Numbers& src, const Numbers& weights,
                        const EpilogueNumbers&) const;
  /// dst of the precise type, no epilogue.
  Numbers dense_logits(const DenseProblem&, const Numbers& src, const Numbers& weights) const;
  Numbers dense_backward_data(const DenseProblem&, const Numbers& diff_dst, const Numbers& weights,
                              const ReluNumbers&) const;
  WeightGradients dense_backward_weights(const DenseProblem&, const Numbers& src,
                                         const Numbers& diff_dst) const;
  LossNumbers softmax_cross_entropy(const SoftmaxCrossEntropyProblem&, const Numbers& logits,
                                    const std::vector<std::int32_t>& labels,
                                    const std::vector<std::int32_t>& class_of = {}) const;
  AdamNumbers adam(const AdamProblem&, const AdamNumbers&, const Numbers& gradients,
                   std::uint64_t step) const;

  /// Where the backend fuses Adam.
  FusedUpdate dense_backward_weights_adam(const DenseProblem&, const Numbers& src, const Numbers& diff_dst,
                                          const AdamNumbers&, std::uint64_t step) const;

  Backend& backend() const { return backend_; }
  /// Backend::how of the op that ran last.
  const std::string& how() const { return how_; }

 private:
  template <IsOp O>
  void run(const O& op) const {
    backend_.reserve_workspace(backend_.workspace_bytes(op));
    how_ = backend_.how(op);
    backend_.run(op);
  }
  std::int64_t guard() const { return alignment_ == 1 ? 67 : 8 * alignment_; }
  std::int64_t aligned(std::int64_t elements) const {
    return (elements + alignment_ - 1) / alignment_ * alignment_;
  }
  std::int64_t item_stride(std::int64_t length) const { return aligned(length) + 3 * alignment_; }
  /// The src of a convolution: where everything is aligned, items are as far apart as the backend likes it.
  Guarded windows(const Conv1dProblem&, const Numbers& src) const;
  /// Its diff_dst, between halos of zeros.
  Guarded gradient(const Conv1dProblem&, const Numbers& diff_dst) const;
  Guarded items(const char* name, std::int64_t N, std::int64_t L, std::int64_t C, const Numbers& values,
                std::int64_t more_gap = 0) const;
  Guarded rows(const char* name, DType type, std::int64_t count, std::int64_t length,
               const Numbers& values) const;

  Backend& backend_;
  std::int64_t alignment_;
  mutable std::string how_;
};

}  // namespace bragg::tests
