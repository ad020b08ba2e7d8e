#include "apps/evaluation/model_summary.h"

#include <cstdint>
#include <map>

#include <fmt/format.h>

#include "apps/evaluation/model_metadata.h"
#include "apps/wrapped_text.h"
#include "nn/checkpoint.h"
#include "nn/model.h"
#include "nn/parameters.h"

namespace bragg::apps {
namespace {

/// "rruff_dev: crystal_system 0.837, space_group 0.693", a set a line; names without a point are a line each.
std::string figures_text(const nn::Metadata& metadata) {
  std::map<std::string, std::string> of_set;
  for (const auto& [key, value] : metadata) {
    if (!key.starts_with(figure_key) || key.ends_with("_low") || key.ends_with("_high")) continue;
    const std::string name = key.substr(figure_key.size());
    const std::size_t point = name.find('.');
    std::string& line = of_set[name.substr(0, point)];
    line += fmt::format("{} {}{}", line.empty() ? ":" : ",",
                        point == std::string::npos ? "" : name.substr(point + 1) + " ", value);
  }
  std::string text;
  for (const auto& [set, figures] : of_set) {
    std::string indent = "  ";
    for (const std::string& line : wrapped(set + figures, 96)) {
      text += indent + line + "\n";
      indent = "    ";
    }
  }
  return text;
}

}  // namespace

std::string model_summary(const SafetensorsFile& file) {
  const nn::LoadedModel loaded = nn::read_model(file);
  const ModelFacts facts = parse_model_facts(loaded.metadata, file.path().string());
  const auto text = [&](const char* key) {
    const auto found = loaded.metadata.find(key);
    return found == loaded.metadata.end() ? std::string("unknown") : found->second;
  };
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : file.tensors())
    bytes += tensor.bytes.size();
  return fmt::format(
             "  {}, {} {}, {} parameters in {} bytes\n  patterns seen {}, seed {}, bragg {}, commit {}\n",
             loaded.model.config.name, loaded.model.config.classes,
             facts.classes == ClassKind::space_group ? "space groups" : "crystal systems",
             nn::parameter_count(loaded.model), bytes, text("first_index"), facts.seed, text("version"),
             text("commit")) +
         figures_text(loaded.metadata);
}

}  // namespace bragg::apps
