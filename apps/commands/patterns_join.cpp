// bragg patterns join: measured patterns whose answer is known, from files of any format, as a set to evaluate on.
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/evaluation/labelled_files.h"
#include "apps/output_paths.h"
#include "kernels/base/error.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps {
namespace {

struct Options {
  std::string list, output, wavelength;
  std::optional<int> scan;
};

int join(const Options& options, const CommonOptions& common) {
  if (!options.output.ends_with(".safetensors"))
    throw UsageError(fmt::format("-o {}: the name of a set ends in .safetensors", options.output));
  check_outputs({{"-o", options.output}}, {{"LIST", options.list}});
  MeasuredReading reading{.scan = options.scan, .threads = common.threads};
  if (!options.wavelength.empty()) reading.wavelength = xrd::parse_wavelength(options.wavelength);
  const ModelFacts facts;  // on the grid that patterns are drawn on
  const JoinedFiles joined = join_files(options.list, reading, facts);
  joined.patterns.write(options.output);
  fmt::print(stderr, "{} patterns of {} phases in {}\n", joined.patterns.size(), joined.phases,
             options.output);
  return told_refusals(joined.refused, joined.refused + joined.patterns.size());
}

}  // namespace

void add_patterns_join(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.add(
      "join", "Measured patterns of known phases, from files of any format, as a set to evaluate a model on",
      [options](const CommonOptions& common) { return join(*options, common); }, group);
  command
      ->add_option(
          "LIST", options->list,
          "table (tabs or commas, a header line) with the columns file, from the table's folder, and "
          "space_group; 0: no single known phase, left out. Patterns of one phase, where there is such a "
          "column, are one group")
      ->required();
  command->add_option("--wavelength", options->wavelength,
                      "of the measurements, before the files': " + xrd::wavelength_names());
  add_scan(command, options->scan);
  command->add_option("-o,--output", options->output, "the set: a .safetensors file")->required();
}

}  // namespace bragg::apps
