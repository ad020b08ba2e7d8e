// One training step and one inference batch of a model: patterns per second (median of repetitions), on a CPU
// the share that they are of what its measured peak (fma_peak.h) would make of their products, and peak memory
// as a line of JSON, with --ops a line for every op before it. The batch lies in memory already:
// making it is the simulator's bench. A GPU's own clock times ten steps that are enqueued one after the
// other, as they are in training.
//   bench_training --model scnn --batch 256 --threads 2 [--seconds 20] [--ops]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bench/kernels/fma_peak.h"
#include "kernels/base/random.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/step_state.h"
#include "nn/network.h"

namespace {

using namespace bragg;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  const std::size_t n = x.size();
  return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/// Median time of `run`, of `group` runs together, over `seconds` and at least three groups, the first left
/// out.
template <typename Run>
double time_of(Backend& backend, int group, double seconds, Run run) {
  const auto runs = [&] {
    for (int i = 0; i < group; ++i)
      run();
  };
  runs();
  backend.synchronize();
  std::vector<double> times;
  const auto start = Clock::now();
  while (times.size() < 3 || seconds_since(start) < seconds)
    times.push_back(backend.seconds_of(runs) / group);
  return median(times);
}

/// Peaks on a floor of nothing, as patterns are.
void fill(Backend& backend, nn::Network& network, int classes) {
  const Activations input = network.input();
  std::vector<float> x(static_cast<std::size_t>(input.N * input.L));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(input.N));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto words = random_call(1, RandomStream::test, static_cast<std::uint32_t>(i / 4), 0, 0);
    float u = uniform01(words[i % 4]);
    for (int k = 0; k < 3; ++k)
      u *= u;
    x[i] = u;
  }
  for (std::size_t n = 0; n < labels.size(); ++n)
    labels[n] = static_cast<std::int32_t>(n % static_cast<std::size_t>(classes));
  backend.upload(x, {input.data, input.dtype});
  backend.upload(labels.data(), network.labels().data, labels.size() * sizeof(std::int32_t));
}

/// Of all products of the plan.
double flops(const nn::Network& network) {
  double sum = 0;
  for (const nn::PlannedOp& op : network.plan()) {
    sum += std::visit(
        [](const auto& one) {
          if constexpr (requires { one.problem.flops(); }) return one.problem.flops();
          return 0.0;
        },
        op.op);
  }
  return sum;
}

/// As large as the crystal system's, whatever belongs where.
nn::Head second_head(int classes) {
  nn::Head head{"second", 7, 0.5, {}};
  for (int label = 0; label < classes; ++label)
    head.class_of.push_back(label % 7);
  return head;
}

std::int64_t peak_bytes() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

/// A line of JSON for each, as soon as it is measured.
void print_ops(Backend& backend, int group, const nn::Network& network, double seconds,
               const nlohmann::ordered_json& common) {
  const double share = seconds / static_cast<double>(network.plan().size());
  for (const nn::PlannedOp& op : network.plan()) {
    nlohmann::ordered_json line = {{"op", op.text()},
                                   {"us", 1e6 * time_of(backend, group, share, [&] { op.run(backend); })}};
    line["how"] = op.how(backend);
    line.update(common);
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
  }
}

/// As fields of JSON; both in FLOP/s.
std::string shares_of_peak(const DeviceOptions& device, double training, double inference) {
  const double peak = 1e9 * bench::measure_fma_peak(device.threads, device.precision);
  return fmt::format(
      ", \"peak_gflops\": {:.1f}, \"training_share_of_peak\": {:.3f}, \"inference_share_of_peak\": {:.3f}",
      peak / 1e9, training / peak, inference / peak);
}

int run(int argc, char** argv) {
  nn::ModelConfig config;
  std::int64_t batch = 256;
  DeviceOptions device;
  double seconds = 20;
  bool ops = false;
  std::int64_t points = 0;
  CLI::App app("Training step and inference: patterns per second and peak memory");
  app.add_option("--model", config.name)->capture_default_str();
  app.add_option("--points", points, "of a pattern; 0: 8500, of resnet 1700")->capture_default_str();
  app.add_option("--classes", config.classes)->capture_default_str();
  app.add_option("--batch", batch)->capture_default_str();
  app.add_option("--threads", device.threads, "0: all")->capture_default_str();
  app.add_option("--device", device.device)->capture_default_str();
  app.add_option("--precision", device.precision)->capture_default_str();
  app.add_option("--instruction_set", device.instruction_set,
                 "at most this: x86-64-v2 ..., sm_80, sm_90a_single, sm_90a_in_order (no ops side by side), "
                 "sm_90a_stored (normalised numbers are stored)");
  app.add_option("--seconds", seconds, "for each of the two measurements")->capture_default_str();
  app.add_flag("--ops", ops,
               "first a line of JSON for every op of the step: its time, its main loop and tiles");
  CLI11_PARSE(app, argc, argv);

  const bool is_resnet = config.name == "resnet";
  config.points = points > 0 ? points : is_resnet ? 1700 : config.points;
  if (is_resnet) config.more_heads = {second_head(config.classes)};
  const auto backend = make_backend(device);
  const int group = choose_device(device.device).gpu ? 10 : 1;
  const nn::Model model = nn::make_model(config);
  nn::Parameters parameters(*backend, model, nn::Parameters::Use::training);
  nn::initialise(parameters, 1);
  const StepState start{0, 0};
  const Buffer state_buffer = backend->allocate(sizeof start);
  backend->upload(&start, state_buffer.data(), sizeof start);
  const Tensor state{state_buffer.data(), DType::u64};

  double train_s = 0, infer_s = 0, train_flops = 0, infer_flops = 0;
  {
    nn::Network network(*backend, model, parameters,
                        {.N = batch,
                         .mode = nn::Mode::training,
                         .seed = 1,
                         .state = state,
                         .optimizer = nn::Optimizer{.learning_rate = 1e-4}});
    fill(*backend, network, config.classes);
    const auto step = backend->record([&] {
      network.forward();
      network.loss();
      network.backward();
      network.update();
      backend->run(Advance{batch, state});
    });
    train_s = time_of(*backend, group, seconds, [&] { step->run(); });
    train_flops = flops(network);
    if (ops)
      print_ops(*backend, group, network, seconds,
                {{"model", config.name},
                 {"batch", batch},
                 {"device", backend->description()},
                 {"precision", device.precision}});
  }
  const std::int64_t training_peak = peak_bytes();
  {
    nn::Network network(*backend, model, parameters, {.N = batch});
    fill(*backend, network, config.classes);
    const auto answer = backend->record([&] { network.forward(); });
    infer_s = time_of(*backend, group, seconds, [&] { answer->run(); });
    infer_flops = flops(network);
  }
  const std::string shares =
      backend->name() == "cpu" ? shares_of_peak(device, train_flops / train_s, infer_flops / infer_s) : "";
  fmt::print(
      "{{\"model\": \"{}\", \"batch\": {}, \"device\": \"{}\", \"precision\": \"{}\", "
      "\"training_step_s\": {:.7f}, \"training_patterns_per_s\": {:.1f}, \"inference_batch_s\": {:.7f}, "
      "\"inference_patterns_per_s\": {:.1f}, \"peak_bytes_training\": {}{}}}\n",
      config.name, batch, backend->description(), device.precision, train_s,
      static_cast<double>(batch) / train_s, infer_s, static_cast<double>(batch) / infer_s, training_peak,
      shares);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_training: {}\n", error.what());
    return 1;
  }
}
