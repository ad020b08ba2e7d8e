#include "tests/apps/tiny_model.h"

#include <cmath>

#include <fmt/format.h>

#include "nn/checkpoint.h"
#include "nn/model.h"
#include "nn/parameters.h"
#include "tests/data/pattern_set_in_memory.h"

namespace bragg::apps::tests {
namespace {

double intensity(int kind, double two_theta) {
  double y = 0;
  for (int k = 0; k < 6; ++k) {
    const double u = (two_theta - (14 + 2.3 * kind + 11.7 * k)) / 0.15;
    y += (10 - k) * std::exp(-u * u);
  }
  return 100 * y;
}

}  // namespace

ModelFacts tiny_facts(int classes) {
  ModelFacts facts;
  facts.classes = class_kind(classes);
  facts.instrument.grid = {.start = 5, .step = 0.1, .points = 850};
  facts.recipe = "name = \"baseline <&>\"\n";
  facts.training_sets = {{.path = "crystals.safetensors", .content_hash = "0123456789abcdef", .size = 12}};
  facts.config = "[train]\nsteps = 0\n";
  facts.seed = 3;
  return facts;
}

static void write_model(const std::filesystem::path& path, int classes,
                        const std::vector<nn::Head>& more_heads) {
  const auto backend = bragg::make_backend({.device = "reference", .threads = 1, .instruction_set = {}});
  nn::ModelConfig config;
  config.name = "mlp";
  config.classes = classes;
  config.points = tiny_facts(classes).instrument.grid.points;
  config.dense = {8};
  config.more_heads = more_heads;
  config.dense_dropout = {0};
  const nn::Model model = nn::make_model(config);
  nn::Parameters parameters(*backend, model, nn::Parameters::Use::inference);
  nn::initialise(parameters, 5);
  nn::save_model(path, model, parameters, to_metadata(tiny_facts(classes)));
}

void write_tiny_model(const std::filesystem::path& path, int classes) {
  write_model(path, classes, {});
}

void write_tiny_model_of_two_heads(const std::filesystem::path& path) {
  write_model(path, 230, {crystal_system_head(0.5)});
}

std::string text_pattern(int kind, double start, double end, double step) {
  std::string text;
  for (int i = 0; start + i * step <= end + 1e-9; ++i) {
    text += fmt::format("{:.4f} {:.3f}\n", start + i * step, intensity(kind, start + i * step));
  }
  return text;
}

void write_pattern_set(const std::filesystem::path& path, int count, const std::vector<int>& space_groups) {
  const TwoThetaGrid grid = tiny_facts(7).instrument.grid;
  bragg::tests::PatternSetInMemory writer({.grid = grid});
  for (int i = 0; i < count; ++i) {
    const int kind = i % static_cast<int>(space_groups.size());
    std::vector<float> pattern;
    for (std::int64_t k = 0; k < grid.points; ++k)
      pattern.push_back(static_cast<float>(intensity(kind, grid.at(k))));
    writer.add(pattern, space_groups[static_cast<std::size_t>(kind)], i / 2, fmt::format("<{}&>", i));
  }
  writer.write(path);
}

}  // namespace bragg::apps::tests
