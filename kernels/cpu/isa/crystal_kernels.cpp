// Structure factors, vectorised over the atoms of a crystal.
//
// F(hkl) = sum_j w_j(hkl) E_j(h) E_j(k) E_j(l), E_j(h) = exp(2 pi i h x_j) from tables: no sine per atom and
// reflection. For a row (h, k) the product P = occupancy E(h) E(k) is formed once. With L = E(|l|) the four
// real sums
//   A = sum Re P Re L,  B = sum Im P Im L,  C = sum Re P Im L,  D = sum Im P Re L
// give both F(h, k, |l|) = (A - B) + i (C + D) and F(h, k, -|l|) = (A + B) + i (D - C); a centrosymmetric
// crystal needs A and B alone. Two |l| share the loads of P. An anomalous crystal weighs the same sums once
// more, with f'' for f0 + f': no sum over atoms is formed twice.
#include "kernels/cpu/isa/crystal_kernels.h"

#include "kernels/cpu/isa/crystal_vector.h"
#include "kernels/cpu/isa/pattern_kernels.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

void form_factors(const float* a, const float* b, float c, const float* stol2, std::int64_t n, float* dst) {
  for (std::int64_t i = 0; i < n; i += lanes) {
    const Floats s = load(stol2 + i);
    Floats f = splat(c);
    for (int j = 0; j < 4; ++j)
      f += a[j] * exp(-b[j] * s);
    store(dst + i, f);
  }
}

void damp(const float* src, float factor, const float* stol2, std::int64_t n, float* dst) {
  for (std::int64_t i = 0; i < n; i += lanes)
    store(dst + i, load(src + i) * exp(-factor * load(stol2 + i)));
}

Doubles fraction(Doubles x) {
  return x - ((x + round_double) - round_double);
}

void phase_table(const double* x, std::int64_t n, std::int64_t count, float* cosine, float* sine) {
  for (std::int64_t j = 0; j < n; j += lanes) {
    Doubles low, high;
    __builtin_memcpy(&low, x + j, sizeof low);
    __builtin_memcpy(&high, x + j + half, sizeof high);
    for (std::int64_t index = 0; index < count; ++index) {
      const auto h = static_cast<double>(index);
      Floats s, c;
      sincos_turns(narrow(fraction(low * h), fraction(high * h)), s, c);
      store(sine + index * n + j, s);
      store(cosine + index * n + j, c);
    }
  }
}

// |l| and where F(h, k, |l|) and F(h, k, -|l|) go; -1: not asked for.
struct LayerPair {
  std::int32_t l, plus, minus;
};

// Sums over the lanes' atoms for one |l|.
struct Totals {
  Floats re_plus, im_plus, re_minus, im_minus;
};

struct RowProducts {
  float *re, *im;            // (atoms): occupancy E(h) E(k)
  float *constant, *linear;  // (atoms): beta terms without l, and with l once
};

void begin_row(const StructureFactorCall& call, const ReflectionRow& row, const RowProducts& p) {
  const std::int64_t h = row.h, k = row.k < 0 ? -row.k : row.k, n = call.atoms;
  const float sign = row.k < 0 ? -1.0f : 1.0f;
  const float *hc = call.cosine[0] + h * n, *hs = call.sine[0] + h * n;
  const float *kc = call.cosine[1] + k * n, *ks = call.sine[1] + k * n;
  for (std::int64_t j = 0; j < n; j += lanes) {
    const Floats occupancy = load(call.occupancy + j);
    const Floats a = load(hc + j) * occupancy, b = load(hs + j) * occupancy;
    const Floats c = load(kc + j), d = load(ks + j) * sign;
    store(p.re + j, a * c - b * d);
    store(p.im + j, a * d + b * c);
  }
  for (std::int64_t g = 0; g < call.group_count; ++g) {
    const AtomGroup& group = call.groups[g];
    if (!group.anisotropic) continue;
    const auto hf = static_cast<float>(row.h), kf = static_cast<float>(row.k);
    for (std::int64_t v = group.first_vector; v < group.first_vector + group.vectors; ++v) {
      const std::int64_t j = v * lanes;
      store(p.constant + j, hf * hf * load(call.beta[0] + j) + kf * kf * load(call.beta[1] + j) +
                                hf * kf * load(call.beta[5] + j));
      store(p.linear + j, kf * load(call.beta[3] + j) + hf * load(call.beta[4] + j));
    }
  }
}

