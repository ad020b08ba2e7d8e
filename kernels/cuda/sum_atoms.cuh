// The sums of structure factors over the atoms, fp32.
//
// A block takes 256 reflections of one crystal, a thread each, whatever the crystal's size: large crystals
// are many blocks' work. Atoms pass through shared memory in tiles of up to 32, each as two tables that the
// block computes for the rows (h, k) and the l it has: occupancy exp(2 pi i (hx + ky)) and exp(2 pi i lz). So
// an atom costs a reflection one complex product, and a sine or cosine serves all reflections of its row or
// of its l. Neighbours with one form factor and displacement share their weight; atoms are taken in the order
// given, which is site by site where they come from a CIF. Where an f'' is not 0, a kernel of its own weighs
// the same sums a second time with f''.
//
// Error against the reference: coordinates are 32-bit fractions of the cell, so a phase is off by at most
// index * 2^-33 turns from that, and by 1e-7 from rounding; |F| is off by some 1e-6 of sum_j occupancy_j f_j,
// which tests hold it to (1e-4 of the strongest |F|^2 is what was asked for).
#pragma once

#include <array>
#include <cstdint>
#include <numbers>

#include "kernels/cuda/device/crystal_math.cuh"
#include "kernels/cuda/device/find.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/warp.cuh"
#include "kernels/cuda/unique_reflections.h"

namespace bragg::cuda {

inline constexpr int sum_threads = 256, sum_warps = sum_threads / 32;
inline constexpr int tile_atoms = 32;      ///< one for each lane of the warp that fetches them
inline constexpr int table_phases = 3072;  ///< 24 KiB
static_assert(table_phases >= sum_threads);

struct alignas(8) Phase {
  float re, im;
};

/// exp(2 pi i turns / 2^32); products of an index and a coordinate may wrap around.
__device__ inline Phase unit_phase(std::uint32_t turns) {
  Phase p;
  sincospif(static_cast<float>(static_cast<std::int32_t>(turns)) * 0x1p-31f, &p.im, &p.re);
  return p;
}
/// The fraction of x in 2^-32.
__device__ inline std::uint32_t turns_of(double x) {
  return static_cast<std::uint32_t>(static_cast<std::int64_t>(rint((x - floor(x)) * 0x1p32)));
}

struct SumArguments {
  std::int64_t crystals;
  bool ignore_displacements;
  const std::uint64_t* chunk_offset;  ///< (crystals + 1): blocks
  const std::uint64_t* offset;        ///< (crystals + 1): reflections
  const ReciprocalMetric* metric;
  const std::uint8_t* centrosymmetric;
  const std::uint8_t* centring;
  const std::uint64_t* atom_offset;
  const ScatteringAtom* atoms;
  const std::array<float, 6>* beta;
  const FormFactor* form_factors;
  const Miller* miller;
  float* f2;
};

/// An atom as the tile holds it.
struct TileAtom {
  std::uint32_t x, y, z;
  float occupancy;
  std::int32_t form_factor, anisotropic;
  float u_iso;
};

/// high_angle_form_factor of crystal_math.h in fp32; `scaled` is s^2 log2(e).
__device__ inline float high_angle_form_factor(const HighAngle& f, float scaled) {
  constexpr float end = static_cast<float>(high_angle_end * high_angle_end * std::numbers::log2e);
  const float within = fminf(scaled, end);
  float value = f.c;
#pragma unroll
  for (int i = 0; i < 6; ++i)
    value += f.a[i] * exp2f(-f.b[i] * within);
  return scaled > end ? value * exp2f(0.5f * f.decay * log2f(end / scaled)) : value;
}

/// The reflection of a thread, and what its form factors come to.
class Weight {
 public:
  __device__ Weight(const SumArguments& p, const ReciprocalMetric& metric, Miller m)
      : p_(p),
        h_(m.h),
        k_(m.k),
        l_(m.l),
        scaled_(log2_e * static_cast<float>(inverse_d_squared_rn(metric, m.h, m.k, m.l) / 4)) {}

  /// f0 + f' of an atom and its displacement; `imaginary` becomes the same of f''.
  template <bool anomalous>
  __device__ float of(const TileAtom& atom, float& imaginary) {
    const FormFactor& f = p_.form_factors[atom.form_factor];
    if (atom.form_factor != known_) {
      if (scaled_ > log2_e * f.four_gaussians_to) {
        form_factor_ = high_angle_form_factor(f.high, scaled_) + f.dispersion_real;
      } else {
        form_factor_ = f.c + f.dispersion_real;
#pragma unroll
        for (int i = 0; i < 4; ++i)
          form_factor_ += f.a[i] * exp2f(-f.b[i] * scaled_);
      }
      known_ = atom.form_factor;
    }
    const float damping = exp2f(-exponent(atom));
    if constexpr (anomalous) imaginary = f.dispersion_imaginary * damping;
    return form_factor_ * damping;
  }

