// Every layer of the three models, every pass, at batch 256: us, GFLOP/s and the share of the machine's
// measured FMA peak; GB/s for the ops that memory bounds. Own flags: --device=cpu|cuda,
// --precision=fp32|tf32, --threads=N,
// --batch=N, --instruction_set=NAME; the others are Google Benchmark's (--benchmark_filter=conv2).
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/kernels/fma_peak.h"
#include "bench/kernels/layers.h"
#include "kernels/backend.h"

namespace bragg::bench {
namespace {

struct Setup {
  std::unique_ptr<Backend> backend;
  double peak_gflops;  ///< 0: not known
  int threads;
  bool wall_clock;  ///< else CPU time, which other processes on the machine disturb less
};

/// Device memory with numbers in it: zeros would be kinder to the machine than real data.
class Memory {
 public:
  Memory(Backend& backend, std::int64_t count, std::int64_t front = 0)
      : memory_(backend.allocate(static_cast<std::size_t>(front + count) * size_of(backend.element_type()))),
        tensor_{memory_.data() + static_cast<std::size_t>(front) * size_of(backend.element_type()),
                backend.element_type()} {
    std::vector<float> values(static_cast<std::size_t>(count));
    std::uint32_t x = 1;
    for (float& value : values) {
      x = x * 1664525u + 1013904223u;
      value = static_cast<float>(x >> 8) * 0x1p-23f - 1;
    }
    backend.upload(values, tensor_);
  }
  Tensor tensor() const { return tensor_; }

