#include "tests/kernels/refine_cases.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "kernels/crystal/refinement_model.h"

namespace bragg::tests {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

QuadraticForm grown(const std::array<double, 6>& metric) {
  QuadraticForm form;
  std::transform(metric.begin(), metric.end(), form.begin(),
                 [](double g) { return static_cast<float>(-2 * g); });
  return form;
}

/// Of the lines that symmetry makes one, one.
bool is_representative(int strains, int h, int k, int l) {
  switch (strains) {
    case 1:
      return h >= k && k >= l && l >= 0;
    case 2:
      return h >= k && k >= 0 && l >= 0;
    case 3:
      return h >= 0 && k >= 0 && l >= 0;
    case 4:
      return k >= 0 && (h > 0 || (h == 0 && l >= 0));
    default:
      return h > 0 || (h == 0 && (k > 0 || (k == 0 && l >= 0)));
  }
}

double q_of(const RefinedStructure& structure, const RefinedLine& line) {
  return line_forms<double>(structure, line).q;
}

/// Appends `count` numbers that stand at `from` of the same vector.
void append_own(std::vector<float>& numbers, std::int64_t from, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    numbers.push_back(numbers[index(from + i)]);
}

constexpr RefinedPattern chromium{.start = 8.3,
                                  .step = 0.05,
                                  .wavelength = {2.28976f, 2.29366f},
                                  .second_share = 0.5f,
                                  .noise = 0.5f,
                                  .first = 0,
                                  .end = 1501};

}  // namespace

RefinedStructure structure_with(int strains) {
  RefinedStructure s{};
  s.strains = strains;
  constexpr float a = 1.0f / 32, b = 3.0f / 128, c = 5.0f / 256;
  switch (strains) {
    case 1:
      s.metric = {b, b, b, 0, 0, 0};
      break;
    case 2:  // hexagonal
      s.metric = {a, a, c, 0, 0, a};
      s.strain[1] = s.texture[0] = {a, a, -2 * c, 0, 0, a};
      break;
    case 3:
      s.metric = {a, b, c, 0, 0, 0};
      break;
    case 4:
      s.metric = {a, b, c, 0, a / 4, 0};
      s.strain[3] = s.texture[2] = {0, 0, 0, 0, b, 0};
      break;
    default:
      s.metric = {a, b, c, b / 4, a / 8, -c / 4};
      s.strain[3] = s.texture[2] = {0, 0, 0, b, 0, 0};
      s.strain[4] = s.texture[3] = {0, 0, 0, 0, b, 0};
      s.strain[5] = s.texture[4] = {0, 0, 0, 0, 0, b};
      break;
  }
  s.strain[0] = grown(s.metric);
  if (strains >= 3) {
    s.strain[1] = s.texture[0] = {a, -b, 0, 0, 0, 0};
    s.strain[2] = s.texture[1] = {a, b, -2 * c, 0, 0, 0};
  }
  return s;
}

RefinedStructure structure_with_axis(int strains) {
  RefinedStructure s = structure_with(strains);
  TextureAxes images{.count = 2, .axis = {{1, 0, 2}, {1, 0, -2}}};
  if (strains == 1) images = {.count = 4, .axis = {{1, 1, 1}, {-1, 1, 1}, {1, -1, 1}, {1, 1, -1}}};
  if (strains == 2) images = {.count = 1, .axis = {{0, 0, 1}}};
  s.march = axis_cosines(images, s.metric);
  return s;
}

void RefineInput::add_pattern(RefinedPattern of) {
  pattern.push_back(of);
  problem.patterns = std::ssize(pattern);
  for (std::int64_t i = 0; i < problem.points; ++i) {
    const bool is_measured = i >= of.first && i < of.end;
    y.push_back(is_measured ? 0.0f : 1e4f);
    weight.push_back(is_measured ? 1.0f : 1e4f);
  }
}

void RefineInput::add_structure(int strains, LineRange range, std::uint32_t seed) {
  add_structure(structure_with(strains), range, seed);
}

