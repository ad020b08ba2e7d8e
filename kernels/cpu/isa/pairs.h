// Words of bfloat16: pairs along K, as the packed operands of the GEMM hold them. Only for files of isa/.
#pragma once

#include "kernels/cpu/isa/gemm_tile.h"
#include "kernels/cpu/isa/intrinsics.h"

namespace bragg::cpu::BRAGG_ISA {

typedef std::uint32_t Pairs __attribute__((vector_size(vector_bytes), may_alias));
typedef std::uint16_t Halves __attribute__((vector_size(vector_bytes / 2)));

struct PairsAlongK {
  using Element = BFloat16;
  using Words = Pairs;

  [[gnu::always_inline]] static Vector multiply_add(Vector sum, Pairs factor, Pairs panel) {
#if defined(__AVX512BF16__)
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)factor, (__m512bh)panel);
#else
    sum += (Vector)(factor & 0xFFFF0000u) * (Vector)(panel & 0xFFFF0000u);
    return sum + (Vector)(factor << 16) * (Vector)(panel << 16);
#endif
  }
  [[gnu::always_inline]] static Pairs splat(const BFloat16* p) {
    std::uint32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return Pairs{} + pair;
  }
  [[gnu::always_inline]] static Pairs splat_last(const BFloat16* p) {
    return Pairs{} + std::uint32_t{p->bits};
  }

  [[gnu::always_inline]] static Pairs half_of(const BFloat16* row) {
#if defined(__AVX512F__)
    return (Pairs)_mm512_cvtepu16_epi32((__m256i)load<Halves>(row));  // GCC 12 makes two halves of it
#else
    return __builtin_convertvector(load<Halves>(row), Pairs);
#endif
  }
  [[gnu::always_inline]] static Pairs words(const BFloat16* const* k_rows, std::int64_t at) {
    const Pairs first = half_of(k_rows[0] + at);
    return k_rows[1] == nullptr ? first : first | half_of(k_rows[1] + at) << 16;
  }
};

}  // namespace bragg::cpu::BRAGG_ISA