 private:
  Buffer memory_;
  Tensor tensor_;
};

Activations view(const Memory& memory, std::int64_t N, std::int64_t L, std::int64_t C,
                 std::int64_t halo = 0) {
  return {memory.tensor().data, memory.tensor().dtype, N, L, C, (L + halo) * C};
}

template <typename Op>
void measure(benchmark::State& state, const Setup& setup, double flops, double bytes, const Op& op) {
  op();
  setup.backend->synchronize();
  for (auto _ : state) {
    op();
    setup.backend->synchronize();
  }
  using benchmark::Counter;
  // Google Benchmark divides by the CPU time of all threads together.
  if (!setup.wall_clock) {
    flops *= setup.threads;
    bytes *= setup.threads;
  }
  const auto rate = Counter::kIsIterationInvariantRate;
  if (flops > 0) {
    state.counters["GFLOP/s"] = Counter(flops / 1e9, rate);
    if (setup.peak_gflops > 0)
      state.counters["share_of_peak"] = Counter(flops / 1e9 / setup.peak_gflops, rate);
  }
  if (bytes > 0) state.counters["GB/s"] = Counter(bytes / 1e9, rate);
}

template <typename Op>
void add(const Setup& setup, const std::string& name, double flops, double bytes, Op op) {
  auto* registered = benchmark::RegisterBenchmark(
      name.c_str(), [&setup, flops, bytes, op](benchmark::State& state) { op(state, setup, flops, bytes); });
  registered->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);
  if (setup.wall_clock) registered->UseRealTime();
}

void add_conv1d(const Setup& setup, const std::string& name, const Conv1dProblem& p) {
  add(setup, name + "/forward", p.flops(), 0,
      [p](benchmark::State& state, const Setup& s, double flops, double bytes) {
        Backend& b = *s.backend;
        const Memory x(b, p.N * p.L_in * p.C_in), w(b, p.C_out * p.kernel * p.C_in), bias(b, p.C_out);
        const Memory y(b, p.N * p.L_out() * p.C_out);
        const Buffer place = b.allocate(sizeof(StepState));
        const Epilogue epilogue{bias.tensor(), true, {0.3f, 1, 1, {place.data(), DType::u64}}};
        b.reserve_workspace(b.workspace_bytes(p));
        measure(state, s, flops, bytes, [&] {
          b.conv1d_forward(p, view(x, p.N, p.L_in, p.C_in), w.tensor(), view(y, p.N, p.L_out(), p.C_out),
                           epilogue);
        });
      });
  add(setup, name + "/backward_data", p.flops(), 0,
      [p](benchmark::State& state, const Setup& s, double flops, double bytes) {
        Backend& b = *s.backend;
        const std::int64_t halo = std::max(p.halo_before(), p.halo_after()),
                           front = p.halo_before() * p.C_out;
        const Memory dy(b, p.N * (p.L_out() + halo) * p.C_out, front), w(b, p.C_out * p.kernel * p.C_in);
        const Memory x(b, p.N * p.L_in * p.C_in), dx(b, p.N * p.L_in * p.C_in);
        b.reserve_workspace(b.workspace_bytes(p));
        measure(state, s, flops, bytes, [&] {
          b.conv1d_backward_data(p, view(dy, p.N, p.L_out(), p.C_out, halo), w.tensor(),
                                 view(dx, p.N, p.L_in, p.C_in), {view(x, p.N, p.L_in, p.C_in), 0.3f});
        });
      });
  add(setup, name + "/backward_weights", p.flops(), 0,
      [p](benchmark::State& state, const Setup& s, double flops, double bytes) {
        Backend& b = *s.backend;
        const Memory x(b, p.N * p.L_in * p.C_in), dy(b, p.N * p.L_out() * p.C_out);
        const Memory dw(b, p.C_out * p.kernel * p.C_in), db(b, p.C_out);
        b.reserve_workspace(b.workspace_bytes(p));
        measure(state, s, flops, bytes, [&] {
          b.conv1d_backward_weights(p, view(x, p.N, p.L_in, p.C_in), view(dy, p.N, p.L_out(), p.C_out),
                                    dw.tensor(), db.tensor());
        });
      });
}

void add_dense(const Setup& setup, const std::string& name, const DenseProblem& p) {
  add(setup, name + "/forward", p.flops(), 0,
      [p](benchmark::State& state, const Setup& s, double flops, double bytes) {
        Backend& b = *s.backend;
        const Memory x(b, p.N * p.in), w(b, p.out * p.in), bias(b, p.out), y(b, p.N * p.out);
        const Buffer place = b.allocate(sizeof(StepState));
        const Epilogue epilogue{bias.tensor(), true, {0.5f, 1, 1, {place.data(), DType::u64}}};
        b.reserve_workspace(b.workspace_bytes(p));
        measure(state, s, flops, bytes, [&] {
          b.dense_forward(p, view(x, p.N, 1, p.in), w.tensor(), view(y, p.N, 1, p.out), epilogue);
        });
      });
  add(setup, name + "/backward_data", p.flops(), 0,
      [p](benchmark::State& state, const Setup& s, double flops, double bytes) {
        Backend& b = *s.backend;
        const Memory dy(b, p.N * p.out), w(b, p.out * p.in), x(b, p.N * p.in), dx(b, p.N * p.in);
        b.reserve_workspace(b.workspace_bytes(p));
        measure(state, s, flops, bytes, [&] {
          b.dense_backward_data(p, view(dy, p.N, 1, p.out), w.tensor(), view(dx, p.N, 1, p.in),
                                {view(x, p.N, 1, p.in), 0.5f});
        });
      });
  add(setup, name + "/backward_weights", p.flops(), 0,
      [p](benchmark::State& state, const Setup& s, double flops, double bytes) {
        Backend& b = *s.backend;
        const Memory x(b, p.N * p.in), dy(b, p.N * p.out), dw(b, p.out * p.in), db(b, p.out);
        b.reserve_workspace(b.workspace_bytes(p));
        measure(state, s, flops, bytes, [&] {
          b.dense_backward_weights(p, view(x, p.N, 1, p.in), view(dy, p.N, 1, p.out), dw.tensor(),
                                   db.tensor());
        });
      });
  const std::int64_t count = p.out * (p.in + 1);
  add(setup, name + "/adam", 0, 28.0 * static_cast<double>(count),
      [count](benchmark::State& state, const Setup& s, double flops, double bytes) {
        Backend& b = *s.backend;
        const Memory w(b, count), g(b, count), m(b, count), v(b, count);
        b.fill_zero(v.tensor().data, static_cast<std::size_t>(count) * size_of(b.element_type()));
        const Buffer place = b.allocate(sizeof(StepState));
        measure(state, s, flops, bytes, [&] {
          b.adam({.count = count}, {w.tensor(), m.tensor(), v.tensor(), {}}, g.tensor(),
                 {place.data(), DType::u64});
        });
      });
}

void add_avg_pool1d(const Setup& setup, const std::string& name, const AvgPool1dProblem& p) {
  const double in = 4.0 * static_cast<double>(p.N * p.L_in * p.C),
               out = 4.0 * static_cast<double>(p.N * p.L_out() * p.C);
  add(setup, name + "/forward", 0, in + out,
      [p](benchmark::State& state, const Setup& s, double flops, double bytes) {
        Backend& b = *s.backend;
        const Memory x(b, p.N * p.L_in * p.C), y(b, p.N * p.L_out() * p.C);
        measure(state, s, flops, bytes,
                [&] { b.avg_pool1d_forward(p, view(x, p.N, p.L_in, p.C), view(y, p.N, p.L_out(), p.C)); });
      });
  add(setup, name + "/backward", 0, 2 * in + out,
      [p](benchmark::State& state, const Setup& s, double flops, double bytes) {
        Backend& b = *s.backend;
        const Memory x(b, p.N * p.L_in * p.C), dx(b, p.N * p.L_in * p.C), dy(b, p.N * p.L_out() * p.C);
        measure(state, s, flops, bytes, [&] {
          b.avg_pool1d_backward(p, view(dy, p.N, p.L_out(), p.C), view(dx, p.N, p.L_in, p.C),
                                {view(x, p.N, p.L_in, p.C), 0.3f});
        });
      });
}

void add_loss(const Setup& setup, std::int64_t N) {
  add(setup, "loss", 0, 0, [N](benchmark::State& state, const Setup& s, double flops, double bytes) {
    Backend& b = *s.backend;
    const SoftmaxCrossEntropyProblem p{.N = N, .classes = 230};
    const Memory logits(b, N * 230), gradient(b, N * 230);
    const Buffer labels = b.allocate(static_cast<std::size_t>(N) * sizeof(std::int32_t));
    const Buffer totals = b.allocate(sizeof(LossTotals));
    b.reserve_workspace(b.workspace_bytes(p));
    measure(state, s, flops, bytes, [&] {
      b.softmax_cross_entropy(p, logits.tensor(), {labels.data(), DType::i32}, view(gradient, N, 1, 230),
                              {totals.data(), DType::u8});
    });
  });
}

}  // namespace
}  // namespace bragg::bench

