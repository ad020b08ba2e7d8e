// Reflections and |F|^2: sums by hand, every backend against the reference, exact edges.
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/crystal/crystal_math.h"
#include "tests/kernels/crystals.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

class StructureFactorsOnDevice : public ::testing::TestWithParam<DeviceOptions> {
 protected:
  const std::unique_ptr<Backend> backend = make_backend(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Devices, StructureFactorsOnDevice, ::testing::ValuesIn(crystal_devices()),
                         [](const auto& param_info) { return name_of(param_info.param); });

CrystalGroup group_named(const std::string& name, double scale = 1) {
  for (const CrystalGroup& group : varied_groups(scale)) {
    if (group.name == name) return group;
  }
  throw Error("no group " + name);
}

using Listed = std::map<std::array<int, 3>, std::pair<int, double>>;  // hkl -> multiplicity, |F|^2

Listed list(Backend& backend, const CrystalBatch& batch, double stol_max) {
  const auto host = download(backend, backend.structure_factors({0, stol_max, false}, batch));
  Listed listed;
  for (std::size_t i = 0; i < host.miller.size(); ++i) {
    const Miller& m = host.miller[i];
    listed[{m.h, m.k, m.l}] = {m.multiplicity, host.f2[i]};
  }
  return listed;
}

// a = 5.64 A, so (442) and (600), h^2 + k^2 + l^2 = 36, are the last within 0.532 1/A.
constexpr double up_to_36 = 0.533;

TEST_P(StructureFactorsOnDevice, RockSaltByHand) {
  // Na at 0, Cl at 1/2: F = 4 (a + b) for even, 4 (a - b) for odd indices; both on inversion centres, so half
  // each.
  const auto listed =
      list(*backend, point_crystal(group_named("Fm-3m"), {{0, 0, 0, 11 / 2.0f}, {0.5, 0.5, 0.5, 17 / 2.0f}}),
           up_to_36);
  const double even = 16.0 * 28 * 28, odd = 16.0 * 6 * 6;
  const Listed expected{
      {{1, 1, 1}, {8, odd}},   {{2, 0, 0}, {6, even}},  {{2, 2, 0}, {12, even}}, {{2, 2, 2}, {8, even}},
      {{3, 1, 1}, {24, odd}},  {{3, 3, 1}, {24, odd}},  {{3, 3, 3}, {8, odd}},   {{4, 0, 0}, {6, even}},
      {{4, 2, 0}, {24, even}}, {{4, 2, 2}, {24, even}}, {{4, 4, 0}, {12, even}}, {{4, 4, 2}, {24, even}},
      {{5, 1, 1}, {24, odd}},  {{5, 3, 1}, {48, odd}},  {{6, 0, 0}, {6, even}},
  };
  ASSERT_EQ(listed.size(), expected.size());
  for (const auto& [hkl, value] : expected) {
    ASSERT_TRUE(listed.contains(hkl)) << hkl[0] << hkl[1] << hkl[2];
    EXPECT_EQ(listed.at(hkl).first, value.first) << hkl[0] << hkl[1] << hkl[2];
    EXPECT_TRUE(within({{listed.at(hkl).second}}, {{value.second}}, 1e-6 * even));
  }
}

TEST_P(StructureFactorsOnDevice, CaesiumChlorideByHand) {
  // Primitive, Cs at 0 and Cl at 1/2: F = a + b where h + k + l is even, a - b where it is odd; nothing is
  // extinct.
  auto group = group_named("Fm-3m");
  std::erase_if(group.operators,
                [](const SymmetryOperator& op) { return op.translation != std::array<std::int8_t, 3>{}; });
  group.centring = 1;
  const auto listed =
      list(*backend, point_crystal(group, {{0, 0, 0, 55 / 2.0f}, {0.5, 0.5, 0.5, 17 / 2.0f}}), 0.28);
  std::set<std::array<int, 3>> hkl;
  for (const auto& [index, value] : listed) {
    hkl.insert(index);
    const double f = (index[0] + index[1] + index[2]) % 2 == 0 ? 72 : 38;
    EXPECT_TRUE(within({{value.second}}, {{f * f}}, 1e-6 * 72 * 72));
  }
  // h^2 + k^2 + l^2 <= 9.97
  EXPECT_EQ(hkl, (std::set<std::array<int, 3>>{{1, 0, 0},
                                               {1, 1, 0},
                                               {1, 1, 1},
                                               {2, 0, 0},
                                               {2, 1, 0},
                                               {2, 1, 1},
                                               {2, 2, 0},
                                               {2, 2, 1},
                                               {3, 0, 0}}));
}

TEST_P(StructureFactorsOnDevice, DiamondByHand) {
  // Origin at the inversion centre: C at (1/8, 1/8, 1/8), reduced by F and -1 to one atom; F = 8 c cos(pi
  // (h+k+l) / 4).
  const auto listed =
      list(*backend, point_crystal(group_named("Fd-3m:2"), {{0.125, 0.125, 0.125, 6}}), up_to_36);
  std::set<std::array<int, 3>> hkl;
  for (const auto& [index, value] : listed) {
    hkl.insert(index);
    const int sum = index[0] + index[1] + index[2];
    const double expected = sum % 4 == 0 ? 64.0 * 36 : sum % 2 != 0 ? 32.0 * 36 : 0;
    EXPECT_NEAR(value.second, expected, 1e-5 * 64 * 36) << index[0] << index[1] << index[2];
  }
  // The d glide forbids (200), (420), (600): hk0 and cyclic need h + k = 4n. (222) and (442) are no zeros of
  // the group, only of the site: they stay, with F = 0.
  EXPECT_EQ(hkl, (std::set<std::array<int, 3>>{{1, 1, 1},
                                               {2, 2, 0},
                                               {2, 2, 2},
                                               {3, 1, 1},
                                               {3, 3, 1},
                                               {3, 3, 3},
                                               {4, 0, 0},
                                               {4, 2, 2},
                                               {4, 4, 0},
                                               {4, 4, 2},
                                               {5, 1, 1},
                                               {5, 3, 1}}));
  EXPECT_EQ(listed.at({2, 2, 2}).first, 8);
  EXPECT_EQ(listed.at({5, 3, 1}).first, 48);
}

TEST_P(StructureFactorsOnDevice, ScrewAxisAndOneSidedRows) {
  // P21, b unique: 0k0 only for even k; (hkl) and (h -k l) are one orbit, (h k -l) is another.
  const auto listed = list(*backend, point_crystal(group_named("P21"), {{0.1, 0.2, 0.3, 10}}), 0.4);
  EXPECT_FALSE(listed.contains({0, 1, 0}));
  EXPECT_TRUE(listed.contains({0, 2, 0}));
  EXPECT_EQ(listed.at({0, 2, 0}).first, 2);
  EXPECT_EQ(listed.at({1, 1, 1}).first, 4);
  EXPECT_EQ(listed.at({1, 1, -1}).first, 4);
  EXPECT_FALSE(listed.contains({1, -1, 1}));
}

TEST_P(StructureFactorsOnDevice, DisplacementsDampAsTheFormulaSays) {
  const auto group = group_named("P1");
  CrystalBatch batch = point_crystal(group, {{0.3, 0.1, 0.7, 10}});
  batch.atoms[0].u_iso = 0.03f;
  const auto damped = download(*backend, backend->structure_factors({0, 0.5, false}, batch));
  const auto undamped = download(*backend, backend->structure_factors({0, 0.5, true}, batch));
  ASSERT_GT(damped.miller.size(), 100u);
  std::vector<double> expected, plain;
  for (const Miller& m : damped.miller) {
    const double stol2 = inverse_d_squared(group.metric, m.h, m.k, m.l) / 4;
    expected.push_back(100 * std::exp(-2 * 8 * M_PI * M_PI * double{0.03f} * stol2));
    plain.push_back(100);
  }
  EXPECT_TRUE(within(damped.f2, expected, 1e-4));
  EXPECT_TRUE(within(undamped.f2, plain, 1e-4));
}

TEST_P(StructureFactorsOnDevice, EdgesAreExact) {
  // a = 2 A: 1/d^2 = h^2 / 4 and stol = h / 4 are exact.
  CrystalGroup group = group_named("P1");
  group.metric = {0.25, 0.25, 0.25, 0, 0, 0};
  const auto batch = point_crystal(group, {{0, 0, 0, 1}});
  const auto count = [&](double low, double high) {
    return backend->structure_factors({low, high, false}, batch).reflections;
  };
  EXPECT_EQ(count(0.25, 0.25), 3);
  EXPECT_EQ(count(0, 0.25), 3);
  EXPECT_EQ(count(0, std::nextafter(0.25, 0)), 0);
  EXPECT_EQ(count(std::nextafter(0.25, 1), 0.5), count(0, 0.5) - 3);
  EXPECT_EQ(count(std::nextafter(0.25, 1), std::nextafter(0.5, 0)), count(0, 0.5) - 3 - 3);
  EXPECT_EQ(count(0, 0), 0) << "(000) never counts";
}

TEST_P(StructureFactorsOnDevice, EmptyBatchesAndCrystals) {
  EXPECT_EQ(backend->structure_factors({0, 0.5, false}, CrystalBatch{}).reflections, 0);
  CrystalBatch batch;
  CrystalGroup tiny = group_named("Fm-3m", 0.05);
  add_crystal(batch, tiny, 3, 1);                  // nothing in range
  add_crystal(batch, group_named("Fm-3m"), 1, 2);  // one atom
  add_crystal(batch, group_named("Pnma"), 0, 3);   // no atom: reflections, all zero
  const auto host = download(*backend, backend->structure_factors({0, 0.45, false}, batch));
  EXPECT_EQ(host.offset[1], 0u);
  EXPECT_GT(host.offset[2], 0u);
  for (std::size_t i = host.offset[2]; i < host.offset[3]; ++i)
    EXPECT_EQ(host.f2[i], 0);
}

TEST_P(StructureFactorsOnDevice, ImpossibleCallsAreRefused) {
  const auto message = [&](const ReflectionProblem& p, const CrystalBatch& batch) -> std::string {
    try {
      backend->structure_factors(p, batch);
    } catch (const ProblemError& error) {
      return error.what();
    }
    return "";
  };
  const CrystalBatch good = point_crystal(group_named("P21"), {{0, 0, 0, 1}});
  EXPECT_EQ(message({0, 0.3, false}, good), "");
  EXPECT_NE(message({-0.1, 0.3, false}, good).find("stol_min -0.1"), std::string::npos);
  EXPECT_NE(message({0.4, 0.3, false}, good).find("stol_max 0.3 < stol_min 0.4"), std::string::npos);
  EXPECT_NE(message({0, NAN, false}, good).find("stol_max nan"), std::string::npos);
  EXPECT_NE(message({0, 1e9, false}, good).find("Miller ind"), std::string::npos);
  CrystalBatch bad = good;
  bad.metric[0][1] = 0;
  EXPECT_NE(message({0, 0.3, false}, bad).find("metric"), std::string::npos);
  bad = good;
  bad.atoms[0].x = NAN;
  EXPECT_NE(message({0, 0.3, false}, bad).find("atom 0"), std::string::npos);
  bad = good;
  bad.atoms[0].form_factor = 1;
  EXPECT_NE(message({0, 0.3, false}, bad).find("form factor 1 outside a list of 1"), std::string::npos);
  bad = good;
  bad.atoms[0].anisotropic = 0;
  EXPECT_NE(message({0, 0.3, false}, bad).find("anisotropic 0 outside a list of 0"), std::string::npos);
  bad = good;
  bad.atom_offset[1] = 2;
  EXPECT_NE(message({0, 0.3, false}, bad).find("2 != 1 atoms"), std::string::npos);
  bad = good;
  std::swap(bad.operators[0], bad.operators[1]);
  EXPECT_NE(message({0, 0.3, false}, bad).find("identity"), std::string::npos);
}

// Sum of occupancy |f| over the cell at a reflection: what the rounding of |F| is relative to.
double scattering_power(const CrystalBatch& batch, std::size_t crystal, double stol2) {
  double power = 0;
  for (auto j = batch.atom_offset[crystal]; j < batch.atom_offset[crystal + 1]; ++j) {
    const FormFactor& f = batch.form_factors[batch.atoms[j].form_factor];
    double value = f.c;
    for (int i = 0; i < 4; ++i)
      value += f.a[i] * std::exp(-f.b[i] * stol2);
    power += std::abs(batch.atoms[j].occupancy * value);
  }
  return power * batch.centring[crystal] * (batch.centrosymmetric[crystal] ? 2 : 1);
}

CrystalBatch varied_crystals() {
  CrystalBatch batch;
  std::uint32_t seed = 100;
  for (const double scale : {1.0, 1.6}) {
    for (const CrystalGroup& group : varied_groups(scale)) {
      for (const int atoms : {1, 2, 7, 8, 9, 17, 40})
        add_crystal(batch, group, atoms, seed++);
    }
  }
  return batch;
}

// From nothing to a thousand reflections, from no atom to 300.
CrystalBatch very_different_crystals() {
  CrystalBatch batch;
  add_crystal(batch, group_named("Fm-3m", 0.05), 3, 1);
  add_crystal(batch, group_named("P-1", 1.3), 300, 2);
  add_crystal(batch, group_named("Pnma"), 0, 3);
  add_crystal(batch, group_named("Fm-3m"), 1, 4);
  add_crystal(batch, group_named("P1", 1.4), 33, 5);
  add_crystal(batch, group_named("P63/mmc", 1.2), 64, 6);
  add_crystal(batch, group_named("R-3c:R", 1.3), 12, 7);
  add_crystal(batch, group_named("Fm-3m", 0.05), 3, 8);
  add_crystal(batch, group_named("R-3c:H"), 31, 9);
  return batch;
}

void expect_same_reflections(const HostReflections& got, const HostReflections& expected) {
  ASSERT_EQ(got.offset, expected.offset);
  ASSERT_EQ(got.miller, expected.miller);
  EXPECT_EQ(got.metric, expected.metric);
  ASSERT_EQ(got.laue.size(), expected.laue.size());
  for (std::size_t i = 0; i < got.laue.size(); ++i) {
    EXPECT_EQ(got.laue[i].count, expected.laue[i].count) << i;
    EXPECT_EQ(got.laue[i].rotation, expected.laue[i].rotation) << i;
  }
}

// Two or three table entries of 2e-7 each and their products: |F| is off by less than 1e-6 of the scattering
// power, and coordinates are rounded to 2^-32.
void expect_agreement(Backend& backend, const ReflectionProblem& problem, const CrystalBatch& batch) {
  const auto reference = make_backend({"reference", 0, ""});
  const auto expected = download(*reference, reference->structure_factors(problem, batch));
  const auto got = download(backend, backend.structure_factors(problem, batch));
  expect_same_reflections(got, expected);
  std::vector<double> bounds, stated;
  for (std::size_t crystal = 0; crystal < batch.metric.size(); ++crystal) {
    double strongest = 0;
    for (auto i = expected.offset[crystal]; i < expected.offset[crystal + 1]; ++i) {
      const Miller& m = expected.miller[i];
      const double power =
          scattering_power(batch, crystal, inverse_d_squared(batch.metric[crystal], m.h, m.k, m.l) / 4);
      const double phase = 1e-6 + 2 * M_PI * 0x1p-33 * (std::abs(m.h) + std::abs(m.k) + std::abs(m.l));
      bounds.push_back((2 * std::sqrt(expected.f2[i]) + phase * power) * phase * power);
      strongest = std::max(strongest, expected.f2[i]);
    }
    stated.resize(bounds.size(), 1e-4 * strongest);
  }
  EXPECT_TRUE(within(got.f2, expected.f2, bounds));
  EXPECT_TRUE(within(got.f2, expected.f2, stated));
}

TEST_P(StructureFactorsOnDevice, AgreeWithReference) {
  expect_agreement(*backend, {0.05, 0.46, false}, varied_crystals());
}

TEST_P(StructureFactorsOnDevice, VeryDifferentSizesInOneBatch) {
  expect_agreement(*backend, {0, 0.46, false}, very_different_crystals());
  expect_agreement(*backend, {0.1, 0.4, true}, very_different_crystals());
}

// 8000 A: within a few hundred reflections l goes from 0 to 4000 and back.
TEST_P(StructureFactorsOnDevice, ALongAxis) {
  CrystalGroup group = group_named("P1");
  group.metric = {0.25, 0.25, 1 / 64e6, 0, 0, 0};
  CrystalBatch batch;
  add_crystal(batch, group, 5, 11);
  expect_agreement(*backend, {std::sqrt(0.49) / 2, std::sqrt(0.5001) / 2, false}, batch);
}

TEST_P(StructureFactorsOnDevice, SameBitsEveryTime) {
  const CrystalBatch batch = very_different_crystals();
  const auto run = [&] { return download(*backend, backend->structure_factors({0, 0.4, false}, batch)); };
  const HostReflections once = run(), again = run();
  expect_same_reflections(again, once);
  EXPECT_TRUE(identical(again.f2, once.f2));
}

TEST(StructureFactorsOnTheCpu, SameBitsForAnyNumberOfThreads) {
  const CrystalBatch batch = varied_crystals();
  HostReflections expected;
  for (const int threads : {1, 2, 3, 5}) {
    const auto backend = make_backend({"cpu", threads, ""});
    const auto got = download(*backend, backend->structure_factors({0, 0.46, false}, batch));
    if (threads == 1) {
      expected = got;
      continue;
    }
    EXPECT_EQ(got.miller, expected.miller);
    EXPECT_TRUE(identical(got.f2, expected.f2)) << threads;
  }
}

}  // namespace
}  // namespace bragg::tests
