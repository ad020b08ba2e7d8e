#include "kernels/cuda/gemm/forward_parts.cuh"

namespace bragg::cuda {

void forward_with_dropout(const Describe& describe, const GemmTarget& target, const FlatByRowsOfM& flat,
                          Draws draws, const ForwardStore<BFloat16>& store) {
  const auto run = [&](const auto& chosen) {
    run_wgmma<Contiguous::k, Contiguous::k>(describe, target, flat.a, flat.b, chosen, nullptr);
  };
  if (draws == Draws::by_80) {
    run(OctetForwardStore<Draws::by_80>(store));
  } else {
    run(OctetForwardStore<Draws::by_32>(store));
  }
}

}  // namespace bragg::cuda
