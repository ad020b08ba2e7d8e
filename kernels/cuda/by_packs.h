// Ops that go through activations element by element: in packs of 16 bytes where everything is aligned to them.
#pragma once

#include <type_traits>

#include "kernels/base/tensor.h"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {

/// Items of one operand; no data: there is none.
template <typename T>
struct Items {
  T* data;
  std::int64_t stride;
};
template <typename T>
Items<const T> items(const ConstActivations& a) {
  return {a.item<T>(0), a.item_stride};
}
template <typename T>
Items<T> items(const Activations& a) {
  return {a.item<T>(0), a.item_stride};
}

/// Threads of a block of theirs.
inline constexpr int element_threads = 256;
/// Grid: (items, chunks of an item's packs), of N items of L rows of C channels in packs of V.
template <typename Problem>
LaunchShape shape_of_elements(const Problem& p, int V) {
  const std::int64_t packs = p.L * p.C / V;
  return {dim3(static_cast<unsigned>(p.N),
               static_cast<unsigned>((packs + element_threads - 1) / element_threads)),
          dim3(element_threads)};
}

/// Calls run(std::integral_constant<int, V>) with the number of neighbouring channels, of C, that a thread
/// takes. An operand without memory is aligned.
template <typename T, typename Run, typename... Operands>
void by_packs(std::int64_t C, const Run& run, const Operands&... operands) {
  constexpr int V = 16 / sizeof(T);
  if (C % V == 0 && (holds_packs<V>(operands.template item<T>(0), operands.item_stride) && ...)) {
    run(std::integral_constant<int, V>());
  } else {
    run(std::integral_constant<int, 1>());
  }
}

}  // namespace bragg::cuda
