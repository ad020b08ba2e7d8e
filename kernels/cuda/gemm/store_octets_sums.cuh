// Results stored by octets (store_octets.cuh, store_gradient_octets.cuh) and added up on the way: what the batch normalisation
// beside the product would have to read again. A warp of tensor cores multiplies the transpose of 16 rows of 8 columns by 16 rows
// of the same columns, both as they lie in its memory: the diagonal of the product are sums of squares, or of products with what
// the transpose is of, and 8 rows of ones below the transpose make the sums. Products of two bfloat16 are exact in fp32.
#pragma once

#include "kernels/cuda/gemm/column_sums.h"
#include "kernels/cuda/gemm/store_gradient_octets.cuh"
#include "kernels/cuda/gemm/store_octets.cuh"

namespace bragg::cuda {

/// 16 rows of a chunk's columns, each pair of words a group's of 8 columns, as mma_m16n8k16 takes them for its operand B, k being
/// the rows: or of A the upper half, transposed.
struct ChunkColumns {
  std::uint32_t words[4][2];

  __device__ ChunkColumns(const OctetStage& stage, const Chunk<Draws::none>& chunk) {
#pragma unroll
    for (int pair = 0; pair < 2; ++pair)
      if (2 * pair < chunk.count) stage.read_by_columns(pair, words[2 * pair], words[2 * pair + 1]);
  }
};

/// Sums of a chunk's columns over a warp's rows. Where they go is ColumnSums' set of the warp.
class ChunkSums {
 public:
  /// Adds 16 rows of `b`, and of their products with `a`.
  __device__ void add(const ChunkColumns& a, const ChunkColumns& b, const Chunk<Draws::none>& chunk) {
    constexpr std::uint32_t ones = 0x3F803F80u;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i >= chunk.count) continue;
      const std::uint32_t transposed[4] = {a.words[i][0], ones, a.words[i][1], ones};
      mma_m16n8k16_bf16(totals_[i], transposed, b.words[i]);
    }
  }

  /// Column c of a group has its products in row c of the totals, its sums in any below: lane (c, c / 2) has both.
  __device__ void leave(float* pairs, std::int32_t columns, std::int32_t set, std::int32_t n0,
                        const Chunk<Draws::none>& chunk) const {
    const auto c = static_cast<std::int32_t>(threadIdx.x % 32 / 4);
    if (c / 2 != static_cast<std::int32_t>(threadIdx.x % 4)) return;
    const bool odd = c % 2 != 0;
    const std::int32_t first = n0 + 8 * chunk.first;
    float* const to = pairs + 2 * (std::int64_t{set} * columns + first + c);
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (i < chunk.count && first + 8 * i < columns)
        store(to + 16 * i,
              Pack<float, 2>{{odd ? totals_[i][3] : totals_[i][2], odd ? totals_[i][1] : totals_[i][0]}});
  }

 private:
  float totals_[4][4] = {};
};

/// Forward, without ReLU and dropout: sums of dst and of its squares.
struct OctetSumsStore : OctetForwardStore<Draws::none> {
  static constexpr bool leaves_sums = true;
  float* pairs;
  std::int32_t columns;

  OctetSumsStore(const ForwardStore<BFloat16>& store, float* pairs_, std::int64_t columns_)
      : OctetForwardStore(store), pairs(pairs_), columns(static_cast<std::int32_t>(columns_)) {}

  template <int blocks, int n>
  __device__ void put_tile(const float (&d)[blocks][n / 2], const Row (&rows)[blocks][2], std::int32_t n0,
                           unsigned char* stage_of_warp, std::int32_t set) const {
    const OctetStage stage(stage_of_warp);
#pragma unroll
    for (int index = 0; index < Chunk<Draws::none>::count_of(n); ++index) {
      const Chunk<Draws::none> chunk(index, n);
      const Columns biases(*this, n0, chunk);
      ChunkSums sums;
#pragma unroll
      for (int block = 0; block < blocks; ++block) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          std::uint32_t words[4] = {};
#pragma unroll
          for (int i = 0; i < 4; ++i)
            if (i < chunk.count) {
              const float* const of_group = &d[block][4 * (chunk.first + i) + 2 * half];
              words[i] = pack_bf16(of_group[0] + biases.bias[i].at[0], of_group[1] + biases.bias[i].at[1]);
            }
          stage.write(half, words);
        }
        __syncwarp();
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Row& row = rows[block][half];
          if (has(chunk, row.left))
            *reinterpret_cast<Octet*>(row.dst + 8 * chunk.first) = stage.read(half);
          else
            stage.put(half, {});  // no element of dst
        }
        __syncwarp();
        const ChunkColumns stored(stage, chunk);
        sums.add(stored, stored, chunk);
        __syncwarp();
      }
      sums.leave(pairs, columns, set, n0, chunk);
    }
  }
};

