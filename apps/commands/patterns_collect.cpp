// bragg patterns collect: measured patterns whose answer is known, from text files, as a set to evaluate on.
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/evaluation/measured_item.h"
#include "apps/output_paths.h"
#include "data/patterns/pattern_set.h"
#include "data/text_source.h"
#include "data/text_table.h"
#include "kernels/base/error.h"
#include "kernels/base/parse_whole.h"
#include "xrd/scattering/wavelength.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string labels, output, wavelength;
};

struct Label {
  std::string file, phase;
  int space_group = 0;
};

/// Those with a space group; 0 says that it is not a single known phase.
std::vector<Label> read_labels(const std::string& path) {
  constexpr std::uintmax_t largest = std::uintmax_t{1} << 26;
  std::vector<Label> labels;
  data::for_rows(
      data::read_text_source(path, largest), path, {"file", "phase", "space_group"},
      [&](std::size_t line, auto cells) {
        const auto space_group = parse_whole<int>(cells[2]);
        if (!space_group || *space_group < 0 || *space_group > xrd::space_group_count)
          throw UsageError(fmt::format("{}:{}: space_group '{}' is not in 0..230", path, line, cells[2]));
        if (*space_group > 0)
          labels.push_back(
              {.file = std::string(cells[0]), .phase = std::string(cells[1]), .space_group = *space_group});
      });
  if (labels.empty()) throw UsageError(fmt::format("{}: no pattern with a space group", path));
  return labels;
}

int collect(const Options& options) {
  if (!options.output.ends_with(".safetensors"))
    throw UsageError(fmt::format("-o {}: the name of a set ends in .safetensors", options.output));
  check_outputs({{"-o", options.output}}, {{"LABELS", options.labels}});
  std::optional<double> flag;
  if (!options.wavelength.empty()) flag = xrd::parse_wavelength(options.wavelength);
  const ModelFacts facts;  // on the grid that patterns are drawn on
  data::PatternSetWriter set(facts.instrument);
  std::vector<std::vector<float>> patterns;
  std::map<std::string, std::int32_t> groups;
  for (const Label& label : read_labels(options.labels)) {
    const std::string path = (fs::path(options.labels).parent_path() / label.file).string();
    read_measured(path, flag, facts, [&](MeasuredItem item) {
      if (item.refused) {
        fmt::print(stderr, "{} refused: {}\n", label.file, *item.refused);
        return;
      }
      const auto group = groups.try_emplace(label.phase, static_cast<std::int32_t>(groups.size())).first;
      set.add(label.space_group, group->second, fmt::format("{} ({})", label.phase, label.file));
      patterns.push_back(std::move(item.values));
    });
  }
  if (patterns.empty()) throw Error(fmt::format("{}: every pattern was refused", options.labels));
  constexpr float maximum = 1000;
  set.write(options.output, [&](const data::PatternSetWriter::Sink& sink) {
    for (std::vector<float>& pattern : patterns) {
      for (float& value : pattern)
        value *= maximum;
      sink(pattern);
    }
  });
  fmt::print(stderr, "{} patterns of {} phases in {}\n", set.size(), groups.size(), options.output);
  return exit_success;
}

}  // namespace

void add_patterns_collect(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.add(
      "collect", "Measured patterns of known phases, from text files, as a set to evaluate a model on",
      [options](const CommonOptions&) { return collect(*options); }, group);
  command
      ->add_option("LABELS", options->labels,
                   "table (tabs, a header line) with the columns file, from the table's folder, phase and "
                   "space_group; 0: no single known phase, left out. Patterns of a phase are one group")
      ->required();
  command->add_option("--wavelength", options->wavelength,
                      "of the measurements, before the files': " + xrd::wavelength_names());
  command->add_option("-o,--output", options->output, "the set: a .safetensors file")->required();
}

}  // namespace bragg::apps
