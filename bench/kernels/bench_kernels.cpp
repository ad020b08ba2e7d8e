// A benchmark of any op in any shape on any backend; without --op of every layer of the models, every
// pass. A device's own clock times it (a GPU's events), its caches cold where it is a GPU. With --peers the
// same products by cuDNN and cuBLASLt, timed in the same way: "npcnn/conv2/forward/cudnn" after
// "npcnn/conv2/forward". --help lists the flags; Google Benchmark's own (--benchmark_filter=conv2 ...) work
// too.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/benchmark_program.h"
#include "bench/kernels/cases.h"
#include "bench/kernels/cold_caches.h"
#include "bench/kernels/dynamic_library.h"
#include "bench/kernels/floor.h"
#include "bench/kernels/fma_peak.h"
#include "bench/kernels/layers.h"
#include "bench/kernels/peer_choice.h"
#include "kernels/base/error.h"

namespace bragg::bench {
namespace {

struct Flags {
  DeviceOptions device{.device = "cpu", .threads = 2, .instruction_set = ""};
  std::string op, pass = "all";
  std::int64_t batch = 256, length = 8500, channels_in = 1, channels_out = 80, kernel = 100, stride = 5,
               in = 5200, out = 2300, classes = 230, outputs = 6, count = 1 << 24;
  bool cpu_time = false, warm = false;
  std::vector<std::string> peers;
  std::string peer_libraries, estimate, expect;
};

/// What a benchmark runs. Google Benchmark calls a benchmark several times; its memory is made, and a peer's
/// fastest way found, in the first.
struct Ready {
  std::string name;
  Run run;
  std::string label;
};

struct Setup {
  std::unique_ptr<Backend> backend;
  std::string precision;
  double peak_gflops = 0;  ///< 0: not known
  int threads = 1;
  bool cpu_time = false;
#ifdef BRAGG_BENCH_CUDA
  std::optional<ColdCaches> cold_caches;  ///< none: a run finds what the one before left
#endif
  std::vector<std::unique_ptr<Peer>> peers;
  std::optional<InstructionCounts> counts;  ///< of --expect
  Ready ready;
  bool failed = false;  ///< an op of bragg; that a peer cannot compute one is no failure

