// Results stored by octets (store_octets.cuh, store_gradient_octets.cuh) and added up on the way: what the batch normalisation
// beside the product would have to read again. A warp of tensor cores multiplies the transpose of 16 rows of 8 columns by 16 rows
// of the same columns, both as they lie in its memory: the diagonal of the product are sums of squares, or of products with what
// the transpose is of, and 8 rows of ones below the transpose make the sums. Products of two bfloat16 are exact in fp32.
#pragma once

#include "kernels/cuda/gemm/channel_sums.h"
#include "kernels/cuda/gemm/normalised_operand.cuh"
#include "kernels/cuda/gemm/store_gradient_octets.cuh"
#include "kernels/cuda/gemm/store_octets.cuh"

namespace bragg::cuda {

/// Warps of a block that multiply and store.
inline constexpr int warps_with_sums = 8;
/// Bytes of two sums of each.
constexpr int bytes_of_sums(std::int64_t columns) {
  return 2 * static_cast<int>(sizeof(float)) * static_cast<int>(columns);
}

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

/// What a warp has added up: of a tile's n columns over some of its tiles, and of all channels over those before. In shared memory,
/// for registers are few; each lane has columns and channels of its own.
template <int n>
class WarpSums {
 public:
  __device__ WarpSums(unsigned char* memory, std::int32_t channels)
      : columns_(reinterpret_cast<float*>(memory) + 2 * column_of_group()),
        channels_(columns_ + 2 * n),
        groups_(channels / 8) {
    if (!has_columns()) return;
#pragma unroll 1
    for (int group = 0; group < n / 8; ++group)
      store(columns_ + 16 * group, Pack<float, 2>{});
#pragma unroll 1
    for (int group = 0; group < groups_; ++group)
      store(channels_ + 16 * group, Pack<float, 2>{});
  }
  __device__ static std::int32_t column_of_group() {
    return static_cast<std::int32_t>(threadIdx.x % 32 / 4);
  }
  /// Lane (c, c / 2), as ChunkSums has them.
  __device__ static bool has_columns() {
    return column_of_group() / 2 == static_cast<std::int32_t>(threadIdx.x % 4);
  }

  __device__ void add(int group, float sum, float product) const {
    add_to(columns_ + 16 * group, sum, product);
  }
  /// Before each tile: its first column. Sums of many tiles are kept apart, so that roundings do not add up.
  __device__ void begin_tile(std::int32_t n0) {
    constexpr std::int32_t most_tiles = 32;
    if (n0 == n0_ && ++tiles_ < most_tiles) return;
    end();
    n0_ = n0;
    tiles_ = 0;
  }
  /// What is left of columns goes to their channels.
  __device__ void end() const {
    if (n0_ < 0 || !has_columns()) return;
    std::int32_t of_channels = n0_ / 8 % groups_;
#pragma unroll 1
    for (std::int32_t first = 0; first < groups_ && first < n / 8; ++first) {
      float sum = 0, product = 0;
#pragma unroll 1
      for (std::int32_t group = first; group < n / 8; group += groups_) {  // of the same channels
        const Pack<float, 2> pair = load<2>(columns_ + 16 * group);
        store(columns_ + 16 * group, Pack<float, 2>{});
        sum += pair.at[0];
        product += pair.at[1];
      }
      add_to(channels_ + 16 * of_channels, sum, product);
      if (++of_channels == groups_) of_channels = 0;
    }
  }

 private:
  __device__ static void add_to(float* to, float sum, float product) {
    const Pack<float, 2> pair = load<2>(to);
    store(to, Pack<float, 2>{{pair.at[0] + sum, pair.at[1] + product}});
  }

  float *columns_, *channels_;  ///< of the lane's column of a group
  std::int32_t groups_, n0_ = -1, tiles_ = 0;
};

/// Sums of a chunk's columns over a warp's rows of a tile.
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
  template <int n>
  __device__ void add_to(const WarpSums<n>& sums, const Chunk<Draws::none>& chunk) const {
    if (!sums.has_columns()) return;
    const bool odd = sums.column_of_group() % 2 != 0;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (i < chunk.count)
        sums.add(chunk.first + i, odd ? totals_[i][3] : totals_[i][2], odd ? totals_[i][1] : totals_[i][0]);
  }

 private:
  float totals_[4][4] = {};
};

/// Where the sums of a store's channels go. `widest`: columns of a tile.
template <int widest>
struct LeavesSums {
  static constexpr bool leaves_sums = true;
  /// That a warp stores and adds up by.
  static constexpr int bytes_of_warp =
      OctetStage::bytes + bytes_of_sums(widest) + bytes_of_sums(most_summed_channels);
  float* pairs;
  std::int32_t channels;

