// Numbers of the element type, one at a time or several with one access to memory.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/ptx.cuh"

namespace bragg::cuda {

__device__ inline float as_float(float x) {
  return x;
}
__device__ inline float as_float(BFloat16 x) {
  return to_float(x);
}
template <typename T>
__device__ T rounded_to(float x);
template <>
__device__ inline float rounded_to<float>(float x) {
  return x;
}
template <>
__device__ inline BFloat16 rounded_to<BFloat16>(float x) {
  return {static_cast<std::uint16_t>(pack_bf16(x, 0))};
}

/// V neighbours; with V > 1 their address is a multiple of their size.
template <typename T, int V>
struct alignas(sizeof(T) * V) Pack {
  T at[V];
};

template <int V, typename T>
__device__ Pack<T, V> load(const T* src) {
  return *reinterpret_cast<const Pack<T, V>*>(src);
}
template <int V, typename T>
__device__ void store(T* dst, const Pack<T, V>& values) {
  *reinterpret_cast<Pack<T, V>*>(dst) = values;
}

/// The two bfloat16 of a word.
__device__ inline Pack<float, 2> unpack_bf16(std::uint32_t two) {
  return {{to_float({static_cast<std::uint16_t>(two)}), to_float({static_cast<std::uint16_t>(two >> 16)})}};
}

/// Whether packs of V may begin at `data` and at every multiple of `stride` elements from it.
template <int V, typename T>
bool holds_packs(const T* data, std::int64_t stride) {
  return reinterpret_cast<std::uintptr_t>(data) % (sizeof(T) * V) == 0 && stride % V == 0;
}

}  // namespace bragg::cuda