float weight_of(const float* weight, std::int32_t reflection) {
  return reflection < 0 ? 0.0f : weight[reflection];
}

template <bool centrosymmetric>
void add_weighed(Totals& total, float plus, float minus, Floats A, Floats B, Floats C, Floats D) {
  total.re_plus += plus * (A - B);
  total.re_minus += minus * (A + B);
  if constexpr (!centrosymmetric) {
    total.im_plus += plus * (C + D);
    total.im_minus += minus * (D - C);
  }
}

template <bool centrosymmetric, bool anomalous, int pairs>
void add_group(const StructureFactorCall& call, const RowProducts& p, const AtomGroup& group,
               const LayerPair* pair, Totals* totals, Totals* imaginary) {
  const float *lc[pairs], *ls[pairs];
  Floats A[pairs], B[pairs], C[pairs], D[pairs];
  for (int i = 0; i < pairs; ++i) {
    lc[i] = call.cosine[2] + pair[i].l * call.atoms;
    ls[i] = call.sine[2] + pair[i].l * call.atoms;
    A[i] = B[i] = C[i] = D[i] = Floats{};
  }
  const std::int64_t begin = std::int64_t{group.first_vector} * lanes;
  const std::int64_t end = begin + std::int64_t{group.vectors} * lanes;
  for (std::int64_t j = begin; j < end; j += lanes) {
    const Floats re = load(p.re + j), im = load(p.im + j);
    for (int i = 0; i < pairs; ++i) {
      const Floats c = load(lc[i] + j), s = load(ls[i] + j);
      A[i] += re * c;
      B[i] += im * s;
      if constexpr (!centrosymmetric) {
        C[i] += re * s;
        D[i] += im * c;
      }
    }
  }
  for (int i = 0; i < pairs; ++i) {
    const auto add = [&](const float* weight, Totals& total) {
      add_weighed<centrosymmetric>(total, weight_of(weight, pair[i].plus), weight_of(weight, pair[i].minus),
                                   A[i], B[i], C[i], D[i]);
    };
    add(group.weight, totals[i]);
    if constexpr (anomalous) add(group.imaginary_weight, imaginary[i]);
  }
}

template <bool centrosymmetric, bool anomalous>
void add_anisotropic_group(const StructureFactorCall& call, const RowProducts& p, const AtomGroup& group,
                           const LayerPair& pair, Totals& total, Totals& imaginary) {
  const float *lc = call.cosine[2] + pair.l * call.atoms, *ls = call.sine[2] + pair.l * call.atoms;
  const auto l = static_cast<float>(pair.l);
  const float plus = weight_of(group.weight, pair.plus), minus = weight_of(group.weight, pair.minus);
  for (std::int64_t v = group.first_vector; v < group.first_vector + group.vectors; ++v) {
    const std::int64_t j = v * lanes;
    const Floats re = load(p.re + j), im = load(p.im + j), c = load(lc + j), s = load(ls + j);
    const Floats even = load(p.constant + j) + l * l * load(call.beta[2] + j), odd = l * load(p.linear + j);
    if (pair.plus >= 0) {
      const Floats damping = exp(-(even + odd)), w = plus * damping;
      total.re_plus += w * (re * c - im * s);
      if constexpr (!centrosymmetric) total.im_plus += w * (re * s + im * c);
      if constexpr (anomalous) {
        const Floats of_imaginary = group.imaginary_weight[pair.plus] * damping;
        imaginary.re_plus += of_imaginary * (re * c - im * s);
        if constexpr (!centrosymmetric) imaginary.im_plus += of_imaginary * (re * s + im * c);
      }
    }
    if (pair.minus >= 0) {
      const Floats damping = exp(odd - even), w = minus * damping;
      total.re_minus += w * (re * c + im * s);
      if constexpr (!centrosymmetric) total.im_minus += w * (im * c - re * s);
      if constexpr (anomalous) {
        const Floats of_imaginary = group.imaginary_weight[pair.minus] * damping;
        imaginary.re_minus += of_imaginary * (re * c + im * s);
        if constexpr (!centrosymmetric) imaginary.im_minus += of_imaginary * (im * c - re * s);
      }
    }
  }
}

