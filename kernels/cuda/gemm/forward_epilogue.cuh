// What a forward op does to a sum before it stores it, as kernels take it.
#pragma once

#include <array>

#include <cuda_runtime.h>

#include "kernels/base/random.h"
#include "kernels/cuda/device/ptx.cuh"
#include "kernels/ops/epilogue.h"
#include "kernels/ops/step_state.h"

namespace bragg::cuda {

struct ForwardEpilogue {
  const float* bias;  ///< or nullptr
  bool relu;
  std::uint32_t drop_below;  ///< dropout_threshold(p); 0: no dropout
  float scale;               ///< 1 / (1 - p)
  std::uint32_t seed, layer;
  const StepState* state;

  explicit ForwardEpilogue(const Epilogue& e)
      : bias(e.bias.as<float>()),
        relu(e.relu),
        drop_below(dropout_threshold(e.dropout.p)),
        scale(drop_below > 0 ? static_cast<float>(1.0 / (1.0 - double{e.dropout.p})) : 1.0f),
        seed(e.dropout.seed),
        layer(e.dropout.layer),
        state(e.dropout.state.as<StepState>()) {}

  /// ReLU and dropout of a sum that has its bias; `draw`: 16 random bits, any without dropout.
  __device__ float activated(float value, std::uint32_t draw) const {
    if (relu && value < 0) value = 0;  // a NaN stays one
    return draw >= drop_below ? value * scale : 0.0f;
  }
};

/// Not inlined: 100 instructions, in a loop over the elements of a thread.
__noinline__ inline __device__ Philox4 dropout_call(std::uint32_t seed, std::uint32_t layer,
                                                    std::uint64_t step, std::uint32_t call) {
  return random_call(seed, RandomStream::dropout, call, layer, step);
}

/// The calls of a launch, and the decisions of a call: what depends on the seed and the probability alone is computed by the
/// host.
struct DropoutCalls {
  static constexpr std::size_t rounds = 10;
  static constexpr std::uint32_t stream = static_cast<std::uint32_t>(RandomStream::dropout),
                                 stream_step = 0xBB67AE85u;
  std::array<std::uint32_t, rounds> keys;  ///< the seed's, round by round
  std::uint32_t layer, per_row;
  std::uint32_t raise, either;  ///< of kept()

  DropoutCalls(const ForwardEpilogue& e, std::int64_t C)
      : keys{}, layer(e.layer), per_row(dropout_calls_per_row(C)) {
    for (std::size_t round = 0; round < rounds; ++round)
      keys[round] = e.seed + static_cast<std::uint32_t>(round) * 0x9E3779B9u;
    constexpr std::uint32_t middle = 0x8000;
    either = e.drop_below <= middle ? ~0u : 0;
    raise = ((e.drop_below <= middle ? middle : 2 * middle) - e.drop_below) * 0x10001u;
  }

  /// All bits of the halves of a word that are >= drop_below. Of a half's lower 15 bits the sum with `raise` reaches the
  /// highest bit where they are large enough; below the middle that bit or the half's own will do, above it takes both.
  __device__ std::uint32_t kept(std::uint32_t word) const {
    const std::uint32_t sum = (word & 0x7FFF7FFFu) + raise;
    return signs_of_halves((sum & word) | ((sum | word) & either));
  }
};

/// The calls of a step. Philox4x32's first three rounds (random.h) meet numbers that all calls of a step share: what becomes
/// of those is computed once, and a call is 18 products and 19 exclusive ors.
class DropoutStep {
 public:
  __device__ DropoutStep(const DropoutCalls& calls, std::uint64_t step) : calls_(calls) {
    const std::uint64_t p1 = high_product(static_cast<std::uint32_t>(step));
    const std::uint32_t c0 = upper(p1) ^ calls.layer ^ calls.keys[0];
    const std::uint64_t p0 = low_product(c0);
    first_ = static_cast<std::uint32_t>(step >> 32) ^ DropoutCalls::stream;
    second_0_ = static_cast<std::uint32_t>(p1) ^ calls.keys[1];
    second_2_ = upper(p0) ^ (DropoutCalls::stream + DropoutCalls::stream_step);
    third_ = static_cast<std::uint32_t>(p0) ^ (DropoutCalls::stream + 2 * DropoutCalls::stream_step);
  }

  /// random_call of RandomStream::dropout.
  __device__ Philox4 words(std::uint32_t call) const {
    std::uint64_t p0 = low_product(call), p1 = high_product(upper(p0) ^ first_);
    std::uint32_t c0 = upper(p1) ^ second_0_, c1 = static_cast<std::uint32_t>(p1),
                  c2 = static_cast<std::uint32_t>(p0) ^ second_2_, c3 = third_, key = 0;
#pragma unroll
    for (std::size_t round = 2; round < DropoutCalls::rounds; ++round) {
      p0 = low_product(c0);
      p1 = high_product(c2);
      c0 = upper(p1) ^ c1 ^ calls_.keys[round];
      c1 = static_cast<std::uint32_t>(p1);
      c2 = upper(p0) ^ c3 ^ key;  // in the third round both are in third_
      c3 = static_cast<std::uint32_t>(p0);
      key = DropoutCalls::stream + static_cast<std::uint32_t>(round + 1) * DropoutCalls::stream_step;
    }
    return {c0, c1, c2, c3};
  }

 private:
  __device__ static std::uint64_t low_product(std::uint32_t c) {
    return multiply_wide(c, 0xD2511F53u);
  }
  __device__ static std::uint64_t high_product(std::uint32_t c) {
    return multiply_wide(c, 0xCD9E8D57u);
  }
  __device__ static std::uint32_t upper(std::uint64_t p) {
    return static_cast<std::uint32_t>(p >> 32);
  }

  const DropoutCalls& calls_;
  std::uint32_t first_, second_0_, second_2_, third_;
};

}  // namespace bragg::cuda