  template <int n>
  __device__ WarpSums<n> sums_of_warp(unsigned char* memory_of_warp) const {
    return {memory_of_warp + OctetStage::bytes, channels};
  }
  /// Of all warps, when they have ended. By all their threads, of which this is the number `thread`.
  template <int n>
  __device__ void leave(const unsigned char* memory, std::int32_t thread) const {
#pragma unroll 1
    for (std::int32_t c = thread; c < channels; c += 32 * warps_with_sums) {
      double sum = 0, product = 0;
#pragma unroll 1
      for (int warp = 0; warp < warps_with_sums; ++warp) {
        const auto* const sums =
            reinterpret_cast<const float*>(memory + warp * bytes_of_warp + OctetStage::bytes);
        const Pack<float, 2> pair = load<2>(sums + 2 * (n + c));
        sum += static_cast<double>(pair.at[0]);
        product += static_cast<double>(pair.at[1]);
      }
      store(pairs + 2 * (std::int64_t{blockIdx.x} * channels + c),
            Pack<float, 2>{{static_cast<float>(sum), static_cast<float>(product)}});
    }
  }
};

/// Forward, without ReLU and dropout: sums of dst and of its squares.
struct OctetSumsStore : OctetForwardStore<Draws::none>, LeavesSums<160> {
  static constexpr int stage_bytes = bytes_of_warp;

  OctetSumsStore(const ForwardStore<BFloat16>& store, float* pairs_, std::int64_t channels_)
      : OctetForwardStore(store), LeavesSums{pairs_, static_cast<std::int32_t>(channels_)} {}

  template <int blocks, int n>
  __device__ void put_tile(const float (&d)[blocks][n / 2], const Row (&rows)[blocks][2], std::int32_t n0,
                           unsigned char* stage_of_warp, const WarpSums<n>& sums_of_tiles) const {
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
      sums.add_to(sums_of_tiles, chunk);
    }
  }
};

/// Backward data, where src of the convolution is a normalisation's dst: sums of diff_src and of its products with that
/// normalisation's src. To a product, as it would be stored, what another reader of that dst has for its gradient may be added.
/// `made_again`: the ReLU is not that of `src`, but of factor norm_src + offset.
template <bool made_again>
struct OctetGradientSumsStore : OctetBackwardStore<true>, LeavesSums<128> {
  static constexpr bool takes_136_columns = false;  // no whole number of pairs of groups
  static constexpr int widest_tile = 128;           ///< columns that leave registers for what is read
  static constexpr int stage_bytes = bytes_of_warp;
  const BFloat16 *norm_src, *addend;                   ///< addend: or nullptr
  std::uint32_t norm_item_stride, addend_item_stride;  ///< elements
  float sum_scale;                                     ///< of a product with its addend
  const float *factor, *offset;                        ///< (channels), where the ReLU is made again
  Division by_channels;

  OctetGradientSumsStore(const BackwardStore<BFloat16>& store, const ConstActivations& norm_src_,
                         const ConstActivations& addend_, const float* factor_, const float* offset_,
                         float* pairs_, std::int64_t channels_)
      : OctetBackwardStore(store),
        LeavesSums{pairs_, static_cast<std::int32_t>(channels_)},
        norm_src(static_cast<const BFloat16*>(norm_src_.data)),
        addend(static_cast<const BFloat16*>(addend_.data)),
        norm_item_stride(static_cast<std::uint32_t>(norm_src_.item_stride)),
        addend_item_stride(static_cast<std::uint32_t>(addend_.item_stride)),
        sum_scale(scale),
        factor(factor_),
        offset(offset_),
        by_channels(channels_) {
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
    const auto base = OctetBackwardStore::row(at, n0);
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
                           unsigned char* stage_of_warp, const WarpSums<n>& sums_of_tiles) const {
    const OctetStage stage(stage_of_warp);
    const std::uint32_t always =
        !made_again && src == nullptr ? ~0u : 0x80008000u;  // a product with 0 keeps its sign
#pragma unroll
    for (int index = 0; index < Chunk<Draws::none>::count_of(n); ++index) {
      const Chunk<Draws::none> chunk(index, n);
      ChunkSums sums;
      const ChannelsOfOctet line(*this, n0 + 8 * (chunk.first + static_cast<int>(threadIdx.x % 4)));
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
          if constexpr (made_again) {
            through[half] = normalised[half];
            normalise_octet(through[half].at, line.factors, line.offsets);
          } else if (src != nullptr) {
            through[half] = of_row(src, src_item_stride);
          }
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
      sums.add_to(sums_of_tiles, chunk);
    }
  }

 private:
  /// By which a column's octet is normalised.
  struct ChannelsOfOctet {
    Pack<float, 4> factors[2] = {}, offsets[2] = {};

    __device__ ChannelsOfOctet(const OctetGradientSumsStore& store, std::int32_t column) {
      if (!made_again) return;
      const std::uint32_t channel =
          static_cast<std::uint32_t>(column) -
          store.by_channels.quotient(static_cast<std::uint32_t>(column)) * store.by_channels.divisor;
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        factors[half] = load<4>(store.factor + channel + 4 * half);
        offsets[half] = load<4>(store.offset + channel + 4 * half);
      }
    }
  };
  __device__ void add(const Octet& from, Octet& to) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const Pack<float, 2> a = unpack_bf16(to.at[i]), b = unpack_bf16(from.at[i]);
      to.at[i] = pack_bf16(sum_scale * (a.at[0] + b.at[0]), sum_scale * (a.at[1] + b.at[1]));
    }
  }
};

}  // namespace bragg::cuda
