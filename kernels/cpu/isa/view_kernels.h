// The vector code of drawing structures and of comparing patterns with them, one table of functions per
// instruction set. Plain pointers only, as crystal_kernels.h.
#pragma once

#include <cstdint>

#include "kernels/base/bfloat16.h"  // the type alone: its functions are in line elsewhere, too

namespace bragg::cpu {

/// One view of one structure; see DrawViewsProblem.
struct DrawViewCall {
  const std::uint32_t* lines;  ///< PackedLine
  std::int64_t count;
  float steps_per_bin;
  std::int64_t bins, first_bin, end_bin;
  float fwhm_low, fwhm_slope, power;
  float length;   ///< of the view
  float* y;       ///< scratch of (bins), padded by two vectors
  BFloat16* dst;  ///< (bins)
};

/// The rows of a panel side by side, two numbers of a row to a word: words[pair * panel_rows + row].
struct PackPanelCall {
  const BFloat16* const* rows;  ///< (count); rows behind them become zeros
  std::int64_t count, K;
  std::uint32_t* words;  ///< (pairs_of(K), panel_rows)
};

/// One pattern at all its scales against a panel: of each row the largest product and the first scale that has it, -1 and
/// -infinity where none is a number.
struct MatchPanelCall {
  const std::uint32_t* words;
  std::int64_t pairs;
  const void* pattern;  ///< floats (2 pairs, S), or words of two bfloat16 (pairs, S)
  std::int64_t S;
  float* best;          ///< (panel_rows)
  std::int32_t* scale;  ///< (panel_rows)
};

struct ViewKernels {
  int panel_rows;  ///< a multiple of 4
  void (*draw)(const DrawViewCall&);
  void (*pack)(const PackPanelCall&);
  void (*match)(const MatchPanelCall&);
  bool in_bf16;  ///< what `match` reads patterns as: words, not floats
};

namespace v2 {
extern const ViewKernels view_kernels;
}
namespace v3 {
extern const ViewKernels view_kernels;
}
namespace v4 {
extern const ViewKernels view_kernels;
}
namespace v4_bf16 {
extern const ViewKernels view_kernels;
}

}  // namespace bragg::cpu
