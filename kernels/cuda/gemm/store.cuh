// What becomes of an element of C: bias, ReLU and dropout forward, their derivative backward. A main loop asks
// for a row once and hands it elements, one or two neighbours at a time. Of gradients: store_gradient.cuh.
#pragma once

#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/quad.cuh"
#include "kernels/cuda/gemm/forward_epilogue.cuh"
#include "kernels/cuda/gemm/matrix_view.cuh"

namespace bragg::cuda {

/// A store as a block uses it: what it computes for all of the block's elements is computed here.
template <typename Store>
__device__ decltype(auto) started(const Store& store) {
  if constexpr (requires { store.started(); }) {
    return store.started();
  } else {
    return (store);
  }
}

/// Four groups of 8 columns of a row: what a lane t of a quad holds of them in a tensor core's accumulator,
/// columns {2 t, 2 t + 1} + 8 j.
struct Groups {
  std::int32_t n;  ///< the lane's first column; t = n % 8 / 2
  int count;       ///< groups, 1 to 4
  float at[4][2];
};

/// A row of C among those that lie between items as well; `exists`: it is an item's.
struct FlatRow {
  std::uint32_t item, in_item;
  bool exists;
};

/// Elements (m, n) and (m, n + 1), as far as there are so many.
template <typename Store, typename Row>
__device__ void put_pair(const Store& store, Row& row, std::int32_t n, std::int32_t N, float first,
                         float second) {
  if (n + 1 < N) {
    store.put(row, n, first, second);
  } else if (n < N) {
    store.put(row, n, first);
  }
}
template <typename Store, typename Row>
__device__ void put_pairs(const Store& store, Row& row, bool is_row, std::int32_t N, const Groups& groups) {
  if (!is_row) return;
#pragma unroll
  for (int j = 0; j < 4; ++j)
    if (j < groups.count) put_pair(store, row, groups.n + 8 * j, N, groups.at[j][0], groups.at[j][1]);
}

/// A lane's part of row m of C, `count` groups of 8 columns from n0 on; value(j, e) is column n0 + 8 j + 2 t
/// + e. All lanes of a warp ask, those without a row too.
template <int count, typename Store, typename Value>
__device__ void put_row(const Store& store, std::uint32_t m, std::int32_t part, bool is_row, std::int32_t n0,
                        std::int32_t N, const Value& value) {
  auto row = store.row(m, part);
  const std::int32_t n = n0 + 2 * static_cast<std::int32_t>(threadIdx.x % 4);
#pragma unroll
  for (int j = 0; j < count; j += 4) {
    Groups groups{n + 8 * j, count - j < 4 ? count - j : 4, {}};
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (j + i < count) {
        groups.at[i][0] = value(j + i, 0);
        groups.at[i][1] = value(j + i, 1);
      }
    store.put(row, is_row, N, groups);
  }
}

/// A warp's MI x NI accumulators of mma.sync (m16n8), the first of them at (m0, n0), as far as they are in C.
template <int MI, int NI, typename Store>
__device__ void put_accumulators(const Store& store, const float (&c)[MI][NI][4], std::int32_t m0,
                                 std::int32_t n0, std::int32_t M, std::int32_t N) {
#pragma unroll
  for (int i = 0; i < MI; ++i) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int32_t m = m0 + 16 * i + 8 * half + static_cast<std::int32_t>(threadIdx.x % 32 / 4);
      put_row<NI>(store, static_cast<std::uint32_t>(m < M ? m : 0), static_cast<std::int32_t>(blockIdx.z),
                  m < M, n0, N, [&](int j, int e) { return c[i][j][2 * half + e]; });
    }
  }
}

/// 8 neighbours of bfloat16, as words of two.
using Octet = Pack<std::uint32_t, 4>;
__device__ inline Octet load_octet(const BFloat16* src) {
  return *reinterpret_cast<const Octet*>(src);
}
__device__ inline void store_octet(BFloat16* dst, const std::uint32_t (&words)[4]) {
  *reinterpret_cast<Octet*>(dst) = {{words[0], words[1], words[2], words[3]}};
}
/// After transpose_quad lane t of a quad has 8 neighbours of one group, group t: their first column, and
/// whether there is that group.
struct OctetPlace {
  std::int32_t n;
  bool exists;

  __device__ explicit OctetPlace(const Groups& groups) {
    const std::int32_t t = groups.n % 8 / 2;
    n = groups.n - 2 * t + 8 * t;
    exists = t < groups.count;
  }
};