  void between_runs() const {
#ifdef BRAGG_BENCH_CUDA
    if (cold_caches) cold_caches->between_runs();
#endif
  }
  /// Where it is a GPU.
  bool make_caches_cold() {
#ifdef BRAGG_BENCH_CUDA
    cold_caches.emplace(*backend);
    return true;
#else
    return false;
#endif
  }
};

Ready ready(Setup& setup, const Case& c, Peer* peer) {
  Backend& b = *setup.backend;
  const Prepared ours = c.prepare(b);
  if (!peer) return {c.name, ours.run, ""};
  const Candidate best = fastest(b, peer->candidates(*ours.product), [&] { setup.between_runs(); });
  require_agreement(b, *ours.product, best,
                    allowed_disagreement(b.element_type(), setup.precision == "tf32"));
  return {c.name + "/" + peer->name(), [ours, best] { best.run(); }, best.what};
}

/// None for a plan that nobody estimates: operands that wgmma does not take.
std::optional<double> expected_microseconds(Setup& setup, const Case& c) {
  try {
    return 1e6 * estimate(*setup.counts, c.planned(*setup.backend)).seconds();
  } catch (const Error&) {
    return {};
  }
}

/// The op of bragg, or of `peer` where there is one.
void time_case(benchmark::State& state, Setup& setup, const Case& c, Peer* peer) {
  Backend& b = *setup.backend;
  if (const std::string name = peer ? c.name + "/" + peer->name() : c.name; setup.ready.name != name) {
    setup.ready = {};  // before the next memory is asked for
    setup.ready = ready(setup, c, peer);
  }
  const Run& op = setup.ready.run;
  state.SetLabel(setup.ready.label);
  op();
  b.synchronize();
  for (auto _ : state) {
    if (setup.cpu_time) {
      op();
      b.synchronize();
      continue;
    }
    setup.between_runs();
    state.SetIterationTime(b.seconds_of(op));
  }
  using benchmark::Counter;
  // Google Benchmark divides by the CPU time of all threads together.
  const double work = setup.cpu_time ? setup.threads : 1;
  const auto rate = Counter::kIsIterationInvariantRate;
  if (c.flops > 0) {
    state.counters["GFLOP/s"] = Counter(work * c.flops / 1e9, rate);
    if (setup.peak_gflops > 0)
      state.counters["share_of_peak"] = Counter(work * c.flops / 1e9 / setup.peak_gflops, rate);
  }
  if (c.bytes > 0) state.counters["GB/s"] = Counter(work * c.bytes / 1e9, rate);
  if (const auto floor = floor_seconds(b.description(), setup.precision, c.flops, c.bytes); floor > 0.0)
    state.counters["share_of_floor"] = Counter(*floor, rate);
  if (!setup.counts || peer) return;
  if (const auto us = expected_microseconds(setup, c)) state.counters["expected_us"] = Counter(*us);
}

/// An op that fails is reported among the results; the others still run.
void run_case(benchmark::State& state, Setup& setup, const Case& c, Peer* peer) {
  try {
    time_case(state, setup, c, peer);
  } catch (const Error& e) {
    setup.failed |= peer == nullptr;
    state.SkipWithError(e.what());
  }
}

/// Loads the peers that were asked for. What the figures were made with, and why a peer is not there, goes
/// into the results' context.
void add_peers(Setup& setup, const Flags& f, bool gpu) {
  if (f.peers.empty()) return;
  if (!gpu) throw UsageError(fmt::format("--peers are a GPU's, the device is {}", f.device.device));
  for (const std::string& name : f.peers) {
    try {
      setup.peers.push_back(
          make_peer(name, {*setup.backend, setup.precision == "tf32", directories_of(f.peer_libraries)}));
      benchmark::AddCustomContext(name, setup.peers.back()->description());
    } catch (const Error& e) {
      const std::string why = fmt::format("no {}: {}", name, e.what());
      fmt::print(stderr, "bench_kernels: {}\n", why);
      benchmark::AddCustomContext(name, why);
    }
  }
}

void register_case(Setup& setup, const Flags& f, const Case& c, Peer* peer) {
  auto* registered = benchmark::RegisterBenchmark(
      (peer ? c.name + "/" + peer->name() : c.name).c_str(),
      [&setup, c, peer](benchmark::State& state) { run_case(state, setup, c, peer); });
  registered->Unit(benchmark::kMicrosecond);
  if (f.cpu_time) {
    registered->MeasureProcessCPUTime();
  } else {
    registered->UseManualTime();
  }
}

/// What --op names.
std::map<std::string, LayerProblem> problems(const Flags& f) {
  return {{"conv1d", Conv1dProblem{f.batch, f.length, f.channels_in, f.channels_out, f.kernel, f.stride}},
          {"avg_pool1d", AvgPool1dProblem{f.batch, f.length, f.channels_out, f.kernel, f.stride}},
          {"dense", DenseProblem{f.batch, f.in, f.out}},
          {"add", AddProblem{f.batch, f.length, f.channels_out}},
          {"batch_norm", BatchNormProblem{f.batch, f.length, f.channels_out}},
          {"batch_norm_fold", BatchNormFoldProblem{f.out, f.in}},
          {"softmax_cross_entropy", SoftmaxCrossEntropyProblem{f.batch, f.classes}},
          {"huber_loss", HuberLossProblem{f.batch, f.outputs}},
          {"norm", NormProblem{f.count}},
          {"adam", AdamProblem{.count = f.count}},
          {"ema", EmaProblem{f.count}}};
}

/// Every layer of the models, its update and its loss.
std::vector<Case> cases_of_models(const Backend& backend, std::int64_t batch) {
  std::vector<Case> cases;
  const auto add = [&](const std::vector<Case>& more) {
    cases.insert(cases.end(), more.begin(), more.end());
  };
  const std::vector<Layer> all = layers(batch);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string& name = all[i].name;
    const LayerProblem& problem = all[i].problem;
    add(cases_of(backend, all[i]));
    const auto* const conv = std::get_if<Conv1dProblem>(&problem);
    const auto* const pool =
        i + 1 < all.size() ? std::get_if<AvgPool1dProblem>(&all[i + 1].problem) : nullptr;
    if (conv && pool) add(cases_of(backend, name + "_pool", *conv, *pool));
    if (const auto* dense = std::get_if<DenseProblem>(&problem))
      add(cases_of(backend, {name + "/adam", AdamProblem{.count = dense->out * (dense->in + 1)}}));
    if (!conv) continue;
    for (const Layer& norm : all)
      if (are_neighbours(name, norm.name))
        add(cases_of(backend, normalised_name(name, norm.name), *conv,
                     std::get<BatchNormProblem>(norm.problem), have_addend(name, norm.name)));
  }
  add(cases_of(backend, {"loss", SoftmaxCrossEntropyProblem{batch, 230}}));
  return cases;
}

/// The one op that was asked for, or all layers.
std::vector<Case> chosen_cases(const Backend& backend, const Flags& f) {
  std::vector<Case> cases =
      f.op.empty() ? cases_of_models(backend, f.batch) : cases_of(backend, {f.op, problems(f).at(f.op)});
  if (f.pass == "all") return cases;
  std::erase_if(cases, [&](const Case& c) { return !c.name.ends_with("/" + f.pass); });
  if (cases.empty()) throw UsageError(fmt::format("no op here has a pass '{}'", f.pass));
  return cases;
}

void require_estimates(const Backend& backend, const char* flag) {
  if (backend.name() != "cuda" || backend.element_type() != DType::bf16)
    throw UsageError(fmt::format("{} is for bf16 on a GPU: --device cuda --precision bf16", flag));
}

/// What the ops should take, beside their floors on an H100; none of them is run.
void print_estimates(Backend& backend, const std::vector<Case>& cases, const std::string& counts_path) {
  require_estimates(backend, "--estimate");
  const InstructionCounts counts(counts_path);
  constexpr double us = 1e6;
  const Chip& h100 = chips[0];
  fmt::print("{:36} {:>8} {:>8} {:>9} {:>8} {:>8} {:>8}  microseconds on {}\n", "op", "floor", "expected",
             "products", "storing", "memory", "behind", h100.name);
  struct Times {
    double floor;
    Estimate expected;
  };
  std::map<std::string, Times> of_case;
  for (const Case& c : cases) {
    const Estimated plan = c.planned(backend);
    const Estimate e = estimate(counts, plan);
    const double floor = std::max(c.flops / h100.flops_per_s, c.bytes / h100.bytes_per_s);
    of_case[c.name] = {floor, e};
    fmt::print("{:36} {:8.1f} {:8.1f} {:9.1f} {:8.1f} {:8.1f} {:8.1f}  {}\n", c.name, us * floor,
               us * e.seconds(), us * e.products, us * e.storing, us * e.memory, us * e.behind, plan.how);
  }
  for (const TrainingStep& step : training_steps()) {
    double floor = 0;
    bool has_all = true;
    const auto estimates_of = [&](const std::vector<std::string>& names) {
      std::vector<Estimate> estimates;
      for (const std::string& name : names) {
        const auto found = of_case.find(name);
        has_all = has_all && found != of_case.end();
        if (!has_all) break;  // one op was asked for
        floor += found->second.floor;
        estimates.push_back(found->second.expected);
      }
      return estimates;
    };
    const auto in_order = estimates_of(step.cases), branch = estimates_of(step.branch),
               others = estimates_of(step.beside);
    if (!has_all) return;
    StepEstimate apart, expected;
    expected.add(in_order);
    apart.add(in_order);
    apart.add(branch);
    apart.add(others);
    expected.add_beside(branch, others);
    fmt::print("{:36} {:8.1f} {:8.1f}", step.model + ", training step", us * floor, us * apart.seconds());
    if (expected.branch_multiprocessors() > 0)
      fmt::print("  {:.1f} with updates on {} multiprocessors beside gradients", us * expected.seconds(),
                 expected.branch_multiprocessors());
    fmt::print("\n");
  }
}

int run(int argc, char** argv) {
  Flags f;
  CLI::App app("Times ops of bragg: every layer of its models, or one op in any shape");
  app.add_option("--device", f.device.device, "cpu, cuda, cuda:1, reference")->capture_default_str();
  app.add_option("--precision", f.device.precision, "fp32, tf32, bf16")->capture_default_str();
  app.add_option("--instruction_set", f.device.instruction_set,
                 "at most this: x86-64-v2 ... or sm_80, sm_90a");
  app.add_option("--threads", f.device.threads)->capture_default_str();
  app.add_option("--op", f.op)->check(CLI::IsMember(problems(f)));
  app.add_option("--pass", f.pass,
                 "forward, backward_data, backward_weights, backward (pooling, add) ... or all")
      ->capture_default_str();
  const auto size = [&](const char* name, std::int64_t& value, const char* of) {
    app.add_option(name, value, of)->check(CLI::PositiveNumber)->capture_default_str();
  };
  size("--batch", f.batch, "of all ops but norm, adam and ema");
  size("--length", f.length, "conv1d, avg_pool1d, add, batch_norm: of the input");
  size("--channels_in", f.channels_in, "conv1d");
  size("--channels_out", f.channels_out, "conv1d; avg_pool1d, add, batch_norm: channels");
  size("--kernel", f.kernel, "conv1d, avg_pool1d");
  size("--stride", f.stride, "conv1d, avg_pool1d");
  size("--in", f.in, "dense: features; batch_norm_fold: weights of an output");
  size("--out", f.out, "dense: features; batch_norm_fold: outputs");
  size("--classes", f.classes, "softmax_cross_entropy");
  size("--outputs", f.outputs, "huber_loss: numbers of a pattern");
  size("--count", f.count, "norm, adam, ema: parameters");
  app.add_flag("--cpu_time", f.cpu_time,
               "CPU time, which other processes disturb less, instead of wall-clock time");
  app.add_flag("--warm", f.warm, "leave a GPU's caches as the run before left them");
  app.add_option("--peers", f.peers, "the same products by these: cudnn (conv1d), cublaslt (conv1d, dense)")
      ->delimiter(',')
      ->check(CLI::IsMember({"cudnn", "cublaslt"}));
  app.add_option(
      "--peer_libraries", f.peer_libraries,
      "DIR[:DIR...] with libcudnn.so.9, libcublasLt.so.13 or .12 and libnvrtc, searched before the "
      "loader's places");
  app.add_option("--estimate", f.estimate,
                 "TABLE (tests/kernels/cuda_instructions.tsv): print what the ops should take on an H100 "
                 "instead of timing them");
  app.add_option("--expect", f.expect, "TABLE: the same beside each time, as expected_us");
  initialize_benchmark(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }

  Setup setup;
  setup.backend = make_backend(f.device);
  setup.precision = f.device.precision;
  setup.threads = f.device.threads;
  setup.cpu_time = f.cpu_time;
  if (!f.estimate.empty()) {
    print_estimates(*setup.backend, chosen_cases(*setup.backend, f), f.estimate);
    return 0;
  }
  if (!f.expect.empty()) {
    require_estimates(*setup.backend, "--expect");
    setup.counts.emplace(f.expect);
  }
  const bool gpu = choose_device(f.device.device).gpu;
  const bool cold = gpu && !f.warm && setup.make_caches_cold();
  // The peak that the shares are of is the host's; a GPU's is in floor.h.
  if (!gpu && f.device.device != "reference")
    setup.peak_gflops = measure_fma_peak(f.device.threads, f.device.precision);
  fmt::print(
      "{}; batch {}{}\n", setup.backend->description(), f.batch,
      setup.peak_gflops > 0 ? fmt::format("; measured FMA peak {:.1f} GFLOP/s", setup.peak_gflops) : "");
  benchmark::AddCustomContext("device", setup.backend->description());
  benchmark::AddCustomContext("precision", f.device.precision);
  benchmark::AddCustomContext("batch", std::to_string(f.batch));
  benchmark::AddCustomContext("caches", cold ? "cold" : "warm");
  add_peers(setup, f, gpu);
  for (const Case& c : chosen_cases(*setup.backend, f)) {
    register_case(setup, f, c, nullptr);
    for (const auto& peer : setup.peers) {
      if (c.product && peer->knows(*c.product)) register_case(setup, f, c, peer.get());
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return setup.failed ? 1 : 0;
}

}  // namespace
}  // namespace bragg::bench

int main(int argc, char** argv) {
  try {
    return bragg::bench::run(argc, argv);
  } catch (const bragg::UsageError& e) {
    fmt::print(stderr, "bench_kernels: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_kernels: {}\n", e.what());
    return 1;
  }
}