void RefineInput::add_structure(const RefinedStructure& of, LineRange range, std::uint32_t seed) {
  RefinedStructure added = of;
  std::vector<RefinedLine> lines;
  constexpr int most = 12;
  for (int h = -most; h <= most; ++h)
    for (int k = -most; k <= most; ++k)
      for (int l = -most; l <= most; ++l) {
        RefinedLine one{static_cast<std::int16_t>(h), static_cast<std::int16_t>(k),
                        static_cast<std::int16_t>(l), 0, 0};
        if ((h == 0 && k == 0 && l == 0) || !is_representative(of.strains, h, k, l)) continue;
        const double q = q_of(of, one);
        if (q >= range.q_low && q < range.q_high) lines.push_back(one);
      }
  std::stable_sort(lines.begin(), lines.end(), [&](const RefinedLine& one, const RefinedLine& other) {
    return q_of(of, one) < q_of(of, other);
  });
  std::vector<std::size_t> by_strength(lines.size());
  std::iota(by_strength.begin(), by_strength.end(), std::size_t{0});
  for (std::size_t i = 0; i < lines.size(); ++i)
    lines[i].area = 0.1f + 0.9f * uniform01(word(seed, static_cast<std::int64_t>(i)));
  std::stable_sort(by_strength.begin(), by_strength.end(),
                   [&](std::size_t one, std::size_t other) { return lines[one].area > lines[other].area; });
  for (std::size_t i = 0; i < lines.size(); ++i)
    lines[by_strength[i]].rank = static_cast<std::uint16_t>(i);
  added.first_line = static_cast<std::int32_t>(line.size());
  added.lines = static_cast<std::int32_t>(lines.size());
  line.insert(line.end(), lines.begin(), lines.end());
  structure.push_back(added);
  problem.structures = std::ssize(structure);
  problem.lines = std::ssize(line);
  problem.lines_per_phase = std::max(problem.lines_per_phase, std::ssize(lines));
}

void RefineInput::add_model(std::int32_t of_pattern, const std::vector<std::int32_t>& structures) {
  model_pattern.push_back(of_pattern);
  parameters.insert(parameters.end(), index(problem.shared()), 0.0f);
  for (const std::int32_t s : structures) {
    phase_structure.push_back(s);
    const std::vector<float> plain = plain_phase();
    parameters.insert(parameters.end(), plain.begin(), plain.end());
  }
  prior = parameters;
  phase_offset.push_back(static_cast<std::int32_t>(phase_structure.size()));
  problem.models = std::ssize(model_pattern);
  problem.phases = std::ssize(phase_structure);
  problem.phases_per_model = std::max(problem.phases_per_model, std::ssize(structures));
}

void RefineInput::add_copy_of(std::int64_t model) {
  const std::int64_t from = parameters_at(model), count = parameters_of(model);
  model_pattern.push_back(model_pattern[index(model)]);
  for (std::int32_t phase = phase_offset[index(model)]; phase < phase_offset[index(model + 1)]; ++phase)
    phase_structure.push_back(phase_structure[index(phase)]);
  append_own(parameters, from, count);
  append_own(prior, from, count);
  phase_offset.push_back(static_cast<std::int32_t>(phase_structure.size()));
  problem.models = std::ssize(model_pattern);
  problem.phases = std::ssize(phase_structure);
}

std::int64_t RefineInput::parameters_at(std::int64_t model) const {
  return model * problem.shared() + std::int64_t{phase_offset[index(model)]} * phase_parameters;
}
std::int64_t RefineInput::phase_at(std::int64_t model, std::int64_t phase) const {
  return parameters_at(model) + problem.shared() + phase * phase_parameters;
}
std::int64_t RefineInput::phases_of(std::int64_t model) const {
  return phase_offset[index(model + 1)] - phase_offset[index(model)];
}
std::int64_t RefineInput::parameters_of(std::int64_t model) const {
  return problem.shared() + phases_of(model) * phase_parameters;
}
float& RefineInput::shared(std::int64_t model, std::int64_t which) {
  return parameters[index(parameters_at(model) + which)];
}
float& RefineInput::own(std::int64_t model, std::int64_t phase, int which) {
  return parameters[index(phase_at(model, phase) + which)];
}

const RefinedStructure& RefineInput::structure_of(std::int64_t model, std::int64_t phase) const {
  return structure[index(phase_structure[index(phase_offset[index(model)] + phase)])];
}

