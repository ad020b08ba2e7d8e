// The simulator's speed: peaks of single structures, and whole sets of crystals to patterns.
//
//   bench_simulator --cif FILE... [--dump-peaks FILE]   peaks of every structure, one thread, nothing cached
//   bench_simulator --set FILE [--threads N] [--recipe NAME] [--device cuda [--precision bf16]]
//                                                       crystals -> drawn patterns, and drawing alone
//
// and Google Benchmark's own flags. Rates are per second of CPU time, of all threads together: the machine
// may be shared; on a GPU per second of its own clock for drawing, else of the wall's. simulator_peer.py runs
// the first beside pymatgen.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/benchmark_program.h"
#include "data/recipes/recipe.h"
#include "kernels/crystal/pattern_parameters.h"
#include "kernels/ops/render_patterns.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/sample_patterns.h"
#include "kernels/ops/step_state.h"
#include "xrd/cif/cif.h"
#include "xrd/crystal_batch.h"
#include "xrd/reflections.h"

namespace {

using namespace bragg;

constexpr std::int64_t batch_size = 1024;

std::vector<xrd::Crystal> read_all(const std::vector<std::string>& paths) {
  std::vector<xrd::Crystal> crystals;
  std::size_t rejected = 0;
  const xrd::CifHandlers handlers{[&](xrd::Crystal&& c) { crystals.push_back(std::move(c)); },
                                  [&](const xrd::CifError&) { ++rejected; }, [](const xrd::CifWarning&) {}};
  for (const std::string& path : paths)
    xrd::read_cif(path, handlers);
  fmt::print(stderr, "{} crystals, {} blocks rejected\n", crystals.size(), rejected);
  return crystals;
}

// As pymatgen computes: neutral atoms, no displacement factors, no anomalous dispersion.
constexpr xrd::ReflectionOptions peak_options{
    .wavelength = copper_k_alpha, .range = {5, 90}, .ignore_displacements = true, .anomalous = false};

void peaks_of(benchmark::State& state, const xrd::Crystal& crystal) {
  const auto backend = make_backend({"cpu", 1, ""});
  for (auto _ : state)
    benchmark::DoNotOptimize(xrd::peaks(*backend, crystal, peak_options));
}

void dump_peaks(const std::vector<xrd::Crystal>& crystals, const std::string& path) {
  const auto backend = make_backend({"cpu", 1, ""});
  std::ofstream file(path);
  for (std::size_t i = 0; i < crystals.size(); ++i) {
    for (const xrd::Reflection& r : xrd::peaks(*backend, crystals[i], peak_options)) {
      file << fmt::format("{}\t{:.6f}\t{:.6f}\n", i, r.two_theta, r.intensity);
    }
  }
}

// Draws `count` patterns of the set's crystals from `first` on, a batch at a time into the same memory.
class Drawing {
 public:
  Drawing(Backend& backend, const data::Recipe& recipe) : backend_(backend) {
    sampling_.variants = recipe.variants;
    problem_.processing = recipe.processing;
    problem_.impurities = sampling_.samples_impurities();
    sampling_.N = problem_.N = batch_size;
    backend.reserve_workspace(backend.workspace_bytes(SamplePatterns{sampling_}));
    backend.reserve_workspace(backend.workspace_bytes(RenderPatterns{problem_}));
    parameters_ = backend.allocate(batch_size * sizeof(PatternParameters));
    state_ = backend.allocate(sizeof(StepState));
    patterns_ = backend.allocate(batch_size * backend.aligned(problem_.instrument.grid.points) *
                                 size_of(backend.element_type()));
  }

  // Which crystals the next patterns are of: 0, 1, 2 ... of a set, `count` of them, again from the first on
  // where there are fewer.
  void choose(const ReflectionSet& set, std::int64_t count) {
    std::vector<std::int32_t> rows(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
      rows[i] = static_cast<std::int32_t>(i % set.crystals);
    const std::size_t bytes = rows.size() * sizeof(std::int32_t);
    if (rows_.bytes() < bytes) rows_ = backend_.allocate(bytes);
    backend_.upload(rows.data(), rows_.data(), bytes);
    count_ = count;
  }

  void draw(const ReflectionSet& set) {
    const Tensor state{state_.data(), DType::u64};
    for (std::int64_t first = 0; first < count_; first += batch_size) {
      sampling_.N = problem_.N = std::min(batch_size, count_ - first);
      const std::int64_t points = problem_.instrument.grid.points;
      // Each is its own impurity: the same work as any other.
      const ConstTensor crystals{rows_.data() + first * sizeof(std::int32_t), DType::i32};
      const Tensor parameters{parameters_.data(), DType::u8};
      backend_.run(SamplePatterns{sampling_, state, parameters});
      backend_.run(RenderPatterns{
          problem_,
          &set,
          crystals,
          crystals,
          parameters,
          {patterns_.data(), backend_.element_type(), problem_.N, points, 1, backend_.aligned(points)}});
      backend_.run(Advance{problem_.N, state});
    }
  }

 private:
  Backend& backend_;
  PatternSampling sampling_;
  PatternProblem problem_;
  std::int64_t count_ = 0;
  Buffer rows_, state_, parameters_, patterns_;
};

ReflectionProblem range_of(const data::Recipe& recipe) {
  const data::StolRange range = data::stol_range(Instrument{}, recipe);
  return {range.min, range.max, false};
}

/// What is drawn from, and how.
struct Set {
  std::vector<CrystalBatch> batches;
  std::int64_t crystals = 0;
  data::Recipe recipe;
  std::string device, precision;

