// What an op is asked to do: plain structs of sizes and constants, checked once, here, for every backend.
// Where memory lies is said by the views of tensor.h. Every validate() throws ProblemError that names the op
// and both offending values, e.g. "[conv1d] kernel 100 > L_in 50".
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "kernels/base/host_device.h"
#include "kernels/base/random.h"
#include "kernels/base/tensor.h"
#include "kernels/crystal/pattern_parameters.h"
#include "kernels/crystal/pattern_problem.h"
#include "kernels/crystal/pattern_sampling.h"

namespace bragg {

/// 1D convolution without padding, channels last.
///   src      (N, L_in, C_in)
///   weights  (C_out, kernel, C_in)
///   bias     (C_out)
///   dst      (N, L_out, C_out),  L_out = (L_in - kernel) / stride + 1
struct Conv1dProblem {
  std::int64_t N = 0, L_in = 0, C_in = 0, C_out = 0, kernel = 0, stride = 1;

  std::int64_t L_out() const { return (L_in - kernel) / stride + 1; }
  /// Rows of zeros that backward_data reads before the first and after the last row of every item of
  /// diff_dst, because its windows on diff_dst reach beyond the item. Neighbouring items may share them:
  /// an item_stride of (L_out + max(halo_before, halo_after)) * C_out with halo_before rows ahead of item 0
  /// is enough.
  std::int64_t halo_before() const { return (kernel + stride - 1) / stride - 1; }
  std::int64_t halo_after() const { return (L_in + stride - 1) / stride - L_out(); }
  /// Elements from one item of diff_dst to the next with that halo.
  std::int64_t haloed_item_stride() const {
    return (L_out() + (halo_before() > halo_after() ? halo_before() : halo_after())) * C_out;
  }
  /// 2 x multiply-adds of one pass.
  double flops() const { return 2.0 * N * L_out() * C_out * kernel * C_in; }
  void validate() const;
};

/// Average pooling without padding: src (N, L_in, C) -> dst (N, L_out, C).
struct AvgPool1dProblem {
  std::int64_t N = 0, L_in = 0, C = 0, kernel = 0, stride = 1;

  std::int64_t L_out() const { return (L_in - kernel) / stride + 1; }
  void validate() const;
};

/// Fully connected layer: src (N, K), weights (M_out = out, K = in), bias (out), dst (N, out).
struct DenseProblem {
  std::int64_t N = 0, in = 0, out = 0;

