// The functions of the CrystalKernels table that draw patterns. Only for files of isa/.
#pragma once

#include "kernels/cpu/isa/crystal_kernels.h"

namespace bragg::cpu::BRAGG_ISA {

float lines_of(const LineCall&);
void draw_lines(const DrawCall&);
void add_background(const BackgroundCall&);
void add_noise(const NoiseCall&);
float maximum_of(const float* y, std::int64_t points);
void add_uniform_noise(float level, std::uint32_t seed, std::uint64_t index, std::int64_t points, float* y);
void scale_into(const float* y, float factor, std::int64_t points, float* dst);
void root_into(const float* y, float factor, std::int64_t points, float* dst);

}  // namespace bragg::cpu::BRAGG_ISA
