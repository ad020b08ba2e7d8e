// The lines of a phase, and the sums of a model's normal equations.
//
// A tile's derivatives stay in registers while its lines go through: what a line costs does not depend on memory. Formulas: those of
// kernels/crystal/refinement_model.h, in floats.
#include "kernels/cpu/isa/refine_kernels.h"

#include "kernels/cpu/isa/crystal_vector.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

constexpr float degree = 0.017453292519943295f;
constexpr float fwhm_reference = 45, fwhm_range = 60;  // refinement_problem.h, refinement_model.h
constexpr float gaussian_height = 0.93943727869965133f, lorentz_height = 0.63661977236758134f;
constexpr float steepest_sine = 0.9999f;
constexpr float least_reach = 4, most_reach = 40;  // refinement_problem.h
constexpr float eight_ln2 = 5.5451774444795625f;

typedef float AnyFloats __attribute__((vector_size(bytes), aligned(4), may_alias));

Floats read(const float* p) {
  return *reinterpret_cast<const AnyFloats*>(p);
}
void write(float* p, Floats v) {
  *reinterpret_cast<AnyFloats*>(p) = v;
}

/// asin(x) for 0 <= x <= 1, error of some 1e-7.
Floats arc_sine(Floats x) {
  const auto large = x > 0.5f;
  const Floats z = large ? 0.5f * (1.0f - x) : x * x;
  const Floats y = large ? sqrt(z) : x;
  Floats p = splat(4.2163199048e-2f);  // Cephes
  p = p * z + 2.4181311049e-2f;
  p = p * z + 4.5470025998e-2f;
  p = p * z + 7.4953002686e-2f;
  p = p * z + 1.6666752422e-1f;
  const Floats a = y + y * z * p;
  return large ? 1.57079632679f - 2.0f * a : a;
}

float largest(Floats x) {
  float most = x[0];
  for (int i = 1; i < lanes; ++i)
    most = x[i] > most ? x[i] : most;
  return most;
}

/// Writes areas with March's texture, and that as a term of texture, as MarchTexture has both. Before the loop of shape(), whose
/// products and sums are then those of phases without an axis.
void put_march_texture(const ShapeCall& call) {
  for (std::int64_t i = call.begin; i < call.end; i += lanes) {
    const auto at = [&](int array) { return call.arrays + array * call.stride + i; };
    Floats sum{}, change{};
    for (int n = 0; n < call.axes; ++n) {
      const Floats cosine2 = read(at(line_axis_cosine2 + n));
      const Floats along = call.march_along * cosine2, across = call.march_across * (1 - cosine2),
                   base = along + across;
      const Floats value = 1 / (base * sqrt(base));
      sum += value;
      change += value * (2 * along - across) / base;
    }
    write(at(line_texture), 0.75f * change / sum);
    write(at(line_area), read(at(line_even_area)) * sum * (1 / static_cast<float>(call.axes)));
  }
}

float shape(const ShapeCall& call) {
  if (call.axes > 0) put_march_texture(call);
  Floats highest{};
  for (std::int64_t i = call.begin; i < call.end; i += lanes) {
    const auto at = [&](int array) { return call.arrays + array * call.stride + i; };
    Floats q = read(at(line_q)), exponent{};
    for (int j = 0; j < call.strains; ++j)
      q += call.strain[j] * read(at(line_strain + j));
    for (int j = 0; j < call.textures; ++j)
      exponent -= 2 * call.texture[j] * read(at(line_texture + j));
    exponent -= 0.5f * call.damping * q;
    const Floats sine_there = call.wavelength * 0.5f * sqrt(q > 0 ? q : Floats{});
    const Ints is_reached = (q > 0) & (sine_there < steepest_sine);
    const Floats sine = is_reached ? sine_there : splat(0.5f);
    const Floats cosine = sqrt(1 - sine * sine), cosine2 = 1 - 2 * sine * sine, sine2 = 2 * sine * cosine;
    const Floats two_theta = arc_sine(sine) * (2 / degree);
    const Floats away = (two_theta - fwhm_reference) * (1 / fwhm_range);
    const Floats fwhm = exp(call.ln_fwhm + call.fwhm_slope * away), fwhm2 = fwhm * fwhm;
    const Floats width2 = fwhm2 + call.blur * call.blur, fwhm_share = fwhm2 / width2;
    const Floats steps_per_width = call.step / sqrt(width2);
    const Floats lp = (1 + cosine2 * cosine2) / (sine * sine * cosine);
    // Where a texture runs away the area stays a number.
    const Floats area = is_reached ? call.share * read(at(line_area)) * lp * exp(exponent) : Floats{};
    const Floats by_q = 0.5f * call.wavelength * call.wavelength / sine2;
    const Floats height = area * steps_per_width * (1 / call.step);
    write(at(line_position),
          (two_theta + call.zero + call.displacement * cosine - call.start) * (1 / call.step));
    write(at(line_inverse_width), steps_per_width);
    write(at(line_gaussian), gaussian_height * height);
    write(at(line_lorentz), lorentz_height * height);
    write(at(line_ln_area_by_q),
          by_q * (-2 * cosine2 * sine2 / (1 + cosine2 * cosine2) - cosine / sine + sine / (2 * cosine)) -
              0.5f * call.damping);
    write(at(line_position_by_q), by_q * (1 / degree - 0.5f * call.displacement * sine) * (1 / call.step));
    write(at(line_ln_width_by_q), fwhm_share * by_q * (call.fwhm_slope / (degree * fwhm_range)));
    write(at(line_cosine), cosine);
    write(at(line_fwhm_share), fwhm_share);
    write(at(line_slope), fwhm_share * away);
    write(at(line_damping), -0.5f * q);
    highest = maximum(highest, gaussian_height * height);
  }
  return largest(highest);
}

