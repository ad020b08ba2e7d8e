// X-ray wavelengths by name, and Bragg's law between 2 theta and sin(theta)/lambda.
#pragma once

#include <string_view>

namespace bragg::xrd {

/// "CuKa" (weighted mean), "CuKa1", "CuKa2", "CuKb1", Co, Fe, Cr, Mo, Ag ...; or a number in A. Throws
/// UsageError that names the nearest known one.
double parse_wavelength(std::string_view text);

double two_theta_from_d(double d_spacing, double wavelength);     ///< degrees; NaN where wavelength > 2 d
double d_from_two_theta(double two_theta, double wavelength);     ///< A
double stol_from_two_theta(double two_theta, double wavelength);  ///< sin(theta)/lambda, 1/A

}  // namespace bragg::xrd