/// Two neighbours; `together`: the first one's address is a multiple of both.
template <typename T>
__device__ void store_two(T* dst, bool together, float first, float second) {
  if (together) {
    store(dst, Pack<T, 2>{{rounded_to<T>(first), rounded_to<T>(second)}});
  } else {
    dst[0] = rounded_to<T>(first);
    dst[1] = rounded_to<T>(second);
  }
}

/// Forward: row m of C is `outputs` neighbouring outputs of dst, C channels each; those beyond an item's end
/// are dropped.
template <typename T>
struct ForwardStore {
  static constexpr int tallest_tile = 128;  ///< by wgmma: there it stores what store_octets.cuh cannot
  MatrixView<T> dst;
  Division channels;
  std::int32_t outputs_per_item, outputs;
  bool precise;  ///< dst is float, whatever T is
  bool pairs;    ///< even columns may be stored with their neighbour
  bool octets;  ///< 8 columns at a time, from multiples of 8 on, lie in one output and may be stored together
  ForwardEpilogue epilogue;

  ForwardStore(T* data, std::int64_t item_stride, std::int64_t L, std::int64_t C, bool precise_,
               const Epilogue& e, std::int64_t outputs_ = 1)
      : dst(data, item_stride, (L + outputs_ - 1) / outputs_, outputs_ * C, L * C),
        channels(C),
        outputs_per_item(static_cast<std::int32_t>(L)),
        outputs(static_cast<std::int32_t>(outputs_)),
        precise(precise_),
        pairs(reinterpret_cast<std::uintptr_t>(data) % (precise_ ? 8 : 2 * sizeof(T)) == 0 &&
              item_stride % 2 == 0 && dst.row_stride % 2 == 0),
        octets(!precise_ && holds_packs<8>(data, item_stride) && C % 8 == 0),
        epilogue(e) {}

  struct Row {
    std::int64_t begin;
    std::int32_t length;
    std::uint32_t output;  ///< its first, counted over all items
    /// The last call and its words: one serves 8 elements, which a lane of a tensor core's accumulator has
    /// one after the other.
    std::uint32_t call;
    Philox4 words;
  };
  __device__ Row row(std::uint32_t m, std::int32_t /*part*/) const {
    const typename MatrixView<T>::Place at = dst.place(m);
    const std::uint32_t in_item = m - at.item * dst.rows_per_item.divisor;
    return {at.item * dst.item_stride + at.offset,
            at.length,
            at.item * outputs_per_item + in_item * outputs,
            0xFFFFFFFFu,
            {}};
  }
  __device__ void put(Row& to, std::int32_t n, float value) const {
    if (n >= to.length) return;
    const Column c = column(n);
    value = result(to, c.output, c.channel, value);
    if (precise) {
      reinterpret_cast<float*>(dst.data)[to.begin + n] = value;
    } else {
      dst.data[to.begin + n] = rounded_to<T>(value);
    }
  }
  __device__ void put(Row& to, std::int32_t n, float first, float second) const {
    if (n + 1 >= to.length || column(n + 1).channel == 0) {
      put(to, n, first);
      return put(to, n + 1, second);
    }
    const Column c = column(n);
    first = result(to, c.output, c.channel, first);
    second = result(to, c.output, c.channel + 1, second);
    const bool together = pairs && n % 2 == 0;
    if (precise) {
      store_two(reinterpret_cast<float*>(dst.data) + to.begin + n, together, first, second);
    } else {
      store_two(dst.data + to.begin + n, together, first, second);
    }
  }
  __device__ void put(Row& to, bool is_row, std::int32_t N, const Groups& groups) const {
    if constexpr (std::is_same_v<T, BFloat16>) {
      if (octets) {
        std::uint32_t words[4] = {};
#pragma unroll
        for (int j = 0; j < 4; ++j)
          if (j < groups.count) {
            const Column c = column(groups.n + 8 * j);
            words[j] = pack_bf16(result(to, c.output, c.channel, groups.at[j][0]),
                                 result(to, c.output, c.channel + 1, groups.at[j][1]));
          }
        transpose_quad(words);
        const OctetPlace octet(groups);
        if (is_row && octet.exists && octet.n < to.length) store_octet(dst.data + to.begin + octet.n, words);
        return;
      }
    }
    put_pairs(*this, to, is_row, N, groups);
  }