namespace {

int run(int argc, char** argv) {
  using namespace bragg;
  benchmark::Initialize(&argc, argv);
  DeviceOptions options{.device = "cpu", .threads = 2, .instruction_set = ""};
  std::int64_t N = 256;
  bool wall_clock = true;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--device=")) {
      options.device = argument.substr(std::strlen("--device="));
    } else if (argument.starts_with("--precision=")) {
      options.precision = argument.substr(std::strlen("--precision="));
    } else if (argument.starts_with("--threads=")) {
      options.threads = std::atoi(argument.c_str() + std::strlen("--threads="));
    } else if (argument.starts_with("--batch=")) {
      N = std::atoll(argument.c_str() + std::strlen("--batch="));
    } else if (argument.starts_with("--instruction_set=")) {
      options.instruction_set = argument.substr(std::strlen("--instruction_set="));
    } else if (argument == "--cpu_time") {
      wall_clock = false;
    } else {
      fmt::print(stderr, "unknown flag {}\n", argument);
      return 2;
    }
  }
  // The peak that the shares are of is the host's; a GPU's is not measured here.
  const double peak = options.device == "cpu" ? bench::measure_fma_peak(options.threads) : 0;
  bench::Setup setup{make_backend(options), peak, options.threads, wall_clock};
  fmt::print("{}; batch {}{}\n", setup.backend->description(), N,
             peak > 0 ? fmt::format("; measured FMA peak {:.1f} GFLOP/s", peak) : "");
  for (const bench::Layer& layer : bench::layers(N)) {
    if (const auto* conv = std::get_if<Conv1dProblem>(&layer.problem))
      bench::add_conv1d(setup, layer.name, *conv);
    if (const auto* pool = std::get_if<AvgPool1dProblem>(&layer.problem)) {
      bench::add_avg_pool1d(setup, layer.name, *pool);
    }
    if (const auto* dense = std::get_if<DenseProblem>(&layer.problem))
      bench::add_dense(setup, layer.name, *dense);
  }
  bench::add_loss(setup, N);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_kernels: {}\n", e.what());
    return 1;
  }
}
