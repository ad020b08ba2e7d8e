// Structure factors: reflections listed by unique_reflections.cu, then their sums over the atoms, fp32.
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
#include <algorithm>
#include <numbers>
#include <string>
#include <type_traits>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/crystal_math.cuh"
#include "kernels/cuda/device/find.cuh"
#include "kernels/cuda/device_scan.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/unique_reflections.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256, warps = threads / 32;
constexpr unsigned everyone = 0xFFFFFFFFu;
constexpr int tile_atoms = 32;      ///< one for each lane of the warp that fetches them
constexpr int table_phases = 3072;  ///< 24 KiB
static_assert(table_phases >= threads);

struct alignas(8) Phase {
  float re, im;
};

/// exp(2 pi i turns / 2^32); products of an index and a coordinate may wrap around.
__device__ Phase unit_phase(std::uint32_t turns) {
  Phase p;
  sincospif(static_cast<float>(static_cast<std::int32_t>(turns)) * 0x1p-31f, &p.im, &p.re);
  return p;
}
/// The fraction of x in 2^-32.
__device__ std::uint32_t turns_of(double x) {
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
__device__ float high_angle_form_factor(const HighAngle& f, float scaled) {
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

/// The rows and the |l| of a block's reflections.
struct Span {
  std::int32_t rows, l_low, l_high;
};

/// Grid: the chunks of 256 reflections. `anomalous`: an f'' of the batch is not 0.
template <bool anomalous>
__global__ void __launch_bounds__(threads) sum_atoms(const __grid_constant__ SumArguments p) {
  __shared__ Phase table[table_phases];
  __shared__ TileAtom tile[tile_atoms];
  __shared__ unsigned group_starts;  ///< bits of the tile's atoms
  __shared__ Span span_of_warp[warps];
  struct RowIndex {
    std::int16_t h, k;
  };
  __shared__ RowIndex row_index[threads];

  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
  const std::int64_t crystal = find_row(p.chunk_offset, p.crystals, blockIdx.x);
  const std::uint64_t first = p.offset[crystal] + (blockIdx.x - p.chunk_offset[crystal]) * threads;
  const std::uint64_t left = p.offset[crystal + 1] - first;
  const int count = left < threads ? static_cast<int>(left) : threads;
  // Threads beyond the last reflection take that one again.
  const Miller m = p.miller[first + min(thread, count - 1)];
  const Miller before = p.miller[first + min(max(thread - 1, 0), count - 1)];

  // Rows numbered through the block, each by its first reflection.
  const bool begins = thread == 0 || m.h != before.h || m.k != before.k;
  const unsigned beginnings = __ballot_sync(everyone, begins);
  const int l = abs(static_cast<int>(m.l));
  const Span mine{__popc(beginnings), __reduce_min_sync(everyone, l), __reduce_max_sync(everyone, l)};
  if (lane == 0) span_of_warp[warp] = mine;
  __syncthreads();
  int row = __popc(beginnings & ((2u << lane) - 1)) - 1;
  Span span{0, mine.l_low, mine.l_high};
  for (int w = 0; w < warps; ++w) {
    const Span& other = span_of_warp[w];
    if (w < warp) row += other.rows;
    span = {span.rows + other.rows, min(span.l_low, other.l_low), max(span.l_high, other.l_high)};
  }
  if (begins) row_index[row] = {m.h, m.k};

  // Of an atom the table has its rows, then its l. Where not even one atom's fit (an axis of some 2,000 A),
  // every thread computes its phases itself.
  const int phases = span.rows + span.l_high - span.l_low + 1;
  const bool has_table = phases <= table_phases;
  const int atoms_at_once = has_table ? min(tile_atoms, table_phases / phases) : tile_atoms;
  const int l_place = span.rows + l - span.l_low;
  const float l_sign = m.l < 0 ? -1.0f : 1.0f;

  const bool centrosymmetric = p.centrosymmetric[crystal] != 0;
  Weight weight(p, p.metric[crystal], m);
  const std::uint64_t first_atom = p.atom_offset[crystal], end_atom = p.atom_offset[crystal + 1];
  float weight_now = 0, re = 0, im = 0, group_re = 0, group_im = 0;
  float imaginary_weight = 0, imaginary_re = 0, imaginary_im = 0;  // of the sum with f''
  const auto add_group = [&] {
    re += weight_now * group_re;
    im += weight_now * group_im;
    if constexpr (anomalous) {
      imaginary_re += imaginary_weight * group_re;
      imaginary_im += imaginary_weight * group_im;
    }
  };
  for (std::uint64_t tile_first = first_atom; tile_first < end_atom; tile_first += atoms_at_once) {
    const std::uint64_t atoms_left = end_atom - tile_first;
    const int atoms =
        atoms_left < static_cast<std::uint64_t>(atoms_at_once) ? static_cast<int>(atoms_left) : atoms_at_once;
    __syncthreads();  // the tile before was read
    if (warp == 0) {
      bool starts = false;
      if (lane < atoms) {
        const auto fetch = [&](std::uint64_t j) {
          const ScatteringAtom& a = p.atoms[j];
          return TileAtom{turns_of(a.x),
                          turns_of(a.y),
                          turns_of(a.z),
                          a.occupancy,
                          a.form_factor,
                          p.ignore_displacements ? -1 : a.anisotropic,
                          p.ignore_displacements ? 0 : a.u_iso};
        };
        const std::uint64_t j = tile_first + lane;
        const TileAtom atom = fetch(j);
        starts = j == first_atom;
        if (!starts) {
          const TileAtom previous = fetch(j - 1);
          starts = atom.form_factor != previous.form_factor || atom.anisotropic != previous.anisotropic ||
                   atom.u_iso != previous.u_iso;
        }
        tile[lane] = atom;
      }
      const unsigned all_starts = __ballot_sync(everyone, starts);
      if (lane == 0) group_starts = all_starts;
    }
    __syncthreads();
    if (has_table) {
      for (int a = warp; a < atoms; a += warps) {
        const TileAtom& atom = tile[a];
        Phase* const of_atom = table + a * phases;
        for (int i = lane; i < span.rows; i += 32) {
          const Phase unit = unit_phase(row_index[i].h * atom.x + row_index[i].k * atom.y);
          of_atom[i] = {atom.occupancy * unit.re, atom.occupancy * unit.im};
        }
        for (int i = span.rows + lane; i < phases; i += 32)
          of_atom[i] = unit_phase(static_cast<std::uint32_t>(i - span.rows + span.l_low) * atom.z);
      }
      __syncthreads();
    }
    const unsigned starts = group_starts;
    for (int a = 0; a < atoms; ++a) {
      if ((starts >> a & 1) != 0) {
        add_group();
        group_re = group_im = 0;
        weight_now = weight.of<anomalous>(tile[a], imaginary_weight);
      }
      if (has_table) {
        const Phase hk = table[a * phases + row];
        Phase of_l = table[a * phases + l_place];
        of_l.im *= l_sign;
        group_re += hk.re * of_l.re - hk.im * of_l.im;
        if (!centrosymmetric) group_im += hk.re * of_l.im + hk.im * of_l.re;
      } else {
        const TileAtom& atom = tile[a];
        const Phase unit = unit_phase(m.h * atom.x + m.k * atom.y + m.l * atom.z);
        group_re += atom.occupancy * unit.re;
        if (!centrosymmetric) group_im += atom.occupancy * unit.im;
      }
    }
  }
  if (thread >= count) return;
  const float scale = static_cast<float>(p.centring[crystal]) * (centrosymmetric ? 2.0f : 1.0f);
  add_group();
  re *= scale;
  im *= scale;
  float f2 = re * re + im * im;
  if constexpr (anomalous) {
    imaginary_re *= scale;
    imaginary_im *= scale;
    f2 += imaginary_re * imaginary_re + imaginary_im * imaginary_im;
  }
  p.f2[first + thread] = f2;
}

/// Many arrays in one block of device memory: first all are planned, then it is allocated and filled.
class Scratch {
 public:
  std::size_t add(std::size_t bytes) { return plan_.add(bytes); }
  /// A copy of `host`, which stays as it is until upload().
  template <typename T>
  std::size_t add(const std::vector<T>& host) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::size_t bytes = host.size() * sizeof(T), offset = plan_.add(bytes);
    copies_.push_back({offset, bytes, host.data()});
    return offset;
  }
  void upload(Backend& backend) {
    memory_ = backend.allocate(plan_.bytes());
    for (const Copy& copy : copies_)
      backend.upload(copy.host, memory_.data() + copy.offset, copy.bytes);
  }
  template <typename T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(memory_.data() + offset);
  }

 private:
  struct Copy {
    std::size_t offset, bytes;
    const void* host;
  };
  ArenaPlan plan_;
  std::vector<Copy> copies_;
  Buffer memory_;
};

}  // namespace

