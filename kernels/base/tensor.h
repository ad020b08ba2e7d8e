// Non-owning views of a backend's memory. They carry the element type; the backend checks that it is the one
// it plans with.
#pragma once

#include <cstdint>

#include "kernels/base/memory.h"

namespace bragg {

/// A contiguous tensor or a piece of one: its address and element type. Shapes come with the problem.
struct ConstTensor {
  const void* data = nullptr;
  DType dtype = DType::f32;

  template <typename T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
  explicit operator bool() const { return data != nullptr; }
};

struct Tensor {
  void* data = nullptr;
  DType dtype = DType::f32;

  template <typename T>
  T* as() const {
    return static_cast<T*>(data);
  }
  explicit operator bool() const { return data != nullptr; }
  operator ConstTensor() const { return {data, dtype}; }  // NOLINT: a view may always be read
};

/// Activations (N, L, C), channels last: element (n, t, c) is data[n * item_stride + t * C + c].
/// item_stride >= L * C, in elements. What lies between the items is either slack (src, dst), of finite
/// numbers that have no influence, or a halo of zeros (of a convolution, see Conv1dProblem). An op may set what follows an
/// item of its dst to zero, up to the next multiple of Backend::row_alignment().
struct ConstActivations {
  const void* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t N = 0, L = 0, C = 0;
  std::int64_t item_stride = 0;

  template <typename T>
  const T* item(std::int64_t n) const {
    return static_cast<const T*>(data) + n * item_stride;
  }
};

struct Activations {
  void* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t N = 0, L = 0, C = 0;
  std::int64_t item_stride = 0;

  template <typename T>
  T* item(std::int64_t n) const {
    return static_cast<T*>(data) + n * item_stride;
  }
  operator ConstActivations() const { return {data, dtype, N, L, C, item_stride}; }  // NOLINT
};

/// The same memory seen as one row of L * C features per item: what a dense layer reads and writes.
inline ConstActivations flattened(const ConstActivations& a) {
  return {a.data, a.dtype, a.N, 1, a.L * a.C, a.item_stride};
}
inline Activations flattened(const Activations& a) {
  return {a.data, a.dtype, a.N, 1, a.L * a.C, a.item_stride};
}

}  // namespace bragg
