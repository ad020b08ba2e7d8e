// The operands of a gradient of weights where wgmma takes them.
#pragma once

#include <optional>

#include "kernels/cuda/gemm/flat_view.h"
#include "kernels/cuda/gemm/gemm_arguments.h"
#include "kernels/cuda/gemm/gemm_target.h"

namespace bragg::cuda {

/// Both flat, with rows k at the same places.
struct FlatOperands {
  FlatView diff_dst, src;
};
inline std::optional<FlatOperands> flat_operands(const GemmTarget& target, const GemmArguments<BFloat16>& p) {
  const auto diff_dst = target.wgmma ? flatten(p.a, p.K) : std::nullopt;
  const auto src = diff_dst ? flatten(p.b, p.K) : std::nullopt;
  return src && src->has_places_of(*diff_dst) ? std::optional(FlatOperands{*diff_dst, *src}) : std::nullopt;
}
/// wgmma takes no others.
inline std::optional<FlatOperands> flat_operands(const GemmTarget&, const GemmArguments<float>&) {
  return std::nullopt;
}

}  // namespace bragg::cuda