 private:
  static constexpr float log2_e = std::numbers::log2e_v<float>;

  /// Of the displacement, for a power of two.
  __device__ float exponent(const TileAtom& atom) const {
    if (atom.anisotropic < 0)
      return static_cast<float>(8 * std::numbers::pi * std::numbers::pi) * atom.u_iso * scaled_;
    const std::array<float, 6>& b = p_.beta[atom.anisotropic];
    return log2_e *
           (h_ * (b[0] * h_ + b[5] * k_ + b[4] * l_) + k_ * (b[1] * k_ + b[3] * l_) + b[2] * l_ * l_);
  }

  const SumArguments& p_;
  float h_, k_, l_;
  float scaled_;  ///< (sin(theta) / lambda)^2 log2(e): exp(-b s^2) as a power of two, which is less work
  std::int32_t known_ = -1;
  float form_factor_ = 0;
};

/// The rows (h, k) and the |l| of a block's reflections.
struct RowSpan {
  std::int32_t rows, l_low, l_high;
};
struct RowIndex {
  std::int16_t h, k;
};

/// Numbers the rows through the block: returns this thread's, fills `span` and, for behind the next barrier,
/// row_index. `begins`: m is the first reflection of its row; l is |l|.
__device__ inline int number_rows(Miller m, bool begins, int l, RowSpan* span_of_warp, RowIndex* row_index,
                                  RowSpan& span) {
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
  const unsigned beginnings = __ballot_sync(all_lanes, begins);
  const RowSpan mine{__popc(beginnings), __reduce_min_sync(all_lanes, l), __reduce_max_sync(all_lanes, l)};
  if (lane == 0) span_of_warp[warp] = mine;
  __syncthreads();
  int row = __popc(beginnings & ((2u << lane) - 1)) - 1;
  span = {0, mine.l_low, mine.l_high};
  for (int w = 0; w < sum_warps; ++w) {
    const RowSpan& other = span_of_warp[w];
    if (w < warp) row += other.rows;
    span = {span.rows + other.rows, min(span.l_low, other.l_low), max(span.l_high, other.l_high)};
  }
  if (begins) row_index[row] = {m.h, m.k};
  return row;
}

__device__ inline TileAtom tile_atom(const SumArguments& p, std::uint64_t j) {
  const ScatteringAtom& a = p.atoms[j];
  return {turns_of(a.x),
          turns_of(a.y),
          turns_of(a.z),
          a.occupancy,
          a.form_factor,
          p.ignore_displacements ? -1 : a.anisotropic,
          p.ignore_displacements ? 0 : a.u_iso};
}

/// One warp: atoms tile_first, tile_first + 1, ... of the crystal whose first atom is first_atom. The bits of
/// group_starts: another form factor or displacement than the atom's before.
__device__ inline void fetch_tile(const SumArguments& p, std::uint64_t first_atom, std::uint64_t tile_first,
                                  int atoms, TileAtom* tile, unsigned& group_starts) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  bool starts = false;
  if (lane < atoms) {
    const std::uint64_t j = tile_first + lane;
    const TileAtom atom = tile_atom(p, j);
    starts = j == first_atom;
    if (!starts) {
      const TileAtom previous = tile_atom(p, j - 1);
      starts = atom.form_factor != previous.form_factor || atom.anisotropic != previous.anisotropic ||
               atom.u_iso != previous.u_iso;
    }
    tile[lane] = atom;
  }
  const unsigned all_starts = __ballot_sync(0xFFFFFFFFu, starts);
  if (lane == 0) group_starts = all_starts;
}

/// Of each atom its rows' phases, with its occupancy, then its l's.
__device__ inline void fill_table(const TileAtom* tile, int atoms, const RowIndex* row_index,
                                  const RowSpan& span, int phases, Phase* table) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  for (int a = warp; a < atoms; a += sum_warps) {
    const TileAtom& atom = tile[a];
    Phase* const of_atom = table + a * phases;
    for (int i = lane; i < span.rows; i += 32) {
      const Phase unit = unit_phase(row_index[i].h * atom.x + row_index[i].k * atom.y);
      of_atom[i] = {atom.occupancy * unit.re, atom.occupancy * unit.im};
    }
    for (int i = span.rows + lane; i < phases; i += 32)
      of_atom[i] = unit_phase(static_cast<std::uint32_t>(i - span.rows + span.l_low) * atom.z);
  }
}

/// Of one reflection. Atoms of a group share their weight. `anomalous`: there is a sum with f'', too.
template <bool anomalous>
struct AtomSums {
  float weight = 0, re = 0, im = 0, group_re = 0, group_im = 0;
  float imaginary_weight = 0, imaginary_re = 0, imaginary_im = 0;