/// Backward data, where src of the convolution is a normalisation's dst: sums of diff_src and of its products with that
/// normalisation's src. To a product, as it would be stored, what another reader of that dst has for its gradient may be added.
struct OctetGradientSumsStore : OctetBackwardStore<true> {
  static constexpr bool leaves_sums = true;
  static constexpr bool takes_136_columns = false;     // no whole number of pairs of groups
  static constexpr int widest_tile = 128;              ///< columns that leave registers for what is read
  const BFloat16 *norm_src, *addend;                   ///< addend: or nullptr
  std::uint32_t norm_item_stride, addend_item_stride;  ///< elements
  float sum_scale;                                     ///< of a product with its addend
  float* pairs;
  std::int32_t columns;

  OctetGradientSumsStore(const BackwardStore<BFloat16>& store, const ConstActivations& norm_src_,
                         const ConstActivations& addend_, float* pairs_, std::int64_t columns_)
      : OctetBackwardStore(store),
        norm_src(static_cast<const BFloat16*>(norm_src_.data)),
        addend(static_cast<const BFloat16*>(addend_.data)),
        norm_item_stride(static_cast<std::uint32_t>(norm_src_.item_stride)),
        addend_item_stride(static_cast<std::uint32_t>(addend_.item_stride)),
        sum_scale(scale),
        pairs(pairs_),
        columns(static_cast<std::int32_t>(columns_)) {
    if (addend != nullptr) scale = 1;
  }
  static bool takes(const BackwardStore<BFloat16>& store, const ConstActivations& norm_src_,
                    const ConstActivations& addend_) {
    const auto in_packs = [](const ConstActivations& a) {
      return holds_packs<8>(static_cast<const BFloat16*>(a.data), a.item_stride);
    };
    return fits_octets(store) && in_packs(norm_src_) && in_packs(addend_);
  }

  /// Where the addend and what is read beside lie follows from `item` and `offset`: registers.
  struct Row {
    BFloat16* dst;
    std::int32_t left;
    std::uint32_t item;
    std::int32_t offset;
  };
  __device__ Row row(const FlatRow& at, std::int32_t n0) const {
    const auto base = OctetBackwardStore<true>::row(at, n0);
    const std::int32_t octet = n0 + 8 * static_cast<std::int32_t>(threadIdx.x % 4);
    return {base.dst, base.left, at.item, static_cast<std::int32_t>(at.in_item * row_stride) + octet};
  }
  template <int n>
  __device__ void prefetch(const FlatRow& at, std::int32_t n0) const {
    OctetBackwardStore<true>::template prefetch<n>(at, n0);
    prefetch_row<n>(norm_src, norm_item_stride, at, n0);
    if (addend != nullptr) prefetch_row<n>(addend, addend_item_stride, at, n0);
  }

  template <int blocks, int n>
  __device__ void put_tile(const float (&d)[blocks][n / 2], const Row (&rows)[blocks][2], std::int32_t n0,
                           unsigned char* stage_of_warp, std::int32_t set) const {
    const OctetStage stage(stage_of_warp);
    const std::uint32_t always = src == nullptr ? ~0u : 0x80008000u;  // a product with 0 keeps its sign
#pragma unroll
    for (int index = 0; index < Chunk<Draws::none>::count_of(n); ++index) {
      const Chunk<Draws::none> chunk(index, n);
      ChunkSums sums;
#pragma unroll
      for (int block = 0; block < blocks; ++block) {
        Octet through[2] = {}, normalised[2] = {}, added[2] = {};
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Row& row = rows[block][half];
          if (!has(chunk, row.left)) continue;
          const auto of_row = [&](const BFloat16* from, std::uint32_t stride) {
            return load_octet(from + multiply_wide(row.item, stride) + (row.offset + 8 * chunk.first));
          };
          normalised[half] = of_row(norm_src, norm_item_stride);
          if (addend != nullptr) added[half] = of_row(addend, addend_item_stride);
          if (src != nullptr) through[half] = of_row(src, src_item_stride);
        }
        stage.put(0, normalised[0]);
        stage.put(1, normalised[1]);
        __syncwarp();
        const ChunkColumns factors(stage, chunk);
        __syncwarp();
        Octet octets[2];
        turn<2, n>(d[block], 0, chunk, stage_of_warp, octets);
        if (addend != nullptr) {
          add(added[0], octets[0]);
          add(added[1], octets[1]);
        }
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Row& row = rows[block][half];
          const bool is_element = has(chunk, row.left);
#pragma unroll
          for (int i = 0; i < 4; ++i)
            octets[half].at[i] &= is_element ? positive_halves(through[half].at[i]) | always : 0;
          if (is_element) *reinterpret_cast<Octet*>(row.dst + 8 * chunk.first) = octets[half];
          stage.put(half, octets[half]);
        }
        __syncwarp();
        sums.add(factors, ChunkColumns(stage, chunk), chunk);
        __syncwarp();
      }
      sums.leave(pairs, columns, set, n0, chunk);
    }
  }

 private:
  __device__ void add(const Octet& from, Octet& to) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const Pack<float, 2> a = unpack_bf16(to.at[i]), b = unpack_bf16(from.at[i]);
      to.at[i] = pack_bf16(sum_scale * (a.at[0] + b.at[0]), sum_scale * (a.at[1] + b.at[1]));
    }
  }
};

}  // namespace bragg::cuda
