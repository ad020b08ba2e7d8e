// Philox4x32-10, counter-based random numbers (Salmon et al., SC'11), from (seed, stream, counter) alone.
// Integers and uniforms are the same, bit for bit, on every backend. Nothing here has state.
//
//   key     = (seed, stream)
//   counter = (call, layer or purpose, low 32 bits of step or index, high 32 bits)
#pragma once

#include <array>
#include <cstdint>

namespace bragg {

using Philox4 = std::array<std::uint32_t, 4>;

/// What the numbers are for; the second word of the key.
enum class RandomStream : std::uint32_t {
  init = 0,
  data = 1,
  dropout = 2,
  split = 3,
  test = 4,
  crystals = 5
};

/// What a draw of RandomStream::data is for; the second word of its counter, the pattern's index behind it.
enum class DataDraw : std::uint32_t {
  crystal = 0,
  parameters = 1,
  noise = 2,
  shape = 3,
  impurity = 4,
  measured = 5,
  synthetic = 6
};

constexpr Philox4 philox4x32_10(Philox4 counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

constexpr Philox4 random_call(std::uint32_t seed, RandomStream stream, std::uint32_t call,
                              std::uint32_t purpose, std::uint64_t step_or_index) {
  return philox4x32_10({call, purpose, static_cast<std::uint32_t>(step_or_index),
                        static_cast<std::uint32_t>(step_or_index >> 32)},
                       {seed, static_cast<std::uint32_t>(stream)});
}

/// Uniform in [0, 1) with 24 bits: exact in float and in double.
constexpr float uniform01(std::uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

/// Uniform integer in [0, count), count <= 2^32: the high word of the product (bias below count / 2^32).
constexpr std::uint32_t uniform_below(std::uint32_t bits, std::uint64_t count) {
  return static_cast<std::uint32_t>((bits * count) >> 32);
}

/// Where the 16 random bits of one dropout decision come from. One call serves 8 elements of one row:
///   row      n * L + t, counted without any padding
///   call q   of a block of 32 channels serves the channels {2q, 2q+1} + 8 j for j = 0..3, which is what one
///            thread holds of that row in the accumulator of mma.sync and wgmma
///   half h   of the call's 128 bits, least significant first: word h / 2, shifted right by 16 (h % 2)
struct DropoutBits {
  std::uint32_t call;  ///< first counter word
  std::uint32_t half;  ///< 0..7
};

/// Calls that one row of C channels takes.
constexpr std::uint32_t dropout_calls_per_row(std::int64_t C) {
  return static_cast<std::uint32_t>((C + 31) / 32 * 4);
}

constexpr DropoutBits dropout_bits(std::int64_t row, std::int64_t c, std::int64_t C) {
  const auto in_block = static_cast<std::uint32_t>(c % 32);
  return {static_cast<std::uint32_t>(row * dropout_calls_per_row(C) + c / 32 * 4 + in_block % 8 / 2),
          in_block / 8 * 2 + in_block % 2};
}

/// An element is kept if its 16 bits are >= this: P(dropped) = dropout_threshold(p) / 65536.
constexpr std::uint32_t dropout_threshold(float p) {
  return static_cast<std::uint32_t>(p * 65536.0f + 0.5f);
}

constexpr bool dropout_keeps(std::uint32_t seed, std::uint32_t layer, std::uint64_t step, std::int64_t row,
                             std::int64_t c, std::int64_t C, float p) {
  const DropoutBits where = dropout_bits(row, c, C);
  const Philox4 bits = random_call(seed, RandomStream::dropout, where.call, layer, step);
  return ((bits[where.half / 2] >> (16 * (where.half % 2))) & 0xFFFFu) >= dropout_threshold(p);
}

}  // namespace bragg
