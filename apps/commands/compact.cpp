// bragg compact: a model as it is kept or sent: half as large, and without the names of this machine's folders.
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/evaluation/model_metadata.h"
#include "apps/output_paths.h"
#include "apps/training/config.h"
#include "apps/training/config_layers.h"
#include "data/recipes/recipe.h"
#include "kernels/base/error.h"
#include "kernels/base/parse_whole.h"
#include "kernels/base/safetensors.h"
#include "nn/checkpoint.h"

namespace bragg::apps {
namespace {

struct Options {
  std::string model, output;
  std::vector<std::string> figures;
};

void drop_folder(std::string& path) {
  path = std::filesystem::path(path).filename().string();
}

/// The config of a run with the names of its files alone.
std::string without_folders(const std::string& toml, const std::string& source) {
  TrainConfig config = read_incomplete_config({parse_layer(toml, source)});
  for (std::string& path : config.crystals)
    drop_folder(path);
  for (std::string* path : {&config.patterns, &config.measured, &config.train.init})
    drop_folder(*path);
  for (std::string& recipe : config.recipes)
    if (!data::is_recipe_name(recipe)) drop_folder(recipe);
  return to_toml(config);
}

/// "NAME=VALUE" as metadata.
void add_figure(nn::Metadata& metadata, const std::string& text) {
  const std::size_t at = text.find('=');
  const std::string name = text.substr(0, at), value = at == std::string::npos ? "" : text.substr(at + 1);
  const auto number = parse_whole<double>(value);
  if (name.empty() || !number || !std::isfinite(*number))
    throw UsageError(fmt::format("--figure {}: expected NAME=NUMBER", text));
  if (!metadata.emplace(figure_key + name, value).second)
    throw UsageError(fmt::format("--figure {}: {} is given twice", text, name));
}

int compact(const Options& options) {
  if (!options.output.ends_with(".safetensors"))
    throw UsageError(fmt::format("-o {}: the name of a model ends in .safetensors", options.output));
  check_outputs({{"-o", options.output}}, {{"MODEL", options.model}});
  nn::Metadata figures;
  for (const std::string& figure : options.figures)
    add_figure(figures, figure);
  const nn::Metadata was = nn::read_model(options.model).metadata;
  nn::Metadata metadata = was;
  // Figures are of one measurement: those of an earlier one go.
  if (!figures.empty())
    std::erase_if(metadata, [](const auto& one) { return one.first.starts_with(figure_key); });
  metadata.merge(figures);
  ModelFacts facts = parse_model_facts(was, options.model);
  for (TrainingSet& set : facts.training_sets)
    drop_folder(set.path);
  facts.config = without_folders(facts.config, fmt::format("{}: config", options.model));
  const nn::Metadata stripped = to_metadata(facts);
  for (const char* key : {"training_sets", "config"})
    metadata[key] = stripped.at(key);
  if (const auto init = metadata.find("init"); init != metadata.end()) drop_folder(init->second);
  nn::save_rounded(options.model, options.output, metadata);
  const auto seen = was.find("first_index");
  fmt::print(stderr, "{}: {} bytes, seed {}, {}\n", options.output,
             std::filesystem::file_size(options.output), facts.seed,
             seen == was.end()
                 ? "patterns seen unknown"
                 : fmt::format("{} patterns seen, the next is number {}", seen->second, seen->second));
  return exit_success;
}

}  // namespace

void add_compact(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add(
      "compact",
      "A model of half the size, its matrices in bf16: to keep, send, predict with or begin a run with",
      [options](const CommonOptions&) { return compact(*options); });
  app->add_option(
         "MODEL", options->model,
         "model made by train: best.safetensors or model.safetensors; or a compact one, for its figures")
      ->required();
  app->add_option("--figure", options->figures,
                  "NAME=NUMBER, kept in its metadata in place of earlier ones: how good it is, such as "
                  "rruff_dev.space_group=0.634")
      ->allow_extra_args(false);
  app->add_option("-o,--output", options->output, "the compact model: a .safetensors file")->required();
}

}  // namespace bragg::apps