 private:
  struct Column {
    std::uint32_t output;
    std::int32_t channel;
  };
  __device__ Column column(std::int32_t n) const {
    const std::uint32_t output = channels.quotient(static_cast<std::uint32_t>(n));
    return {output, n - static_cast<std::int32_t>(output * channels.divisor)};
  }
  __device__ float result(Row& to, std::uint32_t output, std::int32_t c, float value) const {
    if (epilogue.bias) value += epilogue.bias[c];
    return epilogue.activated(value, epilogue.drop_below > 0 ? draw(to, to.output + output, c) : 0);
  }
  __device__ std::uint32_t draw(Row& to, std::uint32_t output, std::int32_t c) const {
    const DropoutBits where = dropout_bits(output, c, channels.divisor);
    if (where.call != to.call) {
      to.call = where.call;
      to.words = dropout_call(epilogue.seed, epilogue.layer, epilogue.state->step, where.call);
    }
    const std::uint32_t word = where.half < 2   ? to.words[0]
                               : where.half < 4 ? to.words[1]
                               : where.half < 6 ? to.words[2]
                                                : to.words[3];
    return word >> (16 * (where.half % 2)) & 0xFFFFu;
  }
};

/// Backward data: rows of C are rows of diff_src, as are those of the ReLU's src.
template <typename T>
struct BackwardStore {
  static constexpr int tallest_tile = 128;  ///< as in ForwardStore
  MatrixView<T> dst;
  bool pairs, octets;  ///< as in ForwardStore
  const T* src;        ///< or nullptr
  std::int64_t src_item_stride;
  float scale;

  BackwardStore(const MatrixView<T>& dst_, const ReluGradient& relu)
      : dst(dst_),
        pairs(holds_packs<2>(dst_.data, dst_.item_stride) && dst_.row_stride % 2 == 0),
        octets(holds_packs<8>(dst_.data, dst_.item_stride) && dst_.row_stride % 8 == 0 &&
               dst_.item_length % 8 == 0),
        src(static_cast<const T*>(relu.src.data)),
        src_item_stride(relu.src.item_stride),
        scale(static_cast<float>(1.0 / (1.0 - double{relu.p}))) {
    octets = octets && holds_packs<8>(src, src_item_stride);
  }

  struct Row {
    T* dst;
    const T* src;
    std::int32_t length;
  };
  __device__ Row row(std::uint32_t m, std::int32_t /*part*/) const {
    const typename MatrixView<T>::Place at = dst.place(m);
    return {dst.data + at.item * dst.item_stride + at.offset,
            src ? src + at.item * src_item_stride + at.offset : nullptr, at.length};
  }
  __device__ void put(const Row& to, std::int32_t n, float value) const {
    if (n < to.length) to.dst[n] = rounded_to<T>(result(to, n, value));
  }
  __device__ void put(const Row& to, std::int32_t n, float first, float second) const {
    if (n + 1 < to.length) {
      store_two(to.dst + n, pairs && n % 2 == 0, result(to, n, first), result(to, n + 1, second));
    } else {
      put(to, n, first);
    }
  }
  __device__ void put(const Row& to, bool is_row, std::int32_t N, const Groups& groups) const {
    if constexpr (std::is_same_v<T, BFloat16>) {
      if (octets) {
        const OctetPlace octet(groups);
        const bool mine = is_row && octet.exists && octet.n < to.length;
        std::uint32_t words[4] = {};
        if (src) {  // neighbours come in, and become what this lane has of each group
          if (mine) {
            const Octet values = load_octet(to.src + octet.n);
#pragma unroll
            for (int j = 0; j < 4; ++j)
              words[j] = values.at[j];
          }
          transpose_quad(words);
        }
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const float first = groups.at[j][0], second = groups.at[j][1];
          const Pack<float, 2> y = unpack_bf16(words[j]);
          words[j] =
              src ? pack_bf16(through(y.at[0], first), through(y.at[1], second)) : pack_bf16(first, second);
        }
        transpose_quad(words);
        if (mine) store_octet(to.dst + octet.n, words);
        return;
      }
    }
    put_pairs(*this, to, is_row, N, groups);
  }

 private:
  __device__ float through(float y, float value) const {
    return value * (y > 0 ? scale : 0.0f);
  }
  __device__ float result(const Row& to, std::int32_t n, float value) const {
    return to.src ? through(as_float(to.src[n]), value) : value;
  }
};

}  // namespace bragg::cuda