RefinedKind RefineInput::kind_of(std::int64_t model, std::int64_t parameter) const {
  if (parameter < shared_parameters) return parameter == 0 ? RefinedKind::zero : RefinedKind::displacement;
  if (parameter < problem.shared()) return RefinedKind::background;
  const std::int64_t phase = (parameter - problem.shared()) / phase_parameters;
  return static_cast<RefinedKind>(
      kind_of_phase_parameter(static_cast<int>((parameter - problem.shared()) % phase_parameters),
                              structure_of(model, phase).freedom()));
}

void RefineInput::free_all() {
  for (RefinedRule& rule : problem.rule)
    rule.is_free = true;
  problem.rule_of(RefinedKind::lorentz_share).low = 0;
  problem.rule_of(RefinedKind::lorentz_share).high = 1;
}

void RefineInput::free_only(const std::vector<RefinedKind>& kinds) {
  free_all();
  for (RefinedRule& rule : problem.rule)
    rule.is_free = false;
  for (const RefinedKind kind : kinds)
    problem.rule_of(kind).is_free = true;
}

std::vector<float> plain_phase() {
  std::vector<float> plain(phase_parameters, 0.0f);
  plain[scale_at] = 1;
  plain[ln_fwhm_at] = -1.375f;
  plain[lorentz_share_at] = 0.5f;
  return plain;
}

RefineResult run(Backend& backend, const RefineInput& input, const std::function<void(Refine&)>& change) {
  const RefineProblem& p = input.problem;
  const std::int64_t size = p.parameters_per_model();
  const auto of_nobody = std::numeric_limits<float>::quiet_NaN();
  const Buffer y = uploaded(backend, input.y), weight = uploaded(backend, input.weight),
               pattern = uploaded(backend, input.pattern), structure = uploaded(backend, input.structure),
               line = uploaded(backend, input.line), model_pattern = uploaded(backend, input.model_pattern),
               phase_offset = uploaded(backend, input.phase_offset),
               phase_structure = uploaded(backend, input.phase_structure),
               prior = uploaded(backend, input.prior), parameters = uploaded(backend, input.parameters);
  const std::int64_t figures_count = p.models * refined_figures, points = p.models * p.points,
                     curvature_count = p.models * size * size;
  const Buffer figures = uploaded(backend, std::vector<float>(index(figures_count), of_nobody)),
               calculated = uploaded(backend, std::vector<float>(index(points), of_nobody)),
               curvature = uploaded(backend, std::vector<double>(index(curvature_count), double{of_nobody}));
  Refine op{.problem = p,
            .y = {y.data(), DType::f32},
            .weight = {weight.data(), DType::f32},
            .pattern = {pattern.data(), DType::u8},
            .structure = {structure.data(), DType::u8},
            .line = {line.data(), DType::u8},
            .model_pattern = {model_pattern.data(), DType::i32},
            .phase_offset = {phase_offset.data(), DType::i32},
            .phase_structure = {phase_structure.data(), DType::i32},
            .prior = {prior.data(), DType::f32},
            .parameters = {parameters.data(), DType::f32},
            .figures = {figures.data(), DType::f32},
            .calculated = {calculated.data(), DType::f32},
            .curvature = {curvature.data(), DType::f64}};
  if (change) change(op);
  backend.reserve_workspace(backend.workspace_bytes(op));
  backend.run(op);
  return {.parameters = downloaded<float>(backend, parameters, p.parameters()),
          .calculated = downloaded<float>(backend, calculated, points),
          .figures = downloaded<RefinedFigures>(backend, figures, p.models),
          .curvature = downloaded<double>(backend, curvature, curvature_count)};
}

std::vector<double> calculated_of(const RefineInput& input, const RefineResult& result, std::int64_t model) {
  const auto begin = result.calculated.begin() + model * input.problem.points;
  return {begin, begin + input.problem.points};
}

std::vector<double> curvature_of(const RefineInput& input, const RefineResult& result, std::int64_t model) {
  const std::int64_t size = input.problem.parameters_per_model(), count = input.parameters_of(model);
  std::vector<double> matrix;
  for (std::int64_t row = 0; row < count; ++row) {
    const auto begin = result.curvature.begin() + (model * size + row) * size;
    matrix.insert(matrix.end(), begin, begin + count);
  }
  return matrix;
}

RefinedPattern copper(std::int32_t first, std::int32_t end, double start, double step, bool is_doublet) {
  return {.start = start,
          .step = step,
          .wavelength = {1.54059f, 1.54443f},
          .second_share = is_doublet ? 0.5f : 0.0f,
          .noise = 1,
          .first = first,
          .end = end};
}

