// The parameters of patterns, one to a warp: an effect for each lane. What costs time is Philox and a
// logarithm for each, some 200 instructions a pattern and lane, beside the thousands of clocks that rendering
// it takes.
#include <algorithm>

#include "kernels/crystal/sample_pattern.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/ops/step_state.h"

namespace bragg::cuda {
namespace {

constexpr int sampling_threads = 128, sampling_warps = sampling_threads / 32;
/// Variants that fit into the launch itself; more lie in the workspace.
constexpr int few_variants = 8;

struct SamplingArguments {
  std::int64_t N = 0;
  std::uint32_t seed = 0;
  const StepState* state = nullptr;
  std::int32_t variant_count = 0;
  const PatternVariant* many = nullptr;  ///< nullptr: they are `few`
  PatternVariant few[few_variants];
};

/// Grid: a warp for each pattern.
__global__ void __launch_bounds__(sampling_threads)
    sample_parameters(const __grid_constant__ SamplingArguments a, PatternParameters* dst) {
  wait_for_previous_kernel();
  static_assert(effect_count < 32);
  const auto lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t n = std::int64_t{blockIdx.x} * sampling_warps + threadIdx.x / 32;
  if (n >= a.N || lane > effect_count) return;
  const std::uint64_t index = a.state->first_index + static_cast<std::uint64_t>(n);
  const PatternVariant* const variants = a.many ? a.many : a.few;
  const std::int32_t chosen = sample_variant(variants, a.variant_count, a.seed, index);
  PatternParameters& pattern = dst[n];
  if (lane < effect_count) {
    pattern.value[lane] = sample_effect(variants[chosen], lane, a.seed, index);
  } else {
    pattern.U = variants[chosen].U;
    pattern.V = variants[chosen].V;
    sample_shape(pattern, a.seed, index);
    pattern.index = index;
    pattern.seed = a.seed;
    pattern.variant = chosen;
    pattern.unused = 0;
  }
}

struct FewVariants {
  PatternVariant at[few_variants];
};

/// Grid: one block, a thread for each.
__global__ void keep_variants(const __grid_constant__ FewVariants variants, std::int32_t count,
                              PatternVariant* dst) {
  wait_for_previous_kernel();
  const auto i = static_cast<std::int32_t>(threadIdx.x);
  if (i < count) dst[i] = variants.at[i];
}

}  // namespace

std::size_t CudaBackend::workspace_of(const PatternSampling& p) const {
  return p.variants.size() > few_variants ? p.variants.size() * sizeof(PatternVariant) : 0;
}

void CudaBackend::run_op(const SamplePatterns& op) {
  const PatternSampling& p = op.problem;
  const auto describe = [&] { return text(op); };
  SamplingArguments a;
  a.N = p.N;
  a.seed = p.seed;
  a.state = op.state.as<StepState>();
  a.variant_count = static_cast<std::int32_t>(p.variants.size());
  if (a.variant_count <= few_variants) {
    std::copy(p.variants.begin(), p.variants.end(), a.few);
  } else {
    auto* const many = static_cast<PatternVariant*>(workspace("sample_patterns", workspace_of(p)));
    for (std::int32_t first = 0; first < a.variant_count; first += few_variants) {
      FewVariants some;
      const std::int32_t count = std::min(few_variants, a.variant_count - first);
      std::copy_n(p.variants.begin() + first, count, some.at);
      launch(describe, launches(), {dim3(1), dim3(few_variants)}, keep_variants, some, count, many + first);
    }
    a.many = many;
  }
  const auto blocks = static_cast<unsigned>((p.N + sampling_warps - 1) / sampling_warps);
  launch(describe, launches(), {dim3(blocks), dim3(sampling_threads)}, sample_parameters, a,
         op.dst.as<PatternParameters>());
}

}  // namespace bragg::cuda
