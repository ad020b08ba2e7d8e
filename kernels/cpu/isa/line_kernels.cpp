// Where the lines are, how wide and how high.
#include "kernels/cpu/isa/crystal_vector.h"
#include "kernels/cpu/isa/pattern_kernels.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

// h, k, l of `half` reflections as doubles. A reflection is 64 bits: h, k, l, multiplicity.
void unpack(const std::int16_t* miller, Doubles& h, Doubles& k, Doubles& l, HalfInts& multiplicity) {
  Ints packed;
  __builtin_memcpy(&packed, miller, sizeof packed);
  const Ints low = packed << 16 >> 16, high = packed >> 16;
  HalfInts hi{}, ki{}, li{};
  for (int i = 0; i < half; ++i) {
    hi[i] = low[2 * i];
    li[i] = low[2 * i + 1];
    ki[i] = high[2 * i];
    multiplicity[i] = high[2 * i + 1];
  }
  h = __builtin_convertvector(hi, Doubles);
  k = __builtin_convertvector(ki, Doubles);
  l = __builtin_convertvector(li, Doubles);
}

Doubles square_root(Doubles x) {
  for (int i = 0; i < half; ++i)
    x[i] = __builtin_sqrt(x[i]);
  return x;
}

// asin(x) for 0 <= x <= 1, error below 2e-12: Chebyshev fit of asin(sqrt z)/sqrt z on [0, 1/4], above x = 1/2
// through asin(x) = pi/2 - 2 asin(sqrt((1 - x)/2)).
Doubles arc_sine(Doubles x) {
  const auto large = x > 0.5;
  const Doubles z = large ? 0.5 * (1.0 - x) : x * x;
  const Doubles y = large ? square_root(z) : x;
  Doubles p = splat_double(0.033081191779241646);
  p = p * z + 0.0017925000980214302;
  p = p * z + 0.020731115542487966;
  p = p * z + 0.021845265502309898;
  p = p * z + 0.03042933927713668;
  p = p * z + 0.04464048760539445;
  p = p * z + 0.07500005894595917;
  p = p * z + 0.16666666610467054;
  p = p * z + 1.0000000000008795;
  const Doubles a = y * p;
  return large ? 1.5707963267948966 - 2.0 * a : a;
}

// Full width of the pseudo-Voigt of Thompson, Cox & Hastings: the fifth root by Newton from a formula that is
// right to 1 % (Olivero & Longbothum 1977).
Floats voigt_width(Floats G, Floats L) {
  const Floats G2 = G * G, L2 = L * L;
  const Floats fifth =
      G2 * G2 * G +
      L * (2.69269f * G2 * G2 + L * (2.42843f * G2 * G + L * (4.47163f * G2 + L * (0.07842f * G + L))));
  Floats H = 0.5346f * L + sqrt(0.2166f * L2 + G2);
  for (int i = 0; i < 2; ++i) {
    const Floats H2 = H * H;
    H += 0.2f * (fifth / (H2 * H2) - H);
  }
  return H;
}

/// What the lines of a call have in common.
struct CallConstants {
  double grid_scale, grid_start, cosine_shift;
  float U, V, W, asymmetry, steps;
  float size_width, strain_width;  ///< L = size_width / cos theta + strain_width tan theta, in degrees
  float r2, inverse_r;             ///< of March's function
  float damping;                   ///< exp(-2 B s^2), s^2 = q / 4, as a power of two
  float overflow;  ///< 1 / sin theta where the beam begins to fit the sample; 0: it always does
  bool is_voigt, is_textured;
};

inline CallConstants constants_of(const LineCall& call) {
  constexpr double degrees = 57.29577951308232;
  const auto effect = [&](Effect e) { return call.effects[static_cast<int>(e)]; };
  const double size = effect(Effect::size);
  const auto texture = static_cast<float>(effect(Effect::texture));
  CallConstants c;
  c.grid_scale = 2 * degrees / call.step;
  c.grid_start = (call.start - effect(Effect::zero_shift)) / call.step;
  c.cosine_shift = -degrees * 2 * effect(Effect::displacement) / call.radius / call.step;
  c.U = static_cast<float>(call.U);
  c.V = static_cast<float>(call.V);
  c.W = static_cast<float>(effect(Effect::W));
  c.asymmetry = static_cast<float>(effect(Effect::asymmetry));
  c.steps = static_cast<float>(1 / call.step);
  c.size_width = size > 0 ? static_cast<float>(degrees * 0.9 * call.wavelength / (10 * size)) : 0;
  c.strain_width = static_cast<float>(degrees * 4 * effect(Effect::microstrain));
  c.is_voigt = c.size_width > 0 || c.strain_width > 0;
  c.is_textured = call.axes > 0;
  c.r2 = texture * texture;
  c.inverse_r = c.is_textured ? 1 / texture : 0;
  c.damping = -0.5f * 1.44269504f * static_cast<float>(effect(Effect::b_overall));
  c.overflow = effect(Effect::overflow) > 0
                   ? static_cast<float>(1 / __builtin_sin(effect(Effect::overflow) / (2 * degrees)))
                   : 0;
  return c;
}

/// A vector of reflections: what is known of them in double precision, by halves.
struct Reflected {
  Doubles sine[2], sine2[2], cosine2[2], q[2], index[2][3];
  Ints multiplicity;
};

