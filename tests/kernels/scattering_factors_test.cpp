// f' and f'' in |F|^2, and form factors beyond their four Gaussians: every backend against sums written here.
#include <cmath>
#include <complex>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/crystal/crystal_math.h"
#include "tests/kernels/crystals.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

class ScatteringFactorsOnDevice : public ::testing::TestWithParam<DeviceOptions> {
 protected:
  const std::unique_ptr<Backend> backend = make_backend(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Devices, ScatteringFactorsOnDevice, ::testing::ValuesIn(crystal_devices()),
                         [](const auto& param_info) { return name_of(param_info.param); });

// Of Si, O and Cs at the wavelength of chromium, rounded.
constexpr float dispersion[3][2] = {{0.36f, 0.69f}, {0.10f, 0.07f}, {-9.0f, 12.0f}};

// Crystals of all groups, a few atoms to a hundred, with every kind of displacement.
CrystalBatch anomalous_crystals() {
  CrystalBatch batch;
  std::uint32_t seed = 500;
  for (const CrystalGroup& group : varied_groups(1)) {
    for (const int atoms : {1, 5, 9, 100})
      add_crystal(batch, group, atoms, seed++);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    batch.form_factors[i].dispersion_real = dispersion[i][0];
    batch.form_factors[i].dispersion_imaginary = dispersion[i][1];
  }
  return batch;
}

// F(hkl) with complex scattering factors, every atom of the cell by itself.
std::complex<double> structure_factor(const CrystalBatch& batch, std::size_t crystal, int h, int k, int l) {
  std::complex<double> sum = 0;
  const double s2 = inverse_d_squared(batch.metric[crystal], h, k, l) / 4;
  for (auto j = batch.atom_offset[crystal]; j < batch.atom_offset[crystal + 1]; ++j) {
    const ScatteringAtom& atom = batch.atoms[j];
    const FormFactor& f = batch.form_factors[atom.form_factor];
    double f0 = f.c, exponent = 8 * M_PI * M_PI * atom.u_iso * s2;
    for (int i = 0; i < 4; ++i)
      f0 += f.a[i] * std::exp(-f.b[i] * s2);
    if (atom.anisotropic >= 0) {
      const auto& b = batch.beta[atom.anisotropic];
      exponent = b[0] * h * h + b[1] * k * k + b[2] * l * l + b[3] * k * l + b[4] * h * l + b[5] * h * k;
    }
    const std::complex<double> factor(f0 + f.dispersion_real, f.dispersion_imaginary);
    const double phase = 2 * M_PI * (h * atom.x + k * atom.y + l * atom.z);
    const auto wave = [&](double p) { return std::polar(atom.occupancy * std::exp(-exponent), p); };
    sum += factor * wave(phase);
    if (batch.centrosymmetric[crystal]) sum += factor * wave(-phase);
  }
  return double(batch.centring[crystal]) * sum;
}

TEST_P(ScatteringFactorsOnDevice, AnomalousIsTheMeanOfAFriedelPair) {
  const CrystalBatch batch = anomalous_crystals();
  const auto got = download(*backend, backend->structure_factors({0.05, 0.45, false}, batch));
  std::vector<double> expected, bounds;
  double largest_difference = 0;  // between the two of a pair, relative: the test is of something
  for (std::size_t crystal = 0; crystal < batch.metric.size(); ++crystal) {
    const double electrons = 60.0 * batch.centring[crystal] * (batch.centrosymmetric[crystal] ? 2 : 1) *
                             static_cast<double>(batch.atom_offset[crystal + 1] - batch.atom_offset[crystal]);
    for (auto i = got.offset[crystal]; i < got.offset[crystal + 1]; ++i) {
      const Miller& m = got.miller[i];
      const double one = std::norm(structure_factor(batch, crystal, m.h, m.k, m.l)),
                   other = std::norm(structure_factor(batch, crystal, -m.h, -m.k, -m.l));
      expected.push_back((one + other) / 2);
      const double rounding = 1e-6 * electrons;
      bounds.push_back((2 * std::sqrt(expected.back()) + rounding) * rounding);
      if (one + other > 0) largest_difference = std::max(largest_difference, std::abs(one / other - 1));
    }
  }
  ASSERT_GT(expected.size(), 1000u);
  EXPECT_GT(largest_difference, 0.5);
  EXPECT_TRUE(within(got.f2, expected, bounds));
}

TEST_P(ScatteringFactorsOnDevice, WithoutDispersionNothingChanges) {
  CrystalBatch plain = anomalous_crystals();
  for (FormFactor& f : plain.form_factors)
    f.dispersion_real = f.dispersion_imaginary = 0;
  const auto expected = download(*backend, backend->structure_factors({0.05, 0.45, false}, plain));
  // f' is part of the constant.
  CrystalBatch shifted = plain;
  for (FormFactor& f : shifted.form_factors) {
    f.dispersion_real = 0.5f;
    f.c -= 0.5f;
  }
  const auto same = download(*backend, backend->structure_factors({0.05, 0.45, false}, shifted));
  const double largest = *std::max_element(expected.f2.begin(), expected.f2.end());
  EXPECT_TRUE(within(same.f2, expected.f2, 1e-6 * largest));
  // f'' alone adds what the same crystal of point atoms f'' would scatter.
  CrystalBatch imaginary = plain, points = plain;
  for (std::size_t i = 0; i < 3; ++i) {
    imaginary.form_factors[i].dispersion_imaginary = dispersion[i][1];
    points.form_factors[i] = {{}, {}, dispersion[i][1]};
  }
  const auto sum = download(*backend, backend->structure_factors({0.05, 0.45, false}, imaginary));
  const auto added = download(*backend, backend->structure_factors({0.05, 0.45, false}, points));
  std::vector<double> both = expected.f2;
  for (std::size_t i = 0; i < both.size(); ++i)
    both[i] += added.f2[i];
  EXPECT_TRUE(within(sum.f2, both, 1e-6 * largest));
}

// Ti4+, whose four Gaussians reach 8e13 at s = 10; the last Gaussian of `high` joins it at s = 2.
FormFactor titanium() {
  FormFactor f{{19.5114f, 8.23473f, 2.01341f, 1.5208f}, {0.178847f, 6.67018f, -0.29263f, 12.9464f}, -13.28f};
  f.four_gaussians_to = 4;
  f.high = {{9.818524f, 1.522646f, 1.703101f, 1.768774f, 7.082555f, 24.87f},
            {8.001879f, 0.029763f, 39.885423f, 120.158f, 0.532405f, 1},
            0.102473f,
            2.3f};
  return f;
}

TEST_P(ScatteringFactorsOnDevice, FormFactorsBeyondTheFourGaussians) {
  // One atom in a cubic cell of 0.5 A: s = |h|, and |F|^2 = f^2.
  CrystalGroup group = varied_groups(1).front();
  for (const CrystalGroup& other : varied_groups(1)) {
    if (other.name == "P1") group = other;
  }
  group.metric = {4, 4, 4, 0, 0, 0};
  CrystalBatch batch = point_crystal(group, {{0, 0, 0, 0}});
  batch.form_factors = {titanium()};
  const FormFactor& f = batch.form_factors[0];
  const auto host = download(*backend, backend->structure_factors({0, 12, false}, batch));
  std::vector<double> got, expected;
  for (std::size_t i = 0; i < host.miller.size(); ++i) {
    const Miller& m = host.miller[i];
    const double s2 = m.h * m.h + m.k * m.k + m.l * m.l, within = std::min(s2, 36.0);
    double value = s2 <= 4 ? f.c : f.high.c;
    for (int j = 0; j < (s2 <= 4 ? 4 : 6); ++j)
      value += s2 <= 4 ? f.a[j] * std::exp(-f.b[j] * s2) : f.high.a[j] * std::exp(-f.high.b[j] * within);
    if (s2 > 36) value *= std::pow(6 / std::sqrt(s2), 2.3);
    EXPECT_GT(value, 0);
    EXPECT_LT(value, 18);
    got.push_back(std::sqrt(host.f2[i]));
    expected.push_back(value);
  }
  ASSERT_GT(got.size(), 3000u);
  EXPECT_TRUE(within(got, expected, 2e-5));
}

TEST_P(ScatteringFactorsOnDevice, ImpossibleFactorsAreRefused) {
  const CrystalBatch good = point_crystal(varied_groups(1).front(), {{0, 0, 0, 1}});
  const auto is_refused = [&](auto change) {
    CrystalBatch bad = good;
    change(bad.form_factors[0]);
    try {
      backend->structure_factors({0, 0.3, false}, bad);
    } catch (const ProblemError& error) {
      return std::string(error.what()).find("form factor 0") != std::string::npos;
    }
    return false;
  };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(is_refused([](FormFactor& f) { f.dispersion_real = nan; }));
  EXPECT_TRUE(is_refused([](FormFactor& f) { f.dispersion_imaginary = nan; }));
  EXPECT_TRUE(is_refused([](FormFactor& f) { f.high.a[5] = nan; }));
  EXPECT_TRUE(is_refused([](FormFactor& f) { f.high.decay = nan; }));
  EXPECT_TRUE(is_refused([](FormFactor& f) { f.four_gaussians_to = nan; }));
  EXPECT_TRUE(is_refused([](FormFactor& f) { f.four_gaussians_to = 0; }));
  EXPECT_FALSE(is_refused([](FormFactor&) {}));
}

}  // namespace
}  // namespace bragg::tests
