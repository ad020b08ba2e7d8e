// How long op refine takes for many models at once: structures of random cells and areas on a pattern of one of them. No data is
// needed.
//
//   bench_refine [--device cuda] [--threads N] [--models 1000] [--points 850 4250] [--lines 700] [--iterations 10]
//       microseconds a model, of all of them in one call: the call as a whole, the median of five
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "kernels/backend.h"
#include "kernels/base/random.h"
#include "kernels/ops/refine.h"

namespace {

using namespace bragg;

struct Options {
  std::string device = "cpu";
  int threads = 0;
  std::int64_t models = 1000, lines = 700, iterations = 10;
  std::vector<std::int64_t> points{850, 4250};
};

/// A function of i alone.
double random_between(std::int64_t i, double low, double high) {
  const std::uint32_t word = random_call(1, RandomStream::data, 0, 0, static_cast<std::uint64_t>(i))[0];
  return low + (high - low) * uniform01(word);
}

constexpr double last_q = 0.55;  // 1/d^2 at 70 degrees of Cu: beyond, the pattern has no lines

/// Orthorhombic cells with as many lines below last_q as are asked for, as if every index were a line's.
class Models {
 public:
  Models(Backend& backend, const Options& options, std::int64_t points) : backend_(backend) {
    p_ = {.patterns = 1,
          .points = points,
          .structures = options.models,
          .models = options.models,
          .phases = options.models,
          .phases_per_model = 1,
          .lines_per_phase = options.lines,
          .iterations = options.iterations,
          .blur = 0.1,
          .converged = 0};
    for (RefinedRule& rule : p_.rule)
      rule = {.is_free = true, .step = 0.1};
    p_.rule_of(RefinedKind::scale) = {.is_free = true, .low = 0};
    p_.rule_of(RefinedKind::background) = {.is_free = true};
    p_.rule_of(RefinedKind::growth) =
        p_.rule_of(RefinedKind::strain) = {.is_free = true, .deviation = 0.01, .step = 0.005};
    p_.rule_of(RefinedKind::lorentz_share) = {
        .is_free = true, .deviation = 0.3, .low = 0, .high = 1, .step = 0.2};
    for (const RefinedKind kind : {RefinedKind::zero, RefinedKind::displacement, RefinedKind::texture,
                                   RefinedKind::damping, RefinedKind::ln_fwhm, RefinedKind::fwhm_slope})
      p_.rule_of(kind).deviation = 0.3;
    for (std::int64_t m = 0; m < options.models; ++m)
      add_structure(m, options.lines);
    p_.lines = std::ssize(line_);
    for (std::int64_t m = 0; m < options.models; ++m) {
      phase_offset_.push_back(static_cast<std::int32_t>(m + 1));
      phase_structure_.push_back(static_cast<std::int32_t>(m));
      prior_.insert(prior_.end(), static_cast<std::size_t>(p_.shared() + phase_parameters), 0.0f);
      float* const own = &prior_[prior_.size() - phase_parameters];
      own[scale_at] = 1;
      own[ln_fwhm_at] = -1.6f;
      own[lorentz_share_at] = 0.5f;
    }
    pattern_ = {.start = 10,
                .step = 100.0 / static_cast<double>(points),
                .wavelength = {1.54056f, 1.54439f},
                .second_share = 0.5f,
                .noise = 1,
                .first = 0,
                .end = static_cast<std::int32_t>(points)};
  }

  /// Seconds of one call, and the iterations that a model made.
  double seconds(std::int64_t* iterations) {
    const auto upload = [&](const auto& host) {
      Buffer buffer = backend_.allocate(host.size() * sizeof(host[0]));
      backend_.upload(host.data(), buffer.data(), host.size() * sizeof(host[0]));
      return buffer;
    };
    std::vector<float> y(static_cast<std::size_t>(p_.points)), weight(y.size(), 1.0f);
    const Buffer measured = upload(y), weights = upload(weight), pattern = upload(std::vector{pattern_}),
                 structure = upload(structure_), line = upload(line_), prior = upload(prior_),
                 parameters = upload(prior_), offset = upload(phase_offset_),
                 phases = upload(phase_structure_),
                 model_pattern = upload(std::vector<std::int32_t>(static_cast<std::size_t>(p_.models))),
                 figures = upload(std::vector<RefinedFigures>(static_cast<std::size_t>(p_.models))),
                 calculated = upload(std::vector<float>(static_cast<std::size_t>(p_.models * p_.points)));
    Refine op{.problem = p_,
              .y = {measured.data(), DType::f32},
              .weight = {weights.data(), DType::f32},
              .pattern = {pattern.data(), DType::u8},
              .structure = {structure.data(), DType::u8},
              .line = {line.data(), DType::u8},
              .model_pattern = {model_pattern.data(), DType::i32},
              .phase_offset = {offset.data(), DType::i32},
              .phase_structure = {phases.data(), DType::i32},
              .prior = {prior.data(), DType::f32},
              .parameters = {parameters.data(), DType::f32},
              .figures = {figures.data(), DType::f32},
              .calculated = {calculated.data(), DType::f32}};
    backend_.reserve_workspace(backend_.workspace_bytes(op));
    op.problem.iterations = 0;
    op.problem.linear_start = false;
    backend_.run(op);
    // What the first model draws, with noise, is what all of them are refined against.
    backend_.download(calculated.data(), y.data(), y.size() * sizeof(float));
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] += static_cast<float>(random_between(static_cast<std::int64_t>(i), 19, 21));
    backend_.upload(y.data(), measured.data(), y.size() * sizeof(float));
    op.problem = p_;
    std::vector<double> times;
    for (int round = 0; round < 5; ++round) {
      backend_.upload(prior_.data(), parameters.data(), prior_.size() * sizeof(float));
      times.push_back(backend_.seconds_of([&] { backend_.run(op); }));
    }
    std::vector<RefinedFigures> found(static_cast<std::size_t>(p_.models));
    backend_.download(figures.data(), found.data(), found.size() * sizeof(RefinedFigures));
    double sum = 0;
    for (const RefinedFigures& one : found)
      sum += double{one.iterations};
    *iterations = std::lround(sum / static_cast<double>(p_.models));
    std::sort(times.begin(), times.end());
    return times[2];
  }