  double flops() const { return 2.0 * N * in * out; }
  void validate() const;
};

/// The place of training in time, in device memory: two u64. Ops that draw random numbers read it there, so
/// that a step is the same list of ops every time (and can be captured in a graph).
struct StepState {
  std::uint64_t step;         ///< optimizer steps done
  std::uint64_t first_index;  ///< index of the first pattern of this step's batch
};

/// Inverted dropout after ReLU: kept elements are scaled by 1 / (1 - p). The counter layout is random.h's.
struct Dropout {
  float p = 0;  ///< 0: no dropout
  std::uint32_t seed = 0;
  std::uint32_t layer = 0;  ///< which dropout of the network, second counter word
  ConstTensor state;        ///< StepState on the device; needed where p > 0
};

/// What a forward op does to an accumulator before it stores it: + bias, then ReLU, then dropout.
struct Epilogue {
  ConstTensor bias;  ///< (C_out); none: no bias
  bool relu = false;
  Dropout dropout;
};

/// What a backward_data op does to a gradient before it stores it: the derivative of the ReLU and dropout
/// that made the op's src. src > 0 says both "positive" and "kept", so diff_src *= (src > 0 ? 1 / (1 - p) :
/// 0).
struct ReluGradient {
  ConstActivations src;  ///< the op's src, shaped like diff_src; none: diff_src is stored as it is
  float p = 0;           ///< dropout's p at that place
};

/// The same where src is not kept, but one bit for each of its elements, whether it is > 0: words u32 (N, L,
/// kept_words(C)), channel c in bit c % 32 of word c / 32, zeros beyond C.
struct KeptBits {
  ConstTensor words;
  float p = 0;
};
constexpr std::int64_t kept_words(std::int64_t C) {
  return (C + 31) / 32;
}

/// Softmax cross-entropy over (N, classes) with labels i32 (N). The gradient is that of the mean over N.
struct SoftmaxCrossEntropyProblem {
  std::int64_t N = 0, classes = 0;
  void validate() const;
};

/// Sums that the loss op adds to, in device memory. Rows whose logits hold a NaN or an infinity make loss_sum
/// NaN and never count as correct. Ties of the maximum count for the lowest class.
struct LossTotals {
  double loss_sum;
  std::uint64_t correct;
  std::uint64_t count;
};

/// Adam (Kingma & Ba 2015, as torch.optim.Adam): step number t = state.step + 1;
///   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
///   w -= learning_rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
struct AdamProblem {
  std::int64_t count = 0;
  double learning_rate = 1e-4, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  void validate() const;
};

/// What Adam updates, all of the precise type but `working`: the new weights rounded to the element type,
/// none where the types are the same.
struct AdamTensors {
  Tensor weights, m, v, working;
};

/// dst[i] = one of `candidates` (i32), for the pattern of index state.first_index + i, with the words of
/// random_call(seed, data, 0, purpose, index):
///   uniform:     candidates[uniform_below(word 0, count)]
///   sequential:  candidates[index % count]
/// or -1 unless uniform01(word 1) < share.
struct DrawRowsProblem {
  enum class Order { uniform, sequential };
  std::int64_t N = 0, candidates = 0;
  Order order = Order::uniform;
  std::uint32_t seed = 0;
  DataDraw purpose = DataDraw::crystal;
  double share = 1;
  void validate() const;
};

/// The row of one index: what every backend computes.
BRAGG_HOST_DEVICE inline std::int32_t drawn_row(const DrawRowsProblem& p, const std::int32_t* candidates,
                                                std::uint64_t index) {
  const auto count = static_cast<std::uint64_t>(p.candidates);
  const Philox4 words =
      random_call(p.seed, RandomStream::data, 0, static_cast<std::uint32_t>(p.purpose), index);
  if (!(uniform01(words[1]) < p.share)) return -1;
  return candidates[p.order == DrawRowsProblem::Order::sequential ? index % count
                                                                  : uniform_below(words[0], count)];
}

/// dst (N, row_length) = scale * src[rows[i]] of a table (table_rows, row_length); element types may differ.
struct GatherRowsProblem {
  std::int64_t N = 0, table_rows = 0, row_length = 0;
  double scale = 1;
  bool keep_at_minus_1 = false;  ///< where rows[i] is -1, dst is left as it is
  void validate() const;
};

// ---- crystallography, as plain numbers ----

/// 1/d^2 = g[0] h^2 + g[1] k^2 + g[2] l^2 + g[3] k l + g[4] h l + g[5] h k, in 1/A^2: the reciprocal metric
/// with its off-diagonal elements doubled.
using ReciprocalMetric = std::array<double, 6>;

/// x' = R x + t, t in 1/24.
struct SymmetryOperator {
  std::array<std::int8_t, 9> rotation;  ///< row-major
  std::array<std::int8_t, 3> translation;

