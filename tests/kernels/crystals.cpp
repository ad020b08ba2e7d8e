#include "tests/kernels/crystals.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/crystal/pattern_parameters.h"
#include "kernels/ops/render_patterns.h"
#include "kernels/ops/sample_patterns.h"
#include "kernels/ops/step_state.h"

namespace bragg::tests {
namespace {

using Rotation = std::array<std::int8_t, 9>;
using Translation = std::array<std::int8_t, 3>;

constexpr Rotation identity{1, 0, 0, 0, 1, 0, 0, 0, 1}, inversion{-1, 0, 0, 0, -1, 0, 0, 0, -1};
constexpr Rotation two_y{-1, 0, 0, 0, 1, 0, 0, 0, -1}, two_z{-1, 0, 0, 0, -1, 0, 0, 0, 1};
constexpr Rotation mirror_x{-1, 0, 0, 0, 1, 0, 0, 0, 1};
constexpr Rotation four_z{0, -1, 0, 1, 0, 0, 0, 0, 1}, three_111{0, 0, 1, 1, 0, 0, 0, 1, 0};
constexpr Rotation three_z{0, -1, 0, 1, -1, 0, 0, 0, 1}, six_z{1, -1, 0, 1, 0, 0, 0, 0, 1};
constexpr Rotation two_xy{0, 1, 0, 1, 0, 0, 0, 0, -1}, mirror_xy{0, 1, 0, 1, 0, 0, 0, 0, 1};
constexpr Translation none{};
constexpr SymmetryOperator body{identity, {12, 12, 12}}, a_face{identity, {0, 12, 12}},
    b_face{identity, {12, 0, 12}}, c_face{identity, {12, 12, 0}}, obverse{identity, {16, 8, 8}};

// 1/d^2 of a cell, edges in A, angles in degrees (International Tables B, 1.1.3).
ReciprocalMetric metric_of(double a, double b, double c, double alpha, double beta, double gamma) {
  const auto cosine = [](double angle) {
    return angle == 90 ? 0.0 : std::cos(angle * std::numbers::pi / 180);
  };
  const double aa = a * a, bb = b * b, cc = c * c;
  const double bc = b * c * cosine(alpha), ac = a * c * cosine(beta), ab = a * b * cosine(gamma);
  const double volume2 = aa * bb * cc + 2 * bc * ac * ab - aa * bc * bc - bb * ac * ac - cc * ab * ab;
  return {(bb * cc - bc * bc) / volume2,     (aa * cc - ac * ac) / volume2,
          (aa * bb - ab * ab) / volume2,     2 * (ab * ac - aa * bc) / volume2,
          2 * (ab * bc - bb * ac) / volume2, 2 * (ac * bc - cc * ab) / volume2};
}

struct Uniform {
  std::uint32_t seed, call = 0;
  double operator()() { return uniform01(random_call(seed, RandomStream::test, call++, 0, 0)[0]); }
};

}  // namespace

std::vector<SymmetryOperator> closed(const std::vector<SymmetryOperator>& generators) {
  std::vector<SymmetryOperator> group{{identity, none}};
  for (std::size_t i = 0; i < group.size(); ++i) {
    for (const SymmetryOperator& g : generators) {
      SymmetryOperator product{};
      for (int row = 0; row < 3; ++row) {
        int t = g.translation[row];
        for (int j = 0; j < 3; ++j) {
          t += g.rotation[3 * row + j] * group[i].translation[j];
          for (int column = 0; column < 3; ++column) {
            product.rotation[3 * row + column] += g.rotation[3 * row + j] * group[i].rotation[3 * j + column];
          }
        }
        product.translation[row] = static_cast<std::int8_t>((t % 24 + 24) % 24);
      }
      if (std::find(group.begin(), group.end(), product) == group.end()) group.push_back(product);
    }
  }
  return group;
}

std::vector<CrystalGroup> varied_groups(double s) {
  const auto cubic = metric_of(5.64 * s, 5.64 * s, 5.64 * s, 90, 90, 90);
  const auto tetragonal = metric_of(4.6 * s, 4.6 * s, 7.3 * s, 90, 90, 90);
  const auto orthorhombic = metric_of(5.1 * s, 6.3 * s, 8.7 * s, 90, 90, 90);
  const auto monoclinic = metric_of(5.3 * s, 7.1 * s, 6.2 * s, 90, 103.7, 90);
  const auto triclinic = metric_of(5.2 * s, 6.1 * s, 7.4 * s, 84.1, 101.3, 96.6);
  const auto hexagonal = metric_of(4.9 * s, 4.9 * s, 8.3 * s, 90, 90, 120);
  const auto rhombohedral = metric_of(5.7 * s, 5.7 * s, 5.7 * s, 62.3, 62.3, 62.3);
  return {
      {"P1", closed({}), triclinic, 1},
      {"P-1", closed({{inversion, none}}), triclinic, 1},
      {"P21", closed({{two_y, {0, 12, 0}}}), monoclinic, 1},
      {"P21/c", closed({{two_y, {0, 12, 12}}, {inversion, none}}), monoclinic, 1},
      {"C2/c", closed({{two_y, {0, 0, 12}}, {inversion, none}, c_face}), monoclinic, 2},
      {"P212121", closed({{two_z, {12, 0, 12}}, {two_y, {0, 12, 12}}}), orthorhombic, 1},
      {"Pnma", closed({{two_z, {12, 0, 12}}, {two_y, {0, 12, 0}}, {inversion, none}}), orthorhombic, 1},
      {"Fdd2", closed({{two_z, none}, {mirror_x, {6, 6, 6}}, a_face, b_face}), orthorhombic, 4},
      {"P41", closed({{four_z, {0, 0, 6}}}), tetragonal, 1},
      {"I41/amd:2", closed({{four_z, {6, 18, 6}}, {two_y, {12, 0, 12}}, {inversion, none}, body}), tetragonal,
       2},
      {"R-3c:H", closed({{three_z, none}, {two_xy, {0, 0, 12}}, {inversion, none}, obverse}), hexagonal, 3},
      {"R-3c:R",
       closed({{three_111, none}, {{0, -1, 0, -1, 0, 0, 0, 0, -1}, {12, 12, 12}}, {inversion, none}}),
       rhombohedral, 1},
      {"P3121", closed({{three_z, {0, 0, 8}}, {two_xy, none}}), hexagonal, 1},
      {"P63/mmc", closed({{six_z, {0, 0, 12}}, {two_xy, none}, {inversion, none}}), hexagonal, 1},
      {"P63mc", closed({{six_z, {0, 0, 12}}, {mirror_xy, {0, 0, 12}}}), hexagonal, 1},
      {"Pa-3", closed({{two_z, {12, 0, 12}}, {two_y, {0, 12, 12}}, {three_111, none}, {inversion, none}}),
       cubic, 1},
      {"Fm-3m",
       closed({{two_z, none},
               {two_y, none},
               {three_111, none},
               {mirror_xy, none},
               {inversion, none},
               a_face,
               b_face}),
       cubic, 4},
      {"Fd-3m:2",
       closed({{two_z, {18, 6, 12}},
               {two_y, {6, 12, 18}},
               {three_111, none},
               {two_xy, {18, 6, 12}},
               {inversion, none},
               a_face,
               b_face}),
       cubic, 4},
  };
}

void add_crystal(CrystalBatch& batch, const CrystalGroup& group, int atoms, std::uint32_t seed) {
  Uniform uniform{seed};
  // Si, O and Cs of International Tables C, 6.1.1.4.
  if (batch.form_factors.empty()) {
    batch.form_factors = {
        {{6.2915f, 3.0353f, 1.9891f, 1.541f}, {2.4386f, 32.3337f, 0.6785f, 81.6937f}, 1.1407f},
        {{3.0485f, 2.2868f, 1.5463f, 0.867f}, {13.2771f, 5.7011f, 0.3239f, 32.9089f}, 0.2508f},
        {{20.3892f, 19.1062f, 10.662f, 1.4953f}, {3.569f, 0.3107f, 24.3879f, 213.904f}, 3.3352f}};
  }
  const SymmetryOperator origin{inversion, none};
  const double style =
      uniform();  // of the displacements: none, few classes, a value for each atom, tensors too
  batch.metric.push_back(group.metric);
  batch.centrosymmetric.push_back(std::find(group.operators.begin(), group.operators.end(), origin) !=
                                  group.operators.end());
  batch.centring.push_back(static_cast<std::uint8_t>(group.centring));
  for (int j = 0; j < atoms; ++j) {
    ScatteringAtom atom{uniform(), uniform(), uniform(), 1, static_cast<std::int32_t>(3 * uniform()), 0, -1};
    if (uniform() < 0.2) atom.occupancy = static_cast<float>(uniform());
    if (style > 0.25) atom.u_iso = uniform() < 0.5 ? 0.01f : 0.02f;
    if (style > 0.5) atom.u_iso = static_cast<float>(0.04 * uniform());
    if (style > 0.75 && uniform() < 0.5) {
      atom.anisotropic = static_cast<std::int32_t>(batch.beta.size());
      std::array<float, 6> b{};
      const double u = 0.02 + 0.02 * uniform();
      for (int i = 0; i < 6; ++i) {
        b[i] = static_cast<float>(2 * std::numbers::pi * std::numbers::pi * u * group.metric[i]);
        if (i < 3) b[i] *= static_cast<float>(0.8 + 0.4 * uniform());
      }
      batch.beta.push_back(b);
    }
    batch.atoms.push_back(atom);
  }
  batch.atom_offset.push_back(batch.atoms.size());
  batch.operators.insert(batch.operators.end(), group.operators.begin(), group.operators.end());
  batch.operator_offset.push_back(batch.operators.size());
}

CrystalBatch point_crystal(const CrystalGroup& group, const std::vector<PointAtom>& atoms) {
  CrystalBatch batch;
  add_crystal(batch, group, 0, 0);
  batch.form_factors.clear();
  for (const PointAtom& atom : atoms) {
    const auto index = static_cast<std::int32_t>(batch.form_factors.size());
    batch.form_factors.push_back({{}, {}, atom.c});
    batch.atoms.push_back({atom.x, atom.y, atom.z, 1, index, 0, -1});
  }
  batch.atom_offset.back() = batch.atoms.size();
  return batch;
}

HostReflections download(Backend& backend, const ReflectionSet& set) {
  HostReflections host;
  const auto n = static_cast<std::size_t>(set.reflections), crystals = static_cast<std::size_t>(set.crystals);
  host.offset.resize(crystals + 1);
  host.metric.resize(crystals);
  host.miller.resize(n);
  host.laue.resize(crystals);
  backend.download(set.laue.data(), host.laue.data(), crystals * sizeof(LaueRotations));
  host.f2.resize(n);
  backend.download(set.offset.data(), host.offset.data(), (crystals + 1) * sizeof(std::uint64_t));
  backend.download(set.metric.data(), host.metric.data(), crystals * sizeof(ReciprocalMetric));
  backend.download(set.miller.data(), host.miller.data(), n * sizeof(Miller));
  if (backend.precise_type() == DType::f64) {
    backend.download(set.f2.data(), host.f2.data(), n * sizeof(double));
  } else {
    std::vector<float> f2(n);
    backend.download(set.f2.data(), f2.data(), n * sizeof(float));
    std::copy(f2.begin(), f2.end(), host.f2.begin());
  }
  return host;
}

ReflectionSet upload(Backend& backend, const HostReflections& host) {
  const auto copy = [&](const auto& values) {
    const std::size_t bytes = values.size() * sizeof values[0];
    Buffer buffer = backend.allocate(bytes);
    backend.upload(values.data(), buffer.data(), bytes);
    return buffer;
  };
  const std::vector<float> single(host.f2.begin(), host.f2.end());
  return {static_cast<std::int64_t>(host.metric.size()),
          static_cast<std::int64_t>(host.miller.size()),
          copy(host.offset),
          copy(host.metric),
          copy(host.miller),
          backend.precise_type() == DType::f64 ? copy(host.f2) : copy(single),
          copy(host.laue)};
}

std::vector<PatternParameters> sample(Backend& backend, PatternSampling p, std::int64_t N,
                                      std::uint64_t first_index) {
  p.N = N;
  constexpr std::size_t guard = 64;
  const std::size_t bytes = static_cast<std::size_t>(N) * sizeof(PatternParameters);
  std::vector<std::byte> host(bytes + 2 * guard, std::byte{0x5A});
  const Buffer memory = backend.allocate(host.size()), state = backend.allocate(sizeof(StepState));
  const StepState place{0, first_index};
  backend.upload(host.data(), memory.data(), host.size());
  backend.upload(&place, state.data(), sizeof place);
  backend.reserve_workspace(backend.workspace_bytes(SamplePatterns{p}));
  backend.run(SamplePatterns{p, {state.data(), DType::u64}, {memory.data() + guard, DType::u8}});
  backend.download(memory.data(), host.data(), host.size());
  const auto intact = [](std::byte b) { return b == std::byte{0x5A}; };
  EXPECT_TRUE(std::all_of(host.begin(), host.begin() + guard, intact) &&
              std::all_of(host.end() - guard, host.end(), intact))
      << "sample_patterns wrote outside its records";
  std::vector<PatternParameters> sampled(static_cast<std::size_t>(N));
  if (N > 0) std::memcpy(sampled.data(), host.data() + guard, bytes);
  return sampled;
}

std::vector<double> render(Backend& backend, const SampledPatterns& problem, const ReflectionSet& set,
                           const std::vector<std::int32_t>& crystals, std::uint64_t first_index,
                           const std::vector<std::int32_t>& impurities) {
  PatternProblem p = problem;
  p.impurities = problem.sampling().samples_impurities();
  const auto parameters =
      sample(backend, problem.sampling(), static_cast<std::int64_t>(crystals.size()), first_index);
  return render_given(backend, p, set, crystals, parameters, impurities, first_index % 2 == 0);
}

std::vector<double> render_given(Backend& backend, PatternProblem p, const ReflectionSet& set,
                                 const std::vector<std::int32_t>& crystals,
                                 const std::vector<PatternParameters>& parameters,
                                 const std::vector<std::int32_t>& impurities, bool aligned) {
  // Rows as they may lie, or as they are read fastest.
  const std::int64_t points = p.points(), guard = aligned ? 64 : 37,
                     stride = aligned ? (points + 16) / 16 * 16 : points + 3;
  p.N = static_cast<std::int64_t>(crystals.size());
  const DType type = backend.element_type();
  const std::size_t element = size_of(type);
  const std::size_t count = 2 * guard + p.N * stride;
  std::vector<std::byte> host(count * element, std::byte{0x5A});
  Buffer memory = backend.allocate(count * element);
  Buffer rows = backend.allocate(p.N * sizeof(std::int32_t) + 4),
         others = backend.allocate(impurities.size() * sizeof(std::int32_t) + 4),
         records = backend.allocate(parameters.size() * sizeof(PatternParameters) + 8);
  backend.upload(host.data(), memory.data(), host.size());
  backend.upload(crystals.data(), rows.data(), p.N * sizeof(std::int32_t));
  backend.upload(impurities.data(), others.data(), impurities.size() * sizeof(std::int32_t));
  backend.upload(parameters.data(), records.data(), parameters.size() * sizeof(PatternParameters));
  backend.reserve_workspace(backend.workspace_bytes(RenderPatterns{p}));
  const Activations dst{memory.data() + guard * element, type, p.N, points, 1, stride};
  backend.run(RenderPatterns{p,
                             &set,
                             {rows.data(), DType::i32},
                             {impurities.empty() ? nullptr : others.data(), DType::i32},
                             {records.data(), DType::u8},
                             dst});
  backend.download(memory.data(), host.data(), host.size());

  std::vector<double> patterns;
  for (std::size_t i = 0; i < count; ++i) {
    const auto place_in_row = (static_cast<std::int64_t>(i) - guard) % stride;
    const bool inside = static_cast<std::int64_t>(i) >= guard && i + guard < count && place_in_row < points;
    const std::byte* at = host.data() + i * element;
    if (!inside) {
      const bool intact = std::all_of(at, at + element, [](std::byte b) { return b == std::byte{0x5A}; });
      EXPECT_TRUE(intact) << "render_patterns wrote outside its rows, element " << i;
      continue;
    }
    double value = 0;
    float single = 0;
    if (type == DType::f64) {
      std::memcpy(&value, at, sizeof value);
    } else {
      BFloat16 rounded{};
      std::memcpy(type == DType::bf16 ? static_cast<void*>(&rounded) : &single, at, element);
      value = type == DType::bf16 ? to_float(rounded) : single;
    }
    patterns.push_back(value);
  }
  return patterns;
}

std::vector<DeviceOptions> crystal_devices() {
  std::vector<DeviceOptions> devices;
  if (!is_emulated()) devices.push_back({"reference", 0, ""});
  for (const DeviceOptions& device : devices_under_test()) {
    if (device.precision == "fp32") devices.push_back(device);
  }
  return devices;
}

std::vector<DeviceOptions> cpu_devices(int threads) {
  std::vector<DeviceOptions> devices{{"reference", 0, ""}};
  for (const char* set : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    try {
      const DeviceOptions options{"cpu", threads, set};
      make_backend(options);
      devices.push_back(options);
    } catch (const UsageError&) {
      // this machine does not have it
    }
  }
  return devices;
}

}  // namespace bragg::tests
