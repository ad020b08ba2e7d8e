#include "bench/kernels/peer.h"

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::bench {

std::unique_ptr<Peer> make_peer(const std::string& name, const PeerOptions& options) {
  (void)options;
#ifdef BRAGG_BENCH_CUDNN
  if (name == "cudnn") return make_cudnn_peer(options);
#endif
#ifdef BRAGG_BENCH_CUBLASLT
  if (name == "cublaslt") return make_cublaslt_peer(options);
#endif
  throw Error(fmt::format("bench_kernels was built without the headers of {}", name));
}

}  // namespace bragg::bench