/// Reflections i, i + 1, ...; stores their positions.
[[gnu::always_inline]] inline void place(const LineCall& call, const CallConstants& c, std::int64_t i,
                                         Reflected& r) {
  const double* g = call.metric;
  for (int part = 0; part < 2; ++part) {
    Doubles &h = r.index[part][0], &k = r.index[part][1], &l = r.index[part][2];
    HalfInts m;
    unpack(call.miller + 4 * (i + part * half), h, k, l, m);
    __builtin_memcpy(reinterpret_cast<char*>(&r.multiplicity) + part * sizeof m, &m, sizeof m);
    r.q[part] = h * (g[0] * h + g[4] * l + g[5] * k) + k * (g[1] * k + g[3] * l) + l * (g[2] * l);
    r.sine2[part] = r.q[part] * (call.wavelength * call.wavelength / 4);
    const auto possible = r.sine2[part] < 1.0;
    r.sine[part] = square_root(r.sine2[part]);
    r.cosine2[part] = possible ? 1.0 - r.sine2[part] : splat_double(1);
    Doubles position = arc_sine(possible ? r.sine[part] : splat_double(1)) * c.grid_scale - c.grid_start;
    if (c.cosine_shift != 0) position += c.cosine_shift * square_root(r.cosine2[part]);
    __builtin_memcpy(call.position + i + part * half, &position, sizeof position);
  }
}

/// Mean of March's function over the images of the axis.
[[gnu::always_inline]] inline Floats texture_of(const LineCall& call, const CallConstants& c,
                                                const Reflected& r) {
  const Floats h = narrow(r.index[0][0], r.index[1][0]), k = narrow(r.index[0][1], r.index[1][1]),
               l = narrow(r.index[0][2], r.index[1][2]), inverse_q = 1.0f / narrow(r.q[0], r.q[1]);
  Floats sum{};
  for (std::int64_t n = 0; n < call.axes; ++n) {
    const Floats dot = call.axis[0][n] * h + call.axis[1][n] * k + call.axis[2][n] * l;
    const Floats cos2 = dot * dot * inverse_q;
    const Floats squeezed = c.r2 * cos2 + (cos2 < 1.0f ? 1.0f - cos2 : Floats{}) * c.inverse_r;
    sum += 1.0f / (squeezed * sqrt(squeezed));
  }
  return sum * (1.0f / static_cast<float>(call.axes));
}

/// What does not depend on the wavelength; stores it where that was not done before.
[[gnu::always_inline]] inline Floats weight_of(const LineCall& call, const CallConstants& c, std::int64_t i,
                                               const Reflected& r) {
  Floats weight = load(call.f2 + i);
  if (call.weighed) return weight;
  weight *= __builtin_convertvector(r.multiplicity, Floats);
  if (c.damping != 0) weight *= exp2(c.damping * narrow(r.q[0], r.q[1]));
  if (c.is_textured) weight *= texture_of(call, c, r);
  store(call.f2 + i, weight);
  return weight;
}

/// Stores the profiles' widths and heights; returns the latter.
[[gnu::always_inline]] inline Floats shape(const LineCall& call, const CallConstants& c, std::int64_t i,
                                           const Reflected& r) {
  const Floats s2 = narrow(r.sine2[0], r.sine2[1]), c2 = narrow(r.cosine2[0], r.cosine2[1]);
  const Floats sine = narrow(r.sine[0], r.sine[1]), cosine = sqrt(c2);
  const Floats tangent = sine / cosine;
  const Floats width2 = (c.U * tangent + c.V) * tangent + c.W;
  const auto drawn = (width2 > 0.0f) & (s2 < 1.0f) & (s2 > 0.0f);
  const Floats cos_2theta = c2 - s2;
  // (1 + cos^2 2 theta) / (cos theta sin^2 theta)
  const Floats weight = weight_of(call, c, i, r);
  Floats area = call.area * (1.0f + cos_2theta * cos_2theta) / (cosine * s2) * weight;
  if (c.overflow > 0) area *= sine * c.overflow < 1.0f ? sine * c.overflow : splat(1);
  area = drawn ? area : Floats{};

  const Floats G = sqrt(width2 > 0.0f ? width2 : splat(1));
  Floats H = G, gaussian, lorentz{};
  // 2 sqrt(ln 2 / pi) / H and 2 / (pi H)
  if (c.is_voigt) {
    const Floats L = c.size_width / cosine + c.strain_width * tangent;
    H = voigt_width(G, L);
    const Floats ratio = L / H, eta = ratio * (1.36603f + ratio * (ratio * 0.11116f - 0.47719f));
    gaussian = 0.93943728f * (1.0f - eta) * area / H;
    lorentz = 0.63661977f * eta * area / H;
  } else {
    gaussian = 0.93943728f * area / H;
  }
  const Floats width = H * c.steps;
  store(call.gaussian + i, gaussian);
  store(call.lorentz + i, lorentz);
  store(call.width + i, width);
  store(call.decay + i, exp2(-8.0f * lanes * lanes / (width * width)));
  if (c.asymmetry > 0) {
    // cot 2 theta = cos 2 theta / (2 sin theta cos theta)
    Floats side = c.asymmetry * cos_2theta / (2.0f * sine * cosine);
    side = side > 0.0f ? side : Floats{};
    store(call.side + i, side < 0.8f ? side : splat(0.8f));
  }
  return gaussian + lorentz;
}

}  // namespace

float lines_of(const LineCall& call) {
  const CallConstants constants = constants_of(call);
  Floats highest{};
  for (std::int64_t i = 0; i < call.lines; i += lanes) {
    Reflected reflected;
    place(call, constants, i, reflected);
    highest = maximum(highest, shape(call, constants, i, reflected));
  }
  float top = 0;
  for (int i = 0; i < lanes; ++i)
    top = highest[i] > top ? highest[i] : top;
  return top;
}

}  // namespace bragg::cpu::BRAGG_ISA
