#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"
#include "kernels/cuda/gemm/store_octets.cuh"

namespace bragg::cuda {
namespace {

void forward_by_wgmma(const Describe& describe, const GemmTarget& target, const FlatByRowsOfM& flat,
                      const ForwardStore<BFloat16>& store) {
  const auto run = [&](const auto& chosen) {
    run_wgmma<Contiguous::k, Contiguous::k>(describe, target, flat.a, flat.b, chosen, nullptr);
  };
  const auto draws = draws_of_octets(store);
  if (!draws) return run(store);
  switch (*draws) {
    case Draws::none:
      return run(OctetForwardStore<Draws::none>(store));
    case Draws::by_32:
      return run(OctetForwardStore<Draws::by_32>(store));
    case Draws::by_80:
      return run(OctetForwardStore<Draws::by_80>(store));
  }
}

}  // namespace

template <typename T>
void gemm_forward(const Describe& describe, const GemmTarget& target, const GemmArguments<T>& p,
                  const ForwardStore<T>& store) {
  if constexpr (std::is_same_v<T, BFloat16>)
    if (const auto flat = flat_by_rows_of_m<Contiguous::k>(target, p))
      return forward_by_wgmma(describe, target, *flat, store);
  run_by_rows_of_m<Contiguous::k>(describe, target, p, store);
}

template void gemm_forward(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                           const ForwardStore<float>&);
template void gemm_forward(const Describe&, const GemmTarget&, const GemmArguments<BFloat16>&,
                           const ForwardStore<BFloat16>&);

}  // namespace bragg::cuda
