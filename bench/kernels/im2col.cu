// A thread to 16 bytes of a window.
#include <limits>
#include <string>

#include "bench/kernels/im2col.h"
#include "kernels/base/bfloat16.h"
#include "kernels/base/error.h"
#include "kernels/cuda/launch.h"

namespace bragg::bench {
namespace {

constexpr unsigned threads = 256;

template <typename T>
struct alignas(16) Chunk {
  static constexpr unsigned size = 16 / sizeof(T);
  T values[size];
};

template <typename T>
__global__ void im2col_kernel(const T* src, std::int64_t item_stride, unsigned L_out, unsigned step,
                              unsigned K, Chunk<T>* windows, unsigned row_chunks, unsigned chunks) {
  const unsigned i = blockIdx.x * threads + threadIdx.x;
  if (i >= chunks) return;
  const unsigned window = i / row_chunks, first = i % row_chunks * Chunk<T>::size;
  const T* const from = src + window / L_out * item_stride + window % L_out * step + first;
  Chunk<T> chunk{};
  for (unsigned k = 0; k < Chunk<T>::size; ++k)
    if (first + k < K) chunk.values[k] = from[k];
  windows[i] = chunk;
}

}  // namespace

std::int64_t im2col_row(const Conv1dProblem& p, DType type) {
  const auto chunk = static_cast<std::int64_t>(16 / size_of(type));
  return (p.kernel * p.C_in + chunk - 1) / chunk * chunk;
}

void im2col(const Conv1dProblem& p, const Rows& src, void* windows, void* stream) {
  const auto start = [&](auto type) {
    using T = decltype(type);
    const std::int64_t row_chunks = im2col_row(p, src.dtype) / Chunk<T>::size,
                       chunks = p.N * p.L_out() * row_chunks;
    if (chunks > std::numeric_limits<int>::max())
      throw Error("[im2col] " + std::to_string(chunks) + " pieces of 16 bytes > 2^31 - 1");
    cuda::launch([] { return std::string("im2col"); }, static_cast<cudaStream_t>(stream),
                 {dim3((static_cast<unsigned>(chunks) + threads - 1) / threads), dim3(threads)},
                 im2col_kernel<T>, static_cast<const T*>(src.data), src.stride,
                 static_cast<unsigned>(p.L_out()), static_cast<unsigned>(p.stride * p.C_in),
                 static_cast<unsigned>(p.kernel * p.C_in), static_cast<Chunk<T>*>(windows),
                 static_cast<unsigned>(row_chunks), static_cast<unsigned>(chunks));
  };
  if (src.dtype == DType::bf16) {
    start(BFloat16{});
  } else {
    start(float{});
  }
}

}  // namespace bragg::bench