  __device__ void add_group() {
    re += weight * group_re;
    im += weight * group_im;
    if constexpr (anomalous) {
      imaginary_re += imaginary_weight * group_re;
      imaginary_im += imaginary_weight * group_im;
    }
  }
  __device__ void begin_group(Weight& weights, const TileAtom& atom) {
    add_group();
    group_re = group_im = 0;
    weight = weights.of<anomalous>(atom, imaginary_weight);
  }
  /// |F|^2 after the last group.
  __device__ float f2(float scale) {
    add_group();
    re *= scale;
    im *= scale;
    float f2 = re * re + im * im;
    if constexpr (anomalous) {
      imaginary_re *= scale;
      imaginary_im *= scale;
      f2 += imaginary_re * imaginary_re + imaginary_im * imaginary_im;
    }
    return f2;
  }
};

/// Grid: the chunks of 256 reflections. `anomalous`: an f'' of the batch is not 0.
template <bool anomalous>
__global__ void __launch_bounds__(sum_threads) sum_atoms(const __grid_constant__ SumArguments p) {
  wait_for_previous_kernel();
  __shared__ Phase table[table_phases];
  __shared__ TileAtom tile[tile_atoms];
  __shared__ unsigned group_starts;  ///< bits of the tile's atoms
  __shared__ RowSpan span_of_warp[sum_warps];
  __shared__ RowIndex row_index[sum_threads];

  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t crystal = find_row(p.chunk_offset, p.crystals, blockIdx.x);
  const std::uint64_t first = p.offset[crystal] + (blockIdx.x - p.chunk_offset[crystal]) * sum_threads;
  const std::uint64_t left = p.offset[crystal + 1] - first;
  const int count = left < sum_threads ? static_cast<int>(left) : sum_threads;
  // Threads beyond the last reflection take that one again.
  const Miller m = p.miller[first + min(thread, count - 1)];
  const Miller before = p.miller[first + min(max(thread - 1, 0), count - 1)];
  RowSpan span;
  const bool begins = thread == 0 || m.h != before.h || m.k != before.k;
  const int l = abs(static_cast<int>(m.l));
  const int row = number_rows(m, begins, l, span_of_warp, row_index, span);

  // Of an atom the table has its rows, then its l. Where not even one atom's fit (an axis of some 2,000 A),
  // every thread computes its phases itself.
  const int phases = span.rows + span.l_high - span.l_low + 1;
  const bool has_table = phases <= table_phases;
  const int atoms_at_once = has_table ? min(tile_atoms, table_phases / phases) : tile_atoms;
  const int l_place = span.rows + l - span.l_low;
  const float l_sign = m.l < 0 ? -1.0f : 1.0f;

  const bool centrosymmetric = p.centrosymmetric[crystal] != 0;
  Weight weight(p, p.metric[crystal], m);
  AtomSums<anomalous> sums;
  const std::uint64_t first_atom = p.atom_offset[crystal], end_atom = p.atom_offset[crystal + 1];
  for (std::uint64_t tile_first = first_atom; tile_first < end_atom; tile_first += atoms_at_once) {
    const std::uint64_t atoms_left = end_atom - tile_first;
    const int atoms =
        atoms_left < static_cast<std::uint64_t>(atoms_at_once) ? static_cast<int>(atoms_left) : atoms_at_once;
    __syncthreads();  // the tile before was read
    if (thread / 32 == 0) fetch_tile(p, first_atom, tile_first, atoms, tile, group_starts);
    __syncthreads();
    if (has_table) {
      fill_table(tile, atoms, row_index, span, phases, table);
      __syncthreads();
    }
    const unsigned starts = group_starts;
    for (int a = 0; a < atoms; ++a) {
      if ((starts >> a & 1) != 0) sums.begin_group(weight, tile[a]);
      if (has_table) {
        const Phase hk = table[a * phases + row];
        Phase of_l = table[a * phases + l_place];
        of_l.im *= l_sign;
        sums.group_re += hk.re * of_l.re - hk.im * of_l.im;
        if (!centrosymmetric) sums.group_im += hk.re * of_l.im + hk.im * of_l.re;
      } else {
        const TileAtom& atom = tile[a];
        const Phase unit = unit_phase(m.h * atom.x + m.k * atom.y + m.l * atom.z);
        sums.group_re += atom.occupancy * unit.re;
        if (!centrosymmetric) sums.group_im += atom.occupancy * unit.im;
      }
    }
  }
  if (thread >= count) return;
  const float scale = static_cast<float>(p.centring[crystal]) * (centrosymmetric ? 2.0f : 1.0f);
  p.f2[first + thread] = sums.f2(scale);
}

}  // namespace bragg::cuda