void reach(const ReachCall& call) {
  for (std::int64_t i = 0; i < call.lines; i += lanes) {
    const auto at = [&](int array) { return call.arrays + array * call.stride + i; };
    const Floats height = read(at(line_gaussian)), position = read(at(line_position));
    Floats reach = sqrt(call.lorentz_share * height * (1 / (4 * call.tail_cut * call.highest)));
    reach = reach < least_reach ? splat(least_reach) : reach;
    reach = reach > most_reach ? splat(most_reach) : reach;
    write(at(line_reach2), reach * reach);
    const Floats steps = reach / read(at(line_inverse_width));
    for (int j = 0; j < lanes; ++j) {
      const float low = position[j] - steps[j], high = position[j] + steps[j];
      std::int32_t first = 0, end = 0;
      if (height[j] > 0 && high >= call.first && low <= call.last) {
        first = static_cast<std::int32_t>(low > call.first ? low : call.first) / lanes;
        end = static_cast<std::int32_t>(high < call.last ? high : call.last) / lanes + 1;
      }
      call.first_tile[i + j] = first;
      call.end_tile[i + j] = end;
    }
  }
}

/// What a tile's phases add up to.
struct TileSums {
  Floats calculated{}, zero{}, displacement{};
};

template <int strains>
void add_phase(const RefinePhase& phase, std::int64_t tile, Floats root_weight, float inverse_step,
               float* derivatives, std::int64_t row_length, TileSums& sums) {
  constexpr int textures = strains == 1 ? 1 : strains - 1;
  const Floats x = ramp() + static_cast<float>(tile * lanes);
  const float share = phase.lorentz_share;
  Floats value{}, position{}, displacement{}, damping{}, ln_fwhm{}, slope{}, of_share{},
      strain[strains] = {}, texture[textures] = {};
  const std::uint32_t end = phase.tile_offset[tile + 1];
  for (std::uint32_t n = phase.tile_offset[tile]; n < end; ++n) {
    const float* const line = phase.arrays + phase.tile_lines[n];
    const auto of = [&](int array) { return line[array * phase.stride]; };
    const Floats t = (x - of(line_position)) * of(line_inverse_width), t2 = t * t;
    const Ints inside = t2 <= of(line_reach2);
    const Floats tail = 1.0f / (1.0f + 4.0f * t2);
    const Floats gaussian = inside ? of(line_gaussian) * exp2(-4.0f * t2) : Floats{};
    const Floats lorentz = inside ? of(line_lorentz) * tail : Floats{};
    const Floats difference = lorentz - gaussian, v = gaussian + share * difference;
    const Floats fall = t * ((1 - share) * eight_ln2 * gaussian + (8 * share) * lorentz * tail);
    const Floats by_position = fall * of(line_inverse_width), by_ln_width = t * fall - v;
    const Floats by_q = v * of(line_ln_area_by_q) + by_position * of(line_position_by_q) +
                        by_ln_width * of(line_ln_width_by_q);
    value += v;
    position += by_position;
    displacement += by_position * of(line_cosine);
    damping += v * of(line_damping);
    ln_fwhm += by_ln_width * of(line_fwhm_share);
    slope += by_ln_width * of(line_slope);
    of_share += difference;
    for (int j = 0; j < strains; ++j)
      strain[j] += by_q * of(line_strain + j);
    for (int j = 0; j < textures; ++j)
      texture[j] += v * of(line_texture + j);
  }
  const Floats scaled = phase.scale * root_weight;
  const auto put = [&](int parameter, Floats v) {
    write(derivatives + phase.row[parameter] * row_length, v);
  };
  put(0, root_weight * value);
  for (int j = 0; j < strains; ++j)
    put(1 + j, scaled * strain[j]);
  for (int j = 0; j < textures; ++j)
    put(7 + j, -2.0f * scaled * texture[j]);
  put(12, scaled * damping);
  put(13, scaled * ln_fwhm);
  put(14, scaled * slope);
  put(15, scaled * of_share);
  sums.calculated += phase.scale * value;
  sums.zero += scaled * inverse_step * position;
  sums.displacement += scaled * inverse_step * displacement;
}

