// Patterns: where the lines are, their profiles on the grid, noise and scaling.
#include "kernels/cpu/isa/pattern_kernels.h"

#include "kernels/cpu/isa/crystal_vector.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

constexpr double cut = 2.2322392663715607;  // pattern_problem.h's profile_cut
constexpr float tail = 3e-4f;               // and tail_cut

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

// 32 x 32 -> 64 bits in every lane.
void multiply_wide(Words a, std::uint32_t b, Words& high, Words& low) {
#if defined(__AVX512F__)
  const __m512i x = reinterpret_cast<__m512i>(a), m = _mm512_set1_epi32(static_cast<int>(b));
  const __m512i even = _mm512_mul_epu32(x, m), odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), m);
  high = reinterpret_cast<Words>(_mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd));
  low = reinterpret_cast<Words>(_mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32)));
#elif defined(__AVX2__)
  const __m256i x = reinterpret_cast<__m256i>(a), m = _mm256_set1_epi32(static_cast<int>(b));
  const __m256i even = _mm256_mul_epu32(x, m), odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), m);
  high = reinterpret_cast<Words>(_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA));
  low = reinterpret_cast<Words>(_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA));
#else
  const __m128i x = reinterpret_cast<__m128i>(a), m = _mm_set1_epi32(static_cast<int>(b));
  const __m128i even = _mm_mul_epu32(x, m), odd = _mm_mul_epu32(_mm_srli_epi64(x, 32), m);
  high = reinterpret_cast<Words>(_mm_blend_epi16(_mm_srli_epi64(even, 32), odd, 0xCC));
  low = reinterpret_cast<Words>(_mm_blend_epi16(even, _mm_slli_epi64(odd, 32), 0xCC));
#endif
}