ReflectionSet CudaBackend::do_structure_factors(const ReflectionProblem& p, const CrystalBatch& batch) {
  const std::int64_t crystals = batch.crystals();
  const auto describe = [&] {
    return "structure_factors crystals " + std::to_string(crystals) + " " + p.text();
  };
  const RowPlan plan(batch, InverseDSquaredRange(p));
  const std::int64_t slots = plan.slots();
  const std::uint64_t blocks = plan.block_offset.back();

  ReflectionSet set;
  set.crystals = crystals;
  set.offset = allocate((crystals + 1) * sizeof(std::uint64_t));
  set.metric = allocate(crystals * sizeof(ReciprocalMetric));
  set.laue = allocate(crystals * sizeof(LaueRotations));
  upload(batch.metric.data(), set.metric.data(), crystals * sizeof(ReciprocalMetric));
  upload(plan.laue.data(), set.laue.data(), crystals * sizeof(LaueRotations));
  if (crystals == 0) return set;

  Scratch scratch;
  const std::size_t grid = scratch.add(plan.grid), block_offset = scratch.add(plan.block_offset),
                    group = scratch.add(plan.group), pairs = scratch.add(plan.pairs),
                    pair_offset = scratch.add(plan.pair_offset), centrings = scratch.add(plan.centrings),
                    centring_offset = scratch.add(plan.centring_offset),
                    centrosymmetric = scratch.add(batch.centrosymmetric),
                    centring = scratch.add(batch.centring), atom_offset = scratch.add(batch.atom_offset),
                    atoms = scratch.add(batch.atoms), beta = scratch.add(batch.beta),
                    form_factors = scratch.add(batch.form_factors);
  const std::size_t chunk_offset = scratch.add((crystals + 1) * sizeof(std::uint64_t));
  // One more than there are rows: its count stays 0, and the sum before it is the number of reflections.
  const std::size_t counts = scratch.add((slots + 1) * sizeof(std::uint32_t)),
                    firsts = scratch.add((slots + 1) * sizeof(std::uint64_t));
  const std::size_t scan_bytes = exclusive_sum_bytes(slots + 1), scan = scratch.add(scan_bytes);
  scratch.upload(*this);

  const RowTables rows{plan.range,
                       crystals,
                       reinterpret_cast<const ReciprocalMetric*>(set.metric.data()),
                       scratch.at<RowGrid>(grid),
                       scratch.at<std::uint64_t>(block_offset),
                       scratch.at<std::uint32_t>(group),
                       scratch.at<RotationPair>(pairs),
                       scratch.at<std::uint32_t>(pair_offset),
                       scratch.at<Translation>(centrings),
                       scratch.at<std::uint32_t>(centring_offset)};
  auto* const row_counts = scratch.at<std::uint32_t>(counts);
  auto* const row_firsts = scratch.at<std::uint64_t>(firsts);
  auto* const offset = reinterpret_cast<std::uint64_t*>(set.offset.data());
  count_reflections(rows, blocks, row_counts, describe, stream_.get());
  exclusive_sum(row_counts, row_firsts, slots + 1, scratch.at<void>(scan), scan_bytes, stream_.get());
  pick_offsets(rows, row_firsts, offset, describe, stream_.get());

  std::vector<std::uint64_t> offset_on_host(crystals + 1), chunks(crystals + 1);
  download(offset, offset_on_host.data(), offset_on_host.size() * sizeof(std::uint64_t));
  for (std::int64_t i = 0; i < crystals; ++i)
    chunks[i + 1] = chunks[i] + (offset_on_host[i + 1] - offset_on_host[i] + threads - 1) / threads;
  set.reflections = static_cast<std::int64_t>(offset_on_host[crystals]);
  set.miller = allocate(set.reflections * sizeof(Miller));
  set.f2 = allocate(set.reflections * sizeof(float));
  if (set.reflections == 0) return set;

  auto* const miller = reinterpret_cast<Miller*>(set.miller.data());
  list_reflections(rows, blocks, row_counts, row_firsts, miller, describe, stream_.get());
  upload(chunks.data(), scratch.at<std::uint64_t>(chunk_offset), chunks.size() * sizeof(std::uint64_t));
  const SumArguments sums{crystals,
                          p.ignore_displacements,
                          scratch.at<std::uint64_t>(chunk_offset),
                          offset,
                          rows.metric,
                          scratch.at<std::uint8_t>(centrosymmetric),
                          scratch.at<std::uint8_t>(centring),
                          scratch.at<std::uint64_t>(atom_offset),
                          scratch.at<ScatteringAtom>(atoms),
                          scratch.at<std::array<float, 6>>(beta),
                          scratch.at<FormFactor>(form_factors),
                          miller,
                          reinterpret_cast<float*>(set.f2.data())};
  const bool anomalous = std::any_of(batch.form_factors.begin(), batch.form_factors.end(),
                                     [](const FormFactor& f) { return f.dispersion_imaginary != 0; });
  launch(describe, stream_.get(), {dim3(static_cast<unsigned>(chunks.back())), dim3(threads)},
         anomalous ? sum_atoms<true> : sum_atoms<false>, sums);
  stream_.synchronize();  // before the scratch memory goes
  return set;
}

}  // namespace bragg::cuda
