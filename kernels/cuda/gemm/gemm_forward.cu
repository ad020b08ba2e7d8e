#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"

namespace bragg::cuda {

template <typename T>
void gemm_forward(const Describe& describe, const GemmTarget& target, const GemmArguments<T>& p,
                  const ForwardStore<T>& store) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    const auto a = target.wgmma ? flatten(p.a, p.M) : std::nullopt, b = a ? flatten(p.b, p.N) : a;
    if (b) {
      const auto config = choose_gemm_config(MainLoop::wgmma_bf16, a->rows, p.N, p.K, false);
      return run_wgmma<Contiguous::k, Contiguous::k>(describe, target, *a, *b, config, store, nullptr);
    }
  }
  const auto config = choose_gemm_config(general_main_loop(target.precision), p.M, p.N, p.K, false);
  run_gemm<Contiguous::k, Contiguous::k>(describe, target.stream, p, config, store);
}

template void gemm_forward(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                           const ForwardStore<float>&);
template void gemm_forward(const Describe&, const GemmTarget&, const GemmArguments<BFloat16>&,
                           const ForwardStore<BFloat16>&);

}  // namespace bragg::cuda
