// What becomes of an element of a weights' gradient: it is stored, is a part of a sum, or moves its weight.
#pragma once

#include "kernels/cuda/adam_step.cuh"
#include "kernels/cuda/gemm/store.cuh"

namespace bragg::cuda {

/// Backward weights: C itself, or a part of it, to be added up by add_parts.
struct PartStore {
  float* parts;
  std::int64_t part_stride, row_stride;  ///< elements
  bool pairs;

  PartStore(float* parts_, std::int64_t part_stride_, std::int64_t row_stride_)
      : parts(parts_),
        part_stride(part_stride_),
        row_stride(row_stride_),
        pairs(holds_packs<2>(parts_, part_stride_) && row_stride_ % 2 == 0) {}

  struct Row {
    float* dst;
  };
  __device__ Row row(std::uint32_t m, std::int32_t part) const {
    return {parts + part * part_stride + m * row_stride};
  }
  __device__ void put(const Row& to, std::int32_t n, float value) const { to.dst[n] = value; }
  __device__ void put(const Row& to, std::int32_t n, float first, float second) const {
    store_two(to.dst + n, pairs && n % 2 == 0, first, second);
  }
  __device__ void put(const Row& to, bool is_row, std::int32_t N, const Groups& groups) const {
    put_pairs(*this, to, is_row, N, groups);
  }
};

/// The transpose of C: its rows are the columns of what is stored. A warp's 8 rows are 32 bytes of a column.
struct TransposedStore {
  float* dst;
  std::int64_t row_stride;

  struct Row {
    float* dst;
  };
  __device__ Row row(std::uint32_t m, std::int32_t /*part*/) const { return {dst + m}; }
  __device__ void put(const Row& to, std::int32_t n, float value) const { to.dst[n * row_stride] = value; }
  __device__ void put(const Row& to, std::int32_t n, float first, float second) const {
    put(to, n, first);
    put(to, n + 1, second);
  }
  __device__ void put(const Row& to, bool is_row, std::int32_t N, const Groups& groups) const {
    put_pairs(*this, to, is_row, N, groups);
  }
};

/// Backward weights with Adam: C is the gradient, or its transpose, and goes no further than this.
template <bool transposed>
struct AdamStore {
  static constexpr int tallest_tile = 128;   ///< registers: three numbers to a parameter beside the sums
  static constexpr int narrowest_tile = 32;  ///< a small layer's parameters by many multiprocessors
  float *weights, *m, *v;
  BFloat16* working;
  std::int64_t row_stride;  ///< elements, of the weights
  AdamConstants constants;
  const StepState* state;
  AdamFactors factors{};  ///< of state's step, once started

  /// Powers in double precision: once a block.
  __device__ AdamStore started() const {
    AdamStore store = *this;
    store.factors = factors_of(constants, *state);
    return store;
  }

  struct Row {
    std::int64_t begin;
  };
  __device__ Row row(std::uint32_t index, std::int32_t /*part*/) const {
    return {transposed ? index : index * row_stride};
  }
  __device__ void put(const Row& to, std::int32_t n, float gradient) const {
    const std::int64_t at = place(to, n);
    Parameter p = load(at);
    step(at, p, gradient);
  }
  /// Everything is asked for before anything is stored: what bounds this is how much is on its way.
  __device__ void put(const Row& to, bool is_row, std::int32_t N, const Groups& groups) const {
    if (!is_row) return;
    Parameter p[4][2];
    for_each(N, groups, [&](int j, int e, std::int32_t n) { p[j][e] = load(place(to, n)); });
    for_each(N, groups, [&](int j, int e, std::int32_t n) { step(place(to, n), p[j][e], groups.at[j][e]); });
  }

 private:
  struct Parameter {
    float w, m, v;
  };
  __device__ std::int64_t place(const Row& to, std::int32_t n) const {
    return to.begin + (transposed ? n * row_stride : n);
  }
  __device__ Parameter load(std::int64_t at) const { return {weights[at], m[at], v[at]}; }
  __device__ void step(std::int64_t at, Parameter& p, float gradient) const {
    adam_step(constants, factors, gradient, p.w, p.m, p.v);
    weights[at] = p.w;
    m[at] = p.m;
    v[at] = p.v;
    working[at] = rounded_to<BFloat16>(p.w);
  }
  template <typename Each>
  __device__ static void for_each(std::int32_t N, const Groups& groups, const Each& each) {
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const std::int32_t n = groups.n + 8 * j + e;
        if (j < groups.count && n < N) each(j, e, n);
      }
  }
};

}  // namespace bragg::cuda