// random.h's philox4x32_10 for `lanes` consecutive calls.
void philox(std::uint32_t first_call, std::uint32_t purpose, std::uint64_t index, std::uint32_t seed,
            std::uint32_t stream, Words r[4]) {
  Words call{};
  for (int i = 0; i < lanes; ++i) {
    call[i] = first_call + static_cast<std::uint32_t>(i);
  }
  r[0] = call;
  r[1] = Words{} + purpose;
  r[2] = Words{} + static_cast<std::uint32_t>(index);
  r[3] = Words{} + static_cast<std::uint32_t>(index >> 32);
  std::uint32_t key0 = seed, key1 = stream;
  for (int round = 0; round < 10; ++round) {
    Words high0, low0, high1, low1;
    multiply_wide(r[0], 0xD2511F53u, high0, low0);
    multiply_wide(r[2], 0xCD9E8D57u, high1, low1);
    r[0] = high1 ^ r[1] ^ key0;
    r[1] = low1;
    r[2] = high0 ^ r[3] ^ key1;
    r[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// a0 b0 a1 b1 ... in two vectors.
void interleave(Words a, Words b, Words& first, Words& second) {
#if defined(__AVX512F__)
  first = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  second = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif defined(__AVX2__)
  first = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  second = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  first = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  second = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

// random.h's uniform01.
Floats uniform(Words bits) {
  return __builtin_convertvector(reinterpret_cast<Ints>(bits >> 8), Floats) * 0x1p-24f;
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
  const double grid_scale = 2 * degrees / call.step, grid_start = (call.start - call.shift) / call.step,
               cosine_shift = call.cosine_shift / call.step;
  const auto U = static_cast<float>(call.U), V = static_cast<float>(call.V), W = static_cast<float>(call.W);
  const auto steps = static_cast<float>(1 / call.step);
  const bool voigt = call.size_width > 0 || call.strain_width > 0;
  const float r2 = call.texture * call.texture, inverse_r = call.texture > 0 ? 1 / call.texture : 0;
  // exp(-2 B s^2), s^2 = q / 4
  const float damping = -0.5f * 1.44269504f * call.b_overall;
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
    if (!call.weighed && call.texture > 0) {
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
      const Floats L = call.size_width / c + call.strain_width * tangent;
      H = voigt_width(G, L);
      const Floats ratio = L / H, eta = ratio * (1.36603f + ratio * (ratio * 0.11116f - 0.47719f));
      gaussian = 0.93943728f * (1.0f - eta) * area / H;
      lorentz = 0.63661977f * eta * area / H;
      store(call.lorentz + i, lorentz);
    } else {
      gaussian = 0.93943728f * area / H;
    }
    const Floats width = H * steps;
    store(call.gaussian + i, gaussian);
    store(call.width + i, width);
    store(call.decay + i, exp2(-8.0f * lanes * lanes / (width * width)));
    if (call.asymmetry > 0) {
      // cot 2 theta = cos 2 theta / (2 sin theta cos theta)
      Floats side = call.asymmetry * cos_2theta / (2.0f * s * c);
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

namespace {

// Where a line's centre is: at grid point `nearest` less `fraction`, at most half a step. The distance of a
// grid point from it is then an exact integer plus the fraction, rounded once, however narrow the line.
struct Centre {
  std::int64_t nearest;
  float fraction;

  explicit Centre(double position)
      : nearest(static_cast<std::int64_t>(__builtin_floor(position + 0.5))),
        fraction(static_cast<float>(static_cast<double>(nearest) - position)) {}

  // Whole steps from `nearest` to the points j, j + 1, ...
  Floats steps_to(std::int64_t j) const { return ramp() + static_cast<float>(j - nearest); }
};

// One line, 2^x at every point.
void draw_directly(const Centre& line, float scale, float height, std::int64_t begin, std::int64_t end,
                   float* y) {
  Floats steps = line.steps_to(begin);
  for (std::int64_t j = begin; j < end; j += lanes) {
    const Floats x = steps + line.fraction;
    store(y + j, load(y + j) + height * exp2(x * (x * scale)));
    steps += static_cast<float>(lanes);
  }
}

// One line by recurrence, from the block of its centre outwards: with x in grid steps and s = -4 / H^2,
//   g(x) = 2^(s x^2),  g(x + L) = g(x) r(x),  r(x) = 2^(s (2 x L + L^2)),  r(x + L) = r(x) q,  q = 2^(2 s
//   L^2),
// two multiplications a vector. Errors grow with the square of the distance and the profile falls faster:
// relative to the height they stay below 3e-6 for lines up to 20 vectors wide. A line narrower than half a
// vector would overflow r.
void draw_by_recurrence(Floats x, float scale, float height, float q, std::int64_t begin, std::int64_t centre,
                        std::int64_t end, float* y) {
  constexpr auto step = static_cast<float>(lanes);
  const Floats start = height * exp2(x * (x * scale)), ratio = exp2((2 * step * x + step * step) * scale);
  const Floats inverse = q / ratio;  // 1 / r(x - L)
  Floats right = start, right_ratio = ratio, left = start * inverse, left_ratio = inverse * q;
  float *up = y + centre, *down = y + centre - lanes;
  for (; up < y + end && down >= y + begin; up += lanes, down -= lanes) {
    store(up, load(up) + right);
    store(down, load(down) + left);
    right *= right_ratio;
    left *= left_ratio;
    right_ratio *= q;
    left_ratio *= q;
  }
  for (; up < y + end; up += lanes) {
    store(up, load(up) + right);
    right *= right_ratio;
    right_ratio *= q;
  }
  for (; down >= y + begin; down -= lanes) {
    store(down, load(down) + left);
    left *= left_ratio;
    left_ratio *= q;
  }
}

// The Lorentzian part of one line: scale = 4 / H^2.
void draw_tails(const Centre& line, float scale, float height, std::int64_t begin, std::int64_t end,
                float* y) {
  Floats steps = line.steps_to(begin);
  for (std::int64_t j = begin; j < end; j += lanes) {
    const Floats x = steps + line.fraction;
    store(y + j, load(y + j) + height / (1.0f + x * (x * scale)));
    steps += static_cast<float>(lanes);
  }
}

// Both parts, with another scale = 4 / H^2 on either side of the centre.
void draw_sides(const Centre& line, float low_scale, float high_scale, float gaussian, float lorentz,
                std::int64_t begin, std::int64_t end, float* y) {
  Floats steps = line.steps_to(begin);
  for (std::int64_t j = begin; j < end; j += lanes) {
    const Floats x = steps + line.fraction;
    const Floats x2 = x * (x * (x < 0.0f ? splat(low_scale) : splat(high_scale)));
    store(y + j, load(y + j) + gaussian * exp2(-x2) + lorentz / (1.0f + x2));
    steps += static_cast<float>(lanes);
  }
}

// The whole vectors of a grid that hold all points from low to high.
struct Interval {
  std::int64_t begin = 0, end = 0;

  Interval(double low, double high, std::int64_t points) {
    const auto last = static_cast<double>(points - 1);
    if (high < 0 || low > last) return;
    begin = low > 0 ? static_cast<std::int64_t>(low) / lanes * lanes : 0;
    end = high < last ? static_cast<std::int64_t>(high) + 1 : points;
  }
  bool is_empty() const { return begin >= end; }
};

}  // namespace

void draw_lines(const DrawCall& call) {
  const auto last = static_cast<double>(call.points - 1);
  const float least_tail = tail * call.highest;
  for (std::int64_t i = 0; i < call.lines; ++i) {
    const float gaussian = call.gaussian[i], lorentz = call.lorentz[i];
    if (!(gaussian + lorentz > 0)) continue;
    const double position = call.position[i];
    const float width = call.width[i], scale = 4.0f / (width * width);
    double reach = cut;  // in H
    if (lorentz > least_tail) {
      const double of_tail = 0.5 * __builtin_sqrt(static_cast<double>(lorentz / least_tail - 1.0f));
      reach = of_tail > reach ? of_tail : reach;
    }
    const Centre line(position);
    if (call.asymmetric && call.side[i] > 0) {
      const float low = 1 + call.side[i], high = 1 - call.side[i];
      const Interval on(position - reach * width * low, position + reach * width * high, call.points);
      if (!on.is_empty()) {
        draw_sides(line, scale / (low * low), scale / (high * high), gaussian, lorentz, on.begin, on.end,
                   call.y);
      }
      continue;
    }
    const Interval core(position - cut * width, position + cut * width, call.points);
    if (!core.is_empty() && gaussian > 0) {
      const bool inside = position >= 0 && position <= last;
      if (inside && width >= lanes / 2 && width <= 20 * lanes) {
        const std::int64_t centre = static_cast<std::int64_t>(position) / lanes * lanes;
        draw_by_recurrence(line.steps_to(centre) + line.fraction, -scale, gaussian, call.decay[i], core.begin,
                           centre, core.end, call.y);
      } else {
        draw_directly(line, -scale, gaussian, core.begin, core.end, call.y);
      }
    }
    if (lorentz > 0) {
      const Interval on(position - reach * width, position + reach * width, call.points);
      if (!on.is_empty()) draw_tails(line, scale, lorentz, on.begin, on.end, call.y);
    }
  }
}

void add_background(const BackgroundCall& call) {
  const auto step = static_cast<float>(call.step), start = static_cast<float>(call.start);
  const float to_unit = call.points > 1 ? 2 / static_cast<float>(call.points - 1) : 0,
              unit_start = call.points > 1 ? -1 : 0, air = call.air_scatter * start;
  const float* c = call.chebyshev;
  const float hump_scale = call.hump > 0 ? -4 / (call.hump_width * call.hump_width) : 0;
  bool curved = false;
  for (int k = 1; k < 5; ++k)
    curved |= c[k] != 0;
  for (std::int64_t i = 0; i < call.points; i += lanes) {
    const Floats at = ramp() + static_cast<float>(i);
    Floats y = load(call.y + i) * call.scale + c[0];
    if (call.other != nullptr) y += load(call.other + i) * call.other_scale;
    if (curved) {  // Clenshaw
      const Floats x = at * to_unit + unit_start, two_x = x + x;
      const Floats b3 = two_x * c[4] + c[3], b2 = two_x * b3 - c[4] + c[2], b1 = two_x * b2 - b3 + c[1];
      y += x * b1 - b2;
    }
    const Floats two_theta = at * step + start;
    if (air > 0) y += air / two_theta;
    if (call.hump > 0) {
      const Floats x = two_theta - call.hump_centre;
      y += call.hump * exp2(x * (x * hump_scale));
    }
    store(call.y + i, y);
  }
}

float maximum_of(const float* y, std::int64_t points) {
  Floats m = load(y);
  for (std::int64_t i = lanes; i + lanes <= points; i += lanes)
    m = maximum(m, load(y + i));
  float highest = 0;
  for (int i = 0; i < lanes && i < points; ++i)
    highest = m[i] > highest ? m[i] : highest;
  for (std::int64_t i = points / lanes * lanes; i < points; ++i)
    highest = y[i] > highest ? y[i] : highest;
  return highest;
}

void add_uniform_noise(float level, std::uint32_t seed, std::uint64_t index, std::int64_t points, float* y) {
  constexpr std::uint32_t data_stream = 1, noise_purpose = 2;  // RandomStream::data, DataDraw::noise
  for (std::int64_t i = 0; i < points; i += 4 * lanes) {
    Words r[4], a, b, c, d, block[4];
    philox(static_cast<std::uint32_t>(i / 4), noise_purpose, index, seed, data_stream, r);
    interleave(r[0], r[2], a, b);
    interleave(r[1], r[3], c, d);
    interleave(a, c, block[0], block[1]);
    interleave(b, d, block[2], block[3]);
    for (int j = 0; j < 4 && i + j * lanes < points; ++j) {
      float* at = y + i + j * lanes;
      store(at, load(at) + level * uniform(block[j]));
    }
  }
}

namespace {

// pattern_math.h's normal_pair.
void normals(Words bits0, Words bits1, Floats& first, Floats& second) {
  const Floats radius = sqrt(-2.0f * log(1.0f - uniform(bits0))), turns = uniform(bits1);
  Floats sine, cosine;
  sincos_turns(turns > 0.5f ? turns - 1.0f : turns, sine, cosine);
  first = radius * cosine;
  second = radius * sine;
}

Floats with_noise(Floats y, Floats z, const NoiseCall& call) {
  if (!(call.poisson > 0)) return y + call.gaussian * z;
  const float n = 1 / (call.poisson * call.poisson), sigma = n * call.gaussian,
              offset = sigma * sigma + 0.375f;
  const Floats positive = y > 0.0f ? y : Floats{};
  const Floats counts = positive * n + offset;
  // (sqrt(counts) + z / 2)^2 - offset, without the cancellation
  const Floats noisy = positive + (sqrt(counts) * z + 0.25f * (z * z)) * (1 / n);
  return call.gaussian > 0 ? noisy : maximum(noisy, Floats{});
}

}  // namespace

void add_noise(const NoiseCall& call) {
  constexpr std::uint32_t data_stream = 1, noise_purpose = 2;  // RandomStream::data, DataDraw::noise
  for (std::int64_t i = 0; i < call.points; i += 4 * lanes) {
    Words r[4], a, b, c, d, block[4];
    philox(static_cast<std::uint32_t>(i / 4), noise_purpose, call.index, call.seed, data_stream, r);
    Floats z[4];
    normals(r[0], r[1], z[0], z[1]);
    normals(r[2], r[3], z[2], z[3]);
    interleave(reinterpret_cast<Words>(z[0]), reinterpret_cast<Words>(z[2]), a, b);
    interleave(reinterpret_cast<Words>(z[1]), reinterpret_cast<Words>(z[3]), c, d);
    interleave(a, c, block[0], block[1]);
    interleave(b, d, block[2], block[3]);
    for (int j = 0; j < 4 && i + j * lanes < call.points; ++j) {
      float* at = call.y + i + j * lanes;
      store(at, with_noise(load(at), reinterpret_cast<Floats>(block[j]), call));
    }
  }
}

void scale_into(const float* y, float factor, std::int64_t points, float* dst) {
  std::int64_t i = 0;
  for (; i + lanes <= points; i += lanes) {
    *reinterpret_cast<UnalignedFloats*>(dst + i) = load(y + i) * factor;
  }
  for (; i < points; ++i)
    dst[i] = y[i] * factor;
}

void root_into(const float* y, float factor, std::int64_t points, float* dst) {
  for (std::int64_t i = 0; i < points; i += lanes) {
    const Floats value = load(y + i) * factor, root = sqrt(value > 0.0f ? value : Floats{});
    if (i + lanes <= points) {
      *reinterpret_cast<UnalignedFloats*>(dst + i) = root;
    } else {
      for (int j = 0; i + j < points; ++j)
        dst[i + j] = root[j];
    }
  }
}

}  // namespace bragg::cpu::BRAGG_ISA