RefineInput mixed_models(std::int64_t terms) {
  RefineInput input;
  input.problem.points = 1501;
  input.problem.terms = terms;
  input.problem.linear_start = false;
  input.problem.blur = 0.1;
  for (const std::pair<std::int32_t, std::int32_t>& window :
       {std::pair{0, 1501}, {333, 1200}, {1490, 1500}, {17, 18}, {700, 702}, {40, 40}}) {
    RefinedPattern pattern = chromium;
    std::tie(pattern.first, pattern.end) = window;
    if (window.first == 333) pattern.second_share = 0;
    input.add_pattern(pattern);
  }
  for (const int strains : {1, 2, 3, 4, 6})
    input.add_structure(strains, {0, 0.8}, 60 + static_cast<std::uint32_t>(strains));
  input.add_structure(3, {5, 5}, 1);    // no lines
  input.add_structure(3, {1.2, 2}, 1);  // none that is reached
  input.add_model(0, {0});
  input.add_model(0, {1, 2});
  input.add_model(1, {4, 3, 0, 5});
  input.add_model(0, {});
  input.add_model(1, {});
  input.add_model(2, {4});
  input.add_model(3, {1, 0});
  input.add_model(4, {3, 1});
  input.add_model(5, {2});
  input.add_model(0, {5});
  input.add_model(1, {6, 6});
  for (const int strains : {1, 2, 6})
    input.add_structure(structure_with_axis(strains), {0, 0.8}, 80 + static_cast<std::uint32_t>(strains));
  input.add_model(0, {7});
  input.add_model(1, {8, 4, 9});
  input.add_model(2, {9});
  input.free_all();
  auto uniform = [n = 0](double low, double high) mutable {
    return static_cast<float>(low + (high - low) * uniform01(word(77, n++)));
  };
  for (std::int64_t m = 0; m < input.problem.models; ++m) {
    input.shared(m, 0) = 0x1p-6f;
    input.shared(m, 1) = uniform(-0.05, 0.05);
    for (std::int64_t t = 0; t < input.problem.terms; ++t)
      input.shared(m, shared_parameters + t) = uniform(-3, 3);
    for (std::int64_t n = 0; n < input.phases_of(m); ++n) {
      input.own(m, n, scale_at) = uniform(0.5, 3);
      for (int j = 0; j < most_strains; ++j)
        input.own(m, n, strain_at + j) = uniform(-0.004, 0.004);
      for (int j = 0; j < most_textures; ++j)
        input.own(m, n, texture_at + j) = uniform(-0.3, 0.3);
      input.own(m, n, damping_at) = uniform(-0.5, 2);
      input.own(m, n, ln_fwhm_at) = uniform(-2, -0.7);
      input.own(m, n, fwhm_slope_at) = uniform(-0.2, 0.5);
      input.own(m, n, lorentz_share_at) = n == 0 ? uniform(0, 1) : 0.0f;
    }
  }
  return input;
}

void measure_patterns(Backend& reference, RefineInput& input) {
  RefineInput drawn = input;
  drawn.free_only({});
  const RefineResult result = run(reference, drawn);
  for (std::int64_t m = 0; m < input.problem.models; ++m) {
    const RefinedPattern& pattern = input.pattern[index(input.model_pattern[index(m)])];
    const std::vector<double> calculated = calculated_of(input, result, m);
    for (std::int32_t i = pattern.first; i < pattern.end; ++i) {
      const auto at = index(input.model_pattern[index(m)] * input.problem.points + i);
      const float u = uniform01(word(5, static_cast<std::int64_t>(at)));
      input.y[at] = static_cast<float>(calculated[index(i)]) * (0.9f + 0.2f * u) + 3 * u - 1.5f;
      input.weight[at] = i % 13 == 5 ? 0.0f : 0.3f + u;
    }
  }
}

std::string name_of(RefinedKind kind) {
  constexpr std::array<const char*, refined_kinds> names{
      "zero",    "displacement", "background", "scale",   "growth",     "strain",
      "texture", "march",        "damping",    "ln_fwhm", "fwhm_slope", "lorentz_share"};
  return static_cast<int>(kind) < 0 ? "none" : names[static_cast<std::size_t>(kind)];
}

}  // namespace bragg::tests
