// How wgmma's tiles of a forward op are stored where rows begin at multiples of 16 bytes: 8 neighbours at a time, without a
// branch or a division for an element. What the compiler must know to draw once for 8 elements of a lane, as random.h has
// it, is a parameter of the store: how the columns of a tile lie to the calls' blocks of 32 channels.
//
// A warp has 16 rows and, of 32 columns at a time, lays bfloat16 numbers down in shared memory as a tensor core's
// accumulator has them and takes them up again by rows: 64 bytes of each row go out in one access.
#pragma once

#include <optional>

#include "kernels/cuda/gemm/store.cuh"

namespace bragg::cuda {

enum class Draws {
  none,   ///< no dropout; otherwise it is behind a bias and a ReLU
  by_32,  ///< 32 columns from a multiple of 32 on are a call's block of channels of one output
  by_80   ///< an output has 80 channels: two blocks of 32 and half of one
};

/// Of a tile's groups of 8 columns, those that share one call (with none: four).
template <Draws draws>
struct Chunk {
  int first, count;
  static constexpr int count_of(int n) { return draws == Draws::by_80 ? n / 80 * 3 : (n + 31) / 32; }
  __device__ constexpr Chunk(int index, int n)
      : first(draws == Draws::by_80 ? index / 3 * 10 + index % 3 * 4 : 4 * index),
        count(draws == Draws::by_80 ? (index % 3 == 2 ? 2 : 4) : (n / 8 - first < 4 ? n / 8 - first : 4)) {}
};

/// Whether a lane's octet of a chunk is an element of a row of which it has `left` columns (Row::left).
__device__ inline bool has(const Chunk<Draws::none>& chunk, std::int32_t left) {
  const bool is_chunks = chunk.count == 4 || threadIdx.x % 4 < static_cast<unsigned>(chunk.count);
  return is_chunks && 8 * chunk.first < left;
}

/// A warp's memory for 16 rows of 32 columns, rows of 64 bytes. Octet o of row r lies at o ^ (r / 2 % 4): without bank
/// conflicts both ways.
class OctetStage {
 public:
  static constexpr int bytes = 1024;

  __device__ explicit OctetStage(unsigned char* of_warp) {
    const unsigned lane = threadIdx.x % 32;
    begin_ = of_warp;
    write_ = of_warp + at(lane % 8, lane / 8);
    read_ = of_warp + at(lane / 4, lane % 4);
  }
  /// As the accumulator has them: words[i] is of group i. `half`: rows 0 to 7 or 8 to 15.
  __device__ void write(int half, const std::uint32_t (&words)[4]) const {
    store_matrices(write_ + half * 512, words);
  }
  /// Octet lane % 4 of row lane / 4.
  __device__ Octet read(int half) const { return *reinterpret_cast<const Octet*>(read_ + half * 512); }
  /// The other way.
  __device__ void put(int half, const Octet& octet) const {
    *reinterpret_cast<Octet*>(read_ + half * 512) = octet;
  }
  /// All 16 rows of groups 2 pair and 2 pair + 1, each as the operand B of mma_m16n8k16 with the rows as its k.
  __device__ void read_by_columns(int pair, std::uint32_t (&first)[2], std::uint32_t (&second)[2]) const {
    const unsigned lane = threadIdx.x % 32, matrix = lane / 8;
    std::uint32_t words[4];
    load_matrices<true>(words, begin_ + matrix % 2 * 512 + at(lane % 8, 2 * pair + matrix / 2));
    first[0] = words[0];
    first[1] = words[1];
    second[0] = words[2];
    second[1] = words[3];
  }

 private:
  __device__ static unsigned at(unsigned row, unsigned octet) {
    return row * 64 + (octet ^ (row / 2 % 4)) * 16;
  }
  unsigned char *begin_, *write_, *read_;
};

/// Rows of C are rows of dst as in ForwardStore. The only row of an item may end within an octet, whose rest is zero.
template <Draws draws_>
struct OctetForwardStore {
  static constexpr Draws draws = draws_;
  static constexpr int stage_bytes = OctetStage::bytes;  ///< of a warp
  static constexpr bool takes_turns = true;
  static constexpr int narrowest_tile = draws == Draws::by_32 ? 32 : 80;  ///< a small dense layer
  /// The widths of tiles that it takes are multiples of this.
  static constexpr int columns_unit = draws == Draws::none ? 16 : draws == Draws::by_32 ? 32 : 80;
  BFloat16* data;
  std::uint32_t item_stride, row_stride;                            ///< elements
  std::int32_t row_length, item_length, outputs_per_item, outputs;  ///< outputs of a row
  Division channels;
  ForwardEpilogue epilogue;
  DropoutCalls calls;

  explicit OctetForwardStore(const ForwardStore<BFloat16>& store)
      : data(store.dst.data),
        item_stride(static_cast<std::uint32_t>(store.dst.item_stride)),
        row_stride(static_cast<std::uint32_t>(store.dst.row_stride)),
        row_length(store.dst.row_length),
        item_length(static_cast<std::int32_t>(store.dst.item_length)),
        outputs_per_item(store.outputs_per_item),
        outputs(store.outputs),
        channels(store.channels),
        epilogue(store.epilogue),
        calls(store.epilogue, store.channels.divisor) {}