void add_any_phase(const RefinePhase& phase, std::int64_t tile, Floats root_weight, float inverse_step,
                   float* derivatives, std::int64_t row_length, TileSums& sums) {
  switch (phase.strains) {
#define BRAGG_STRAINS(n) \
  case n:                \
    return add_phase<n>(phase, tile, root_weight, inverse_step, derivatives, row_length, sums);
    BRAGG_STRAINS(1)
    BRAGG_STRAINS(2)
    BRAGG_STRAINS(3)
    BRAGG_STRAINS(4)
    BRAGG_STRAINS(6)
#undef BRAGG_STRAINS
    default:
      return;
  }
}

constexpr int block_rows = lanes == 16 ? 4 : 2;
constexpr std::int64_t chunk_points = 256;

/// Adds the products of block_rows rows with as many others, vector by vector.
void add_products(const float* a, const float* b, std::int64_t vectors, float* sums) {
  Floats total[block_rows][block_rows];
  for (int i = 0; i < block_rows; ++i)
    for (int j = 0; j < block_rows; ++j)
      total[i][j] = load(sums + (i * block_rows + j) * lanes);
  for (std::int64_t v = 0; v < vectors; ++v) {
    Floats left[block_rows], right[block_rows];
    for (int i = 0; i < block_rows; ++i) {
      left[i] = load(a + i * chunk_points + v * lanes);
      right[i] = load(b + i * chunk_points + v * lanes);
    }
    for (int i = 0; i < block_rows; ++i)
      for (int j = 0; j < block_rows; ++j)
        total[i][j] += left[i] * right[j];
  }
  for (int i = 0; i < block_rows; ++i)
    for (int j = 0; j < block_rows; ++j)
      store(sums + (i * block_rows + j) * lanes, total[i][j]);
}

void accumulate(const AccumulateCall& call) {
  const std::int64_t blocks = (call.rows + block_rows - 1) / block_rows;
  constexpr std::int64_t block_floats = block_rows * block_rows * lanes;
  for (std::int64_t i = 0; i < blocks * (blocks + 1) / 2 * block_floats; i += lanes)
    store(call.sums + i, Floats{});
  constexpr std::int64_t chunk_tiles = chunk_points / lanes;
  const std::int64_t residual_row = call.rows - 1;
  for (std::int64_t chunk = call.tiles_begin; chunk < call.tiles_end; chunk += chunk_tiles) {
    const std::int64_t end = chunk + chunk_tiles < call.tiles_end ? chunk + chunk_tiles : call.tiles_end;
    for (std::int64_t tile = chunk; tile < end; ++tile) {
      float* const derivatives = call.derivatives + (tile - chunk) * lanes;
      const Floats root_weight = read(call.root_weight + tile * lanes);
      TileSums sums;
      for (std::int64_t n = 0; n < call.phases; ++n)
        add_any_phase(call.phase[n], tile, root_weight, call.inverse_step, derivatives, chunk_points, sums);
      write(derivatives + call.zero_row * chunk_points, sums.zero);
      write(derivatives + call.displacement_row * chunk_points, sums.displacement);
      Floats x =
          call.chebyshev_scale * (2 * (ramp() + static_cast<float>(tile * lanes)) - call.chebyshev_middle);
      // The polynomials of points before and behind the measured ones stay numbers: weight 0 then leaves nothing of them.
      x = x < -1 ? splat(-1) : x;
      x = x > 1 ? splat(1) : x;
      Floats polynomial = splat(1), next = x;
      for (std::int64_t t = 0; t < call.terms; ++t) {
        write(derivatives + call.background_row[t] * chunk_points, root_weight * polynomial);
        sums.calculated += call.background[t] * polynomial;
        const Floats after = 2.0f * x * next - polynomial;
        polynomial = next;
        next = after;
      }
      write(call.calculated + tile * lanes, sums.calculated);
      write(derivatives + residual_row * chunk_points,
            root_weight * (read(call.y + tile * lanes) - sums.calculated));
    }
    float* sums = call.sums;
    for (std::int64_t a = 0; a < blocks; ++a)
      for (std::int64_t b = 0; b <= a; ++b, sums += block_floats)
        add_products(call.derivatives + a * block_rows * chunk_points,
                     call.derivatives + b * block_rows * chunk_points, end - chunk, sums);
  }
  const float* sums = call.sums;
  for (std::int64_t a = 0; a < blocks; ++a)
    for (std::int64_t b = 0; b <= a; ++b)
      for (int i = 0; i < block_rows; ++i)
        for (int j = 0; j < block_rows; ++j, sums += lanes) {
          const std::int64_t row = a * block_rows + i, column = b * block_rows + j;
          if (row >= call.rows || column > row) continue;
          double total = 0;
          for (int lane = 0; lane < lanes; ++lane)
            total += static_cast<double>(sums[lane]);
          call.products[row * call.rows + column] = total;
        }
}

}  // namespace

extern const RefineKernels refine_kernels{lanes, block_rows, chunk_points, shape, reach, accumulate};

}  // namespace bragg::cpu::BRAGG_ISA
