// How wgmma's tiles of a backward_data op are stored where rows begin at multiples of 16 bytes: what the ReLU let through is
// read 8 neighbours at a time, all of a block's rows before the first of them is stored, and brought to the L2 cache while
// the tile is being multiplied.
#pragma once

#include "kernels/cuda/gemm/store_octets.cuh"

namespace bragg::cuda {

/// Rows of C are rows of diff_src and of the ReLU's src, as in BackwardStore. `staged`: by way of shared memory, where the
/// operands leave some; otherwise the lanes of a quad exchange what they have.
template <bool staged>
struct OctetBackwardStore {
  static constexpr int stage_bytes = staged ? OctetStage::bytes : 0;
  static constexpr bool takes_turns = staged;
  static constexpr bool takes_136_columns = staged;  ///< three of them are the 400 of a paper's convolution
  BFloat16* data;
  const BFloat16* src;                                     ///< or nullptr
  std::uint32_t item_stride, src_item_stride, row_stride;  ///< elements
  std::int32_t row_length, item_length;
  float scale;

  explicit OctetBackwardStore(const BackwardStore<BFloat16>& store)
      : data(store.dst.data),
        src(store.src),
        item_stride(static_cast<std::uint32_t>(store.dst.item_stride)),
        src_item_stride(static_cast<std::uint32_t>(store.src_item_stride)),
        row_stride(static_cast<std::uint32_t>(store.dst.row_stride)),
        row_length(store.dst.row_length),
        item_length(static_cast<std::int32_t>(store.dst.item_length)),
        scale(store.src ? store.scale : 1) {}

  /// What a lane has of a row: its octet of the tile's first 32 columns, and the columns that are left there.
  struct Row {
    BFloat16* dst;
    const BFloat16* src;
    std::int32_t left;
  };
  __device__ Row row(const FlatRow& at, std::int32_t n0) const {
    const std::int32_t octet = n0 + 8 * static_cast<std::int32_t>(threadIdx.x % 4);
    const auto offset = static_cast<std::int32_t>(at.in_item * row_stride);
    return {data + multiply_wide(at.item, item_stride) + (offset + octet),
            src + multiply_wide(at.item, src_item_stride) + (offset + octet),
            at.exists ? min(row_length, item_length - offset) - octet : 0};
  }

  /// Asks the L2 cache for n columns of a row of src.
  template <int n>
  __device__ void prefetch(const FlatRow& at, std::int32_t n0) const {
    if (src != nullptr) prefetch_row<n>(src, src_item_stride, at, n0);
  }
  /// The same of other rows that lie as diff_src's.
  template <int n>
  __device__ void prefetch_row(const BFloat16* from, std::uint32_t from_item_stride, const FlatRow& at,
                               std::int32_t n0) const {
    constexpr int line = 128 / sizeof(BFloat16);
    if (!at.exists) return;
    const auto offset = static_cast<std::int32_t>(at.in_item * row_stride);
    const BFloat16* const row = from + multiply_wide(at.item, from_item_stride) + offset;
    const std::int32_t last = min(n0 + n, min(row_length, item_length - offset)) - 1;
    if (n0 <= last) {
#pragma unroll
      for (int column = 0; column < n + line; column += line)
        prefetch_l2(row + min(n0 + column, last));
    }
  }

  template <int blocks, int n>
  __device__ void put_tile(const float (&d)[blocks][n / 2], const Row (&rows)[blocks][2], std::int32_t /*n0*/,
                           unsigned char* stage_of_warp) const {
    constexpr int rows_at_once = n > 136 ? 1 : 2;  // registers
#pragma unroll
    for (int block = 0; block < blocks; ++block)
#pragma unroll
      for (int half = 0; half < 2; half += rows_at_once)
        put_rows<rows_at_once, n>(d[block], rows[block], half, stage_of_warp);
  }

 protected:
  /// Of a block of 64 rows, `count` of the two that a lane has, from `first_half` on.
  template <int count, int n>
  __device__ void put_rows(const float (&d)[n / 2], const Row (&rows)[2], int first_half,
                           [[maybe_unused]] unsigned char* stage_of_warp) const {
    using Chunks = Chunk<Draws::none>;
    constexpr int chunks = Chunks::count_of(n);
    const int t = static_cast<int>(threadIdx.x % 4);
    Octet through[count][chunks];  // of a lane that stores there
#pragma unroll
    for (int row = 0; row < count; ++row)
#pragma unroll
      for (int index = 0; index < chunks; ++index) {
        const Chunks chunk(index, n);
        const Row& from = rows[first_half + row];
        if (src != nullptr && t < chunk.count && 8 * chunk.first < from.left)
          through[row][index] = load_octet(from.src + 8 * chunk.first);
      }
    const std::uint32_t always = src == nullptr ? ~0u : 0x80008000u;  // a product with 0 keeps its sign
#pragma unroll
    for (int index = 0; index < chunks; ++index) {
      const Chunks chunk(index, n);
      Octet octets[count];
      turn<count, n>(d, first_half, chunk, stage_of_warp, octets);
#pragma unroll
      for (int row = 0; row < count; ++row) {
        const Row& to = rows[first_half + row];
        if (t >= chunk.count || 8 * chunk.first >= to.left) continue;
#pragma unroll
        for (int i = 0; i < 4; ++i)
          octets[row].at[i] &= positive_halves(through[row][index].at[i]) | always;
        *reinterpret_cast<Octet*>(to.dst + 8 * chunk.first) = octets[row];
      }
    }
  }

  /// A chunk's sums, scaled and rounded, from the accumulator's order to that of rows.
  template <int count, int n>
  __device__ void turn(const float (&d)[n / 2], int first_half, const Chunk<Draws::none>& chunk,
                       [[maybe_unused]] unsigned char* stage_of_warp, Octet (&octets)[count]) const {
#pragma unroll
    for (int row = 0; row < count; ++row) {
      std::uint32_t words[4] = {};
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (i < chunk.count) {
          const float* const sums = &d[4 * (chunk.first + i) + 2 * (first_half + row)];
          words[i] = pack_bf16(scale * sums[0], scale * sums[1]);
        }
      if constexpr (staged) {
        OctetStage(stage_of_warp).write(first_half + row, words);
      } else {
        transpose_quad(words);
        octets[row] = {{words[0], words[1], words[2], words[3]}};
      }
    }
    if constexpr (staged) {
      __syncwarp();
#pragma unroll
      for (int row = 0; row < count; ++row)
        octets[row] = OctetStage(stage_of_warp).read(first_half + row);
      __syncwarp();
    }
  }
};

/// Whether the rows of `store` can be stored by octets; the only row of an item may end within one.
inline bool fits_octets(const BackwardStore<BFloat16>& store) {
  const bool is_one_row = store.dst.rows_per_item.divisor == 1;
  return holds_packs<8>(store.dst.data, store.dst.item_stride) &&
         holds_packs<8>(store.src, store.src_item_stride) &&
         (is_one_row || (store.dst.row_stride % 8 == 0 && store.dst.item_length % 8 == 0));
}

}  // namespace bragg::cuda