template <bool centrosymmetric, bool anomalous, int pairs>
void add_layers(const StructureFactorCall& call, const RowProducts& p, const LayerPair* pair) {
  Totals totals[pairs] = {}, imaginary[pairs] = {};
  for (std::int64_t g = 0; g < call.group_count; ++g) {
    const AtomGroup& group = call.groups[g];
    if (!group.anisotropic) {
      add_group<centrosymmetric, anomalous, pairs>(call, p, group, pair, totals, imaginary);
      continue;
    }
    for (int i = 0; i < pairs; ++i)
      add_anisotropic_group<centrosymmetric, anomalous>(call, p, group, pair[i], totals[i], imaginary[i]);
  }
  for (int i = 0; i < pairs; ++i) {
    const auto square = [](Floats re, Floats im) {
      const float a = sum(re), b = centrosymmetric ? 0.0f : sum(im);
      return a * a + b * b;
    };
    if (pair[i].plus >= 0) {
      float& f2 = call.f2[pair[i].plus];
      f2 = square(totals[i].re_plus, totals[i].im_plus);
      if constexpr (anomalous) f2 += square(imaginary[i].re_plus, imaginary[i].im_plus);
    }
    if (pair[i].minus >= 0) {
      float& f2 = call.f2[pair[i].minus];
      f2 = square(totals[i].re_minus, totals[i].im_minus);
      if constexpr (anomalous) f2 += square(imaginary[i].re_minus, imaginary[i].im_minus);
    }
  }
}

// Takes the largest |l| that is left in a row ordered by descending l, with its mate of the other sign if
// there.
LayerPair take_pair(const std::int16_t* miller, std::int32_t& first, std::int32_t& last) {
  const std::int32_t front = miller[4 * first + 2], back = miller[4 * last + 2];
  if (front > -back) return {front, first++, -1};
  if (first == last || front < -back) return {-back, -1, last--};
  return {front, first++, last--};
}

template <bool centrosymmetric, bool anomalous>
void all_rows(const StructureFactorCall& call) {
  const RowProducts p{call.scratch, call.scratch + call.atoms, call.scratch + 2 * call.atoms,
                      call.scratch + 3 * call.atoms};
  for (std::int64_t r = 0; r < call.row_count; ++r) {
    const ReflectionRow& row = call.rows[r];
    begin_row(call, row, p);
    std::int32_t first = row.first, last = row.first + row.count - 1;
    while (first <= last) {
      LayerPair pair[2] = {take_pair(call.miller, first, last), {}};
      if (first <= last) {
        pair[1] = take_pair(call.miller, first, last);
        add_layers<centrosymmetric, anomalous, 2>(call, p, pair);
      } else {
        add_layers<centrosymmetric, anomalous, 1>(call, p, pair);
      }
    }
  }
}

void structure_factors(const StructureFactorCall& call) {
  if (call.centrosymmetric) {
    call.anomalous ? all_rows<true, true>(call) : all_rows<true, false>(call);
  } else {
    call.anomalous ? all_rows<false, true>(call) : all_rows<false, false>(call);
  }
}

}  // namespace

extern const CrystalKernels crystal_kernels{
    lanes,          form_factors, damp,       phase_table,       structure_factors, lines_of, draw_lines,
    add_background, add_noise,    maximum_of, add_uniform_noise, scale_into,        root_into};

}  // namespace bragg::cpu::BRAGG_ISA