  std::unique_ptr<Backend> backend(const benchmark::State& state) const {
    return make_backend({device, static_cast<int>(state.range(0)), "", precision});
  }
  /// Enough for a GPU to be timed, whatever the set.
  std::int64_t patterns_of(const ReflectionSet& set) const {
    return device == "cpu" ? set.crystals : std::max(set.crystals, 16 * batch_size);
  }
};

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Batches of crystals as they come, so that nothing is kept.
void crystals_to_patterns(benchmark::State& state, const Set& set) {
  const auto backend = set.backend(state);
  Drawing drawing(*backend, set.recipe);
  for (auto _ : state) {
    state.SetIterationTime(seconds_of([&] {
      for (const CrystalBatch& batch : set.batches) {
        const ReflectionSet reflections = backend->structure_factors(range_of(set.recipe), batch);
        drawing.choose(reflections, reflections.crystals);
        drawing.draw(reflections);
        backend->synchronize();  // before the reflections are gone
      }
    }));
  }
  state.SetItemsProcessed(state.iterations() * set.crystals);
}

void structure_factors_alone(benchmark::State& state, const Set& set) {
  const auto backend = set.backend(state);
  for (auto _ : state) {
    state.SetIterationTime(seconds_of([&] {
      for (const CrystalBatch& batch : set.batches)
        benchmark::DoNotOptimize(backend->structure_factors(range_of(set.recipe), batch));
    }));
  }
  state.SetItemsProcessed(state.iterations() * set.crystals);
}

void drawing_alone(benchmark::State& state, const Set& set) {
  const auto backend = set.backend(state);
  Drawing drawing(*backend, set.recipe);
  std::vector<ReflectionSet> reflections;
  for (const CrystalBatch& batch : set.batches)
    reflections.push_back(backend->structure_factors(range_of(set.recipe), batch));
  std::int64_t patterns = 0;
  for (auto _ : state) {
    double seconds = 0;
    for (const ReflectionSet& part : reflections) {
      drawing.choose(part, set.patterns_of(part));
      patterns += set.patterns_of(part);
      seconds += backend->seconds_of([&] { drawing.draw(part); });
    }
    state.SetIterationTime(seconds);
  }
  state.SetItemsProcessed(patterns);
}

int run(int argc, char** argv) {
  CLI::App app("Speed of the simulator");
  std::vector<std::string> cif;
  std::string set, dump, recipe = "set1", device = "cpu", precision = "fp32";
  int threads = 2;
  app.add_option("--cif", cif, "structures whose peaks are timed one by one");
  app.add_option("--dump-peaks", dump, "TSV: structure, two_theta, intensity");
  app.add_option("--set", set, "a CIF of many crystals");
  app.add_option("--recipe", recipe, "how patterns of the set are drawn")->capture_default_str();
  app.add_option("--device", device, "that computes the set")->capture_default_str();
  app.add_option("--precision", precision, "of the patterns, on a GPU")->capture_default_str();
  app.add_option("--threads", threads, "for drawing alone; everything else takes one")
      ->check(CLI::PositiveNumber);
  bench::initialize_benchmark(app, argc, argv);
  CLI11_PARSE(app, argc, argv);
  std::vector<xrd::Crystal> structures = read_all(cif);
  for (xrd::Crystal& crystal : structures) {
    for (xrd::Site& site : crystal.sites)
      site.species.charge = 0;
    benchmark::RegisterBenchmark(("peaks/" + crystal.name).c_str(), peaks_of, std::cref(crystal))
        ->MinTime(0.02);
  }
  if (!dump.empty()) dump_peaks(structures, dump);
  Set all;
  if (!set.empty()) {
    all.recipe = data::load_recipe(recipe);
    all.device = device;
    all.precision = precision;
    xrd::CrystalBatchBuilder builder(all.recipe.anomalous ? std::optional(copper_k_alpha) : std::nullopt);
    for (const xrd::Crystal& crystal : read_all({set})) {
      builder.add(crystal);
      if (++all.crystals % batch_size == 0) all.batches.push_back(builder.take());
    }
    if (all.crystals % batch_size != 0) all.batches.push_back(builder.take());
    const auto add = [&](const char* name, auto function, int n) {
      auto* const added = benchmark::RegisterBenchmark(fmt::format("{}/{}", name, all.recipe.name).c_str(),
                                                       function, std::cref(all));
      added->Arg(n)->ArgName("threads")->Iterations(1)->Repetitions(5)->Unit(benchmark::kMillisecond);
      if (device == "cpu") {
        added->MeasureProcessCPUTime();
      } else {
        added->UseManualTime();
      }
    };
    add("crystals_to_patterns", crystals_to_patterns, 1);
    add("structure_factors", structure_factors_alone, 1);
    add("drawing", drawing_alone, threads);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_simulator: {}\n", error.what());
    return 1;
  }
}
