// bragg info: what this binary is, what it runs on and what model it carries; the plan of a network.
#include <memory>
#include <string>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/evaluation/model_summary.h"
#include "apps/open_model.h"
#include "apps/training/config.h"
#include "apps/training/training_data.h"
#include "apps/version.h"
#include "kernels/base/memory.h"
#include "kernels/ops/step_state.h"
#include "nn/network.h"
#include "nn/parameters.h"
#include "nn/train_options.h"

namespace bragg::apps {
namespace {

void print_plan(Backend& backend, const std::string& path) {
  TrainConfig config = load_config(path);
  resolve(config, TrainingFiles(config).points());
  const nn::Model model = nn::make_model(config.model);
  nn::Parameters parameters(
      backend, model,
      config.train.ema_decay > 0 ? nn::Parameters::Use::averaging : nn::Parameters::Use::training);
  const Buffer state = backend.allocate(sizeof(StepState));
  const nn::Network network(backend, model, parameters,
                            {.N = config.train.batch,
                             .mode = nn::Mode::training,
                             .seed = config.train.seed,
                             .state = {state.data(), DType::u64},
                             .optimizer = nn::optimizer_of(config.train),
                             .loss = nn::loss_of(config.train)});
  for (const nn::PlannedOp& op : network.plan()) {
    fmt::print("{}\n", op.text());
    if (const std::string how = op.how(backend); !how.empty()) fmt::print("    {}\n", how);
  }
  constexpr double mebibyte = 1 << 20;
  fmt::print("{} parameters, {:.1f} MiB with gradients and moments; activations {:.1f} MiB at batch {}\n",
             nn::parameter_count(model), static_cast<double>(parameters.bytes()) / mebibyte,
             static_cast<double>(network.activation_bytes()) / mebibyte, config.train.batch);
}

struct Options {
  std::string plan, precision;
};

int info(const Options& options, const CommonOptions& common) {
  std::string precision = options.precision;
  if (precision.empty()) precision = options.plan.empty() ? "fp32" : load_config(options.plan).precision;
  const auto backend = make_backend(common, precision);
  if (!options.plan.empty()) {
    print_plan(*backend, options.plan);
    return exit_success;
  }
  const std::string model = built_in_model_name();
  fmt::print("bragg {}\ncommit {}\nbackends cpu, cuda, reference\ndevice {}\nmodel {}\n", version(), commit(),
             describe_device(common, *backend), model.empty() ? "none" : model);
  if (!model.empty()) fmt::print("{}", model_summary(open_model({})));
  return exit_success;
}

}  // namespace

void add_info(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add("info", "This binary, its backends, its model, and the plan of a network",
                           [options](const CommonOptions& common) { return info(*options, common); });
  app->add_option("--plan", options->plan, "the ops and bytes of a training step for this config");
  CLI::Option* precision = add_precision(app, options->precision);
  precision->description(precision->get_description() + "; without it the config's");
}

}  // namespace bragg::apps
