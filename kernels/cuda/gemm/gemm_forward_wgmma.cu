#include "kernels/cuda/gemm/forward_parts.cuh"

namespace bragg::cuda {

void forward_by_wgmma(const Describe& describe, const GemmTarget& target, const FlatByRowsOfM& flat,
                      const ForwardStore<BFloat16>& store) {
  const auto run = [&](const auto& chosen) {
    run_wgmma<Contiguous::k, Contiguous::k>(describe, target, flat.a, flat.b, chosen, nullptr);
  };
  if (draws_of_octets(store)) {
    run(OctetForwardStore<Draws::none>(store));
  } else {
    run(store);
  }
}

}  // namespace bragg::cuda