  /// What a lane has of a row: where its octet of the tile's first 32 columns goes, the columns that are left there (0 or less:
  /// there is no such row), and its first call.
  struct Row {
    BFloat16* dst;
    std::int32_t left;
    std::uint32_t call;
  };
  __device__ Row row(const FlatRow& at, std::int32_t n0) const {
    const auto t = threadIdx.x % 4;
    const std::int32_t octet = n0 + 8 * static_cast<std::int32_t>(t);
    const std::int32_t offset = static_cast<std::int32_t>(at.in_item * row_stride);
    const std::uint32_t output = at.item * static_cast<std::uint32_t>(outputs_per_item) +
                                 at.in_item * static_cast<std::uint32_t>(outputs);
    return {data + multiply_wide(at.item, item_stride) + (offset + octet),
            at.exists ? min(row_length, item_length - offset) - octet : 0, output * calls.per_row + t};
  }

  /// The tile's rows that a warp has, 16 to a block of 64; rows[block][half].
  template <int blocks, int n>
  __device__ void put_tile(const float (&d)[blocks][n / 2], const Row (&rows)[blocks][2], std::int32_t n0,
                           unsigned char* stage_of_warp) const {
    static_assert(n % columns_unit == 0);
    const OctetStage stage(stage_of_warp);
    const DropoutStep drawn_by(calls, draws == Draws::none ? 0 : epilogue.state->step);
#pragma unroll
    for (int index = 0; index < Chunk<draws>::count_of(n); ++index) {
      const Chunk<draws> chunk(index, n);
      const Columns columns(*this, n0, chunk);
#pragma unroll
      for (int block = 0; block < blocks; ++block) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          Philox4 drawn{};
          if (draws != Draws::none) drawn = drawn_by.words(rows[block][half].call + columns.call);
          std::uint32_t words[4] = {};
#pragma unroll
          for (int i = 0; i < 4; ++i)
            if (i < chunk.count) {
              const float* const sums = &d[block][4 * (chunk.first + i) + 2 * half];
              words[i] = result(with_bias(sums[0], columns.bias[i].at[0]),
                                with_bias(sums[1], columns.bias[i].at[1]), drawn[i]);
            }
          stage.write(half, words);
        }
        __syncwarp();
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Octet octet = stage.read(half);
          const Row& row = rows[block][half];
          const bool is_chunks = chunk.count == 4 || threadIdx.x % 4 < static_cast<unsigned>(chunk.count);
          if (is_chunks && 8 * chunk.first < row.left)
            *reinterpret_cast<Octet*>(row.dst + 8 * chunk.first) = octet;
        }
        __syncwarp();
      }
    }
  }

 protected:
  /// Of a chunk: the biases of the lane's two columns of each group, and the calls from a row's first to the chunk's.
  struct Columns {
    Pack<float, 2> bias[4] = {};
    std::uint32_t call = 0;

    __device__ Columns(const OctetForwardStore& s, std::int32_t n0, const Chunk<draws>& chunk) {
      const auto n = static_cast<std::uint32_t>(n0 + 8 * chunk.first);
      std::uint32_t output, channel;
      if constexpr (draws == Draws::by_80) {  // a tile begins with an output
        output = static_cast<std::uint32_t>(n0) / 80 + static_cast<std::uint32_t>(chunk.first / 10);
        channel = static_cast<std::uint32_t>(chunk.first % 10 * 8);
      } else {
        output = s.channels.quotient(n);
        channel = n - output * s.channels.divisor;
      }
      if (draws != Draws::none) call = output * s.calls.per_row + channel / 8;
      if (draws == Draws::none && s.epilogue.bias == nullptr) return;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (i >= chunk.count) continue;
        if (draws == Draws::none && i > 0) {  // a group of another output
          channel += 8;
          if (channel >= s.channels.divisor) channel -= s.channels.divisor;
        }
        const std::uint32_t mine = channel + (draws == Draws::none ? 0 : 8 * i) + 2 * (threadIdx.x % 4);
        if (draws != Draws::by_80 && mine >= s.channels.divisor) continue;  // behind a row: zero
        const float* const two = s.epilogue.bias + mine;
        bias[i] = {{two[0], two[1]}};
        if constexpr (draws != Draws::none)
          bias[i] = {{s.epilogue.scale * two[0], s.epilogue.scale * two[1]}};
      }
    }
  };
  __device__ float with_bias(float sum, float bias) const {
    return draws == Draws::none ? sum + bias : fmaf(sum, epilogue.scale, bias);
  }
  __device__ std::uint32_t result(float low, float high, std::uint32_t drawn) const {
    if constexpr (draws == Draws::none)
      return epilogue.relu ? pack_relu_bf16(low, high) : pack_bf16(low, high);
    return pack_relu_bf16(low, high) & calls.kept(drawn);
  }
};

/// How columns lie to calls where the rows of `store` can be stored by octets; none: they cannot.
inline std::optional<Draws> draws_of_octets(const ForwardStore<BFloat16>& store) {
  const auto C = static_cast<std::int64_t>(store.channels.divisor);
  const bool is_one_row = store.outputs == 1 && store.dst.rows_per_item.divisor == 1;
  if (store.precise || !holds_packs<8>(store.dst.data, store.dst.item_stride) || (C % 8 != 0 && !is_one_row))
    return {};
  if (C % 2 != 0) return {};
  if (store.epilogue.drop_below == 0) return Draws::none;
  if (!store.epilogue.relu || store.epilogue.bias == nullptr) return {};
  if (C % 32 == 0 || store.outputs == 1) return Draws::by_32;
  if (C == 80) return Draws::by_80;
  return {};
}

}  // namespace bragg::cuda