 private:
  void add_structure(std::int64_t model, std::int64_t lines) {
    // pi / 6 V q^1.5 lines of one octant.
    const double volume = 6 * static_cast<double>(lines) / 3.14159265 / std::pow(last_q, 1.5);
    const double a = std::cbrt(volume) * random_between(3 * model, 0.8, 1.25),
                 b = std::cbrt(volume) * random_between(3 * model + 1, 0.8, 1.25), c = volume / (a * b);
    RefinedStructure structure{};
    structure.metric = {1 / (a * a), 1 / (b * b), 1 / (c * c), 0, 0, 0};
    structure.strains = 3;
    for (std::size_t i = 0; i < 3; ++i)
      structure.strain[0][i] = static_cast<float>(-2 * structure.metric[i]);
    const auto& g = structure.strain[0];
    structure.strain[1] = structure.texture[0] = {g[0], -g[1], 0, 0, 0, 0};
    structure.strain[2] = structure.texture[1] = {g[0], g[1], -2 * g[2], 0, 0, 0};
    std::vector<std::pair<double, RefinedLine>> all;
    const auto most = static_cast<int>(std::sqrt(last_q) * 1.25 * std::max({a, b, c})) + 1;
    for (int h = 0; h <= most; ++h)
      for (int k = 0; k <= most; ++k)
        for (int l = 0; l <= most; ++l) {
          const double q =
              structure.metric[0] * h * h + structure.metric[1] * k * k + structure.metric[2] * l * l;
          if (q > 0)
            all.push_back(
                {q,
                 {static_cast<std::int16_t>(h), static_cast<std::int16_t>(k), static_cast<std::int16_t>(l), 0,
                  static_cast<float>(random_between(1000 * model + std::ssize(all), 0.01, 1))}});
        }
    std::sort(all.begin(), all.end(),
              [](const auto& one, const auto& other) { return one.first < other.first; });
    all.resize(std::min(all.size(), static_cast<std::size_t>(lines)));
    structure.first_line = static_cast<std::int32_t>(line_.size());
    structure.lines = static_cast<std::int32_t>(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].second.rank = static_cast<std::uint16_t>(i);
      line_.push_back(all[i].second);
    }
    structure_.push_back(structure);
  }

  Backend& backend_;
  RefineProblem p_{};
  RefinedPattern pattern_{};
  std::vector<RefinedStructure> structure_;
  std::vector<RefinedLine> line_;
  std::vector<float> prior_;
  std::vector<std::int32_t> phase_offset_{0}, phase_structure_;
};

void run(const Options& options) {
  const auto backend = make_backend({options.device, options.threads, ""});
  fmt::print("{}\n", backend->description());
  for (const std::int64_t points : options.points) {
    std::int64_t iterations = 0;
    const double seconds = Models(*backend, options, points).seconds(&iterations);
    fmt::print("{} points, {} lines, {} models: {:.2f} ms, {:.2f} us a model, {} iterations\n", points,
               options.lines, options.models, 1e3 * seconds,
               1e6 * seconds / static_cast<double>(options.models), iterations);
  }
}

}  // namespace

int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape): it ends with it
  CLI::App app("Op refine's speed");
  Options options;
  app.add_option("--device", options.device);
  app.add_option("--threads", options.threads);
  app.add_option("--models", options.models);
  app.add_option("--points", options.points);
  app.add_option("--lines", options.lines, "of a model, at most");
  app.add_option("--iterations", options.iterations);
  CLI11_PARSE(app, argc, argv);
  try {
    run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