  bool operator==(const SymmetryOperator&) const = default;
};

/// A form factor where the four Gaussians of FormFactor no longer hold:
///   f(s) = sum_i a_i exp(-b_i s^2) + c       up to s = high_angle_end (Waasmaier & Kirfel 1995, Acta Cryst.
///                                            A51, 416: five Gaussians; the sixth joins them to the four)
///   f(s) = f(high_angle_end) (high_angle_end / s)^decay    beyond: never negative, never infinite
struct HighAngle {
  std::array<float, 6> a{}, b{};
  float c = 0, decay = 0;
};
constexpr double high_angle_end = 6;  ///< 1/A

/// What an atom scatters, f0(s) + f' + i f'' in electrons, s = sin(theta) / lambda in 1/A:
///   f0(s) = sum_i a_i exp(-b_i s^2) + c (International Tables C, 6.1.1.4) where s^2 <= four_gaussians_to,
///   and that of `high` beyond; f' and f'' do not depend on s (Cromer & Liberman 1970, 1981; International
///   Tables C, 4.2.6).
struct FormFactor {
  std::array<float, 4> a, b;
  float c;
  float four_gaussians_to = std::numeric_limits<float>::infinity();  ///< 1/A^2
  HighAngle high{};
  float dispersion_real = 0, dispersion_imaginary = 0;  ///< f', f''
};

/// One atom of the reduced cell, see CrystalBatch.
struct ScatteringAtom {
  double x, y, z;  ///< fractional
  float occupancy;
  std::int32_t form_factor;  ///< index into CrystalBatch::form_factors
  float u_iso;               ///< A^2; used where anisotropic < 0
  std::int32_t anisotropic;  ///< index into CrystalBatch::beta, or -1
};

/// Many crystals in one block of host memory (compressed rows: crystal i owns [offset[i], offset[i + 1])).
/// `atoms` are the distinct atoms of the cell, reduced by the lattice centring and, where `centrosymmetric`,
/// by the inversion, which then lies at the origin (an atom on the inversion centre has half its occupancy).
/// So
///   A(hkl) = centring * sum_j occupancy_j (f0_j + f'_j) T_j exp(2 pi i (hx + ky + lz)), or twice the real
///   part of that sum, B(hkl) the same with f''_j, and |F|^2 = |A|^2 + |B|^2: the mean of F(hkl) = A + i B
///   and its Friedel mate, which share a powder's line (F(-h -k -l) = conj(A) + i conj(B)). Without f'' it is
///   |A|^2.
struct CrystalBatch {
  std::vector<ReciprocalMetric> metric;
  std::vector<std::uint8_t> centrosymmetric;
  std::vector<std::uint8_t> centring;         ///< lattice points per cell: 1 (P), 2, 3 or 4
  std::vector<std::uint64_t> atom_offset{0};  ///< crystals + 1
  std::vector<ScatteringAtom> atoms;
  std::vector<std::uint64_t> operator_offset{0};  ///< crystals + 1
  std::vector<SymmetryOperator> operators;        ///< all of the group, centring included, identity first
  std::vector<std::array<float, 6>> beta;  ///< T = exp(-(b0 h^2 + b1 k^2 + b2 l^2 + b3 kl + b4 hl + b5 hk))
  std::vector<FormFactor> form_factors;

  std::int64_t crystals() const { return static_cast<std::int64_t>(metric.size()); }
  /// Offsets in order, indices in range, every number finite.
  void validate() const;
};

/// Which reflections: stol_min <= sin(theta)/lambda <= stol_max, in 1/A, unique under the Laue group, without
/// those that the operators extinguish.
struct ReflectionProblem {
  double stol_min = 0, stol_max = 0;
  bool ignore_displacements = false;
  void validate() const;
};

struct Miller {
  std::int16_t h, k, l;
  std::uint16_t multiplicity;  ///< of the orbit under the Laue group
  bool operator==(const Miller&) const = default;
};

/// The rotations of a Laue group, one of R and -R each: with the operators they carry hkl to (hkl) R.
struct LaueRotations {
  std::uint8_t count;  ///< 1 .. 24
  std::array<std::array<std::int8_t, 9>, 24> rotation;
};
/// Of the group that has these operators. Throws ProblemError where more than 24 are different.
LaueRotations laue_rotations(std::span<const SymmetryOperator>);

/// The reflections of many crystals in device memory, crystal by crystal, each ordered by (h, k, l)
/// descending. The representative of an orbit is its lexicographically largest member.
struct ReflectionSet {
  std::int64_t crystals = 0, reflections = 0;
  Buffer offset;  ///< u64 (crystals + 1)
  Buffer metric;  ///< f64 (crystals, 6): ReciprocalMetric
  Buffer miller;  ///< Miller (reflections)
  Buffer f2;      ///< precise type (reflections): |F|^2 as of CrystalBatch
  Buffer laue;    ///< LaueRotations (crystals)
};

}  // namespace bragg
