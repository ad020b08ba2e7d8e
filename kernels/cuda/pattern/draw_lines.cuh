// All lines of a crystal on the grid, by a block. A thread owns grid points and adds up what reaches them, in
// the order of the lines' positions: no atomics, the same sum every time.
//
// Lines come a piece at a time: every thread makes one, they are sorted into bins of their position
// (a stable radix sort of 8 bits) and lie in shared memory in that order. A warp takes 64 points at a time
// and walks through the bins that can reach them. Without the sort every warp would have to look at every
// line.
#pragma once

#include "kernels/cuda/device/block.cuh"
#include "kernels/cuda/device/ptx.cuh"
#include "kernels/cuda/pattern/line.cuh"

namespace bragg::cuda {

/// The bin of a line that reaches no point, behind all others.
inline constexpr int no_bin = 255;

using LineSort = BlockSort<pattern_threads, 1>;

struct alignas(16) LineShape {
  float nearest, fraction, low, high;  ///< as in Line
};
struct alignas(8) LineHeights {
  float gaussian, lorentz;
};

struct SortedLines {
  LineShape shape[pattern_threads];
  LineHeights heights[pattern_threads];
  float reach[pattern_threads];  ///< |u| up to which the line is drawn
};

/// In shared memory.
struct LineMemory {
  union {
    LineSort::Memory sort;
    SortedLines lines;  ///< once they are sorted
  };
  std::uint16_t rank[pattern_threads];  ///< of a thread's line among the sorted ones
  std::uint8_t bin[pattern_threads];    ///< of the sorted lines
  std::uint16_t begin[no_bin + 1];      ///< of each bin among them; that of no_bin: how many reach a point
};

/// The line that this thread makes of a piece that begins with reflection `first`; those of a reflection are
/// neighbours.
__device__ inline Line make_line(const PatternArguments& a, const CrystalLines& c, int first) {
  const bool doublet = c.lines_per_reflection == 2;
  const auto number = [&](unsigned thread) {
    return first + static_cast<int>(doublet ? thread / 2 : thread);
  };
  if (number(threadIdx.x / 32 * 32) >= c.count) return {};  // nor has the rest of the warp one
  const int which = doublet ? static_cast<int>(threadIdx.x % 2) : 0, wanted = number(threadIdx.x),
            r = min(wanted, c.count - 1);
  const ReflectedArea reflected = reflected_area(c, a.miller[c.first + r], a.f2[c.first + r]);
  if (wanted >= c.count) return {};
  return line_of(c, reflected.q, reflected.area * c.share[which], c.wavelength[which]);
}

/// The height of the highest line of all, for all threads of the block. That costs less than to keep the lines in global memory until they
/// are drawn; where they lie is left out.
__device__ inline float highest_line_of(const PatternArguments& a, const CrystalLines& c, int pieces,
                                        int at_once) {
  float highest = 0;
#pragma unroll 1
  for (int piece = 0; piece < pieces; ++piece)
    highest = larger(highest, make_line(a, c, piece * at_once).height());
  return block_max<pattern_threads>(highest);
}

/// As far as a line goes: |u| = 2 |x|, some 1e-5 more than the formula has it rather than less.
__device__ inline float reach_of(const Line& line, bool tails, float highest) {
  constexpr float of_gaussian = static_cast<float>(4 * profile_cut * profile_cut);
  float u2 = of_gaussian;
  if (tails) u2 = fmaxf(u2, line.lorentz / (static_cast<float>(tail_cut) * highest) - 1);
  return std::sqrt(u2) * 1.00001f;
}

/// Sorts the block's lines into memory. Returns how many grid points from its centre any of them reaches.
/// Begins and ends with a barrier.
__device__ inline int sort_lines(const PatternArguments& a, const Line& line, bool tails, float highest,
                                 LineMemory& memory) {
  const std::uint32_t mine = threadIdx.x;
  std::uint32_t key[1] = {std::uint32_t{no_bin} << 16 | mine};  // bin, number
  float reach = 0;
  int farthest = 0;
  if (line.height() > 0) {
    reach = reach_of(line, tails, highest);
    const float low = reach / line.low, high = reach / line.high, last = static_cast<float>(a.points - 1);
    if (line.nearest + high >= -1 && line.nearest - low <= last + 1) {
      const auto centre = static_cast<std::uint32_t>(fminf(fmaxf(line.nearest, 0.0f), last));
      key[0] = a.line_bin.quotient(centre) << 16 | mine;
      farthest = static_cast<int>(fminf(fmaxf(low, high) + 2, last + 1));
    }
  }
  farthest = block_max<pattern_threads>(farthest);  // and nobody draws lines of the piece before any more
  LineSort::sort(key, 16, 24, memory.sort);
  memory.rank[key[0] & 0xFFFFu] = static_cast<std::uint16_t>(mine);
  memory.bin[mine] = static_cast<std::uint8_t>(key[0] >> 16);
  __syncthreads();
  // Bins begin where the bin before ends, empty ones too.
  const int bin = memory.bin[mine];
  for (int b = mine == 0 ? 0 : memory.bin[mine - 1] + 1; b <= bin; ++b)
    memory.begin[b] = static_cast<std::uint16_t>(mine);
  if (mine == pattern_threads - 1) {
    for (int b = bin + 1; b <= no_bin; ++b)
      memory.begin[b] = pattern_threads;
  }
  const int to = memory.rank[mine];
  memory.lines.shape[to] = {line.nearest, line.fraction, line.low, line.high};
  memory.lines.heights[to] = {line.gaussian, line.lorentz};
  memory.lines.reach[to] = reach;
  __syncthreads();
  return farthest;
}

/// Adds the sorted lines begin .. end - 1 to a lane's two points of an interval that begins with point
/// `interval`. Gaussians of one width: nearly every line of these bins reaches the interval.
__device__ inline void add_gaussians(const SortedLines& lines, int begin, int end, float interval, float lane,
                                     float (&y)[2]) {
  constexpr float cut = static_cast<float>(2 * profile_cut) * 1.00001f;
#pragma unroll 4
  for (int i = begin; i < end; ++i) {
    const LineShape line = lines.shape[i];
    const float height = lines.heights[i].gaussian, from = interval - line.nearest,
                offset = line.fraction * line.low;
#pragma unroll
    for (int point = 0; point < 2; ++point) {
      const float u = (from + (lane + 32 * point)) * line.low + offset;
      if (fabsf(u) <= cut) y[point] += height * exp2_approximate(-u * u);
    }
  }
}

/// The same for any profile; lines are looked at 32 at a time, as most of them may be short of the farthest.
__device__ inline void add_profiles(const SortedLines& lines, int begin, int end, float interval, float lane,
                                    float (&y)[2]) {
  for (int first = begin; first < end; first += 32) {
    const int mine = first + static_cast<int>(lane);
    bool reaches = false;
    if (mine < end) {
      const LineShape line = lines.shape[mine];
      const float from = interval - line.nearest + line.fraction, reach = lines.reach[mine];
      reaches = (from + (interval_points - 1)) * line.low >= -reach && from * line.high <= reach;
    }
    for (unsigned left = __ballot_sync(all_lanes, reaches); left != 0;) {
      const int bit = 31 - __clz(static_cast<int>(left));
      left ^= 1u << bit;
      const LineShape line = lines.shape[first + bit];
      const LineHeights height = lines.heights[first + bit];
      const float reach = lines.reach[first + bit], from = interval - line.nearest;
#pragma unroll
      for (int point = 0; point < 2; ++point) {
        const float distance = from + (lane + 32 * point) + line.fraction;
        const float u = distance * (distance < 0 ? line.low : line.high), u2 = u * u;
        if (fabsf(u) <= reach) {
          y[point] += height.gaussian * exp2_approximate(-u2);
          y[point] += height.lorentz * reciprocal_approximate(1 + u2);
        }
      }
    }
  }
}

/// y (padded_points) becomes the sum of all lines of a crystal; returns its maximum. All threads of the
/// block; begins and ends with a barrier.
__device__ inline float draw_lines(const PatternArguments& a, const CrystalLines& c, LineMemory& memory,
                                   float* y) {
  const int warp = static_cast<int>(threadIdx.x / 32), lane = static_cast<int>(threadIdx.x % 32);
  const auto for_intervals = [&](const auto& f) {
    for (int begin = warp * interval_points; begin < a.points; begin += pattern_warps * interval_points)
      f(begin);
  };
  __syncthreads();
  for_intervals([&](int begin) { y[begin + lane] = y[begin + lane + 32] = 0; });

  const int at_once = pattern_threads / c.lines_per_reflection, pieces = (c.count + at_once - 1) / at_once;
  // Where tails end depends on the highest line of all; of one piece its lines say which that is.
  const bool tails = c.has_tails();
  float highest = tails && pieces > 1 ? highest_line_of(a, c, pieces, at_once) : 0;
#pragma unroll 1
  for (int piece = 0; piece < pieces; ++piece) {
    const Line line = make_line(a, c, piece * at_once);
    if (tails && pieces == 1) highest = block_max<pattern_threads>(line.height());
    const int farthest = sort_lines(a, line, tails, highest, memory);
    for_intervals([&](int interval) {
      const int low = max(interval - farthest, 0),
                high = min(interval + interval_points - 1 + farthest, a.points - 1);
      const int begin = memory.begin[a.line_bin.quotient(static_cast<std::uint32_t>(low))],
                end = memory.begin[a.line_bin.quotient(static_cast<std::uint32_t>(high)) + 1];
      float* const at = y + interval + lane;
      float sum[2] = {at[0], at[32]};
      if (c.is_symmetric_gaussian()) {
        add_gaussians(memory.lines, begin, end, static_cast<float>(interval), static_cast<float>(lane), sum);
      } else {
        add_profiles(memory.lines, begin, end, static_cast<float>(interval), static_cast<float>(lane), sum);
      }
      at[0] = sum[0];
      at[32] = sum[1];
    });
  }
  float most = 0;
  for_intervals([&](int begin) {
    for (const int i : {begin + lane, begin + lane + 32}) {
      if (i < a.points) most = larger(most, y[i]);
    }
  });
  return block_max<pattern_threads>(most);
}

}  // namespace bragg::cuda
