// Lists of reflections where formulas diverge: backwards, at 2 theta = 180 degrees, and far out.
#include "xrd/reflections.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/xrd/cif_text.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::xrd {
namespace {

Crystal rock_salt(const std::string& cation, const std::string& anion, double a) {
  const std::string edge = std::to_string(a);
  return crystal_of("data_x\n_cell_length_a " + edge + "\n_cell_length_b " + edge + "\n_cell_length_c " +
                    edge +
                    "\n_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
                    "_space_group_name_H-M_alt 'F m -3 m'\nloop_\n_atom_site_label\n"
                    "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
                    "A " +
                    cation + " 0 0 0\nB " + anion + " 0.5 0.5 0.5\n");
}

class Reflections : public ::testing::TestWithParam<const char*> {
 protected:
  const std::unique_ptr<Backend> backend = make_backend({GetParam(), 1, ""});
};
INSTANTIATE_TEST_SUITE_P(Backends, Reflections, ::testing::Values("reference", "cpu"));

// The wavelength is twice a d of the crystal, or a few ulps beside it.
TEST_P(Reflections, ALineStraightBackIsFinite) {
  const Crystal crystal = rock_salt("Na1+", "Cl1-", 5.6402);
  for (const auto& [h, k, l] : {std::array{6, 0, 0}, {5, 3, 1}, {4, 4, 0}, {7, 1, 1}}) {
    const double exact = 2 * 5.6402 / std::sqrt(h * h + k * k + l * l);
    for (int ulps = -3; ulps <= 3; ++ulps) {
      double wavelength = exact;
      for (int i = 0; i < std::abs(ulps); ++i)
        wavelength = std::nextafter(wavelength, ulps < 0 ? 0.0 : 10.0);
      SCOPED_TRACE(wavelength);
      for (const bool merged : {false, true}) {
        const ReflectionOptions what{.wavelength = wavelength, .range = {5, 180}, .anomalous = true};
        const auto list = merged ? peaks(*backend, crystal, what) : reflections(*backend, crystal, what);
        ASSERT_GT(list.size(), 6u);
        double highest = 0, second = 0;
        for (const Reflection& r : list) {
          ASSERT_TRUE(std::isfinite(r.two_theta) && r.two_theta <= 180) << r.two_theta;
          ASSERT_TRUE(std::isfinite(r.intensity) && r.intensity >= 0 && r.intensity <= 100 + 1e-9)
              << r.intensity;
          if (r.two_theta < 150) second = std::max(second, r.intensity);
          highest = std::max(highest, r.intensity);
        }
        EXPECT_DOUBLE_EQ(highest, 100);
        EXPECT_GT(second, 0.5) << "the others are scaled to nothing";
      }
    }
  }
}

TEST(LorentzPolarisation, StopsAt179Degrees) {
  EXPECT_NEAR(lorentz_polarisation(90), std::sqrt(8.0), 1e-12);
  const double at_179 = 2 * (1 + std::pow(std::cos(179 * M_PI / 180), 2)) / 2 /
                        (std::cos(89.5 * M_PI / 180) * std::pow(std::sin(89.5 * M_PI / 180), 2));
  EXPECT_NEAR(lorentz_polarisation(179), at_179, 1e-9 * at_179);
  for (const double angle : {179.5, 179.99, 180.0})
    EXPECT_EQ(lorentz_polarisation(angle), lorentz_polarisation(179)) << angle;
  EXPECT_LT(lorentz_polarisation(178.9), lorentz_polarisation(179));
}

// Every ion of the table at the shortest wavelength and all angles: no |F|^2 beyond what the electrons give.
TEST_P(Reflections, ShortWavelengthsAndAllAngles) {
  for (const char* cation : {"Ti4+", "Sc3+", "Sr2+", "Y3+", "Zr4+", "Bi5+", "Ca2+", "Rh3+", "Sn4+", "Pd4+",
                             "Ru4+", "K1+", "C", "I", "Xe", "U6+"}) {
    const auto list = reflections(*backend, rock_salt(cation, "O1-", 1.2),
                                  {.wavelength = 0.1, .range = {0, 180}, .anomalous = false});
    SCOPED_TRACE(cation);
    ASSERT_GT(list.size(), 300u);
    double before = std::numeric_limits<double>::infinity();
    for (const Reflection& r : list) {
      ASSERT_TRUE(std::isfinite(r.f2) && r.f2 >= 0) << r.d;
      ASSERT_LE(r.f2, 16.0 * 101 * 101) << r.d;
      const bool even = r.hkl[0] % 2 == 0;
      if (even && 1 / (2 * r.d) > 3) {  // f falls monotonically here, and with it the sum of both
        ASSERT_LT(r.f2, before * (1 + 1e-4)) << r.d;
        before = r.f2;
      }
    }
  }
}

}  // namespace
}  // namespace bragg::xrd
