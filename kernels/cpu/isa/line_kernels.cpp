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

}  // namespace

float lines_of(const LineCall& call) {
  const double* g = call.metric;
  constexpr double degrees = 57.29577951308232;
  const auto effect = [&](Effect e) { return call.effects[static_cast<int>(e)]; };
  const double grid_scale = 2 * degrees / call.step,
               grid_start = (call.start - effect(Effect::zero_shift)) / call.step,
               cosine_shift = -degrees * 2 * effect(Effect::displacement) / call.radius / call.step;
  const auto U = static_cast<float>(call.U), V = static_cast<float>(call.V),
             W = static_cast<float>(effect(Effect::W)),
             asymmetry = static_cast<float>(effect(Effect::asymmetry));
  const auto steps = static_cast<float>(1 / call.step);
  // L = size_width / cos theta + strain_width tan theta, in degrees
  const double size = effect(Effect::size);
  const float size_width = size > 0 ? static_cast<float>(degrees * 0.9 * call.wavelength / (10 * size)) : 0,
              strain_width = static_cast<float>(degrees * 4 * effect(Effect::microstrain));
  const bool voigt = size_width > 0 || strain_width > 0, textured = call.axes > 0;
  const auto texture = static_cast<float>(effect(Effect::texture));
  const float r2 = texture * texture, inverse_r = textured ? 1 / texture : 0;
  // exp(-2 B s^2), s^2 = q / 4
  const float damping = -0.5f * 1.44269504f * static_cast<float>(effect(Effect::b_overall));
  Floats highest{};
  for (std::int64_t i = 0; i < call.lines; i += lanes) {
    Doubles sine[2], sine2[2], cosine2[2], q[2], index[2][3];
    Ints multiplicity;
    for (int part = 0; part < 2; ++part) {
      Doubles &h = index[part][0], &k = index[part][1], &l = index[part][2];
      HalfInts m;
      unpack(call.miller + 4 * (i + part * half), h, k, l, m);
      __builtin_memcpy(reinterpret_cast<char*>(&multiplicity) + part * sizeof m, &m, sizeof m);
      q[part] = h * (g[0] * h + g[4] * l + g[5] * k) + k * (g[1] * k + g[3] * l) + l * (g[2] * l);
      sine2[part] = q[part] * (call.wavelength * call.wavelength / 4);
      const auto possible = sine2[part] < 1.0;
      sine[part] = square_root(sine2[part]);
      cosine2[part] = possible ? 1.0 - sine2[part] : splat_double(1);
      Doubles position = arc_sine(possible ? sine[part] : splat_double(1)) * grid_scale - grid_start;
      if (cosine_shift != 0) position += cosine_shift * square_root(cosine2[part]);
      __builtin_memcpy(call.position + i + part * half, &position, sizeof position);
    }
    const Floats s2 = narrow(sine2[0], sine2[1]), c2 = narrow(cosine2[0], cosine2[1]);
    const Floats s = narrow(sine[0], sine[1]), c = sqrt(c2);
    const Floats tangent = s / c;
    const Floats width2 = (U * tangent + V) * tangent + W;
    const auto drawn = (width2 > 0.0f) & (s2 < 1.0f) & (s2 > 0.0f);
    const Floats cos_2theta = c2 - s2;
    // (1 + cos^2 2 theta) / (cos theta sin^2 theta)
    Floats weight = load(call.f2 + i);
    if (!call.weighed) weight *= __builtin_convertvector(multiplicity, Floats);
    if (!call.weighed && damping != 0) weight *= exp2(damping * narrow(q[0], q[1]));
    if (!call.weighed && textured) {
      const Floats h = narrow(index[0][0], index[1][0]), k = narrow(index[0][1], index[1][1]),
                   l = narrow(index[0][2], index[1][2]), inverse_q = 1.0f / narrow(q[0], q[1]);
      Floats sum{};
      for (std::int64_t n = 0; n < call.axes; ++n) {
        const Floats dot = call.axis[0][n] * h + call.axis[1][n] * k + call.axis[2][n] * l;
        const Floats cos2 = dot * dot * inverse_q;
        const Floats squeezed = r2 * cos2 + (cos2 < 1.0f ? 1.0f - cos2 : Floats{}) * inverse_r;
        sum += 1.0f / (squeezed * sqrt(squeezed));
      }
      weight *= sum * (1.0f / static_cast<float>(call.axes));
    }
    if (!call.weighed) store(call.f2 + i, weight);
    Floats area = call.area * (1.0f + cos_2theta * cos_2theta) / (c * s2) * weight;
    area = drawn ? area : Floats{};

    const Floats G = sqrt(width2 > 0.0f ? width2 : splat(1));
    Floats H = G, gaussian, lorentz{};
    // 2 sqrt(ln 2 / pi) / H and 2 / (pi H)
    if (voigt) {
      const Floats L = size_width / c + strain_width * tangent;
      H = voigt_width(G, L);
      const Floats ratio = L / H, eta = ratio * (1.36603f + ratio * (ratio * 0.11116f - 0.47719f));
      gaussian = 0.93943728f * (1.0f - eta) * area / H;
      lorentz = 0.63661977f * eta * area / H;
    } else {
      gaussian = 0.93943728f * area / H;
    }
    const Floats width = H * steps;
    store(call.gaussian + i, gaussian);
    store(call.lorentz + i, lorentz);
    store(call.width + i, width);
    store(call.decay + i, exp2(-8.0f * lanes * lanes / (width * width)));
    if (asymmetry > 0) {
      // cot 2 theta = cos 2 theta / (2 sin theta cos theta)
      Floats side = asymmetry * cos_2theta / (2.0f * s * c);
      side = side > 0.0f ? side : Floats{};
      store(call.side + i, side < 0.8f ? side : splat(0.8f));
    }
    highest = maximum(highest, gaussian + lorentz);
  }
  float top = 0;
  for (int i = 0; i < lanes; ++i)
    top = highest[i] > top ? highest[i] : top;
  return top;
}

}  // namespace bragg::cpu::BRAGG_ISA
